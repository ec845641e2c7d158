//! A Kubernetes cluster's life as a learner sees it, from `up` to `down`, with the user's own kubectl.

mod lesson;

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use serde_json::Value;

use crate::api_server::bundle;
use crate::forward::Forward;
use crate::service::{free_ports, request};
use crate::world::{World, engine, on, until};
pub use lesson::Lesson;

/// What the user had before, in a style that no program of ours writes.
const BEFORE: &str = "# mine\napiVersion: v1\nkind: Config\nclusters:\n\
    - cluster: {server: 'https://192.0.2.1:6443'}   # behind the VPN\n  name: office\n\
    contexts:\n- context: {cluster: office, user: me}\n  name: office\n\
    users:\n- name: me\n  user: {token: \"not-a-secret\"}\n\
    preferences: {}\ncurrent-context: \"office\"\n";

/// The machines of a cluster that run, in order.
fn running(cluster: &str) -> Vec<String> {
    let label = format!("label=io.clusterdojo.cluster={cluster}");
    let names = engine(&["ps", "--format", "{{.Names}}", "--filter", &label]).ok();
    let prefix = format!("dojo-{cluster}-");
    let mut names: Vec<String> =
        names.lines().map(|name| name.trim_start_matches(&prefix).to_owned()).collect();
    names.sort();
    names
}

/// Asks the API as a pod does that begins beside kube-proxy.
const ASK_WITHOUT_KUBE_PROXY: &str = r#"
rule=$(iptables -w -t nat -S OUTPUT | sed -n 's/^-A \(OUTPUT .*KUBE-SERVICES.*\)/\1/p')
eval "iptables -w -t nat -D $rule"
curl --silent --insecure --max-time 10 https://10.96.0.1/readyz || true
eval "iptables -w -t nat -I $rule"
"#;

