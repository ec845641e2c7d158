//! Kubernetes from the package repository, and its images from a registry ("Installing kubeadm",
//! kubernetes.io).

use crate::event::Progress;
use crate::model::{KubernetesOptions, KubernetesVersion, Machine, Role};
use crate::provision::Error;
use crate::remote::by_hand::{Commands, variable};
use crate::remote::{Remote, Script};

use super::Release;
use super::step::{TITLE, WHY};

/// What is on a machine once the packages are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installed {
    /// The release, with its patch number.
    pub version: KubernetesVersion,
    /// The images that kubeadm needs for it.
    images: Vec<String>,
}

impl Installed {
    /// Reads what the script printed.
    pub(super) fn parse(output: &str) -> Result<Self, String> {
        let mut lines = output.lines();
        let version = lines.next().unwrap_or_default().trim().parse()?;
        Ok(Self { version, images: lines.map(|line| line.trim().to_owned()).collect() })
    }

    /// The image that holds a pod's namespaces.
    pub(super) fn pause(&self) -> &str {
        self.images.iter().find(|image| image.contains("/pause:")).map_or("", String::as_str)
    }

    /// The images of a role.
    pub(super) fn images(&self, role: Role) -> Vec<&str> {
        let needed = move |image: &&str| {
            role == Role::ControlPlane
                || image.contains("/pause:")
                || image.contains("/kube-proxy:")
        };
        self.images.iter().map(String::as_str).filter(needed).collect()
    }
}

/// Installs the packages on a machine that does not have them yet.
pub(super) async fn install(
    remote: &dyn Remote,
    machine: &Machine,
    wanted: KubernetesVersion,
    repository: &str,
    release: &Release,
    progress: &Progress,
) -> Result<Installed, Error> {
    let script = packages(wanted, repository, release);
    let said = progress.step(&*script.title, remote.run(&script)).await?;
    remote.by_hand(&|| by_hand(machine));
    let installed = Installed::parse(&said).map_err(Error::NoVersion)?;
    if wanted.admits(installed.version) {
        Ok(installed)
    } else {
        let (machine, installed) = (machine.id.clone(), installed.version);
        Err(Error::Release { machine, installed, wanted })
    }
}

/// The commands by which a person learns from a machine what the script has printed here.
fn by_hand(machine: &Machine) -> Commands {
    let name = machine.id.name;
    Commands::new(
        TITLE,
        WHY,
        format!(
            "version=$(on {name} kubeadm version --output short)\n\
             images=$(on {name} kubeadm config images list --kubernetes-version \"$version\")\n\
             pause=$(printf '%s\\n' \"$images\" | grep /pause:)\n\
             kube_proxy=$(printf '%s\\n' \"$images\" | grep /kube-proxy:)\n\
             others=$(printf '%s\\n' \"$images\" | grep -v -e /pause: -e /kube-proxy:)\n"
        ),
    )
}

/// What the script prints on a machine that is new, in the variables that [`by_hand`] sets.
fn printed(wanted: KubernetesVersion) -> String {
    let line = |(name, what): (&str, &str)| variable(name, what);
    let images = [("pause", "/pause:"), ("kube_proxy", "/kube-proxy:"), ("others", "")].map(line);
    format!("v{wanted}\n{}\n", images.join("\n"))
}

fn packages(wanted: KubernetesVersion, repository: &str, release: &Release) -> Script {
    let script = Script::new(
        TITLE,
        WHY,
        concat!(
            include_str!("../../../../templates/apt.sh"),
            include_str!("../../../../templates/kubernetes/tools.sh"),
            include_str!("../../../../templates/keyring.sh"),
            include_str!("../../../../templates/kubernetes/repository.sh"),
            include_str!("../../../../templates/docker-repository.sh"),
            include_str!("../../../../templates/kubernetes/containerd.sh"),
            include_str!("../../../../templates/kubernetes/packages.sh")
        ),
    )
    .with("DOCKER_REPOSITORY", release.engine.repository())
    .with("DOCKER_KEY", release.engine.repository_key())
    .with("CONTAINERD_2", if wanted.needs_containerd_2() { "yes" } else { "" });
    let script = script.answered_when_new(printed(wanted));
    from(script, wanted, repository, &release.options)
}

/// What a script needs that begins with `repository.sh`.
fn from(
    script: Script,
    wanted: KubernetesVersion,
    repository: &str,
    options: &KubernetesOptions,
) -> Script {
    script
        .with("REPOSITORY", repository.trim_end_matches('/'))
        .with("KEY", options.repository_key.as_ref().map(ToString::to_string).unwrap_or_default())
        .with("VERSION", wanted.to_string())
        .with("REGISTRY", options.image_repository().unwrap_or_default())
}

/// The newest release that a version asks for, as the repository has it. Nothing is changed.
pub(super) async fn newest(
    remote: &dyn Remote,
    wanted: KubernetesVersion,
    repository: &str,
    options: &KubernetesOptions,
) -> Result<KubernetesVersion, Error> {
    let script = Script::new(
        "look for the newest release",
        "Patches are published every month, and the last one is the one to have.",
        concat!(
            include_str!("../../../../templates/keyring.sh"),
            include_str!("../../../../templates/kubernetes/repository.sh"),
            include_str!("../../../../templates/kubernetes/newest.sh")
        ),
    );
    let said = remote.run(&from(script, wanted, repository, options)).await?;
    said.trim().parse().map_err(Error::NoVersion)
}

