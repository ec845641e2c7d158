//! A spec file can name programs, as a Makefile does. One that lies elsewhere than where the user works may be
//! anybody's, so its user is asked once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest as _, Sha256};

use crate::driver::registry;
use crate::durable;
use crate::model::PodNetwork;
use crate::spec::ClusterSpec;

use super::costs::asked;
use super::error::Error;
use super::services::Context;

/// Refuses a spec file from elsewhere that names what runs with the user's rights, unless the user knows of
/// that: by having said so, now or earlier of these very contents.
pub(super) fn check(
    context: &Context,
    path: &Path,
    text: &str,
    spec: &ClusterSpec,
    trusted: bool,
) -> Result<(), Error> {
    let (programs, files) = programs(spec);
    if programs.is_empty() || is_below_here(path) {
        return Ok(());
    }
    let digest = digest(text, &files);
    if context.home.trusts(&digest) {
        return Ok(());
    }
    let (path, programs) = (path.display().to_string(), programs.join(", "));
    let question = format!("`{path}` names what runs with your rights: {programs}. Use it? [y/N] ");
    if !(trusted || context.can_ask() && asked(&question)) {
        return Err(Error::Untrusted { path, programs });
    }
    Ok(context.home.trust(&digest)?)
}

/// What of a spec runs with the user's rights, on this computer or in the user's account, and the files that
/// say what that is.
fn programs(spec: &ClusterSpec) -> (Vec<String>, Vec<PathBuf>) {
    let (mut programs, mut files) = (Vec::new(), Vec::new());
    let drivers: BTreeSet<_> =
        spec.drivers().into_iter().chain(spec.sections.drivers().cloned()).collect();
    for driver in drivers {
        for program in registry::kind(&driver).programs(spec.sections.of(&driver)) {
            programs.push(program.what);
            files.extend(program.file);
        }
    }
    // What is fetched from these is root in machines, as the image is.
    let kubernetes = &spec.kubernetes;
    match &kubernetes.cni {
        PodNetwork::Manifest(file) => {
            programs.push(format!("a manifest of the pod network (`{}`)", file.display()));
            files.push(file.clone());
        }
        PodNetwork::Published(address) => {
            programs.push(format!("a manifest of the pod network (`{address}`)"));
        }
        PodNetwork::Bridge | PodNetwork::None | PodNetwork::Flannel | PodNetwork::Calico => {}
    }
    if let Some(bundle) = &kubernetes.bundle {
        programs.push(format!("a bundle with all of Kubernetes (`{}`)", bundle.display()));
    }
    for address in [&kubernetes.repository, &spec.engine.repository].into_iter().flatten() {
        programs.push(format!("packages from `{address}`"));
    }
    let of_daemon = ["registry-mirrors", "insecure-registries"]
        .into_iter()
        .filter_map(|key| spec.engine.daemon.get(key)?.as_array())
        .flatten()
        .filter_map(serde_json::Value::as_str);
    let of_engine = spec.engine.registry_mirrors.iter().chain(&spec.engine.insecure_registries);
    let registries = kubernetes.registry.iter().chain(of_engine).map(String::as_str);
    let mut told = BTreeSet::new();
    for registry in registries.chain(of_daemon).filter(|registry| told.insert(*registry)) {
        programs.push(format!("images from `{registry}`"));
    }
    (programs, files)
}

/// Whether a file lies in the directory in which the user works, or below it.
fn is_below_here(path: &Path) -> bool {
    let here = env::current_dir().and_then(fs::canonicalize);
    matches!((here, fs::canonicalize(path)), (Ok(here), Ok(path)) if path.starts_with(&here))
}

