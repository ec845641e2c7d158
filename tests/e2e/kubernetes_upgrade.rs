//! A cluster is brought to another release, node by node, while the power goes again and again.

use clusterdojo::failpoint;
use serde_json::Value;

use crate::api_server::{bundle, image_in, previous_bundle, release};
use crate::kill::killed_at;
use crate::kubernetes_faults::Copy;
use crate::packages::Unwanted;
use crate::world::{World, engine, on, until};

/// Where each point is killed at. What is done before one of them costs time again on every later run of
/// the same node, so the first node comes to its end soon, and most points are met on the second one.
const ON_CONTROL_PLANE: [&str; 6] = [
    "upgrade.record.before",
    "upgrade.record.after",
    "upgrade.install.after",
    "upgrade.kubeadm.after",
    "upgrade.restart.after",
    "upgrade.uncordon.after",
];
const ON_WORKER: [&str; 5] = [
    "upgrade.kubeadm.before",
    "upgrade.drain.before",
    "upgrade.drain.after",
    "upgrade.kubelet.before",
    "upgrade.kubelet.after",
];
const AT_THE_END: [&str; 1] = ["upgrade.done.before"];

/// Each node with what its kubelet is of, by the API. One that has just begun knows for a moment of nobody's rights.
fn kubelets(world: &World) -> Vec<String> {
    let path = "jsonpath={range .items[*]}{.metadata.name} {.status.nodeInfo.kubeletVersion}{\"\\n\"}\
                {end}";
    let get = ["get", "nodes", "-o", path];
    until("the API server lets its administrator in", 60, || world.kubectl(&get).code == Some(0));
    let nodes = world.kubectl(&get).ok();
    nodes.lines().map(str::to_owned).collect()
}

/// The pods of the deployment that are ready, by their unique ids.
fn pods(world: &World) -> Vec<String> {
    let selector = ["get", "pods", "-l", "app=idle", "--field-selector", "status.phase=Running"];
    let path = ["-o", "jsonpath={range .items[*]}{.metadata.uid}{\"\\n\"}{end}"];
    let said = world.kubectl(&[selector.as_slice(), &path].concat()).ok();
    said.lines().map(str::to_owned).collect()
}

fn phase(world: &World, cluster: &str) -> String {
    let record: Value = serde_json::from_str(&world.dojo(&["inspect", cluster]).ok()).unwrap();
    record["phase"].as_str().unwrap().to_owned()
}

/// The image of a program of the control plane, of the manifest that kubelet runs it from.
fn runs(cluster: &str, program: &str) -> String {
    let image = format!("sed -n 's/^ *image: .*://p' /etc/kubernetes/manifests/{program}.yaml");
    on(cluster, "control-plane-1", &image).trim().to_owned()
}

/// The images of the cluster's DNS.
pub fn dns(world: &World) -> Vec<String> {
    let deployment = ["-n", "kube-system", "get", "deployment", "coredns"];
    let said = world.kubectl(&[&deployment[..], &["-o", "jsonpath={..image}"]].concat()).ok();
    said.split_whitespace().map(str::to_owned).collect()
}

/// The pause image that a machine has.
fn pause(cluster: &str) -> String {
    let images = on(cluster, "worker-1", "ctr --namespace k8s.io images ls -q");
    images.lines().find(|image| image.contains("/pause:")).expect("it is there").to_owned()
}

/// What the containerd that runs on the worker says of itself.
fn containerd(cluster: &str) -> String {
    on(cluster, "worker-1", "ctr version | sed -n '/^Server/,$ s/^ *Version: / /p'")
}

/// Hands over bundles that a cluster of the release `old` cannot be upgraded with, made of one of release `tag`.
fn bad_bundles(world: &World, tag: &str, old: &str, refused: impl Fn(&str, &[&str])) {
    let copy = Copy::new(world);
    let path = copy.0.display().to_string();
    let version = copy.find(tag);
    for (other, words) in [
        ("v1.38.2", ["to Kubernetes 1.38.2", "one minor release at a time", "upgrade to 1.37"]),
        ("v1.36.0", ["back to Kubernetes 1.36.0", "is newer", old]),
    ] {
        copy.patch(version, other.as_bytes());
        refused(&path, &words);
    }
    copy.patch(version, tag.as_bytes());
    copy.patch(copy.find("\"amd64\""), b"\"arm64\"");
    refused(&path, &["is for arm64 machines"]);
}

