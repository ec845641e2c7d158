//! What users run into: things that are taken, broken, gone or someone else's.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::world::{World, engine, files, leftovers, on, until};

#[test]
fn without_an_engine_the_user_is_told_how_to_get_one() {
    let mut world = World::new();
    let name = world.name("noengine");
    world.set("DOJO_DOCKER_HOST", "unix:///nonexistent/docker.sock");
    world.dojo(&["up", &name]).fails(3, &["cannot reach", "hint:", "docker.io"]);
    assert!(!world.home().join("clusters").join(&name).exists());
}

#[test]
fn a_taken_port_is_refused_before_anything_is_made() {
    let mut world = World::new();
    let name = world.name("port");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let up = ["up", &name, "-p", &format!("{port}:80")];
    for up in [&up[..], &[&up[..], &["--dry-run"]].concat()] {
        world.dojo(up).fails(1, &[&port.to_string(), "taken", "hint:"]);
        world.assert_gone(&name);
    }
}

#[test]
fn a_taken_subnet_is_refused_and_its_owner_named() {
    let mut world = World::new();
    let (first, second) = (world.name("subnet"), world.name("subnet"));
    // Machines of this subnet reach this computer at its first address.
    let proxy = TcpListener::bind("0.0.0.0:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let port = proxy.local_addr().unwrap().port();
    world.set("https_proxy", format!("http://me:hunter2@10.0.177.1:{port}"));
    world.set("no_proxy", "intranet.example");
    let own = ["up", &first, "--workers", "0", "--subnet", "10.0.177.0/24"];
    world.dojo(&own).ok();
    world.unset("https_proxy");
    world.unset("no_proxy");
    proxies_reach_the_engine_and_their_passwords_nothing_else(&world, &first, &proxy);
    world.dojo(&own).ok();
    let proxies = "<{{.HTTPSProxy}}{{.NoProxy}}>";
    assert_eq!(world.docker(&["info", "--format", proxies]).ok(), "<>\n", "it has none any more");
    let up = ["up", &second, "--subnet", "10.0.177.0/24"];
    for up in [&up[..], &[&up[..], &["--dry-run"]].concat()] {
        world.dojo(up).fails(1, &["10.0.177.0/24", &format!("dojo-{first}")]);
        world.assert_gone(&second);
    }
    overlay_networks_keep_clear_of_the_machines(&world);
    what_others_hold_is_named_and_not_removed(&world, &first);
}

fn proxies_reach_the_engine_and_their_passwords_nothing_else(
    world: &World,
    name: &str,
    proxy: &TcpListener,
) {
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut asked = None;
            until("the engine asks the proxy", 30, || {
                asked = proxy.accept().ok();
                asked.is_some()
            });
            let (mut client, _) = asked.unwrap();
            client.set_nonblocking(false).unwrap();
            let mut request = [0; 1024];
            let length = client.read(&mut request).unwrap();
            client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        assert_ne!(world.docker(&["pull", "registry.invalid/tool"]).code, Some(0));
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("CONNECT registry.invalid:443 "), "{asked}");
        // me:hunter2
        assert!(asked.contains("Proxy-Authorization: Basic bWU6aHVudGVyMg=="), "{asked}");
    });
    let info = world.docker(&["info", "--format", "{{.HTTPSProxy}} {{.NoProxy}}"]).ok();
    assert!(info.contains("@10.0.177.1:"), "{info}");
    for direct in ["intranet.example", "localhost", "10.0.177.0/24", "manager-1"] {
        assert!(info.contains(direct), "{direct}: {info}");
    }
    let mode = on(name, "manager-1", "stat -c %a /etc/clusterdojo/proxy.env");
    assert_eq!(mode.trim(), "600");
    for file in files(world.path()).iter().filter(|file| file.is_file()) {
        let text = fs::read(file).unwrap();
        assert!(!text.windows(7).any(|part| part == b"hunter2"), "{}", file.display());
    }
    let container = engine(&["inspect", &format!("dojo-{name}-manager-1")]).ok();
    assert!(!container.contains("hunter2"), "{container}");
}

fn overlay_networks_keep_clear_of_the_machines(world: &World) {
    world.docker(&["network", "create", "--driver", "overlay", "backend"]).ok();
    let range = "{{(index .IPAM.Config 0).Subnet}}";
    let range = world.docker(&["network", "inspect", "--format", range, "backend"]).ok();
    assert!(range.starts_with("10.16."), "beside 10.0.177.0/24: {range}");
}

