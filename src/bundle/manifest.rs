//! What a bundle says of itself: `manifest.json`, schema 1.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use crate::model::{KubernetesVersion, Role};

/// The schema that this program reads and writes.
pub const SCHEMA: u64 = 1;
/// The longest path, in bytes: what the header of a plain tar holds (POSIX.1-2024, pax, "ustar
/// Interchange Format").
const LONGEST_PATH: usize = 100;
/// Where files may go on a machine.
const PLACES: [&str; 3] = ["/usr/", "/opt/", "/etc/"];

/// A processor architecture, in Debian's and Go's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// `x86_64` in the kernel's words.
    Amd64,
    /// `aarch64` in the kernel's words.
    Arm64,
}

impl Architecture {
    /// The word as Debian and Go write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

impl FromStr for Architecture {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "amd64" | "x86_64" => Ok(Self::Amd64),
            "arm64" | "aarch64" => Ok(Self::Arm64),
            other => Err(format!("`{other}` is not an architecture: expected amd64 or arm64")),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The first member of a bundle. Fields that this program does not know are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: u64,
    /// The release, with its patch number.
    #[serde(serialize_with = "tag")]
    pub kubernetes: KubernetesVersion,
    /// The machines that it is for.
    pub architecture: Architecture,
    /// What follows, in this order.
    pub files: Vec<File>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn tag<S: Serializer>(version: &KubernetesVersion, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&version.tag())
}

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name within the bundle.
    pub path: String,
    /// Its size there, in bytes.
    pub size: u64,
    /// The SHA-256 of those bytes, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
    /// The machines that need it.
    pub roles: BTreeSet<Role>,
}

/// What a file is, and what is done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Kind {
    /// One executable, packed by gzip.
    Binary {
        /// Where it goes on the machine, with mode 0755.
        target: String,
    },
    /// An archive of one image as `docker save` and `ctr images export` write it.
    Image {
        /// The full reference that kubeadm of this release asks for.
        image: String,
    },
    /// A Debian package.
    Package,
}

impl Kind {
    /// The word for it in a manifest.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Binary { .. } => "binary",
            Self::Image { .. } => "image",
            Self::Package => "package",
        }
    }
}

/// Why a text is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// A schema of the future.
    #[error("schema {0}")]
    Newer(u64),
    /// Not JSON, or not of this form.
    #[error(transparent)]
    Form(#[from] serde_json::Error),
    /// Something in it cannot be.
    #[error("{0}")]
    Value(String),
}

impl Manifest {
    /// Reads and checks a manifest.
    pub fn parse(text: &[u8]) -> Result<Self, Invalid> {
        #[derive(Deserialize)]
        struct Schema {
            schema: u64,
        }
        let Schema { schema } = serde_json::from_slice(text)?;
        if schema > SCHEMA {
            return Err(Invalid::Newer(schema));
        }
        let manifest: Self = serde_json::from_slice(text)?;
        manifest.check().map_err(Invalid::Value)?;
        Ok(manifest)
    }

    /// Says what cannot be, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.schema != SCHEMA {
            return Err(format!("there is no schema {}", self.schema));
        }
        if self.kubernetes.patch.is_none() {
            return Err(format!(
                "`{}` names no release: write it as v1.32.4",
                self.kubernetes.tag()
            ));
        }
        let mut paths = BTreeSet::from(["manifest.json"]);
        let mut destinations = BTreeSet::new();
        for file in &self.files {
            file.check().map_err(|why| format!("file `{}`: {why}", file.path.escape_debug()))?;
            if !paths.insert(&file.path) {
                return Err(format!("file `{}` is listed twice", file.path));
            }
            let (Kind::Binary { target: goal } | Kind::Image { image: goal }) = &file.kind else {
                continue;
            };
            if !destinations.insert(goal) {
                return Err(format!("file `{}`: `{goal}` has one already", file.path));
            }
        }
        Ok(())
    }
}

impl File {
    fn check(&self) -> Result<(), String> {
        if self.path.starts_with('/') || !clean(&self.path) || self.path.len() > LONGEST_PATH {
            return Err(format!("not a clean relative path of at most {LONGEST_PATH} characters"));
        }
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if self.sha256.len() != 64 || !self.sha256.bytes().all(digit) {
            return Err("`sha256` is not 64 hexadecimal digits in lower case".to_owned());
        }
        if self.size == 0 {
            return Err("it is empty".to_owned());
        }
        if self.roles.is_empty() {
            return Err("no role needs it".to_owned());
        }
        let known = [Role::ControlPlane, Role::LoadBalancer, Role::Worker];
        if let Some(role) = self.roles.iter().find(|role| !known.contains(role)) {
            return Err(format!("Kubernetes has no role `{role}`"));
        }
        match &self.kind {
            Kind::Binary { target } => {
                let below = PLACES.iter().any(|place| target.starts_with(place));
                if !below || !clean(&target[1..]) {
                    let target = target.escape_debug();
                    return Err(format!("`{target}` is not a clean path below /usr, /opt or /etc"));
                }
            }
            Kind::Image { image } => {
                if image.is_empty() || !image.bytes().all(harmless) {
                    let image = image.escape_debug();
                    return Err(format!("`{image}` is not the reference of an image"));
                }
            }
            Kind::Package => {
                let extension = std::path::Path::new(&self.path).extension();
                if extension.is_none_or(|extension| extension != "deb") {
                    return Err("a package's name ends in .deb".to_owned());
                }
            }
        }
        Ok(())
    }
}