#[test]
fn a_cluster_goes_to_another_release_and_is_not_lost_on_the_way() {
    let mut world = World::new();
    let name = world.name("kupgrade");
    // The minor release before, on the distribution's containerd 1.7; the new one brings containerd 2.
    let (old, new) = (previous_bundle(), bundle());
    let (old_release, new_release) = (release(&old), release(&new));
    let (old_tag, new_tag) = (format!("v{old_release}"), format!("v{new_release}"));
    let (old, new) = (old.display().to_string(), new.display().to_string());
    world.dojo(&["up", &name, "--kubernetes", "--workers", "1", "--bundle", &old]).ok();
    let image = format!("--image={}", pause(&name));
    world.kubectl(&["create", "deployment", "idle", "--replicas=2", &image]).ok();
    assert!(containerd(&name).contains(" 1.7."), "{}", containerd(&name));
    until("the deployment runs", 60, || pods(&world).len() == 2);
    let before = pods(&world);

    // What cannot come to a good end is refused, and nothing has changed.
    let upgrade = ["upgrade", name.as_str(), "--bundle", new.as_str()];
    let record = world.home().join("clusters").join(&name).join("cluster.json");
    let recorded = std::fs::read(&record).unwrap();
    let refused = |bundle: &str, words: &[&str]| {
        world.dojo(&["upgrade", &name, "--bundle", bundle]).fails(1, words);
        assert_eq!(std::fs::read(&record).unwrap(), recorded, "it is remembered");
    };
    bad_bundles(&world, &new_tag, &old_release, refused);
    world.kubectl(&["cordon", "worker-1"]).ok();
    refused(&new, &["is not healthy", "worker-1 (Ready, cordoned)", "dojo status"]);
    world.kubectl(&["uncordon", "worker-1"]).ok();
    world.dojo(&["upgrade", &name]).fails(2, &["--bundle", "--kubernetes-version"]);
    // `up` does not replace what runs.
    world
        .dojo(&["up", &name, "--bundle", &new])
        .fails(1, &[&old_release, &new_release, "dojo upgrade"]);
    assert_eq!(std::fs::read(&record).unwrap(), recorded, "it is remembered");
    let same = world.dojo(&["upgrade", &name, "--bundle", &old]).ok();
    assert!(same.contains("already") && same.contains("nothing to do"), "{same}");
    assert_eq!(
        kubelets(&world),
        [format!("control-plane-1 {old_tag}"), format!("worker-1 {old_tag}")]
    );
    assert_eq!(pods(&world), before);

    let points = [&ON_CONTROL_PLANE[..], &ON_WORKER, &AT_THE_END].concat();
    let mut known = failpoint::UPGRADE.to_vec();
    let mut met = points.clone();
    known.sort_unstable();
    met.sort_unstable();
    assert_eq!(met, known);
    for (index, point) in points.into_iter().enumerate() {
        // Once it has been begun, it knows where it is going, and `up` goes on with it as well.
        let args = match index {
            0 | 1 => upgrade.as_slice(),
            _ if index % 2 == 0 => &upgrade[..2],
            _ => &["up", name.as_str()],
        };
        assert!(killed_at(&world, point, args), "{args:?} never came to {point}");
        let under_way = point != "upgrade.record.before";
        assert_eq!(phase(&world, &name), if under_way { "upgrading" } else { "ready" }, "{point}");
        let worker = if AT_THE_END.contains(&point) { &new_tag } else { &old_tag };
        assert!(kubelets(&world).contains(&format!("worker-1 {worker}")), "after {point}");
    }
    world
        .dojo(&["upgrade", &name, "--bundle", &old])
        .fails(1, &[&format!("{new_release} is under way")]);
    let said = world.dojo(&upgrade[..2]).ok();
    assert!(said.contains(&format!("has Kubernetes {new_release} now")), "{said}");

    // All of it is new, and the work has moved and is back.
    assert_eq!(
        kubelets(&world),
        [format!("control-plane-1 {new_tag}"), format!("worker-1 {new_tag}")]
    );
    for machine in ["control-plane-1", "worker-1"] {
        let said = on(
            &name,
            machine,
            "kubeadm version -o short; kubelet --version; kubectl version --client",
        );
        assert_eq!(said.matches(&new_tag).count(), 3, "{machine}: {said}");
    }
    for program in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        assert_eq!(runs(&name, program), new_tag, "{program}");
    }
    let proxy = ["-n", "kube-system", "get", "daemonset", "kube-proxy", "-o", "jsonpath={..image}"];
    assert!(world.kubectl(&proxy).ok().ends_with(&new_tag));
    assert_eq!(dns(&world), [image_in(&bundle(), "coredns")]);
    let server = world.kubectl(&["version", "-o", "json"]).ok();
    let server: Value = serde_json::from_str(&server).unwrap();
    assert_eq!(server["serverVersion"]["gitVersion"], new_tag.as_str());
    until("the deployment runs again", 60, || pods(&world).len() == 2);
    assert!(pods(&world).iter().all(|pod| !before.contains(pod)), "the worker was never drained");
    world.dojo(&["status", &name]).ok();

    // It is what the cluster is now.
    for args in [["up", &name].as_slice(), &["up", &name, "--bundle", &new]] {
        let again = world.dojo(args).ok();
        assert!(again.contains("was ready already"), "{again}");
    }
    let again = world.dojo(&upgrade).ok();
    assert!(again.contains("nothing to do"), "{again}");
    let back = format!("cannot go back to Kubernetes {old_release}");
    world.dojo(&["upgrade", &name, "--bundle", &old]).fails(1, &[&back]);
    assert!(containerd(&name).contains(" v2."), "{}", containerd(&name));
    world.dojo(&["scale", &name, "--workers", "2"]).ok();
    assert_eq!(kubelets(&world).last().unwrap(), &format!("worker-2 {new_tag}"));
    let container = format!("dojo-{name}-worker-2");
    let image = engine(&["inspect", &container, "--format", "{{.Config.Image}}"]).ok();
    let _image = Unwanted(image.trim().to_owned());
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
#[ignore = "it takes minutes; scripts/test --full runs it"]
fn three_control_planes_go_to_another_release() {
    let mut world = World::new();
    let name = world.name("kupgrade-ha");
    let (old, new) = (previous_bundle(), bundle());
    let tag = format!("v{}", release(&new));
    let (old, new) = (old.display().to_string(), new.display().to_string());
    let three = ["--kubernetes", "--control-planes", "3", "--workers", "1"];
    world.dojo(&[&["up", &name], &three[..], &["--bundle", &old]].concat()).ok();
    let image = format!("--image={}", pause(&name));
    world.kubectl(&["create", "deployment", "idle", "--replicas=2", &image]).ok();

    // The first one is done, and knows nothing of it.
    let upgrade = ["upgrade", name.as_str(), "--bundle", new.as_str()];
    assert!(killed_at(&world, "upgrade.kubeadm.after", &upgrade));
    world.kubectl(&["get", "nodes"]).ok();
    let said = world.dojo(&upgrade[..2]).ok();
    assert!(said.contains("now"), "{said}");
    let nodes = ["control-plane-1", "control-plane-2", "control-plane-3", "worker-1"];
    assert_eq!(kubelets(&world), nodes.map(|node| format!("{node} {tag}")));
    for machine in &nodes[..3] {
        let manifests = on(&name, machine, "grep -h ' image: .*kube-' /etc/kubernetes/manifests/*");
        assert_eq!(manifests.matches(&tag).count(), 3, "{machine}: {manifests}");
    }
    until("the deployment runs again", 60, || pods(&world).len() == 2);
    world.dojo(&["status", &name]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}
