//! The way to a host: the user's own OpenSSH client. It has the agent, the configuration and the known
//! hosts, and never trusts a key that it does not know, because it is told so.
//!
//! The cluster's own connections (`remote`) begin once the host has the cluster's key and its own is
//! pinned.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::options::{self, SshHost, SshOptions};
use super::said::Said;
use super::tunnel::Tunnel;
use crate::driver::{Error, Source};
use crate::durable;
use crate::marked::Marks;
use crate::model::{Machine, Service, SshFiles};
use crate::pace::{stretch, within};

/// How long a connection may take to come about, in seconds.
const CONNECT: &str = "ConnectTimeout=8";
/// How long a login may take that is kept.
const LOGIN: Duration = Duration::from_secs(60);
/// Long enough to give a host back, packages included.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// The name under which a key that was given stands in a file of ours.
const ALIAS: &str = "clusterdojo-host";

/// Runs what comes on its standard input as root. It is one command for every login shell.
fn as_root(marks: &Marks) -> String {
    format!(
        "exec sh -c '{}; if [ \"$(id -u)\" = 0 ]; then exec sh -s; else exec sudo -n sh -s; fi'",
        marks.shell()
    )
}

/// One host, and how it is reached.
pub(super) struct Host {
    /// What was said of it.
    pub(super) spec: SshHost,
    /// Whether new machines may be given to it. Those of an earlier spec only give up theirs.
    pub(super) offered: bool,
    config: Option<PathBuf>,
    identity: Option<PathBuf>,
    /// The cluster's own key, which is let in once the host is claimed.
    own: Option<SshFiles>,
    resolved: OnceCell<Resolved>,
    /// Whether only the cluster's own key was let in the last time.
    by_own: AtomicBool,
}

/// What `ssh` makes of an address.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) user: String,
    port: u16,
    pub(super) route: Route,
}

/// How this computer gets to a host.
#[derive(Debug)]
pub(super) enum Route {
    /// By itself.
    Direct(SocketAddr),
    /// As only `ssh` knows how: through this other host, or by this program.
    Tunnel(String),
}

/// What is to be done with a login.
enum Errand<'a> {
    /// Run a script as root, which is between these marks.
    Run(&'a Marks, &'a str),
    /// Keep it, in the background.
    Keep(&'a Tunnel),
}

impl Host {
    pub(super) fn new(
        spec: &SshHost,
        options: &SshOptions,
        own: Option<SshFiles>,
        offered: bool,
    ) -> Self {
        let mut spec = spec.clone();
        spec.user = spec.user.or_else(|| options.user.clone());
        spec.port = spec.port.or(options.port);
        spec.jump = spec.jump.or_else(|| options.jump.clone());
        spec.adopt |= options.adopt;
        let identity = spec.identity.clone().or_else(|| options.identity.clone());
        let config = options.config.clone();
        let resolved = OnceCell::new();
        Self { spec, offered, config, identity, own, resolved, by_own: AtomicBool::new(false) }
    }

    /// As people call it.
    pub(super) fn name(&self) -> &str {
        &self.spec.address
    }

    /// What machines on this host carry as their handle; reads back as a host.
    pub(super) fn handle(&self, resolved: &Resolved) -> String {
        let address = &self.spec.address;
        let bracketed =
            if address.contains(':') { format!("[{address}]") } else { address.clone() };
        format!("{}@{bracketed}:{}", resolved.user, resolved.port)
    }

    /// Whether this is the host that is meant; what is not said of either may be anything.
    pub(super) fn covers(&self, other: &SshHost) -> bool {
        let (one, user, port) = (&self.spec.address, &self.spec.user, self.spec.port);
        let may_be = |a: bool, b: bool, same: bool| same || !a || !b;
        one == &other.address
            && may_be(user.is_some(), other.user.is_some(), *user == other.user)
            && may_be(port.is_some(), other.port.is_some(), port == other.port)
    }

    /// The host key that was given with it, one OpenSSH line.
    pub(super) fn given_key(&self) -> Option<String> {
        let (kind, data) = options::key(self.spec.host_key.as_deref()?)?;
        Some(format!("{kind} {data}"))
    }

    /// Where `ssh` would connect to, and as whom.
    pub(super) async fn resolved(&self) -> Result<&Resolved, Error> {
        self.resolved.get_or_try_init(|| self.resolve()).await
    }

