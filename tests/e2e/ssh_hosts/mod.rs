//! Hosts that are there already become machines, and are given back as they were.

mod host;
mod import;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use clusterdojo::driver::ssh::{Memory, SshDriver, SshHost, SshOptions};
use clusterdojo::driver::{Driver as _, Error};
use clusterdojo::model::{MachineState, Role};

use self::host::{Host, Lab, difference};
use crate::contract;
use crate::world::{Said, World, engine, until};

const NOTHING: Vec<String> = Vec::new();

/// `dojo up` with hosts.
fn up(world: &World, lab: &Lab, name: &str, hosts: &[&str], more: &[&str]) -> Said {
    let mut args = vec!["up".to_owned(), name.to_owned()];
    args.extend(lab.flags());
    args.extend(hosts.iter().flat_map(|host| ["--host".to_owned(), (*host).to_owned()]));
    args.extend(more.iter().map(|word| (*word).to_owned()));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    world.dojo(&args)
}

/// A second user of a host, who logs in with the same key and may become root. The file of keys does not
/// end as files should.
fn add_user(host: &Host) {
    host.run(
        "useradd -m -s /bin/sh pi; echo 'pi ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/pi
        mkdir -m 700 /home/pi/.ssh; printf %s \"$(cat /root/.ssh/authorized_keys)\" >/home/pi/.ssh/authorized_keys
        chown -R pi:pi /home/pi/.ssh; chmod 640 /home/pi/.ssh/authorized_keys; rm /root/.ssh/authorized_keys",
    )
    .ok();
}

/// What start-up files of a login shell may do, and nobody may take for what was asked.
const NOISE: &str = "echo hi; echo 'Permission denied (noise).' >&2; seq 2000; sleep 0.1; printf 'no end'; \
                     trap 'echo bye; echo bye >&2' EXIT";

fn root_at(host: &Host) -> String {
    format!("root@{}", host.address)
}

#[test]
fn hosts_become_a_swarm_and_are_given_back_as_they_were() {
    let mut world = World::new();
    let name = world.name("lease");
    let lab = Lab::new(&world);
    let hosts = [lab.host(&world), lab.host(&world)];
    add_user(&hosts[1]);
    hosts[0].run(&format!("cat >/root/.bashrc <<'END'\n{NOISE}\nEND")).ok();
    hosts[1]
        .run(&format!("usermod -s /bin/bash pi; cat >/home/pi/.bashrc <<'END'\n{NOISE}\nEND"))
        .ok();
    let before = hosts.each_ref().map(Host::state);
    let addresses = [root_at(&hosts[0]), format!("pi@{}", hosts[1].address)];
    let addresses = addresses.each_ref().map(String::as_str);

    up(&world, &lab, &name, &addresses, &["--remove-docker", "--engine-label", "disk=ssd"]).ok();
    let nodes = world.docker(&["node", "ls", "--format", "{{.Hostname}} {{.Status}}"]).ok();
    let mut nodes: Vec<_> = nodes.lines().collect();
    nodes.sort_unstable();
    let names = hosts.each_ref().map(|h| h.run("hostname").ok().trim().to_owned());
    let mut expected = names.map(|host| format!("{host} Ready"));
    expected.sort();
    assert_eq!(nodes, expected);
    let labels = hosts[1].run("cat /etc/clusterdojo/machine.json").ok();
    for label in ["cluster", "cluster-id", "machine", "role", "orchestrator"] {
        assert!(labels.contains(&format!("io.clusterdojo.{label}\"")), "{labels}");
    }

    // Again, without a word of the hosts: nothing is done.
    let again = world.dojo(&["up", &name]).ok();
    assert!(again.contains("was ready already"), "{again}");
    world.dojo(&["status", &name]).ok();
    let raw = world.dojo(&["ssh", &format!("{name}/worker-1"), "--", "id -un"]).ok();
    assert!(raw.starts_with("hi\n") && raw.contains("no endpi\n"), "{raw}");
    // A shell that ends is another matter.
    hosts[0].run("cp /root/.bashrc /root/.noise; sed -i '1i exit 3' /root/.bashrc").ok();
    world.dojo(&["up", &name]).fails(1, &["the login shell on host", "status 3", "`.bashrc`"]);
    hosts[0].run("mv /root/.noise /root/.bashrc").ok();

    // Off means that the host stays on and the cluster's services do not.
    let active = |host: &Host, unit: &str| host.run(&format!("systemctl is-active {unit}")).stdout;
    world.dojo(&["stop", &name]).ok();
    for host in &hosts {
        assert_eq!(active(host, "docker.service"), "inactive\n");
        assert_eq!(host.run("systemctl is-enabled docker.service").stdout, "disabled\n");
        assert_eq!(active(host, "ssh.service"), "active\n");
    }
    assert_eq!(world.dojo(&["status", &name]).code, Some(1));
    world.dojo(&["start", &name]).ok();
    until("the cluster is healthy again", 30, || world.dojo(&["status", &name]).code == Some(0));
    assert_eq!(hosts[0].run("systemctl is-enabled docker.service").stdout, "enabled\n");

    // What the cluster leaves in the engine goes as well.
    hosts[0].run("docker volume create left; ip netns list").ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    for (host, before) in hosts.iter().zip(&before) {
        assert_eq!(difference(before, &host.state()), NOTHING);
    }
    world.dojo(&["down", &name]).ok();
}

