//! What users of Kubernetes run into: files that are not what they should be, machines and nodes that
//! are gone, ports that are taken, and the power that goes in the middle of it.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use clusterdojo::failpoint;

use crate::api_server::{bundle, release};
use crate::kill::killed_at;
use crate::world::{World, engine, files, on, until};

/// A context of somebody else, in a style that no program of ours writes.
const FOREIGN: &str = "# mine\napiVersion: v1\nkind: Config\ncurrent-context: \"office\"\nclusters:\n\
    - cluster: {server: 'https://192.0.2.1:6443'}\n  name: office\ncontexts:\n- context:\n    \
    cluster: office\n    user: me\n  name: office\nusers:\n- name: me\n  user: {token: not-a-secret}\n";

/// A bundle that can be spoiled and mended.
pub struct Copy(pub PathBuf);

impl Copy {
    pub fn new(world: &World) -> Self {
        let path = world.path().join("bundle.tar");
        fs::copy(bundle(), &path).unwrap();
        Self(path)
    }

    /// Writes over what is at an offset; returns what was there.
    pub fn patch(&self, offset: u64, bytes: &[u8]) -> Vec<u8> {
        let file = OpenOptions::new().read(true).write(true).open(&self.0).unwrap();
        let mut before = vec![0; bytes.len()];
        file.read_exact_at(&mut before, offset).unwrap();
        file.write_all_at(bytes, offset).unwrap();
        before
    }

    fn length(&self) -> u64 {
        fs::metadata(&self.0).unwrap().len()
    }

    /// Where a text is, near the beginning.
    pub fn find(&self, text: &str) -> u64 {
        let file = fs::File::open(&self.0).unwrap();
        let mut head = vec![0; 64 * 1024];
        file.read_exact_at(&mut head, 0).unwrap();
        let found = head.windows(text.len()).position(|window| window == text.as_bytes());
        u64::try_from(found.unwrap()).unwrap()
    }
}

#[test]
fn bundles_that_cannot_be_used_are_refused_before_anything_is_made() {
    let mut world = World::new();
    let name = world.name("kbundle");
    let copy = Copy::new(&world);
    let path = copy.0.display().to_string();
    let up = ["up", name.as_str(), "--kubernetes", "--bundle", &path];
    let refused = |more: &[&str], words: &[&str]| {
        let said = world.dojo(&[&up, more].concat()).fails(1, words);
        world.assert_gone(&name);
        said
    };

    let held = release(&copy.0);
    refused(&["--kubernetes-version", "1.36"], &[&path, &held, "1.36", "hint:"]);

    let version = copy.find(&held);
    let before = copy.patch(version, b"1.20.2");
    let old = world.dojo(&up).fails(2, &["1.20.2 is too old", "1.34 to 1.37", "clusterdojo 0.1"]);
    assert!(old.contains(&name), "{old}");
    world.assert_gone(&name);
    copy.patch(version, &before);

    let middle = copy.length() / 2;
    let before = copy.patch(middle, b"spoiled");
    refused(&[], &[&path, "is damaged", "SHA-256", "hint: copy or download it once more"]);
    copy.patch(middle, &before);

    let architecture = copy.find("\"amd64\"");
    let before = copy.patch(architecture, b"\"arm64\"");
    refused(&[], &[&path, "is for arm64 machines", "hint:"]);
    copy.patch(architecture, &before);

    let whole = copy.length();
    let file = OpenOptions::new().write(true).open(&copy.0).unwrap();
    file.set_len(whole / 2).unwrap();
    refused(&[], &[&path, "is truncated", &whole.to_string()[..3], "hint:"]);

    fs::write(&copy.0, "<html>404 Not Found</html>").unwrap();
    refused(&[], &[&path, "is not a bundle"]);
    fs::remove_file(&copy.0).unwrap();
    refused(&[], &[&path, "No such file"]);
}