/// One cluster for all of it: each step goes on with what the ones before it have made.
#[test]
#[expect(clippy::too_many_lines, reason = "it is one way, and none of its steps stands alone")]
fn the_journey_of_a_learner() {
    let step = steps();
    let mut world = World::new();
    let name = world.name("kjourney");
    let context = format!("dojo-{name}");
    let dotfile = world.path().join("dotfile");
    fs::write(&dotfile, BEFORE).unwrap();
    fs::create_dir_all(world.kubeconfig().parent().unwrap()).unwrap();
    symlink(&dotfile, world.kubeconfig()).unwrap();
    let bundle = bundle().display().to_string();
    let ports = free_ports(2);
    let publish = [format!("{}:30080", ports[0]), format!("{}:30080@worker-1", ports[1])];
    let mut up = vec!["up", name.as_str(), "--kubernetes", "--bundle", bundle.as_str()];
    up.extend(publish.iter().flat_map(|p| ["--publish", p]));
    let three = ["control-plane-1", "worker-1", "worker-2"];

    step("up: three nodes, in the user's own kubeconfig");
    let said = world.dojo(&up).ok();
    assert!(said.contains("is ready") && said.contains("kubectl get nodes"), "{said}");
    assert_eq!(world.ready_nodes(), three);
    assert_eq!(world.kubectl(&["config", "current-context"]).ok().trim(), context);
    assert!(world.kubeconfig().is_symlink(), "the link was replaced");
    let kubeconfig = fs::read_to_string(&dotfile).unwrap();
    assert_keeps_what_was_there(&kubeconfig);
    healthy(&world, &name);

    step("the API at the address of its service, where kube-proxy has not been yet");
    assert_eq!(on(&name, "worker-1", ASK_WITHOUT_KUBE_PROXY).trim(), "ok");

    step("the cluster's own kubectl");
    let own = |args: &[&str]| world.dojo(&[&["kubectl"], args].concat());
    let version = own(&["version", "-o", "json"]);
    assert!(version.stderr.contains("fetch kubectl"), "{}", version.stderr);
    let version: Value = serde_json::from_str(&version.ok()).unwrap();
    let of = |side: &str| version[side]["gitVersion"].as_str().unwrap().to_owned();
    assert_eq!(of("clientVersion"), of("serverVersion"));
    let nodes = own(&["--cluster", &name, "get", "nodes", "-o", "name"]);
    assert!(!nodes.stderr.contains("fetch"), "once is enough: {}", nodes.stderr);
    assert_eq!(nodes.ok().lines().count(), 3);
    own(&["get", "pod", "absent"]).fails(1, &["\"absent\" not found"]);

    step("up again: nothing is done");
    let since = "systemctl show -p ActiveEnterTimestampMonotonic containerd kubelet";
    let services = || three.map(|machine| on(&name, machine, since));
    let before = services();
    // What login shells print is not what scripts do.
    let noise = "test -e /root/.bashrc && cp /root/.bashrc /root/.kept; echo 'echo hi; printf a' >/root/.bashrc";
    for machine in three {
        on(&name, machine, noise);
    }
    for again in [&up[..], &["up", &name]] {
        let said = world.dojo(again).ok();
        assert!(said.contains("was ready already"), "{said}");
    }
    for machine in three {
        on(&name, machine, "rm /root/.bashrc; mv /root/.kept /root/.bashrc || true");
    }
    assert_eq!(services(), before, "what runs was started again");

    step("the certificates that kubeadm has made");
    let certificates = world.dojo(&["certs", "show", &name, "-o", "json"]).ok();
    let certificates: Vec<Value> = serde_json::from_str(&certificates).unwrap();
    assert!(certificates.iter().all(|c| c["days_left"].as_i64() > Some(300)), "{certificates:#?}");
    let owners = certificates.iter().filter_map(|c| c["owner"].as_str());
    let owners: Vec<_> = owners.filter_map(|o| o.strip_prefix("control-plane-1 ")).collect();
    // "Certificate Management with kubeadm" in the documentation of Kubernetes lists ten and three authorities.
    for owner in [
        ["admin.conf", "apiserver", "apiserver-etcd-client", "apiserver-kubelet-client"].as_slice(),
        &["controller-manager.conf", "etcd/healthcheck-client", "etcd/peer", "etcd/server"],
        &["front-proxy-client", "scheduler.conf", "ca", "etcd/ca", "front-proxy-ca"],
    ]
    .concat()
    {
        assert!(owners.contains(&owner), "{owner}: {owners:?}");
    }

    step("a locally built image, spread over the workers");
    let lesson = Lesson::begin(&world, &name, ports);
    lesson.load_images();
    lesson.apply();
    lesson.rolled_out("web");
    lesson.is_spread_over(&["worker-1", "worker-2"]);

    step("a NodePort from the host; pods and Services from pods");
    lesson.serves("version 1");
    lesson.pods_meet();
    step("names outside of the cluster");
    lesson.knows_names();
    step("a ConfigMap and a Secret");
    lesson.says("/file/etc/words/greeting", "hello from a ConfigMap");
    lesson.says("/file/etc/password/password", "open sesame");
    step("a volume");
    lesson.keeps();
    lesson.writes_down("first words");
    lesson.replace_keeper();
    lesson.has_kept("first words");
    step("a Service, by way of a port of this computer, whichever pods are behind it");
    world.dojo(&["forward", "svc/shop", "80"]).fails(1, &["no service `shop`"]);
    let forward = Forward::begin(&world, "svc/web", "80");
    let forwarded = |version: &str| {
        until(&format!("{version} by way of {}", forward.to), 60, || {
            request(&[forward.port()], "/").is_some_and(|answer| answer.contains(version))
        });
    };
    forwarded("version 1");
    step("forward and back");
    lesson.roll_forward();
    lesson.serves("version 2");
    forwarded("version 2");
    forward.end();
    lesson.roll_back();
    lesson.serves("version 1");
    step("a pod falls ill and is healed");
    lesson.heals();
    step("a pod ends with an error, again and again");
    lesson.tells_of_crashes();
    step("a CronJob");
    lesson.runs_on_the_minute();

    step("four nodes");
    world.dojo(&["scale", &name, "--workers", "3"]).ok();
    let four = [&three[..], &["worker-3"]].concat();
    assert_eq!(world.ready_nodes(), four);
    // The new one has the images as well, which are on the other nodes and nowhere else.
    lesson.grow();
    lesson.is_spread_over(&four[1..]);
    lesson.pods_meet();
    healthy(&world, &name);

    step("and three again");
    world.dojo(&["scale", &name, "--workers", "2"]).ok();
    assert_eq!(world.ready_nodes(), three);
    assert_eq!(world.kubectl(&["get", "nodes", "-o", "name"]).ok().lines().count(), 3);
    assert_eq!(running(&name), three);
    lesson.rolled_out("web");
    lesson.is_spread_over(&["worker-1", "worker-2"]);
    lesson.serves("version 1");
    healthy(&world, &name);

    step("everything off and on");
    world.dojo(&["stop", &name]).ok();
    assert_eq!(running(&name), Vec::<String>::new());
    assert_eq!(world.dojo(&["status", &name]).code, Some(1));
    world.dojo(&["start", &name]).ok();
    assert_eq!(world.ready_nodes(), three);
    all_is_well(&world, &name, &lesson);

    step("single machines off and on, in an odd order");
    let one = |verb: &str, machine: &str| world.dojo(&[verb, &format!("{name}/{machine}")]).ok();
    one("stop", "worker-2");
    one("stop", "control-plane-1");
    assert_eq!(running(&name), ["worker-1"]);
    one("start", "worker-2");
    one("restart", "worker-1");
    one("start", "control-plane-1");
    until("all nodes are ready again", 120, || world.ready_nodes() == three);
    all_is_well(&world, &name, &lesson);

    step("up again: still nothing to do");
    let said = world.dojo(&up).ok();
    assert!(said.contains("was ready already"), "{said}");
    assert_eq!(fs::read_to_string(&dotfile).unwrap(), kubeconfig, "by the same context all along");

    step("down: as if it had never been");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    assert!(world.kubeconfig().is_symlink(), "the link was replaced");
    assert_eq!(fs::read_to_string(&dotfile).unwrap(), BEFORE);
    step("done");
}