#[test]
fn a_key_that_only_the_users_agent_has_opens_a_host() {
    let mut world = World::new();
    let name = world.name("agent");
    let lab = Lab::new(&world);
    let host = lab.host(&world);
    let agent = lab.agent();
    let config = lab.config().display().to_string();
    let address = root_at(&host);
    let up = ["up", &name, "--driver", "ssh", "--ssh-config", &config, "--host", &address];
    world.dojo(&up).fails(3, &["cannot log in", "Permission denied", "--identity"]);

    world.set("SSH_AUTH_SOCK", agent.socket.display().to_string());
    world.dojo(&up).ok();
    world.dojo(&["status", &name]).ok();
    // From here on the cluster has a key of its own.
    world.unset("SSH_AUTH_SOCK");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn docker_stays_where_nobody_asks_to_remove_it() {
    let mut world = World::new();
    let name = world.name("stays");
    let lab = Lab::new(&world);
    let host = lab.host(&world);
    let keys = "cat /root/.ssh/authorized_keys";
    let before = host.run(keys).ok();
    let ours = "find / -xdev -path /proc -prune -o -name '*clusterdojo*' -print";
    let at_first = host.run(ours).ok();
    up(&world, &lab, &name, &[&root_at(&host)], &["--engines"]).ok();
    assert_ne!(host.run(keys).ok(), before, "the cluster's key is let in");
    host.run("docker volume create left").ok();
    // A watch goes with what it watches, for a while and for good.
    world.dojo(&["-q", "watch", &name, "--install"]).ok();
    let watches = || host.run("systemctl is-active clusterdojo-watch").stdout == "active\n";
    assert!(watches());
    world.dojo(&["stop", &name]).ok();
    assert!(!watches());
    world.dojo(&["start", &name]).ok();
    until("it watches again", 60, watches);
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    assert_eq!(host.run(keys).ok(), before);
    let units = host.run("systemctl is-active docker.service docker.socket containerd.service");
    assert_eq!(units.stdout, "inactive\n".repeat(3));
    assert_eq!(host.run(ours).ok(), at_first);
    // The engine begins anew, with its own configuration.
    host.run("systemctl start docker.service").ok();
    assert_eq!(host.run("docker volume ls -q").ok(), "");
    assert_eq!(host.run("ss -Hltn 'sport = :2376'").ok(), "");
}

#[test]
fn docker_data_of_somebody_is_refused_and_if_adopted_is_there_afterwards() {
    let mut world = World::new();
    let name = world.name("adopted");
    let lab = Lab::new(&world);
    let host = lab.host(&world);
    host.run(
        "export DEBIAN_FRONTEND=noninteractive
        apt-get -qq update; apt-get -qq install --no-install-recommends -y docker.io docker-cli iptables
        mkdir -p /etc/docker; echo '{ \"labels\": [\"mine=1\"] }' >/etc/docker/daemon.json
        systemctl restart docker
        tar -ch /usr/bin/sleep $(ldd /usr/bin/sleep | grep -o '/[^ ]*') 2>/dev/null | docker import - tiny
        docker volume create precious
        docker run -d --name mine --restart always --network none -v precious:/data tiny /usr/bin/sleep inf",
    )
    .ok();
    let before = host.state();
    let address = root_at(&host);
    let words = ["is in use already", "1 container, 1 volume", "--adopt"];
    up(&world, &lab, &name, &[&address], &["--managers", "1"]).fails(1, &words);
    assert_eq!(difference(&before, &host.state()), NOTHING, "a refusal changes nothing");
    assert!(!world.home().join("clusters").join(&name).exists(), "nothing is remembered of it");

    up(&world, &lab, &name, &[&address], &["--adopt", "--remove-docker", "--engine-label", "a=b"])
        .ok();
    let info = world.docker(&["info", "--format", "{{.Labels}} {{.Swarm.LocalNodeState}}"]).ok();
    assert_eq!(info, "[a=b] active\n");
    let mine = ["ps", "--filter", "name=mine", "--format", "{{.State}}"];
    until("the container of before runs", 20, || world.docker(&mine).stdout == "running\n");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    until("the container of before runs", 20, || {
        host.run("docker ps --filter name=mine --format '{{.State}}'").stdout == "running\n"
    });
    assert_eq!(difference(&before, &host.state()), NOTHING);
    let info = "docker info --format '{{.Labels}} {{.Swarm.LocalNodeState}}'; docker volume ls -q";
    assert_eq!(host.run(info).ok(), "[mine=1] inactive\nprecious\n");
}

#[test]
fn a_host_that_cannot_be_told_from_an_impostor_gets_nothing() {
    let mut world = World::new();
    let name = world.name("keys");
    let lab = Lab::new(&world);
    let (host, other) = (lab.strange_host(&world), lab.host(&world));
    let address = root_at(&host);
    let before = host.state();
    let plan = |more: &[&str]| {
        up(&world, &lab, &name, &[&address], &[&["--engines", "--dry-run"], more].concat())
    };
    plan(&[]).fails(3, &["no host key of", "is known", "--host-key"]);
    lab.believe(&host.address, &other.key);
    plan(&[]).fails(4, &["presented another host key", "nothing was sent"]);
    plan(&["--host-key", &other.key]).fails(4, &["presented another host key"]);
    plan(&["--host-key", "ssh-rsa AAAA"]).fails(2, &["ssh-ed25519 or ecdsa"]);
    assert_eq!(difference(&before, &host.state()), NOTHING);
    // The key that was given outweighs what is known.
    let said = plan(&["--host-key", &host.key]).ok();
    assert!(said.contains("machine-1"), "{said}");
    assert_eq!(difference(&before, &host.state()), NOTHING);

    // Nobody may log in, or not as root.
    lab.believe(&host.address, &host.key);
    add_user(&host);
    plan(&[]).fails(3, &["cannot log in to host", "Permission denied"]);
    host.run("rm /etc/sudoers.d/pi").ok();
    let pi = format!("pi@{}", host.address);
    let plan = up(&world, &lab, &name, &[&pi], &["--engines", "--dry-run"]);
    plan.fails(1, &["passwordless sudo is required", "sudo"]);
}

#[test]
fn hosts_behind_another_one_are_reached_through_it() {
    let mut world = World::new();
    let name = world.name("behind");
    let lab = Lab::new(&world);
    let gate = lab.strange_host(&world);
    let hosts = [lab.host(&world), lab.host(&world)];
    hosts.iter().for_each(Host::hide);
    lab.offer_key();
    let before = hosts.each_ref().map(Host::state);
    let addresses = hosts.each_ref().map(root_at);
    let addresses = addresses.each_ref().map(String::as_str);
    let jump = root_at(&gate);
    let through = ["--jump", jump.as_str(), "--remove-docker"];

    let look = up(&world, &lab, &name, &addresses[..1], &["--engines", "--dry-run"]);
    look.fails(3, &["cannot log in", "timed out"]);
    // Nobody vouches for the host on the way either.
    let look = up(&world, &lab, &name, &addresses, &through);
    look.fails(3, &["on the way through `root@", "Host key verification failed"]);
    lab.believe(&gate.address, &gate.key);
    up(&world, &lab, &name, &addresses, &through).ok();
    let nodes = || world.docker(&["node", "ls", "--format", "{{.Status}}"]);
    assert_eq!(nodes().ok(), "Ready\nReady\n");
    world.dojo(&["status", &name]).ok();

    // What leads there was lost, as it is when this computer was off.
    let keys = world.home().join("clusters").join(&name).join("ssh");
    let processes = |more: &[&str], text: &str| {
        let found = Command::new("pgrep").args(more).args(["-f", text]).output();
        let found = String::from_utf8(found.unwrap().stdout).unwrap();
        found.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let lead = || processes(&[], &format!("tunnel.{name}."));
    assert_eq!(lead().len(), 2);
    // Each goes by way of another one. None of them is in the group that a terminal's Ctrl-C would end.
    let config = lab.config().display().to_string();
    assert_eq!(processes(&[], &config).len(), 4);
    assert_eq!(processes(&["-g", "0"], &config), NOTHING);
    for process in lead() {
        assert!(Command::new("kill").args(["-9", &process]).status().unwrap().success());
    }
    until("it does not lead there any more", 10, || nodes().code != Some(0));
    world.dojo(&["use", &name]).ok();
    assert_eq!(nodes().ok(), "Ready\nReady\n");
    assert_eq!(world.dojo(&["ssh", &format!("{name}/worker-1"), "--", "id -un"]).ok(), "root\n");

    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    assert!(!keys.exists());
    assert_eq!(lead(), NOTHING);
    for (host, before) in hosts.iter().zip(&before) {
        assert_eq!(difference(before, &host.state()), NOTHING);
    }
}

#[test]
fn too_few_hosts_or_one_that_is_off_are_told_before_anything_is_done() {
    let mut world = World::new();
    let name = world.name("few");
    let lab = Lab::new(&world);
    let host = lab.host(&world);
    let address = root_at(&host);
    let two = ["--engines", "--machines", "2"];
    up(&world, &lab, &name, &[&address], &two).fails(2, &["2 machines", "1 hosts"]);
    up(&world, &lab, &name, &[&address, &address], &two).fails(2, &["given twice"]);
    let twice = [address.as_str(), &host.address];
    lab.configure("User root\n");
    up(&world, &lab, &name, &twice, &two).fails(1, &["are the same host"]);
    let dry = [&two[..], &["--dry-run"]].concat();
    up(&world, &lab, &name, &twice, &dry).fails(1, &["are the same host"]);
    up(&world, &lab, &name, &[&address], &["--engines", "--memory", "1GiB"]).fails(2, &["limits"]);
    host.run("systemctl stop ssh").ok();
    up(&world, &lab, &name, &[&address], &["--engines"])
        .fails(3, &["cannot log in", &host.address]);
    assert!(!host.run("test -e /etc/clusterdojo").stdout.contains("etc"));
}

#[test]
fn a_killed_up_goes_on_and_down_waits_for_a_host_that_is_off() {
    let mut world = World::new();
    let name = world.name("cut");
    let lab = Lab::new(&world);
    let hosts = [lab.host(&world), lab.host(&world)];
    let before = hosts.each_ref().map(Host::state);
    let addresses = hosts.each_ref().map(root_at);
    let addresses = addresses.each_ref().map(String::as_str);
    let killed = |world: &mut World, point: &str| {
        world.set("DOJO_FAILPOINT", point);
        let said = up(world, &lab, &name, &addresses, &["--engines", "--remove-docker"]);
        assert_ne!(said.code, Some(0), "{point}");
        world.unset("DOJO_FAILPOINT");
    };
    killed(&mut world, "machine.create.created");
    world.dojo(&["down", &name]).ok();
    assert_eq!(hosts.each_ref().map(Host::state), before);
    killed(&mut world, "machine.create.after");
    let marks =
        || hosts.iter().filter(|h| h.run("test -e /etc/clusterdojo/machine.json").code == Some(0));
    assert!(marks().count() >= 1);
    // What was begun is found, and the host keys that were pinned are the right ones.
    up(&world, &lab, &name, &addresses, &["--engines"]).ok();
    let status = world.dojo(&["status", &name]).ok();
    assert_eq!(status.matches("running").count(), 2, "{status}");

    // A host that is off is told of, and whatever else there is goes.
    hosts[1].run("systemctl stop ssh").ok();
    let status = world.dojo(&["status", &name]);
    assert_eq!(status.code, Some(1), "{status:?}");
    assert!(status.stdout.contains("unknown"), "{status:?}");
    world.dojo(&["down", &name]).fails(1, &["machine-2", "cannot log in"]);
    assert_eq!(difference(&before[0], &hosts[0].state()), NOTHING);
    hosts[1].run("systemctl start ssh").ok();
    hosts[1].answers();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    assert_eq!(difference(&before[1], &hosts[1].state()), NOTHING);
}

#[test]
fn an_installation_that_lost_its_connection_leaves_nothing_either() {
    let mut world = World::new();
    let name = world.name("severed");
    let lab = Lab::new(&world);
    let host = lab.host(&world);
    let before = host.state();
    let mut args: Vec<String> =
        ["--log-format", "plain", "up", &name, "--engines", "--remove-docker"]
            .map(str::to_owned)
            .into();
    args.extend(lab.flags());
    args.extend(["--host".to_owned(), root_at(&host)]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut child = world.command(&args).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("machine-1: boot: ok")));
    until("the installation has begun", 30, || host.run("pgrep -x apt-get").code == Some(0));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(host.run("pgrep -x apt-get").code, Some(0), "it goes on by itself");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    assert_eq!(difference(&before, &host.state()), NOTHING);
}

#[test]
fn a_swarm_that_is_adopted_becomes_the_clusters_and_goes_on_afterwards() {
    let mut world = World::new();
    let name = world.name("swarm");
    let lab = Lab::new(&world);
    let (host, worker) = (lab.host(&world), lab.host(&world));
    host.run(
        "export DEBIAN_FRONTEND=noninteractive
        apt-get -qq update; apt-get -qq install --no-install-recommends -y docker.io docker-cli iptables
        tar -ch /usr/bin/sleep $(ldd /usr/bin/sleep | grep -o '/[^ ]*') 2>/dev/null | docker import - tiny
        docker swarm init
        docker service create --detach --name mine --no-resolve-image --network host tiny /usr/bin/sleep inf",
    )
    .ok();
    let running = "docker service ls --format '{{.Name}} {{.Replicas}}'";
    until("the service runs", 30, || host.run(running).stdout == "mine 1/1\n");
    let node = "docker node inspect self --format '{{.ID}} {{json .Spec.Labels}}'";
    let (before, node_before) = (host.state(), host.run(node).ok());
    let addresses = [root_at(&host), root_at(&worker)];
    let addresses = addresses.each_ref().map(String::as_str);
    up(&world, &lab, &name, &addresses, &[]).fails(1, &["membership in a swarm"]);
    assert_eq!(difference(&before, &host.state()), NOTHING);

    up(&world, &lab, &name, &addresses, &["--adopt"]).ok();
    let nodes = world.docker(&["node", "ls", "--format", "{{.Status}}"]).ok();
    assert_eq!(nodes, "Ready\nReady\n");
    until("the service runs", 30, || host.run(running).stdout == "mine 1/1\n");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    until("the service runs", 60, || host.run(running).stdout == "mine 1/1\n");
    assert_eq!(host.run(node).ok(), node_before);
    assert_eq!(host.run("docker node ls -q | wc -l").ok(), "1\n", "nobody is left who has joined");
    // A service gets a new container whenever the engine is restarted.
    let mut different = difference(&before, &host.state());
    different.retain(|line| {
        !["var/lib/docker/", "var/lib/containerd/", "link veth"].iter().any(|of| line.contains(of))
    });
    assert_eq!(different, NOTHING);
}

#[test]
fn a_host_that_was_installed_anew_is_a_stranger_and_can_be_given_up() {
    let mut world = World::new();
    let name = world.name("anew");
    let lab = Lab::new(&world);
    let hosts = [lab.host(&world), lab.host(&world)];
    let before = hosts[0].state();
    let addresses = hosts.each_ref().map(root_at);
    let addresses = addresses.each_ref().map(String::as_str);
    up(&world, &lab, &name, &addresses, &["--engines", "--remove-docker"]).ok();
    let anew = "rm /etc/ssh/ssh_host_ed25519_key*
        ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh";
    hosts[1].run(anew).ok();
    hosts[1].answers();
    world.dojo(&["up", &name]).fails(4, &["presented another host key", "nothing was sent"]);
    // The user believes the new key. What was pinned for the cluster is still the old one.
    let key = hosts[1].run("cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub").ok();
    lab.believe(&hosts[1].address, key.trim());
    world.dojo(&["up", &name]).fails(4, &["presented host key", "is pinned"]);

    lab.believe(&hosts[1].address, &hosts[0].key);
    world.dojo(&["down", &name]).fails(4, &["presented another host key", "--abandon"]);
    let said = world.dojo(&["down", &name, "--abandon"]).ok();
    assert!(said.contains(&format!("machine-2 (root@{}:22)", hosts[1].address)), "{said}");
    world.assert_gone(&name);
    assert_eq!(difference(&before, &hosts[0].state()), NOTHING);
    assert_eq!(hosts[1].run("test -e /etc/clusterdojo/machine.json").code, Some(0));
}

#[test]
fn a_name_that_leads_to_another_known_host_is_no_end_of_a_machine() {
    let mut world = World::new();
    let name = world.name("alias");
    let lab = Lab::new(&world);
    let hosts = [lab.host(&world), lab.host(&world)];
    let other = hosts[1].state();
    let lead_to = |host: &Host| {
        let plain = fs::read_to_string(lab.config()).unwrap();
        let plain = plain.split("Host box").next().unwrap();
        let entry = format!("{plain}Host box\n    HostName {}\n    User root\n", host.address);
        fs::write(lab.config(), entry).unwrap();
    };
    lead_to(&hosts[0]);
    up(&world, &lab, &name, &["box"], &["--engines", "--remove-docker"]).ok();
    lead_to(&hosts[1]);
    let words = ["host `box` is not the one", "other host keys", &format!("down {name} --abandon")];
    for verb in ["up", "down", "stop", "start"] {
        world.dojo(&[verb, &name]).fails(4, &words);
    }
    assert_eq!(difference(&other, &hosts[1].state()), NOTHING);
    lead_to(&hosts[0]);
    world.dojo(&["status", &name]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn a_lost_record_is_rebuilt_from_the_hosts() {
    let mut world = World::new();
    let name = world.name("lost");
    let lab = Lab::new(&world);
    let host = lab.host(&world);
    let before = host.state();
    let address = root_at(&host);
    up(&world, &lab, &name, &[&address], &["--engines", "--remove-docker"]).ok();
    fs::remove_file(world.home().join("clusters").join(&name).join("cluster.json")).unwrap();
    let mut repair = vec!["repair".to_owned(), name.clone(), "--host".to_owned(), address.clone()];
    repair.extend(lab.flags());
    repair.push("--remove-docker".to_owned());
    let repair: Vec<&str> = repair.iter().map(String::as_str).collect();
    let said = world.dojo(&repair).ok();
    assert!(said.lines().any(|line| line.ends_with("has a record again, of 1 machine")), "{said}");
    // The user's own key is gone; the cluster's opens the host as well.
    fs::remove_file(lab.identity()).unwrap();
    world.dojo(&["up", &name]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    assert_eq!(difference(&before, &host.state()), NOTHING);
}

/// A cluster with its leader in a container here, which a host joins.
struct Mixed<'a> {
    world: &'a World,
    lab: &'a Lab,
    host: &'a Host,
    name: String,
    /// What is said of the cluster beside its machines, and of its leader.
    head: String,
    subnet: String,
}

impl Mixed<'_> {
    fn new<'a>(
        world: &'a World,
        lab: &'a Lab,
        host: &'a Host,
        name: &str,
        head: String,
    ) -> Mixed<'a> {
        let subnet = format!("10.199.{}.0/24", std::process::id() % 250);
        Mixed { world, lab, host, name: name.to_owned(), head, subnet }
    }

    fn up(&self, workers: &str) -> String {
        let file = self.world.path().join("spec.yaml");
        let text = format!(
            "apiVersion: clusterdojo/v1\nname: {}\n{}{workers}docker: {{ subnet: {} }}\n",
            self.name, self.head, self.subnet
        );
        fs::write(&file, text).unwrap();
        self.world.dojo(&["up", "-f", file.to_str().unwrap(), "--trust"]).ok()
    }

    /// Makes the cluster with its leader alone, then with the host, and returns the host's address there: peers
    /// reach it in the cluster's own network; this computer elsewhere.
    fn join(&self) -> String {
        self.up("");
        let peer = self.subnet.replace(".0/24", ".200");
        engine(&["network", "connect", "--ip", &peer, &self.network(), self.host.container()]).ok();
        let workers = format!(
            "  - {{ role: worker, driver: ssh }}\nssh:\n  config: {}\n  identity: {}\n  \
             remove-docker: true\n  hosts:\n    - {{ address: {}, user: root, private-address: {peer} }}\n",
            self.lab.config().display(),
            self.lab.identity().display(),
            self.host.address
        );
        self.up(&workers);
        let again = self.up(&workers);
        assert!(again.contains("was ready already"), "{again}");
        peer
    }

    fn network(&self) -> String {
        format!("dojo-{}", self.name)
    }

    /// Out again, and all is gone.
    fn end(&self, before: &BTreeSet<String>) {
        engine(&["network", "disconnect", &self.network(), self.host.container()]).ok();
        assert_eq!(difference(before, &self.host.state()), NOTHING);
        self.world.dojo(&["down", &self.name]).ok();
        self.world.assert_gone(&self.name);
    }
}