#[test]
fn what_cannot_come_to_a_good_end_is_not_begun() {
    let mut world = World::new();
    let name = world.name("krefused");
    let bundle = bundle().display().to_string();
    let up = ["up", name.as_str(), "--kubernetes", "--bundle", &bundle];

    // Machines get 10.200.0.0/16 where nothing else is asked for.
    for subnets in [
        ["--pod-subnet", "10.201.0.0/16", "--subnet", "10.201.77.0/24"].as_slice(),
        &["--pod-subnet", "10.200.0.0/16"],
        &["--service-subnet", "10.200.128.0/17"],
    ] {
        world.dojo(&[&up, subnets].concat()).fails(2, &["overlaps", subnets[1]]);
        world.assert_gone(&name);
    }

    let kubeconfig = world.kubeconfig();
    fs::create_dir(kubeconfig.parent().unwrap()).unwrap();
    fs::write(&kubeconfig, FOREIGN).unwrap();
    let mode = |mode| fs::set_permissions(&kubeconfig, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o400);
    let path = kubeconfig.display().to_string();
    world.dojo(&up).fails(1, &[&path, "no permission to write"]);
    world.assert_gone(&name);
    assert_eq!(fs::read_to_string(&kubeconfig).unwrap(), FOREIGN);
    mode(0o600);

    let taken = FOREIGN.replace("name: office\nusers", &format!("name: dojo-{name}\nusers"));
    assert_ne!(taken, FOREIGN);
    fs::write(&kubeconfig, &taken).unwrap();
    world.dojo(&up).fails(1, &[&format!("context `dojo-{name}`"), "belongs to something else"]);
    assert_eq!(fs::read_to_string(&kubeconfig).unwrap(), taken);
    fs::write(&kubeconfig, &taken[..taken.len() - 20]).unwrap();
    world.dojo(&up).fails(1, &[&path, "left untouched"]);
    fs::remove_file(&kubeconfig).unwrap();
    world.assert_gone(&name);
}

/// Notes the command lines of every process of the host, those in machines included.
struct Watcher {
    done: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl Watcher {
    fn start() -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let done = Arc::clone(&done);
            move || {
                let mut seen = BTreeSet::new();
                while !done.load(Ordering::Relaxed) {
                    let processes = fs::read_dir("/proc").unwrap().flatten();
                    let lines = processes.filter_map(|p| fs::read(p.path().join("cmdline")).ok());
                    seen.extend(lines.map(|line| String::from_utf8_lossy(&line).into_owned()));
                    std::thread::sleep(Duration::from_millis(5));
                }
                seen
            }
        });
        Self { done, thread }
    }

    fn seen(self) -> BTreeSet<String> {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// The secret halves of the tokens that let machines in, and a line of each key that there is.
fn secrets(world: &World, cluster: &str) -> Vec<String> {
    let template = "{{range .items}}{{if eq .type \"bootstrap.kubernetes.io/token\"}}\
                    {{index .data \"token-secret\" | base64decode}}{{\"\\n\"}}{{end}}{{end}}";
    let tokens = world
        .kubectl(&["get", "secrets", "-n", "kube-system", "-o", &format!("go-template={template}")])
        .ok();
    let mut secrets: Vec<String> = tokens.lines().map(str::to_owned).collect();
    assert!(secrets.len() >= 2, "one of `init` and one to join: {}", secrets.len());
    let keys = "for key in $(find /etc/kubernetes -name '*.key'); do sed -n 3p $key; done; \
                sed -n 's/.*client-key-data: .*\\(.\\{64\\}\\)$/\\1/p' /etc/kubernetes/*.conf";
    let keys = on(cluster, "control-plane-1", keys);
    assert!(keys.lines().count() >= 12, "{}", keys.lines().count());
    secrets.extend(keys.lines().map(str::to_owned));
    assert!(secrets.iter().all(|secret| secret.len() >= 16));
    secrets
}

/// The names of the nodes that are ready.
fn ready(world: &World) -> Vec<String> {
    let nodes = world.kubectl(&["get", "nodes", "--no-headers"]).ok();
    let words = nodes.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| words[1] == "Ready").map(|words| words[0].to_owned()).collect()
}

