//! `dojo kubectl`, as far as it goes without machines.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::cli::{UP, World};

/// A program in the place of a kubectl that was fetched before. It tells how it was called.
fn kept(cache: &Path, release: &str) {
    let directory = format!("clusterdojo/kubectl/{release}-linux-{}", std::env::consts::ARCH);
    let directory = cache.join(directory);
    fs::create_dir_all(&directory).unwrap();
    let program = directory.join("kubectl");
    fs::write(&program, "#!/bin/sh\necho \"$KUBECONFIG: $*\"\nexit 7\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn kubectl_gets_its_arguments_as_they_are_and_its_status_counts() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.record_of_kubernetes();
    let record = "state/clusters/practice/cluster.json";
    world.change(record, |record| record["release"] = "1.37.2".into());
    let cache = world.at("cache");
    kept(&cache, "v1.37.2");
    let environment = [("XDG_CACHE_HOME", cache.to_str().unwrap())];
    for (args, expected) in [
        (
            &["get", "pods", "-o", "wide", "--cluster", "other"][..],
            "get pods -o wide --cluster other",
        ),
        (&["--cluster", "practice", "get", "pods"], "get pods"),
        (&["--", "--help"], "--help"),
        (&["exec", "web", "--", "ls", "-l"], "exec web -- ls -l"),
        (&[], ""),
    ] {
        let said = world.dojo_with(&environment, &[&["kubectl"], args].concat());
        let kubeconfig = "/world/state/clusters/practice/kubeconfig";
        assert_eq!(said.stdout, format!("{kubeconfig}: {expected}\n"), "{args:?}: {}", said.stderr);
        assert_eq!(said.code, Some(7), "{args:?}");
    }
}

#[test]
fn what_has_no_kubectl_is_told() {
    let world = World::new();
    world.dojo(&UP).ok();
    let get = |cluster: &str| {
        let said = world.dojo(&["kubectl", "--cluster", cluster, "get", "pods"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{}", said.stderr);
        said.stderr
    };
    let said = get("practice");
    assert!(
        said.contains("`practice` is a swarm, and only a Kubernetes cluster has a kubectl"),
        "{said}"
    );
    let said = get("absent");
    assert!(said.contains("`absent`"), "{said}");
    world.record_of_kubernetes();
    let said = get("practice");
    for words in ["kubectl of cluster `practice`", "`dojo up` has not come to its end"] {
        assert!(said.contains(words), "{said}");
    }
}