#[test]
fn a_manager_of_docker_and_a_worker_over_ssh_are_one_swarm() {
    let mut world = World::new();
    let name = world.name("mixed");
    let lab = Lab::new(&world);
    let host = lab.host(&world);
    let before = host.state();
    let head = "machines:\n  - { role: manager }\n".to_owned();
    let cluster = Mixed::new(&world, &lab, &host, &name, head);
    let peer = cluster.join();
    let nodes = world.docker(&["node", "ls", "--format", "{{.Status}}"]).ok();
    assert_eq!(nodes, "Ready\nReady\n");
    let address = world.docker(&["node", "inspect", "--format", "{{.Status.Addr}}", &{
        host.run("hostname").ok().trim().to_owned()
    }]);
    assert_eq!(address.ok().trim(), peer);
    world.dojo(&["status", &name]).ok();
    // It leaves the swarm, and the list of its members.
    world.dojo(&["scale", &name, "--workers", "0"]).ok();
    assert_eq!(world.docker(&["node", "ls", "--format", "{{.Status}}"]).ok(), "Ready\n");
    cluster.end(&before);
}

#[test]
fn a_control_plane_of_docker_and_a_worker_over_ssh_are_one_kubernetes_cluster() {
    let mut world = World::new();
    let name = world.name("mixedkube");
    let lab = Lab::new(&world);
    let host = lab.host(&world);
    let before = host.state();
    let head = format!(
        "orchestrator: kubernetes\nkubernetes: {{ bundle: {} }}\nmachines:\n  - {{ role: control-plane }}\n",
        crate::api_server::bundle().display()
    );
    let cluster = Mixed::new(&world, &lab, &host, &name, head);
    let peer = cluster.join();
    assert_eq!(world.ready_nodes(), ["control-plane-1", "worker-1"]);
    let address = "jsonpath={.status.addresses[?(@.type==\"InternalIP\")].address}";
    assert_eq!(world.kubectl(&["get", "node", "worker-1", "-o", address]).ok(), peer);
    // Each kubelet has settings of its own machine, and none of them begins anew all the time.
    let restarts = host.run("systemctl show --property NRestarts --value kubelet").ok();
    assert_eq!(restarts.trim(), "0");
    world.dojo(&["status", &name]).ok();
    world.dojo(&["scale", &name, "--workers", "0"]).ok();
    assert_eq!(world.ready_nodes(), ["control-plane-1"]);
    cluster.end(&before);
}