fn what_others_hold_is_named_and_not_removed(world: &World, name: &str) {
    let manager = format!("dojo-{name}-manager-1");
    let image = engine(&["inspect", "--format", "{{.Config.Image}}", &manager]).ok();
    let (guest, reader) = (format!("{manager}-guest"), format!("{manager}-reader"));
    let network = format!("dojo-{name}");
    let guest_of = ["--network", &network, "--entrypoint", "sleep", image.trim(), "600"];
    engine(&[&["run", "--detach", "--name", &guest], guest_of.as_slice()].concat()).ok();
    engine(&["create", "--name", &reader, "--volumes-from", &manager, image.trim()]).ok();
    let before = leftovers(name);
    let said = world
        .dojo(&["down", name])
        .fails(1, &[&guest, &reader, "which clusterdojo did not make", "network disconnect"]);
    assert_eq!(leftovers(name), before, "nothing was removed");
    world.dojo(&["status", name]).ok();
    // Each hint frees what it says.
    let hints: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("hint: `")).collect();
    assert_eq!(hints.len(), 2, "{said}");
    for hint in hints {
        let (command, _) = hint.split_once("` frees it").unwrap();
        let done = Command::new("sh").args(["-c", command]).output().unwrap();
        assert!(done.status.success(), "{command}: {done:?}");
    }
    world.dojo(&["down", name]).ok();
    assert_eq!(engine(&["inspect", "--format", "{{.State.Running}}", &guest]).ok(), "true\n");
    engine(&["rm", "--force", &guest]).ok();
    world.assert_gone(name);
}

#[test]
fn what_a_killed_image_build_left_is_found_and_removed_but_not_that_of_a_living_one() {
    let world = World::new();
    let read = |path: &str| fs::read_to_string(path).unwrap();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
    let place =
        format!("{}/{}", read("/proc/sys/kernel/random/boot_id").trim(), namespace.display());
    let began = |process: u32| {
        let stat = read(&format!("/proc/{process}/stat"));
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().to_owned()
    };
    let me = std::process::id();
    let living = format!("{place}/{me}/{}/0", began(me));
    let dead = format!("{place}/{me}/1/0");
    let made = |what: &str, mark: &str| {
        let (name, label) =
            (format!("workshop-{me}-{what}"), format!("io.clusterdojo.workshop={mark}"));
        let _ = engine(&["rm", "-f", &name]);
        engine(&["create", "--name", &name, "--label", &label, "clusterdojo/base:trixie", "true"])
            .ok();
        engine(&["volume", "create", "--label", &label, &name]).ok();
        name
    };
    let living = made("living", &living);
    // Any other test that takes a cluster down meanwhile takes this away, too, as it should.
    let is_listed = || {
        let name = made("dead", &dead);
        let listed = world.dojo(&["sweep", "--dry-run"]).ok();
        assert!(!listed.contains(&living), "{listed}");
        listed.contains(&name)
    };
    assert!((0..5).any(|_| is_listed()), "what a killed build left is not listed");
    let dead = format!("workshop-{me}-dead");
    world.dojo(&["down", "nothing-of-that-name"]).ok();
    let left = engine(&["ps", "-a", "--format", "{{.Names}}"]).ok()
        + &engine(&["volume", "ls", "--format", "{{.Name}}"]).ok();
    engine(&["rm", &living]).ok();
    engine(&["volume", "rm", &living]).ok();
    assert!(!left.contains(&dead), "{left}");
    assert_eq!(left.matches(&living).count(), 2, "{left}");
}

#[test]
fn a_foreign_container_of_our_name_is_refused_and_left_alone() {
    let mut world = World::new();
    let name = world.name("foreign");
    let foreign = format!("dojo-{name}-worker-1");
    let id = engine(&["create", "--name", &foreign, "clusterdojo/base:trixie", "true"]).ok();
    let said = world.dojo(&["up", &name]);
    let still = engine(&["inspect", "--format", "{{.Id}}", &foreign]);
    engine(&["rm", "-f", &foreign]).ok();
    said.fails(1, &[&foreign, "was not made by clusterdojo"]);
    assert_eq!(still.ok(), id);
    world.assert_gone(&name);
}