/// Fails the test unless both nodes are as they should be: ready, and services work on them.
#[track_caller]
fn assert_whole(world: &World, cluster: &str) {
    world.dojo(&["status", cluster]).ok();
    assert_eq!(ready(world), ["control-plane-1", "worker-1"]);
    let selector = ["get", "pods", "-n", "kube-system", "-l", "k8s-app=kube-proxy"];
    let fields = "jsonpath={range .items[*]}{.spec.nodeName} {.status.phase}{\"\\n\"}{end}";
    until("kube-proxy runs on both", 60, || {
        let said = world.kubectl(&[&selector, ["-o", fields].as_slice()].concat()).stdout;
        let mut pods: Vec<&str> = said.lines().collect();
        pods.sort_unstable();
        pods == ["control-plane-1 Running", "worker-1 Running"]
    });
}

#[test]
fn what_is_lost_or_broken_is_told_and_repaired_and_no_secret_gets_out() {
    let mut world = World::new();
    let name = world.name("kfaults");
    let file = world.path().join("bundle.tar");
    symlink(bundle(), &file).unwrap();
    let bundle = file.display().to_string();
    let watcher = Watcher::start();
    let said = world.dojo(&[
        "-vv",
        "--log-format",
        "json",
        "up",
        &name,
        "--kubernetes",
        "--workers",
        "1",
        "--bundle",
        &bundle,
    ]);
    let seen = watcher.seen();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(seen.iter().any(|line| line.contains("kubeadm\0join")), "the watcher saw nothing");
    let secrets = secrets(&world, &name);
    let betrays = |text: &str| secrets.iter().any(|secret| text.contains(secret.as_str()));
    let inspect = world.dojo(&["inspect", &name]).ok();
    let logs = world.dojo(&["logs", &name]).ok();
    for text in seen.iter().chain([&said.stdout, &said.stderr, &inspect, &logs]) {
        assert!(!betrays(text), "{text}");
    }
    for file in files(&world.home().join("clusters").join(&name)).iter().filter(|f| f.is_file()) {
        let own = file.ends_with("kubeconfig");
        assert!(own || !betrays(&fs::read_to_string(file).unwrap()), "{}", file.display());
        let private =
            |path: &Path| fs::metadata(path).unwrap().permissions().mode().trailing_zeros() >= 6;
        assert!(!own || private(file));
    }
    for machine in ["control-plane-1", "worker-1"] {
        for place in ["/var/log/*.log", "/run/*.yaml", "/etc/default/*", "/etc/systemd/system/*"] {
            let text = on(&name, machine, &format!("cat {place} 2>/dev/null; true"));
            assert!(!betrays(&text), "{machine}: {place}");
        }
        assert!(!betrays(&on(&name, machine, "journalctl --no-pager --quiet")), "{machine}");
    }

    engine(&["rm", "-f", "-v", &format!("dojo-{name}-worker-1")]).ok();
    let said = world.dojo(&["status", &name]);
    assert!(said.stdout.contains("gone"), "{said:?}");
    assert_eq!(said.code, Some(1));
    world.dojo(&["up", &name]).ok();
    assert_whole(&world, &name);

    world.kubectl(&["delete", "node", "worker-1"]).ok();
    let said = world.dojo(&["status", &name]);
    assert!(said.stdout.contains("not a node of the cluster"), "{said:?}");
    assert_eq!(said.code, Some(1));
    world.dojo(&["up", &name]).ok();
    assert_whole(&world, &name);

    // A wish of the user's own that kubelet does not understand is told in kubelet's words.
    let wish = "echo 'KUBELET_EXTRA_ARGS=--no-such-flag' >/etc/default/kubelet";
    on(&name, "worker-1", wish);
    world.kubectl(&["delete", "node", "worker-1"]).ok();
    let said = world.dojo(&["up", &name]);
    said.fails(1, &["worker-1", "kubelet says", "unknown flag: --no-such-flag"]);
    on(&name, "worker-1", "rm /etc/default/kubelet");
    world.dojo(&["up", &name]).ok();
    assert_whole(&world, &name);

    // What was decided when the cluster began stands.
    let said = world.dojo(&["up", &name, "--pod-subnet", "10.250.0.0/16"]);
    said.fails(1, &["pod subnet", "cannot be changed"]);
    let said = world.dojo(&["up", &name, "--swarm"]);
    said.fails(1, &["is of another kind"]);

    // A kubelet that somebody stopped is started, and what is there already needs no bundle.
    fs::remove_file(&file).unwrap();
    on(&name, "worker-1", "systemctl stop kubelet");
    world.dojo(&["up", &name]).ok();
    on(&name, "worker-1", "systemctl is-active kubelet");
    assert_whole(&world, &name);
    let again = world.dojo(&["up", &name]).ok();
    assert!(again.contains("was ready already"), "{again}");

    // Nobody but the control plane knows what there was.
    engine(&["rm", "-f", "-v", &format!("dojo-{name}-control-plane-1")]).ok();
    for command in [["up", &name].as_slice(), &["up", &name, "--dry-run"], &["start", &name]] {
        let words = ["all other objects: control-plane-1 is gone; still there: worker-1"];
        world.dojo(command).fails(1, &words);
    }
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn killed_at_every_step_of_kubernetes() {
    let mut world = World::new();
    let name = world.name("kkill");
    let bundle = bundle().display().to_string();
    fs::create_dir(world.kubeconfig().parent().unwrap()).unwrap();
    fs::write(world.kubeconfig(), FOREIGN).unwrap();
    fs::set_permissions(world.kubeconfig(), fs::Permissions::from_mode(0o640)).unwrap();
    let up = ["up", name.as_str(), "--kubernetes", "--workers", "1", "--bundle", &bundle];
    let (leaving, coming): (Vec<&str>, Vec<&str>) =
        failpoint::KUBERNETES.iter().partition(|point| point.starts_with("kubeadm.leave."));
    assert_eq!((leaving.len(), coming.len()), (2, 10));

    // All on one cluster: each run takes up what the one before it has left.
    for point in coming {
        assert!(killed_at(&world, point, &up), "`up` never came to {point}");
        if point == "kubeadm.init.before" {
            // Somebody else was quicker, on a port that the cluster cannot do without.
            let squat = "systemd-run --quiet --unit squatter perl -MIO::Socket::INET -e \
                         '@held = IO::Socket::INET->new(LocalPort => 6443, Listen => 1); sleep'";
            on(&name, "control-plane-1", squat);
            until("the port is taken", 10, || {
                on(&name, "control-plane-1", "ss -Hltn").contains(":6443")
            });
            world.dojo(&up).fails(1, &["control-plane-1", "6443", "in use", "perl"]);
            on(&name, "control-plane-1", "systemctl stop squatter");
        }
    }
    world.dojo(&up).ok();
    assert_whole(&world, &name);

    let fewer = ["scale", name.as_str(), "--workers", "0"];
    for point in leaving {
        assert!(killed_at(&world, point, &fewer), "`scale` never came to {point}");
        world.dojo(&fewer).ok();
        assert_eq!(ready(&world), ["control-plane-1"], "after {point}");
        world.dojo(&["scale", &name, "--workers", "1"]).ok();
        assert_whole(&world, &name);
    }
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    assert_eq!(fs::read_to_string(world.kubeconfig()).unwrap(), FOREIGN);
    let mode = fs::metadata(world.kubeconfig()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}