/// Replaces packages by those of another release. What the script prints is to be [`Installed`].
pub(super) fn replace(
    title: &'static str,
    packages: &[&str],
    wanted: KubernetesVersion,
    repository: &str,
    options: &KubernetesOptions,
) -> Script {
    let script = Script::new(
        title,
        "Held packages stay as they are until they are asked for.",
        concat!(
            include_str!("../../../../templates/apt.sh"),
            include_str!("../../../../templates/keyring.sh"),
            include_str!("../../../../templates/kubernetes/repository.sh"),
            include_str!("../../../../templates/kubernetes/upgrade-packages.sh")
        ),
    )
    .with("PACKAGES", packages.join("\n"));
    from(script, wanted, repository, options)
}

fn images_of(lines: &str) -> Script {
    Script::new(
        "pull images",
        "Control planes run as containers that kubelet starts from files, and nobody should wait for \
         the network then. A worker needs only the images of kube-proxy and of the pause container.",
        include_str!("../../../../templates/kubernetes/pull.sh"),
    )
    .with("IMAGES", lines)
}

/// Has containerd pull images.
pub(super) async fn pull(
    remote: &dyn Remote,
    images: &[&str],
    progress: &Progress,
) -> Result<(), Error> {
    let script = images_of(&images.join("\n"));
    progress.step(&*script.title, remote.run(&script)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn workers_get_only_what_they_run() {
        let said = "v1.32.4\nr/kube-apiserver:v1.32.4\nr/kube-proxy:v1.32.4\nr/pause:3.10\n\
                    r/etcd:3.5.16-0\n";
        let installed = Installed::parse(said).unwrap();
        assert_eq!(installed.version.tag(), "v1.32.4");
        assert_eq!(installed.pause(), "r/pause:3.10");
        assert_eq!(installed.images(Role::Worker), ["r/kube-proxy:v1.32.4", "r/pause:3.10"]);
        assert_eq!(installed.images(Role::ControlPlane).len(), 4);
        for unclear in ["", "sh: kubeadm: not found\n"] {
            assert!(Installed::parse(unclear).is_err(), "{unclear:?}");
        }
    }

    /// A key that was made for this, and whose private half is nowhere.
    const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\
        \n\
        mDMEawh4JBYJKwYBBAHaRw8BAQdAqTDC8kobAufhfFwrN/KHbAoEymmKx4qcToEa\n\
        6gzFZ2u0DUIgPGJAaW52YWxpZD6IkAQTFggAOBYhBDMDhvkdaGx5ZLdJ5i/wcefI\n\
        8XT2BQJrCHgkAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEC/wcefI8XT2\n\
        0lUA/jWWcjW7eNAigvs9+f+UXHCa7sq5W7mN+h9ONB6UAPc/AQDUezTliADxbHmg\n\
        9YIbYxCWvj2m9YAjvCkZKgKXRhgaDQ==\n\
        =R2An\n\
        -----END PGP PUBLIC KEY BLOCK-----\n";
    const FINGERPRINT: &str = "330386F91D686C7964B749E62FF071E7C8F174F6";

    /// What is made of a file that was fetched: the keyring's name, or why there is none.
    fn keyring(fetched: &str, wanted: &str) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("key"), fetched).unwrap();
        let script = concat!(
            include_str!("../../../../templates/keyring.sh"),
            "make_keyring key \"$1\" ./it\n"
        );
        let output = std::process::Command::new("sh")
            .args(["-c", script, "sh", wanted])
            .current_dir(directory.path())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
        let made = text(output.stdout);
        if output.status.success() && directory.path().join(&made).exists() {
            return Ok(made);
        }
        assert!(!output.status.success() && made.is_empty(), "{made}");
        assert!(!["it.asc", "it.gpg"].iter().any(|file| directory.path().join(file).exists()));
        Err(text(output.stderr))
    }

    #[test]
    fn a_keyring_holds_the_one_key_that_was_meant() {
        assert_eq!(keyring(KEY, FINGERPRINT), Ok("./it.gpg".to_owned()));
        assert_eq!(keyring(&KEY.replace('\n', "\r\n"), FINGERPRINT), Ok("./it.gpg".to_owned()));
        assert_eq!(keyring(KEY, ""), Ok("./it.asc".to_owned()));
        let other = FINGERPRINT.replace('3', "4");
        let refused = keyring(KEY, &other).unwrap_err();
        assert!(refused.contains(FINGERPRINT) && refused.contains(&other), "{refused}");
        let body = KEY.split("\n\n").nth(1).unwrap().split("\n=").next().unwrap();
        for (text, wanted) in [
            // Somebody else's beside it would be trusted as well.
            (format!("{KEY}{KEY}"), FINGERPRINT),
            (KEY.replace(body, &body[..40]), FINGERPRINT),
            ("<html>".to_owned(), FINGERPRINT),
            (String::new(), FINGERPRINT),
        ] {
            let refused = keyring(&text, wanted).unwrap_err();
            assert!(refused.contains("not one OpenPGP key"), "{refused}: {text}");
        }
    }
}