/// Whether a path, without a leading slash, leads down only, by one way only, and holds no character
/// that could mean something to a shell, a terminal or tar.
fn clean(path: &str) -> bool {
    path.bytes().all(harmless)
        && path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.starts_with('-'))
}

fn harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+~:@%=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn example() -> Value {
        let sum = "0123456789abcdef".repeat(4);
        json!({
            "schema": 1, "kubernetes": "v1.20.2", "architecture": "amd64", "files": [
                { "path": "bin/kubelet.gz", "size": 7, "sha256": sum, "kind": "binary",
                  "target": "/usr/bin/kubelet", "roles": ["control-plane", "worker"] },
                { "path": "images/pause.tar", "size": 7, "sha256": sum, "kind": "image",
                  "image": "k8s.gcr.io/pause:3.2", "roles": ["worker"] },
                { "path": "packages/kubelet_1.32.4-1.1_amd64.deb", "size": 7, "sha256": sum,
                  "kind": "package", "roles": ["worker"] },
            ]
        })
    }

    fn parse(value: &Value) -> Result<Manifest, Invalid> {
        Manifest::parse(value.to_string().as_bytes())
    }

    #[test]
    fn a_manifest_reads_back_as_written() {
        let manifest = parse(&example()).unwrap();
        assert_eq!(manifest.files[0].kind, Kind::Binary { target: "/usr/bin/kubelet".to_owned() });
        assert_eq!(serde_json::to_value(&manifest).unwrap(), example());
    }

    #[test]
    fn fields_of_the_future_are_passed_over_and_schemas_are_not() {
        let mut value = example();
        value["note"] = json!("new");
        value["files"][0]["licence"] = json!("Apache-2.0");
        parse(&value).unwrap();
        // Nothing else need make sense in a newer schema.
        let newer = Manifest::parse(br#"{ "schema": 2, "files": "elsewhere" }"#).unwrap_err();
        assert!(matches!(newer, Invalid::Newer(2)), "{newer:?}");
    }

    #[test]
    fn what_cannot_be_is_refused_and_said() {
        let sum = "0".repeat(63);
        let long = "a".repeat(101);
        let cases = [
            ("/schema", json!(0), "no schema 0"),
            ("/schema", json!(-1), "invalid value"),
            ("/kubernetes", json!("v1.20"), "names no release"),
            ("/kubernetes", json!("latest"), "not a Kubernetes version"),
            ("/architecture", json!("vax"), "unknown variant `vax`"),
            ("/files/0/path", json!("/etc/passwd"), "clean relative path"),
            ("/files/0/path", json!("bin/../../x"), "clean relative path"),
            ("/files/0/path", json!("./x"), "clean relative path"),
            ("/files/0/path", json!("bin//x"), "clean relative path"),
            ("/files/0/path", json!("--checkpoint=1"), "clean relative path"),
            ("/files/0/path", json!("a\u{1b}[2Jb"), "clean relative path"),
            ("/files/0/path", json!("a b"), "clean relative path"),
            ("/files/0/path", json!(""), "clean relative path"),
            ("/files/0/path", json!(long), "clean relative path"),
            ("/files/0/path", json!("images/pause.tar"), "listed twice"),
            ("/files/0/path", json!("manifest.json"), "listed twice"),
            ("/files/0/size", json!(-1), "invalid value"),
            ("/files/0/size", json!(0), "empty"),
            ("/files/0/sha256", json!(sum), "64 hexadecimal digits"),
            ("/files/0/sha256", json!("F".repeat(64)), "64 hexadecimal digits"),
            ("/files/0/kind", json!("spell"), "unknown variant `spell`"),
            ("/files/0/target", json!("usr/bin/x"), "below /usr, /opt or /etc"),
            ("/files/0/target", json!("/root/.ssh/authorized_keys"), "below /usr, /opt or /etc"),
            ("/files/0/target", json!("/usr/../root/x"), "below /usr, /opt or /etc"),
            ("/files/0/target", json!("/usr/"), "below /usr, /opt or /etc"),
            ("/files/0/target", Value::Null, "invalid type"),
            ("/files/0/roles", json!([]), "no role needs it"),
            ("/files/0/roles", json!(["manager"]), "no role `manager`"),
            ("/files/0/roles", json!(["boss"]), "unknown variant `boss`"),
            ("/files/1/image", json!("a b"), "reference of an image"),
            ("/files/2/path", json!("packages/x.rpm"), ".deb"),
        ];
        for (pointer, wrong, said) in cases {
            let mut value = example();
            *value.pointer_mut(pointer).unwrap() = wrong.clone();
            let error = parse(&value).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(said), "{pointer} {wrong}: {error}");
        }
        let mut twice = example();
        twice["files"][1] = twice["files"][0].clone();
        twice["files"][1]["path"] = json!("bin/other.gz");
        let error = parse(&twice).unwrap_err().to_string();
        assert!(error.contains("`/usr/bin/kubelet` has one already"), "{error}");
    }

    #[test]
    fn architectures_are_known_by_both_of_their_names() {
        for (text, expected) in [("x86_64", "amd64"), ("arm64", "arm64"), ("aarch64", "arm64")] {
            assert_eq!(text.parse::<Architecture>().unwrap().to_string(), expected);
        }
        assert!("riscv64".parse::<Architecture>().is_err());
    }
}