/// A long test says how far it came, and when; shown when it fails.
#[expect(clippy::print_stdout, reason = "the test runner keeps it for those who want to know")]
fn steps() -> impl Fn(&str) {
    let begin = Instant::now();
    move |title| println!("{:5.1} s: {title}", begin.elapsed().as_secs_f64())
}

/// All that was in the user's kubeconfig still is, line for line and in its order.
#[track_caller]
fn assert_keeps_what_was_there(kubeconfig: &str) {
    let mut lines = kubeconfig.lines();
    for line in BEFORE.lines().filter(|l| !l.starts_with("current-context")) {
        assert!(lines.any(|l| l == line), "`{line}` is not where it was: {kubeconfig}");
    }
}

/// Fails the test unless `status` finds nothing wrong.
#[track_caller]
fn healthy(world: &World, cluster: &str) {
    let status = world.dojo(&["status", cluster, "-o", "json"]).ok();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["healthy"], true, "{status}");
}

/// What pods ask for names outside of the cluster.
const RESOLVER: &str = "/etc/clusterdojo/resolv.conf";

/// Everything that the lesson has made works again, after its machines were off.
#[track_caller]
fn all_is_well(world: &World, cluster: &str, lesson: &Lesson) {
    for machine in ["control-plane-1", "worker-1", "worker-2"] {
        // Pods have addresses on the machine, too, and those are not there when it boots.
        let address = world.dojo(&["ip", &format!("{cluster}/{machine}")]).ok();
        let resolver = on(cluster, machine, &format!("cat {RESOLVER}"));
        assert!(resolver.contains(&format!("nameserver {address}")), "{machine}: {resolver}");
    }
    until("the cluster is healthy", 60, || world.dojo(&["status", cluster]).code == Some(0));
    lesson.all_pods_are_ready();
    lesson.serves("version 1");
    lesson.is_spread_over(&["worker-1", "worker-2"]);
    lesson.pods_meet();
    lesson.knows_names();
    lesson.has_kept("first words");
}