    async fn resolve(&self) -> Result<Resolved, Error> {
        self.check_files()?;
        let mut command = self.command(false, None, None);
        command.arg("-G").arg("--").arg(&self.spec.address);
        // Its configuration can include a pipe, or name a command (`Match exec`) that does not end.
        let output = within(LOGIN, command.output()).await.map_err(|_elapsed| {
            self.silent(format!(
                "`ssh -G` has not read your configuration of ssh within {} s",
                stretch(LOGIN).as_secs()
            ))
        })?;
        let output = output.map_err(|source| self.no_client(source))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(self.silent(said));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let setting = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(k, _)| *k == key).map(|(_, value)| value.trim().to_owned())
        };
        let name = setting("hostname").unwrap_or_else(|| self.spec.address.clone());
        let port = setting("port").and_then(|port| port.parse().ok()).unwrap_or(22);
        let user = setting("user").unwrap_or_default();
        let through = |key| setting(key).filter(|way| way != "none");
        if let Some(way) = through("proxyjump").or_else(|| through("proxycommand")) {
            // Perhaps its name means something only there.
            return Ok(Resolved { user, port, route: Route::Tunnel(way) });
        }
        let found = tokio::net::lookup_host((name.as_str(), port)).await;
        let mut addresses: Vec<_> = found.map_err(|e| self.silent(e.to_string()))?.collect();
        // The same one each time, whatever order a name server chooses.
        addresses.sort();
        let address = addresses.first().copied();
        let address = address.ok_or_else(|| self.silent("its name has no address".to_owned()))?;
        Ok(Resolved { user, port, route: Route::Direct(address) })
    }

    /// Refuses what `ssh` would wait for without end, as it does for a pipe that nobody writes to.
    fn check_files(&self) -> Result<(), Error> {
        let (config, identity) = (("configuration", &self.config), ("identity", &self.identity));
        for (what, path) in [config, identity] {
            let Some(path) = path else { continue };
            match durable::read(path, durable::TEXT) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    let file = format!("the {what} of ssh, `{}`", path.display());
                    return Err(Error::Failed {
                        operation: "use",
                        subject: file,
                        source: error.into(),
                    });
                }
                // Whether one that is not there matters, `ssh` knows.
                _ => {}
            }
        }
        Ok(())
    }

    /// Runs a script as root and returns what it prints. `inputs` are shell variables.
    pub(super) async fn run(&self, inputs: &[(&str, &str)], body: &str) -> Result<String, Error> {
        let marks = Marks::random();
        let script = marks.around(&script(inputs, body)) + "\n";
        let said = self.log_in(&Errand::Run(&marks, &script)).await?;
        said.judge(self.name(), self.spec.host_key.is_some()).map_err(|e| self.explained(e))
    }

    /// Opens the way to the machine that this host is, unless it is open, or there is no need for one.
    pub(super) async fn open_tunnel(&self, machine: &Machine) -> Result<(), Error> {
        let resolved = self.resolved().await?;
        // Without the cluster's own keys, nobody needs the way either.
        let (Route::Tunnel(_), Some(keys)) = (&resolved.route, &self.own) else { return Ok(()) };
        let tunnel = Tunnel::to(&machine.id, keys);
        let failed = |source: std::io::Error| Error::Failed {
            operation: "open the way to",
            subject: format!("host `{}`", self.name()),
            source: source.into(),
        };
        let _turn = tunnel.turn().await.map_err(failed)?;
        if !tunnel.is_open().await.map_err(failed)? {
            let said = self.log_in(&Errand::Keep(&tunnel)).await?;
            if !said.is_success() {
                let refusal = said.refusal(self.name(), self.spec.host_key.is_some());
                return Err(self.explained(refusal));
            }
        }
        let there = |service: &Service| port_of(*service, resolved.port);
        let ports = machine.endpoints.iter().map(|(service, here)| (*here, there(service)));
        tunnel.lead(&ports.collect::<Vec<_>>()).await.map_err(failed)
    }

    /// Logs in with the user's keys or, where these are not let in, with the cluster's own; with those first
    /// that were let in the last time.
    async fn log_in(&self, errand: &Errand<'_>) -> Result<Said, Error> {
        let own_first = self.by_own.load(Ordering::Relaxed);
        let said = self.attempt(own_first, errand).await?;
        let other =
            if own_first { true } else { self.own.as_ref().is_some_and(|o| o.identity.exists()) };
        if other && said.denied() {
            let again = self.attempt(!own_first, errand).await?;
            if !again.denied() {
                self.by_own.store(!own_first, Ordering::Relaxed);
                return Ok(again);
            }
        }
        Ok(said)
    }

    async fn attempt(&self, own: bool, errand: &Errand<'_>) -> Result<Said, Error> {
        let given = match self.spec.host_key.as_deref().and_then(options::key) {
            Some((kind, data)) => Some((kind, self.known_hosts(kind, data)?)),
            None => None,
        };
        let given_key = given.as_ref().map(|(kind, file)| (*kind, file.path()));
        match errand {
            Errand::Run(marks, script) => {
                self.run_script(self.command(own, given_key, None), marks, script).await
            }
            Errand::Keep(tunnel) => {
                let command = self.command(own, given_key, Some(&tunnel.socket));
                self.keep(command, &tunnel.directory).await
            }
        }
    }

    async fn run_script(
        &self,
        mut command: Command,
        marks: &Marks,
        script: &str,
    ) -> Result<Said, Error> {
        command.arg("-T").arg("--").arg(&self.spec.address).arg(as_root(marks));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|source| self.no_client(source))?;
        let mut input = child.stdin.take().expect("standard input is a pipe");
        let send = async {
            // If it ends before it has read everything, its status tells why.
            let _ = input.write_all(script.as_bytes()).await;
            drop(input);
        };
        let work = async { tokio::join!(send, child.wait_with_output()).1 };
        let output = within(PATIENCE, work).await.map_err(|_elapsed| {
            self.silent(format!(
                "it has not done what it was told within {} s",
                stretch(PATIENCE).as_secs()
            ))
        })?;
        let output = output.map_err(|source| self.no_client(source))?;
        let within = |bytes: &[u8]| {
            let mut stream = marks.stream();
            let mut text = stream.push(bytes);
            text.extend(stream.rest());
            stream.has_begun().then(|| String::from_utf8_lossy(&text).into_owned())
        };
        let all = || String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Said {
            status: output.status.code(),
            stdout: within(&output.stdout),
            stderr: within(&output.stderr).unwrap_or_else(all),
            shell: marks.shell_reached(&output.stdout),
        })
    }

    /// Logs in and goes into the background.
    async fn keep(&self, mut command: Command, directory: &Path) -> Result<Said, Error> {
        command.current_dir(directory).arg("-fN").arg("--").arg(&self.spec.address);
        // Ctrl-C at the terminal is not meant for it, nor for the one that it starts for a jump host.
        command.process_group(0);
        // A pipe would not end before the client in the background does.
        let stderr = NamedTempFile::with_prefix("dojo-ssh-");
        let stderr = stderr.map_err(|source| self.no_client(source))?;
        let theirs = stderr.reopen().map_err(|source| self.no_client(source))?;
        command.stdout(Stdio::null()).stderr(theirs);
        let status = within(LOGIN, command.status()).await;
        let status = status.map_err(|_elapsed| {
            self.silent(format!("nobody was logged in within {} s", stretch(LOGIN).as_secs()))
        })?;
        let status = status.map_err(|source| self.no_client(source))?.code();
        // What cannot be read is missing from an error's text, and from nothing else.
        let stderr = fs::read(stderr.path()).unwrap_or_default();
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        Ok(Said { status, stdout: None, stderr, shell: false })
    }

    /// `ssh`, told never to ask and never to trust. With a socket it is a control master.
    fn command(&self, own: bool, given: Option<(&str, &Path)>, socket: Option<&str>) -> Command {
        let mut command = Command::new("ssh");
        command.kill_on_drop(true).stdin(Stdio::null());
        // The `ssh` that it starts for a jump host is told nothing of what follows, but may not ask either.
        command.env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
        if let Some(config) = &self.config {
            command.arg("-F").arg(config);
        }
        let mut set = |option: &str| {
            command.arg("-o").arg(option);
        };
        [
            // The first value that is given counts, so the user's own configuration changes none of these.
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "UpdateHostKeys=no",
            CONNECT,
            "ServerAliveInterval=10",
            "ServerAliveCountMax=6",
            "ClearAllForwardings=yes",
            "ForwardAgent=no",
            "ForwardX11=no",
            "PermitLocalCommand=no",
            "RemoteCommand=none",
            "LogLevel=ERROR",
        ]
        .into_iter()
        .for_each(&mut set);
        // A connection that is there already may have been made with less care.
        set(if socket.is_some() { "ControlMaster=yes" } else { "ControlMaster=no" });
        set(&format!("ControlPath={}", socket.unwrap_or("none")));
        set("ControlPersist=no");
        if let Some((kind, file)) = given {
            set(&format!("UserKnownHostsFile=\"{}\"", file.display()));
            set("GlobalKnownHostsFile=/dev/null");
            set(&format!("HostKeyAlias={ALIAS}"));
            set(&format!("HostKeyAlgorithms={kind}"));
            set("VerifyHostKeyDNS=no");
        }
        let identity = match (own, &self.own) {
            (true, Some(files)) => {
                set("IdentityAgent=none");
                Some(&files.identity)
            }
            _ => self.identity.as_ref(),
        };
        if let Some(identity) = identity {
            // Otherwise an agent with many keys uses up the tries that sshd allows.
            set("IdentitiesOnly=yes");
            command.arg("-i").arg(identity);
        }
        if let Some(jump) = &self.spec.jump {
            command.arg("-J").arg(jump);
        }
        if let Some(user) = &self.spec.user {
            command.arg("-l").arg(user);
        }
        if let Some(port) = self.spec.port {
            command.arg("-p").arg(port.to_string());
        }
        command
    }

    /// A file that knows the key that was given, and no other.
    fn known_hosts(&self, kind: &str, data: &str) -> Result<NamedTempFile, Error> {
        let write = || {
            let mut file = NamedTempFile::with_prefix("dojo-known-hosts-")?;
            writeln!(file, "{ALIAS} {kind} {data}")?;
            Ok(file)
        };
        write().map_err(|source: std::io::Error| Error::Failed {
            operation: "write",
            subject: format!("the key of host `{}`", self.name()),
            source: source.into(),
        })
    }

    /// An error with the way on which it came about: it may be of another host there.
    fn explained(&self, error: Error) -> Error {
        match (error, self.resolved.get().map(|resolved| &resolved.route)) {
            (Error::NoLogin { host, source }, Some(Route::Tunnel(way))) => Error::NoLogin {
                host,
                source: format!("on the way through `{way}`: {source}").into(),
            },
            (error, _) => error,
        }
    }

    fn silent(&self, why: String) -> Error {
        Error::NoLogin { host: self.name().to_owned(), source: Source::from(why) }
    }

    fn no_client(&self, source: std::io::Error) -> Error {
        Error::Failed {
            operation: "run `ssh` to reach",
            subject: format!("host `{}`", self.name()),
            source: source.into(),
        }
    }
}

