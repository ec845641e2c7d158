//! What a cluster knows is put back on all machines, also if the power goes in the midst of it, and nothing runs that it
//! does not know.

use crate::api_server::bundle;
use crate::kill::killed_at;
use crate::service::build_image;
use crate::world::{World, engine, on, until};

const MACHINES: [&str; 2] = ["manager-1", "worker-1"];

/// How many tasks of a service run.
fn running(world: &World, service: &str) -> usize {
    let filter = ["--filter", "desired-state=running", "--format", "{{.CurrentState}}"];
    let list = world.docker(&[&["service", "ps", service], &filter[..]].concat()).stdout;
    list.lines().filter(|state| state.starts_with("Running")).count()
}

/// The containers of a service on a machine, also those that have ended.
fn containers(cluster: &str, machine: &str, service: &str) -> String {
    let filter = format!("label=com.docker.swarm.service.name={service}");
    on(cluster, machine, &format!("docker ps --all --quiet --filter {filter}"))
}

/// What is left on a machine of a restore that has come to its end.
fn remains(cluster: &str, machine: &str) -> String {
    let find = "find /etc /var/lib -xdev -name '*clusterdojo-former' -o -name '*clusterdojo-new'; \
                find /var/lib/docker /var/lib/kubelet -maxdepth 1 -name '*clusterdojo-*'; \
                find /etc/systemd/system -name '*clusterdojo-snapshot*'; ls -A /var/lib/clusterdojo/snapshots";
    on(cluster, machine, &format!("({find}) 2>/dev/null || true"))
}

fn create(world: &World, service: &str, image: &str) {
    let (name, mode) = (["--name", service], ["--mode", "global"]);
    let flags = ["--detach", "--no-resolve-image", "--restart-delay", "1s"];
    world.docker(&[&["service", "create"], &name[..], &mode, &flags, &[image]].concat()).ok();
    until(&format!("{service} runs"), 60, || running(world, service) == MACHINES.len());
}