fn driver(lab: &Lab, hosts: &[&Host], adopt: bool) -> SshDriver {
    let hosts = hosts.iter().map(|h| root_at(h).parse::<SshHost>().unwrap()).collect();
    let options = SshOptions {
        hosts,
        identity: Some(lab.identity()),
        config: Some(lab.config()),
        adopt,
        ..SshOptions::default()
    };
    SshDriver::new(&options, Memory::default())
}

#[tokio::test]
async fn ssh_keeps_the_contract() {
    let world = World::new();
    let lab = Lab::new(&world);
    let hosts = [lab.host(&world), lab.host(&world), lab.host(&world)];
    let before = hosts.each_ref().map(Host::state);
    contract::driver_contract(&driver(&lab, &hosts.each_ref(), false)).await;
    for (host, before) in hosts.iter().zip(&before) {
        assert_eq!(difference(before, &host.state()), NOTHING);
    }
}

#[tokio::test]
async fn a_host_of_another_cluster_is_left_alone_unless_adopted() {
    let world = World::new();
    let lab = Lab::new(&world);
    let host = lab.host(&world);
    let before = host.state();
    let (first, second) = (contract::cluster("first"), contract::cluster("second"));
    let [theirs, ours] = [&first, &second].map(|name| contract::request(name, Role::Engine, 1));
    let usual = driver(&lab, &[&host], false);
    usual.prepare(&first, std::slice::from_ref(&theirs), &contract::progress()).await.unwrap();
    usual.create(&theirs).await.unwrap();

    let asked = std::slice::from_ref(&ours);
    let usual = driver(&lab, &[&host], false);
    for refused in [
        usual.prepare(&second, asked, &contract::progress()).await.err(),
        usual.create(&ours).await.err(),
    ] {
        let error = refused.unwrap();
        let owner = theirs.id.to_string();
        assert!(matches!(&error, Error::Taken { owner: o, .. } if o.contains(&owner)), "{error}");
    }
    // Not even to give it back.
    usual.cleanup(&second, None).await.unwrap();
    usual.cleanup(&first, Some("another id")).await.unwrap();
    assert_eq!(usual.list(Some(&first)).await.unwrap().len(), 1);

    let adopting = driver(&lab, &[&host], true);
    adopting.prepare(&second, asked, &contract::progress()).await.unwrap();
    let machine = adopting.create(&ours).await.unwrap();
    assert_eq!(machine.state, MachineState::Running);
    assert_eq!(adopting.list(None).await.unwrap(), std::slice::from_ref(&machine));
    let keys = host.run("cat /root/.ssh/authorized_keys").ok();
    assert!(
        !keys.contains(&theirs.authorized_key) && keys.contains(&ours.authorized_key),
        "{keys}"
    );
    // Whoever had it before learns that it is no longer theirs, and takes nothing away.
    let stale = usual.list(None).await.unwrap().remove(0);
    let stale = clusterdojo::model::Machine { id: theirs.id.clone(), ..stale };
    usual.destroy(&stale).await.unwrap();
    adopting.destroy(&machine).await.unwrap();
    assert_eq!(difference(&before, &host.state()), NOTHING);
}

