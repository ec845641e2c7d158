//! Hosts as a user may have them: bare systems with sshd, in containers that the test makes itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::world::{Said, World, engine, until};

/// What the user has for reaching hosts: a key, a configuration, and the hosts that are known.
pub(super) struct Lab {
    directory: PathBuf,
}

/// A host; gone when this goes.
pub(super) struct Host {
    container: String,
    pub(super) address: String,
    /// Its public host key, one OpenSSH line.
    pub(super) key: String,
}

/// An ssh-agent; it ends when this goes.
pub(super) struct Agent {
    process: Child,
    pub(super) socket: PathBuf,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

static COUNT: AtomicU32 = AtomicU32::new(0);

fn keygen(path: &Path) -> String {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
    fs::read_to_string(path.with_extension("pub")).unwrap().trim().to_owned()
}

/// The rights that a whole system in a container needs, as far as this computer has them to give.
fn rights() -> Vec<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let bound = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap();
    let bound = u64::from_str_radix(bound.trim(), 16).unwrap();
    let resources = bound >> 24 & 1 == 1;
    let mut rights: Vec<&str> = "--cap-add=ALL --cgroupns=private --device=/dev/kmsg \
        --security-opt=seccomp=unconfined --security-opt=apparmor=unconfined \
        --security-opt=label=disable --security-opt=systempaths=unconfined --tmpfs=/run:mode=755 \
        --tmpfs=/tmp:exec,mode=1777"
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect();
    rights.push("--device-cgroup-rule=a *:* rwm");
    if !resources {
        rights.push("--cap-drop=SYS_RESOURCE");
    }
    rights.into_iter().map(str::to_owned).collect()
}

impl Lab {
    pub(super) fn new(world: &World) -> Self {
        let directory = world.path().join("lab");
        fs::create_dir_all(&directory).unwrap();
        keygen(&directory.join("identity"));
        let lab = Self { directory };
        let config = format!(
            "UserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\nIdentityAgent none\n",
            lab.known_hosts().display()
        );
        fs::write(lab.config(), config).unwrap();
        lab
    }

    /// Has every `ssh` try the key, also the one that goes to a host on the way.
    pub(super) fn offer_key(&self) {
        self.configure(&format!("IdentityFile {}\n", self.identity().display()));
    }

    /// Adds a line to the configuration.
    pub(super) fn configure(&self, line: &str) {
        let config = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), config + line).unwrap();
    }

    /// An agent that holds the key, which from now on is nowhere else. The configuration names no other one.
    pub(super) fn agent(&self) -> Agent {
        let socket = self.directory.join("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdin(Stdio::null()).stdout(Stdio::null());
        let agent = Agent { process: command.spawn().unwrap(), socket };
        until("the agent listens", 10, || agent.socket.exists());
        let mut add = Command::new("ssh-add");
        add.arg("-q").arg(self.identity()).env("SSH_AUTH_SOCK", &agent.socket);
        assert!(add.status().unwrap().success());
        fs::remove_file(self.identity()).unwrap();
        let config = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), config.replace("IdentityAgent none\n", "")).unwrap();
        agent
    }

    pub(super) fn identity(&self) -> PathBuf {
        self.directory.join("identity")
    }

    pub(super) fn config(&self) -> PathBuf {
        self.directory.join("config")
    }

    pub(super) fn known_hosts(&self) -> PathBuf {
        self.directory.join("known_hosts")
    }

    /// The flags with which `up` reaches hosts of this lab.
    pub(super) fn flags(&self) -> Vec<String> {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let words = ["--driver", "ssh", "--identity", &text(self.identity())].map(str::to_owned);
        [&words[..], &["--ssh-config".to_owned(), text(self.config())]].concat()
    }

    /// A host that nobody knows yet, except that root may log in with the key of this lab.
    pub(super) fn strange_host(&self, world: &World) -> Host {
        let image = world.dojo(&["image", "build", "--bare"]).ok();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let container = format!("t{}-host-{number}", std::process::id());
        // What an overlay file system cannot hold.
        let volumes = ["/var/lib/docker", "/var/lib/containerd", "/var/lib/kubelet"];
        let mut create = vec!["create".to_owned(), "--name".to_owned(), container.clone()];
        create.extend(["--hostname".to_owned(), format!("box-{number}")]);
        create.extend(rights());
        create.extend(volumes.map(|at| format!("--mount=type=volume,dst={at},volume-nocopy")));
        create.push(image.trim().to_owned());
        let create: Vec<&str> = create.iter().map(String::as_str).collect();
        engine(&create).ok();
        let mut host = Host { container, address: String::new(), key: String::new() };

        let root = self.directory.join(format!("root-{number}"));
        let (ssh, keys) = (root.join("etc/ssh"), root.join("root/.ssh"));
        fs::create_dir_all(&ssh).unwrap();
        fs::create_dir_all(&keys).unwrap();
        host.key = keygen(&ssh.join("ssh_host_ed25519_key"));
        fs::copy(self.identity().with_extension("pub"), keys.join("authorized_keys")).unwrap();
        let tar = Command::new("sh")
            .args([
                "-c",
                "chmod 755 . etc etc/ssh && chmod 700 root/.ssh && \
                chmod 600 root/.ssh/* && tar --owner=0 --group=0 -c . | docker cp - \"$0:/\"",
            ])
            .arg(&host.container)
            .current_dir(&root)
            .env("DOCKER_CONTEXT", "default")
            .env_remove("DOCKER_HOST")
            .stdin(Stdio::null())
            .status();
        assert!(tar.unwrap().success());
        engine(&["start", &host.container]).ok();
        let template = "{{.NetworkSettings.IPAddress}}";
        let address = engine(&["inspect", "--format", template, &host.container]).ok();
        address.trim().clone_into(&mut host.address);
        host.answers();
        // sshd is there long before the rest, which makes files of its own.
        let _ = host.run("systemctl is-system-running --wait");
        host
    }

    /// A host whose key the user has seen and believed.
    pub(super) fn host(&self, world: &World) -> Host {
        let host = self.strange_host(world);
        self.believe(&host.address, &host.key);
        host
    }

    /// Has the user's `ssh` expect a key of an address.
    pub(super) fn believe(&self, address: &str, key: &str) {
        let known = fs::read_to_string(self.known_hosts()).unwrap_or_default();
        let mut lines: Vec<_> =
            known.lines().filter(|line| !line.starts_with(&format!("{address} "))).collect();
        let line = format!("{address} {key}");
        lines.push(&line);
        fs::write(self.known_hosts(), lines.join("\n") + "\n").unwrap();
    }
}