#[test]
fn a_swarm_is_as_it_was_also_if_the_power_goes_in_the_midst() {
    let mut world = World::new();
    let name = world.name("snap");
    let image = format!("e2e-{name}:1");
    build_image(world.path(), &image, "1");
    world.dojo(&["up", &name, "--workers", "1"]).ok();
    world.dojo(&["image", "load", &image]).ok();
    engine(&["image", "rm", &image]).ok();
    create(&world, "first", &image);
    let member = "docker info --format '{{.Swarm.NodeID}}'";
    let ids = MACHINES.map(|machine| on(&name, machine, member));

    world.dojo(&["snapshot", "save", &format!("{name}/before")]).ok();
    let mode = "stat -c %a /var/lib/clusterdojo/snapshots /var/lib/clusterdojo/snapshots/before";
    assert_eq!(on(&name, "worker-1", mode), "700\n700\n");
    until("it runs on", 60, || running(&world, "first") == MACHINES.len());

    world.docker(&["service", "rm", "first"]).ok();
    create(&world, "second", &image);

    // The power goes when one machine has its former state and the other may not.
    let restore = ["snapshot", "restore", "before"];
    assert!(killed_at(&world, "restore.swap.one", &restore));
    let container = format!("dojo-{name}-worker-1");
    engine(&["restart", "-t", "1", &container]).ok();
    until("the worker is up again", 60, || {
        engine(&["exec", &container, "systemctl", "is-active", "multi-user.target"]).code == Some(0)
    });
    for machine in MACHINES {
        let active = on(&name, machine, "systemctl is-active docker.service || true");
        assert_eq!(active.trim(), "inactive", "{machine} began before the others");
    }
    let said = world.dojo(&["up", &name]);
    assert!(said.stderr.contains("finishing an interrupted `snapshot restore`"), "{}", said.stderr);
    said.ok();
    is_as_it_was(&world, &name, &ids);

    // And without that, but with what an engine leaves that had no time to end its tasks.
    let labels = ["com.docker.swarm.task.id=gone", "com.docker.swarm.service.name=second"];
    let labels = labels.map(|label| format!("--label {label}")).join(" ");
    on(&name, "worker-1", &format!("docker create {labels} {image}"));
    let lonely = on(&name, "worker-1", &format!("docker run --detach {image}"));
    world.dojo(&restore).ok();
    let state = format!("docker inspect --format '{{{{.State.Running}}}}' {lonely}");
    assert_eq!(on(&name, "worker-1", &state), "true\n", "what runs without the swarm goes on");
    is_as_it_was(&world, &name, &ids);

    world.dojo(&["snapshot", "rm", "before"]).ok();
    assert_eq!(on(&name, "manager-1", "ls -d /var/lib/clusterdojo 2>/dev/null || true"), "");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[track_caller]
fn is_as_it_was(world: &World, name: &str, ids: &[String; 2]) {
    until("the first service runs", 60, || running(world, "first") == MACHINES.len());
    let services = world.docker(&["service", "ls", "--format", "{{.Name}}"]).ok();
    assert_eq!(services, "first\n");
    let member = "docker info --format '{{.Swarm.NodeID}}'";
    for (machine, id) in MACHINES.iter().zip(ids) {
        assert_eq!(containers(name, machine, "second"), "", "{machine}");
        assert_ne!(containers(name, machine, "first"), "", "{machine}");
        assert_eq!(&on(name, machine, member), id, "{machine} is another node");
        assert_eq!(remains(name, machine), "before\n", "{machine}");
    }
    assert_eq!(world.dojo(&["status", name]).code, Some(0));
}

#[test]
fn a_cluster_of_kubernetes_is_as_it_was_without_phantoms() {
    let mut world = World::new();
    let (name, bundle) = (world.name("ksnap"), bundle());
    let up = ["up", &name, "--kubernetes", "--workers", "1", "--bundle", bundle.to_str().unwrap()];
    world.dojo(&up).ok();
    let image = format!("e2e-{name}:1");
    build_image(world.path(), &image, "1");
    world.dojo(&["image", "load", &image]).ok();
    engine(&["image", "rm", &image]).ok();
    deploy(&world, "first", &image);

    world.dojo(&["snapshot", "save", "before"]).ok();
    world.kubectl(&["delete", "deployment", "first"]).ok();
    deploy(&world, "second", &image);
    world.dojo(&["snapshot", "restore", "before"]).ok();

    for machine in ["control-plane-1", "worker-1"] {
        assert_eq!(of_pods(&name, machine, "second", "tasks"), "", "{machine} runs a phantom");
        assert_eq!(remains(&name, machine), "before\n", "{machine}");
    }
    let names = ["get", "deployments", "--output", "name", "--request-timeout=10s"];
    assert_eq!(world.kubectl(&names).ok(), "deployment.apps/first\n");
    rolled_out(&world, "first");
    assert_eq!(world.ready_nodes(), ["control-plane-1", "worker-1"]);
    // What has ended as well, which kubelet removes.
    until("nothing is left of pods that nobody knows", 120, || {
        let machines = ["control-plane-1", "worker-1"];
        machines.iter().all(|machine| of_pods(&name, machine, "second", "containers").is_empty())
    });
    assert_eq!(world.dojo(&["status", &name]).code, Some(0));
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

fn deploy(world: &World, name: &str, image: &str) {
    let image = format!("--image={image}");
    world.kubectl(&["create", "deployment", name, &image, "--replicas", "2"]).ok();
    rolled_out(world, name);
}

#[track_caller]
fn rolled_out(world: &World, name: &str) {
    let deployment = format!("deployment/{name}");
    world.kubectl(&["rollout", "status", &deployment, "--timeout=120s"]).ok();
}

/// The containers of pods whose name begins so, or those of them that run; a pod's own container is one, too.
fn of_pods(cluster: &str, machine: &str, pod: &str, what: &str) -> String {
    let labelled =
        format!("ctr -n k8s.io containers ls -q 'labels.\"io.kubernetes.pod.name\"~=^{pod}-'");
    let script = match what {
        "containers" => labelled,
        _ => format!("{labelled} | grep -xF \"$(ctr -n k8s.io tasks ls -q)\" || true"),
    };
    on(cluster, machine, &script)
}