#[test]
fn a_foreign_docker_context_of_our_name_is_refused_and_left_alone() {
    let mut world = World::new();
    let name = world.name("context");
    let context = format!("dojo-{name}");
    world.docker(&["context", "create", &context, "--docker", "host=tcp://192.0.2.1:1"]).ok();
    let before = world.docker(&["context", "inspect", &context]).ok();
    world.dojo(&["up", &name]).fails(1, &[&context]);
    assert_eq!(world.docker(&["context", "inspect", &context]).ok(), before);
    assert_eq!(leftovers(&name), Vec::<String>::new());
}

#[test]
fn a_corrupt_foreign_context_hinders_nothing() {
    let mut world = World::new();
    let name = world.name("corrupt");
    let directory = world.docker_config().join("contexts/meta/0000");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("meta.json"), "{\"Name\": \"bro").unwrap();
    world.dojo(&["up", &name, "--workers", "0"]).ok();
    world.docker(&["node", "ls"]).ok();
    world.dojo(&["down", &name]).ok();
    assert_eq!(fs::read_to_string(directory.join("meta.json")).unwrap(), "{\"Name\": \"bro");
    assert_eq!(leftovers(&name), Vec::<String>::new());
}

#[test]
fn the_earlier_context_comes_back() {
    let mut world = World::new();
    let name = world.name("before");
    world.docker(&["context", "create", "mine", "--docker", "host=tcp://192.0.2.1:1"]).ok();
    world.docker(&["context", "use", "mine"]).ok();
    // Else machines would be made on the engine of that context.
    world.set("DOJO_DOCKER_HOST", "unix:///var/run/docker.sock");
    world.dojo(&["up", &name, "--workers", "0"]).ok();
    assert_eq!(world.docker(&["context", "show"]).ok().trim(), format!("dojo-{name}"));
    world.dojo(&["use", "--none"]).ok();
    assert_eq!(world.docker(&["context", "show"]).ok().trim(), "default");
    world.dojo(&["use", "--previous"]).ok();
    assert_eq!(world.docker(&["context", "show"]).ok().trim(), format!("dojo-{name}"));
    world.docker(&["context", "use", "mine"]).ok();
    world.dojo(&["use", &name]).ok();
    world.dojo(&["down", &name]).ok();
    assert_eq!(world.docker(&["context", "show"]).ok().trim(), "mine");
}

#[test]
fn what_is_left_of_a_forgotten_cluster_is_listed_and_removed() {
    let mut world = World::new();
    let name = world.name("forgotten");
    let labels = [
        "--label",
        &format!("io.clusterdojo.cluster={name}"),
        "--label",
        "io.clusterdojo.cluster-id=forgotten",
    ];
    let (network, volume) = (format!("dojo-{name}"), format!("dojo-{name}-data"));
    engine(&[&["network", "create", "--internal"], &labels[..], &[&network]].concat()).ok();
    engine(&[&["volume", "create"], &labels[..], &[&volume]].concat()).ok();
    // Others work with this engine as well, so nothing of it is swept away.
    let listed = || world.dojo(&["sweep", "--dry-run"]).ok();
    let said = listed();
    let of_it: Vec<&str> = said.lines().filter(|line| line.starts_with(&name)).collect();
    assert_eq!(of_it.len(), 2, "{said}");
    assert!(of_it[0].contains("1 volume"), "{said}");
    assert!(of_it[1].contains(&format!("network `{network}`")), "{said}");
    world.dojo(&["down", &name, "--yes"]).ok();
    world.assert_gone(&name);
    assert!(!listed().contains(&name));
}