/// What the spec file and the files that it names contain; another content is another one.
fn digest(text: &str, files: &[PathBuf]) -> String {
    let mut all = Sha256::new();
    // One that cannot be read is refused later, in words that fit.
    let files = files.iter().map(|file| durable::read(file, durable::TEXT).unwrap_or_default());
    for bytes in [text.as_bytes().to_vec()].into_iter().chain(files) {
        all.update((bytes.len() as u64).to_be_bytes());
        all.update(bytes);
    }
    let mut digest = String::new();
    for byte in all.finalize() {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{DriverName, Orchestrator, Role};
    use crate::spec::MachineGroup;

    #[test]
    fn whatever_runs_with_the_users_rights_is_named() {
        let spec = |driver: &str| {
            let group = MachineGroup::new(Role::Engine, 1, driver.parse().unwrap());
            ClusterSpec::new("practice".parse().unwrap(), Orchestrator::Engines, vec![group])
        };
        let named = |spec: &ClusterSpec| programs(spec).0.join(", ");
        for harmless in ["docker", "ssh", "ec2"] {
            assert_eq!(named(&spec(harmless)), "");
        }
        assert!(named(&spec("podbox")).contains("`dojo-driver-podbox`"));
        let mut hosts = spec("ssh");
        hosts.sections.choose("ssh", json!({ "config": "/x/ssh" }));
        assert!(named(&hosts).contains("`/x/ssh`"));
        let mut instances = spec("ec2");
        instances.sections.choose("ec2", json!({ "user-data": "/x/data" }));
        assert!(named(&instances).contains("`/x/data`"));
        let mut containers = spec("docker");
        containers.sections.choose("docker", json!({ "image": "somebody/image" }));
        assert!(named(&containers).contains("`somebody/image`"));
    }

    #[test]
    fn whatever_becomes_root_in_machines_is_named() {
        let group = MachineGroup::new(Role::ControlPlane, 1, DriverName::fixed("docker"));
        let usual = ClusterSpec::new("k8s".parse().unwrap(), Orchestrator::Kubernetes, vec![group]);
        let named = |change: &dyn Fn(&mut ClusterSpec)| {
            let mut spec = usual.clone();
            change(&mut spec);
            let (programs, files) = programs(&spec);
            (programs.join(", "), files.len())
        };
        for harmless in ["bridge", "none", "flannel", "calico"] {
            let said = named(&|spec| spec.kubernetes.cni = harmless.parse().unwrap());
            assert_eq!(said, (String::new(), 0), "{harmless}");
        }
        let changes: [(Change, &str, usize); 11] = [
            (
                |spec| spec.sections.choose("ec2", json!({ "image": "ami-0123456789abcdef0" })),
                "`ami-0123",
                0,
            ),
            (|spec| spec.kubernetes.cni = "/x/net.yaml".parse().unwrap(), "`/x/net.yaml`", 1),
            (|spec| spec.kubernetes.cni = "https://x/net".parse().unwrap(), "`https://x/net`", 0),
            // It is too large to be read for this.
            (|spec| spec.kubernetes.bundle = Some("/x/k8s.tar".into()), "`/x/k8s.tar`", 0),
            (|spec| spec.kubernetes.repository = Some("https://k".into()), "`https://k`", 0),
            (|spec| spec.kubernetes.registry = Some("r.example".into()), "`r.example`", 0),
            (|spec| spec.engine.repository = Some("https://d".into()), "`https://d`", 0),
            (|spec| spec.engine.registry_mirrors = vec!["https://m".to_owned()], "`https://m`", 0),
            (|spec| spec.engine.insecure_registries = vec!["i:5000".to_owned()], "`i:5000`", 0),
            (|spec| mirror_of_daemon(spec, "registry-mirrors"), "`https://m`", 0),
            (|spec| mirror_of_daemon(spec, "insecure-registries"), "`https://m`", 0),
        ];
        for (change, what, files) in changes {
            let (said, read) = named(&change);
            assert!(said.contains(what) && read == files, "{what}: {said}");
        }
    }

    /// What a spec is changed by.
    type Change = fn(&mut ClusterSpec);

    fn mirror_of_daemon(spec: &mut ClusterSpec, key: &str) {
        spec.engine.daemon.insert(key.to_owned(), serde_json::json!(["https://m"]));
    }

    #[test]
    fn other_contents_are_another_file() {
        let directory = tempfile::tempdir().unwrap();
        let config = [directory.path().join("config")];
        let absent = digest("one", &config);
        fs::write(&config[0], "two").unwrap();
        let both = digest("one", &config);
        fs::write(&config[0], "three").unwrap();
        let changed = digest("one", &config);
        let moved = digest("onethree", &[]);
        let all = [absent, both, changed, moved];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one) && one.len() == 64);
        }
    }
}