#[test]
fn a_kubernetes_cluster_on_hosts_comes_and_goes() {
    let mut world = World::new();
    let name = world.name("kube");
    let lab = Lab::new(&world);
    let (gate, hosts) = (lab.host(&world), [lab.host(&world), lab.host(&world)]);
    // The API is behind another host.
    hosts[0].hide();
    lab.offer_key();
    let before = hosts.each_ref().map(Host::state);
    let jump = root_at(&gate);
    let file = world.path().join("kube.yaml");
    let text = format!(
        "apiVersion: clusterdojo/v1\nname: {name}\norchestrator: kubernetes\n\
         machines:\n  - {{ role: control-plane, driver: ssh }}\n  - {{ role: worker, driver: ssh }}\n\
         kubernetes:\n  bundle: {}\n\
         ssh:\n  user: root\n  config: {}\n  remove-docker: true\n  hosts:\n    \
         - {{ address: {}, jump: '{jump}' }}\n    - {{ address: {} }}\n",
        crate::api_server::bundle().display(),
        lab.config().display(),
        hosts[0].address,
        hosts[1].address,
    );
    fs::write(&file, text).unwrap();
    world.dojo(&["up", "-f", file.to_str().unwrap(), "--trust"]).ok();
    assert_eq!(world.ready_nodes(), ["control-plane-1", "worker-1"]);
    // Whose it is by now is told to somebody else.
    let other = world.name("kube2");
    up(&world, &lab, &other, &[&root_at(&hosts[0])], &["--engines", "--jump", &jump])
        .fails(1, &["already taken by machine"]);
    world.dojo(&["stop", &name]).ok();
    world.dojo(&["start", &name]).ok();
    until("all nodes are ready again", 90, || world.ready_nodes().len() == 2);
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    for (host, before) in hosts.iter().zip(&before) {
        assert_eq!(difference(before, &host.state()), NOTHING);
    }
}