#[test]
fn two_ups_of_one_cluster_at_once_make_one_cluster() {
    let mut world = World::new();
    let name = world.name("twice");
    let args = ["up", name.as_str(), "--workers", "1"];
    let (first, second) =
        (world.command(&args).spawn().unwrap(), world.command(&args).spawn().unwrap());
    for child in [first, second] {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let label = format!("label=io.clusterdojo.cluster={name}");
    let machines = engine(&["ps", "-q", "--filter", &label]).ok();
    assert_eq!(machines.lines().count(), 2);
    world.dojo(&["status", &name]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn ten_clusters_at_once_do_not_meet() {
    let mut world = World::new();
    let names: Vec<String> = (0..10).map(|_| world.name("ten")).collect();
    let children: Vec<_> = names
        .iter()
        .map(|name| world.command(&["up", name, "--workers", "0", "--no-use"]).spawn().unwrap())
        .collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    for name in &names {
        world.dojo(&["status", name]).ok();
        let context = format!("dojo-{name}");
        let nodes = world.docker(&["--context", &context, "node", "ls", "-q"]).ok();
        assert_eq!(nodes.lines().count(), 1, "{name} is a swarm of its own");
    }
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    world.dojo(&[&["down"], all.as_slice()].concat()).ok();
    for name in &names {
        world.assert_gone(name);
    }
}

#[test]
fn a_damaged_record_is_rebuilt_and_hides_no_other_cluster() {
    let mut world = World::new();
    let (damaged, other) = (world.name("damaged"), world.name("other"));
    world.dojo(&["up", &damaged, "--workers", "1"]).ok();
    world.dojo(&["up", &other, "--workers", "0", "--no-use"]).ok();
    let record = world.home().join("clusters").join(&damaged).join("cluster.json");
    let text = fs::read(&record).unwrap();
    fs::write(&record, &text[..text.len() / 2]).unwrap();

    let list = world.dojo(&["ls"]).ok();
    assert!(list.contains("damaged record") && list.contains(&other), "{list}");
    world.dojo(&["up", &damaged]).fails(1, &["damaged", &format!("dojo repair {damaged}")]);
    world.dojo(&["repair", &damaged]).ok();
    // It knows again where it is, whatever the environment says.
    world.set("DOJO_DOCKER_HOST", "unix:///nonexistent/docker.sock");
    world.dojo(&["up", &damaged]).ok();
    world.dojo(&["status", &damaged]).ok();
    world.unset("DOJO_DOCKER_HOST");

    // Another user of the engine takes it for nobody's, whatever of it is there.
    let home = world.path().join("another").display().to_string();
    world.set("DOJO_HOME", &home);
    let others = ["another home has made", "--other-homes"];
    world.dojo(&["down", &damaged, "--yes"]).fails(1, &others);
    world.dojo(&["up", &damaged]).fails(1, &others[..1]);
    assert!(world.dojo(&["ls"]).ok().contains("of another home"));
    assert!(!world.dojo(&["sweep", "--dry-run"]).ok().contains(&damaged));
    world.unset("DOJO_HOME");
    world.dojo(&["status", &damaged]).ok();

    // With a wrong id the machines are not its own, and are named.
    let text = fs::read_to_string(&record).unwrap();
    let id = text.split("\"cluster_id\": \"").nth(1).unwrap()[..16].to_owned();
    let wrong = if id.starts_with('0') { "1" } else { "0" };
    fs::write(&record, text.replacen(&id, &format!("{wrong}{}", &id[1..]), 1)).unwrap();
    for verb in ["stop", "down"] {
        world
            .dojo(&[verb, &damaged])
            .fails(1, &["not found: manager-1, worker-1", "another cluster id"]);
    }
    fs::write(&record, text).unwrap();

    // `down` needs no record at all, only a yes.
    fs::remove_file(&record).unwrap();
    world.dojo(&["down", &damaged]).fails(1, &["--yes"]);
    world.dojo(&["down", &damaged, "--yes"]).ok();
    assert_eq!(leftovers(&damaged), Vec::<String>::new());
    world.dojo(&["down", &other]).ok();
}

#[test]
fn a_machine_that_cannot_be_reached_is_named_and_mended() {
    let mut world = World::new();
    let name = world.name("reach");
    world.dojo(&["up", &name, "--engines", "--machines", "1"]).ok();
    let container = format!("dojo-{name}-machine-1");
    let machine = format!("{name}/machine-1");
    let address = world.dojo(&["ip", &machine]).ok();
    let ill = |words: &str| {
        until(words, 30, || {
            let said = world.dojo(&["status", &name]);
            said.code == Some(1) && said.stdout.contains(words)
        });
    };
    let mended = |verb: &[&str], words: &str| {
        let begin = std::time::Instant::now();
        let said = world.dojo(&[&["--log-format", "plain"], verb].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stderr.contains(words), "{}", said.stderr);
        assert!(begin.elapsed().as_secs() < 60, "it took {:?}", begin.elapsed());
        world.dojo(&["ssh", &machine, "--", "true"]).ok();
        assert_eq!(world.dojo(&["ip", &machine]).ok(), address);
    };

    engine(&["network", "disconnect", &format!("dojo-{name}"), &container]).ok();
    ill("not connected to the network");
    mended(&["up", &name], "not connected to the network");

    // The network itself may go, too: with `docker network prune`, while its machines are off.
    let network = format!("dojo-{name}");
    let range = || {
        let range = "{{(index .IPAM.Config 0).Subnet}} {{json .Labels}}";
        engine(&["network", "inspect", "--format", range, &network]).ok()
    };
    let before = range();
    engine(&["network", "disconnect", &network, &container]).ok();
    engine(&["network", "rm", &network]).ok();
    mended(&["up", &name], "not connected to the network");
    assert_eq!(range(), before);
    world.dojo(&["stop", &name]).ok();
    engine(&["network", "rm", &network]).ok();
    mended(&["start", &name], "start: ok");
    assert_eq!(range(), before);

    crate::world::on(&name, "machine-1", "kill -s STOP $(systemctl show -p MainPID --value ssh)");
    ill("stopped by a signal");
    mended(&["start", &machine], "stopped by a signal");

    crate::world::on(&name, "machine-1", "systemctl stop ssh");
    ill("sshd is not running");
    // What cannot be mended is said in the words of whoever refuses.
    crate::world::on(&name, "machine-1", "echo nonsense >>/etc/ssh/sshd_config");
    world.dojo(&["up", &name]).fails(1, &["nonsense"]);
    crate::world::on(&name, "machine-1", "sed -i /nonsense/d /etc/ssh/sshd_config");
    world.dojo(&["up", &name]).ok();
    world.dojo(&["status", &name]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn a_changed_host_key_stops_everything_with_its_own_exit_code() {
    let mut world = World::new();
    let name = world.name("hostkey");
    world.dojo(&["up", &name, "--workers", "0"]).ok();
    let container = format!("dojo-{name}-manager-1");
    let script = "rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N '' \
                  -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh; journalctl --rotate \
                  --vacuum-time=1s -q; exit 0";
    engine(&["exec", &container, "sh", "-c", script]).ok();
    let marker = "this-must-not-arrive";
    let said = world.dojo(&["ssh", &format!("{name}/manager-1"), "--", "echo", marker]);
    said.fails(4, &["SHA256:", "pinned", "nothing was sent"]);
    world.dojo(&["up", &name]).fails(4, &["SHA256:"]);
    let log = engine(&["exec", &container, "journalctl", "-u", "ssh", "--no-pager"]).ok();
    assert!(!log.contains("Accepted") || log.contains("No entries"), "{log}");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

/// The command lines of every process on the host, those in machines included.
fn command_lines() -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .collect()
}

/// What no one else may ever see.
const SECRETS: [&str; 2] = ["PRIVATE KEY", "SWMTKN-"];

fn secrets_in(text: &str) -> bool {
    SECRETS.iter().any(|secret| text.contains(secret))
}

#[test]
fn no_secret_is_in_a_log_a_record_or_an_argument() {
    let mut world = World::new();
    let name = world.name("secret");
    let done = Arc::new(AtomicBool::new(false));
    let watcher = std::thread::spawn({
        let done = Arc::clone(&done);
        move || {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                seen.extend(command_lines().into_iter().filter(|line| secrets_in(line)));
            }
            seen
        }
    });
    let said = world.dojo(&["-vv", "--log-format", "json", "up", &name]);
    done.store(true, Ordering::Relaxed);
    assert_eq!(watcher.join().unwrap(), BTreeSet::new());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!secrets_in(&said.stderr) && !secrets_in(&said.stdout));
    let inspect = world.dojo(&["inspect", &name]).ok();
    assert!(!secrets_in(&inspect));
    let cluster = world.home().join("clusters").join(&name);
    for file in files(&cluster).into_iter().filter(|p| p.is_file()) {
        let secret = secrets_in(&fs::read_to_string(&file).unwrap_or_default());
        let key = file.ends_with("id_ed25519") || file.to_string_lossy().ends_with("key.pem");
        assert_eq!(secret, key, "{}", file.display());
        if key {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0);
        }
    }
    world.dojo(&["down", &name]).ok();
}

/// Asks an engine for its version with a client certificate, or with none.
fn curl(url: &str, ca: &Path, identity: Option<&Path>) -> bool {
    let mut command = Command::new("curl");
    command.args(["-sf", "-m", "5", "-o", "/dev/null", "--cacert"]).arg(ca);
    if let Some(directory) = identity {
        command.arg("--cert").arg(directory.join("cert.pem"));
        command.arg("--key").arg(directory.join("key.pem"));
    }
    command.arg(format!("{url}/version")).status().unwrap().success()
}

#[test]
fn the_engine_answers_to_this_cluster_only() {
    let mut world = World::new();
    let (name, other) = (world.name("tls"), world.name("tls"));
    world.dojo(&["up", &name, "--workers", "0"]).ok();
    world.dojo(&["up", &other, "--workers", "0", "--no-use"]).ok();
    let client = |name: &str| world.home().join("clusters").join(name).join("pki/client");
    let address = world.dojo(&["url", &format!("{name}/manager-1")]).ok();
    let address = address.trim().trim_start_matches("tcp://");
    let ca = client(&name).join("ca.pem");
    let https = format!("https://{address}");
    assert!(curl(&https, &ca, Some(&client(&name))), "the right certificate is let in");
    assert!(!curl(&https, &ca, None), "no certificate is refused");
    assert!(!curl(&https, &ca, Some(&client(&other))), "another cluster's is refused");
    assert!(!curl(&format!("http://{address}"), &ca, None), "plain HTTP is refused");
    let container = format!("dojo-{name}-manager-1");
    let sockets = engine(&["exec", &container, "ss", "-ltn"]).ok();
    assert!(sockets.contains(":2376") && !sockets.contains(":2375"), "{sockets}");
    world.dojo(&["down", &name, &other]).ok();
}

#[test]
fn a_machine_that_cannot_start_leaves_the_others_and_up_again_completes() {
    let mut world = World::new();
    let name = world.name("one");
    let proxy = crate::proxy::Proxy::start(world.path());
    proxy.refuse(&format!("containers/create?name=dojo-{name}-worker-2"));
    world.set("DOJO_DOCKER_HOST", proxy.address());
    let said = world.dojo(&["up", &name]).fails(1, &["worker-2", "kept: manager-1, worker-1"]);
    assert!(said.contains("hint: the same command again"), "{said}");
    // The same engine is at another address now, which only a flag can say.
    world.set("DOJO_DOCKER_HOST", "unix:///nonexistent/docker.sock");
    world.dojo(&["up", &name]).fails(1, &["worker-2", "is asked whatever DOJO_DOCKER_HOST says"]);
    world.dojo(&["up", &name, "--docker-host", ENGINE]).ok();
    world.dojo(&["status", &name]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

/// Where the engine is without a proxy.
const ENGINE: &str = "unix:///var/run/docker.sock";

#[test]
fn an_engine_that_dies_meanwhile_is_told_and_up_again_completes() {
    let mut world = World::new();
    let name = world.name("dies");
    let proxy = crate::proxy::Proxy::start(world.path());
    proxy.die_at(&format!("containers/create?name=dojo-{name}-worker-1"));
    world.set("DOJO_DOCKER_HOST", proxy.address());
    world.dojo(&["up", &name]).fails(1, &["error:"]);
    world.dojo(&["down", &name]).fails(3, &["cannot reach", "engine.sock", "--docker-host"]);
    world.dojo(&["up", &name, "--docker-host", ENGINE]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn rollback_leaves_nothing() {
    let mut world = World::new();
    let name = world.name("rollback");
    let proxy = crate::proxy::Proxy::start(world.path());
    proxy.refuse(&format!("containers/create?name=dojo-{name}-worker-2"));
    world.set("DOJO_DOCKER_HOST", proxy.address());
    world.dojo(&["up", &name, "--rollback"]).fails(1, &["worker-2"]);
    world.assert_gone(&name);
}

#[test]
fn docker_is_installed_over_ssh_where_there_is_none() {
    let mut world = World::new();
    let name = world.name("bare");
    let image = world.dojo(&["image", "build", "--bare"]).ok();
    world
        .dojo(&[
            "up",
            &name,
            "--workers",
            "0",
            "--image",
            image.trim(),
            "--engine-label",
            "disk=ssd",
            "--engine-opt",
            "max-concurrent-downloads=2",
            "--registry-mirror",
            "https://mirror.example",
        ])
        .ok();
    let info = world.docker(&["info", "--format", "{{.Labels}} {{.RegistryConfig.Mirrors}}"]).ok();
    assert!(info.contains("disk=ssd") && info.contains("https://mirror.example"), "{info}");
    // An option that the engine refuses is told in its own words, and the engine goes on as it was.
    world.dojo(&["up", &name, "--engine-opt", "no-such-option=1"]).fails(1, &["no-such-option"]);
    until("the engine is back", 30, || world.docker(&["node", "ls"]).code == Some(0));
    world.dojo(&["up", &name]).ok();
    assert_eq!(world.docker(&["info", "--format", "{{.Labels}}"]).ok(), "[disk=ssd]\n");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}