/// The port at which a service of a host is, whose sshd is at this one.
pub(super) fn port_of(service: Service, sshd: u16) -> u16 {
    match service {
        Service::Ssh => sshd,
        _ => service.port(),
    }
}

/// A script with its inputs ahead of it.
fn script(inputs: &[(&str, &str)], body: &str) -> String {
    let mut text = String::new();
    for (name, value) in inputs {
        // POSIX.1-2024, Shell Command Language, 2.2.2.
        text.push_str(&format!("{name}='{}'\n", value.replace('\'', r"'\''")));
    }
    text.push_str(body);
    text.push_str("\nexit 0\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_stay_values() {
        let text = script(&[("A", "it's $(id)")], "printf %s \"$A\"\n");
        let output = std::process::Command::new("sh").args(["-c", &text]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "it's $(id)");
    }

    #[tokio::test(start_paused = true)]
    async fn a_configuration_that_is_never_read_to_its_end_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let (pipe, config) = (directory.path().join("pipe"), directory.path().join("config"));
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        fs::write(&config, format!("Include {}\n", pipe.display())).unwrap();
        let options = SshOptions { config: Some(config), ..SshOptions::default() };
        let host = Host::new(&SshHost::new("192.0.2.1"), &options, None, true);
        let said = crate::event::chain(&host.resolved().await.unwrap_err());
        assert!(said.contains("`ssh -G`") && said.contains("within 60 s"), "{said}");
    }
}