impl Host {
    /// Runs a script as root, past all of ssh.
    pub(super) fn run(&self, script: &str) -> Said {
        engine(&["exec", &self.container, "bash", "-ec", script])
    }

    pub(super) fn answers(&self) {
        let port = format!("{}:22", self.address);
        until("sshd answers", 30, || std::net::TcpStream::connect(&port).is_ok());
    }

    /// Has it answer everybody but this computer, as if it were in a network of its own.
    pub(super) fn hide(&self) {
        self.run("ip route add prohibit $(ip route show default | cut -d ' ' -f 3)").ok();
    }

    pub(super) fn container(&self) -> &str {
        &self.container
    }

    /// Everything of the host that its owner would miss or wonder about: files, rights, users, what is
    /// installed, what runs, and how packets go.
    pub(super) fn state(&self) -> BTreeSet<String> {
        // Left out is what apt, dpkg and Docker keep of their own work, and backups of user databases;
        // and two files that belong to the engine that plays the hosts.
        let script = r#"
            cd /
            find etc root home opt usr/local usr/lib/clusterdojo var/lib/clusterdojo var/lib/docker \
                var/lib/containerd var/lib/kubelet var/lib/cni var/lib/etcd srv \
                \( -path etc/ssl/certs -o -name 'group-' -o -name 'gshadow-' -o -name ld.so.cache \
                -o -path var/lib/docker/network \) -prune -o ! -path var/lib/docker ! -path var/lib/containerd -printf '%p %M %u %g %l\n' \
                2>/dev/null || true
            find etc root home -type f ! -path 'etc/ssl/certs/*' ! -name 'group-' ! -name 'gshadow-' \
                ! -name ld.so.cache ! -path etc/hosts ! -path etc/resolv.conf -exec sha256sum {} +
            dpkg-query -W -f 'package ${Package} ${db:Status-Abbrev}\n'
            apt-mark showmanual | sed 's/^/manual /'
            apt-mark showhold | sed 's/^/held /'
            systemctl list-unit-files --no-legend --plain | sed 's/  */ /g; s/^/unit /'
            systemctl list-units --no-legend --plain --state active --type service,socket |
                awk '$1 != "systemd-logind.service" { print "active", $1 }'
            ip -o link | awk '{ print "link", $2 }' | sed 's/@.*//'
            ip -4 route | grep -v ' eth0 ' | sed 's/^/route /' || true
            sysctl net.ipv4.ip_forward
            iptables -S FORWARD 2>/dev/null || echo '-P FORWARD ACCEPT'
            iptables-save 2>/dev/null | grep '^-A' || true
            find /run -maxdepth 1 \( -name 'docker*' -o -name 'containerd*' -o -name 'clusterdojo*' \)
        "#;
        self.run(script).ok().lines().map(str::to_owned).collect()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = engine(&["rm", "-f", "-v", &self.container]);
    }
}

/// What is different, for a person to read.
pub(super) fn difference(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    let gone = before.difference(after).map(|line| format!("- {line}"));
    gone.chain(after.difference(before).map(|line| format!("+ {line}"))).collect()
}
