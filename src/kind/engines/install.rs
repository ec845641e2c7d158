//! From a machine to a node with an engine: Docker is installed, and has proven itself behind mutual TLS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use crate::durable;
use crate::event::chain;
use crate::failpoint;
use crate::model::{EngineChannel, EngineOptions, Machine, MachineId, Secret, Service};
use crate::pki::{self, Authority, Identity};
use crate::provision::{Error, Ground, Held, Install, Installed, Restart};
use crate::remote::Script;
use crate::remote::by_hand::Commands;

/// How long the engine may take to answer after systemd said that it has started.
const START: Duration = Duration::from_secs(60);

/// An engine, with what was chosen about it.
#[derive(Debug, Clone)]
pub(in crate::kind) struct Docker(pub EngineOptions);

#[async_trait]
impl Install for Docker {
    /// Brings a machine to where its engine answers over mutual TLS. Doing it again restarts nothing.
    async fn install(&self, on: &Ground<'_>) -> Result<Installed, Error> {
        let Ground { machine, progress, .. } = *on;
        let install = install(&self.0);
        progress.step(&*install.title, on.remote.run(&install)).await?;
        let mut held = self.configure(on, on.restart).await?;
        failpoint::reached("provision.after");
        let verify = || {
            let connect = on.dialer.engine(machine, &on.provisioner.tls, START);
            progress.step("verify mutual TLS", connect)
        };
        let engine = match verify().await {
            // What it has works no longer, so nothing is lost by a restart.
            Err(error) if held.any() => {
                let why = chain(&error);
                progress.warn(format!("its engine is restarted at once: {why}"));
                held = self.configure(on, Restart::Now).await?;
                verify().await?
            }
            verified => verified?,
        };
        Ok(Installed::new(engine).holding(held))
    }
}

impl Docker {
    /// Has the engine of a machine run as it is to, and returns what was held back.
    async fn configure(&self, on: &Ground<'_>, restart: Restart) -> Result<Held, Error> {
        let Ground { provisioner, machine, .. } = *on;
        let authority = &provisioner.authority;
        let Certificate { identity, is_due } = certificate(
            authority,
            &provisioner.pki.join(machine.id.name.to_string()),
            &machine.id,
            &Served::by(machine),
            restart,
        )
        .map_err(|source| Error::Certificate { machine: machine.id.clone(), source })?;
        on.remote.by_hand(&|| certificate_by_hand(&machine.id, &Served::by(machine)));
        let script = configure(&self.0, authority.cert_pem(), &identity, restart);
        let said = on.progress.step(&*script.title, on.remote.run(&script)).await?;
        let held = held(&said);
        Ok(Held { certificates: held.certificates || is_due, ..held })
    }
}

/// Installs the engine where there is none.
fn install(options: &EngineOptions) -> Script {
    Script::new(
        "install Docker",
        "Every machine needs a Docker engine. Packages of the distribution are tested with its kernel \
         and get its security updates; nothing is piped from the network into a shell.",
        concat!(
            include_str!("../../../templates/apt.sh"),
            include_str!("../../../templates/keyring.sh"),
            include_str!("../../../templates/docker-repository.sh"),
            include_str!("../../../templates/engine/install.sh")
        ),
    )
    .with(
        "CHANNEL",
        match options.channel {
            EngineChannel::Distro => "distro",
            EngineChannel::DockerCe => "docker-ce",
        },
    )
    .with("DOCKER_REPOSITORY", options.repository())
    .with("DOCKER_KEY", options.repository_key())
}

/// Puts the engine behind mutual TLS.
fn configure(options: &EngineOptions, ca: &str, identity: &Identity, restart: Restart) -> Script {
    Script::new(
        "start Docker with mutual TLS",
        "Whoever can talk to a Docker engine is root on its machine. So the engine answers over the \
         network only to clients with a certificate from this cluster's own authority, and proves by \
         its own certificate that it is the right engine.",
        include_str!("../../../templates/engine/configure.sh"),
    )
    .with("CA", ca.trim_end())
    .with("CERT", identity.cert.trim_end())
    .with_secret("KEY", &Secret::new(identity.key.expose().trim_end()))
    .with("DAEMON", daemon_json(options))
    .with("HOLD", if restart == Restart::Later { "yes" } else { "" })
}

/// What the script says that it holds back.
fn held(said: &str) -> Held {
    let says = |what: &str| said.lines().any(|line| line == what);
    Held { settings: says("held settings"), certificates: says("held certificates") }
}

/// The contents of `daemon.json`; empty if nothing was asked for.
fn daemon_json(options: &EngineOptions) -> String {
    let mut daemon: Map<String, Value> = options.daemon.clone();
    let mut add = |key: &str, values: &[String]| {
        if !values.is_empty() {
            daemon.insert(key.to_owned(), json!(values));
        }
    };
    add("registry-mirrors", &options.registry_mirrors);
    add("insecure-registries", &options.insecure_registries);
    add("labels", &options.labels);
    if daemon.is_empty() { String::new() } else { format!("{:#}", Value::Object(daemon)) }
}

const CERT_FILE: &str = "cert.pem";
const KEY_FILE: &str = "key.pem";

/// What a machine's certificate is good for.
struct Served {
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    /// The one of the addresses at which this computer reaches the engine.
    dialled: Option<IpAddr>,
}

impl Served {
    fn by(machine: &Machine) -> Self {
        let names = vec![machine.id.name.to_string(), machine.id.alias(), "localhost".to_owned()];
        // Whatever this computer dials must be in the certificate, for `docker` verifies the host of
        // its URL; the private address is for peers and for people on the machines.
        let mut addresses: Vec<IpAddr> =
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), machine.private_ip];
        addresses.extend(machine.endpoints.values().map(SocketAddr::ip));
        addresses.sort();
        addresses.dedup();
        let dialled = machine.endpoint(Service::Engine).ok().map(|endpoint| endpoint.ip());
        Self { names, addresses, dialled }
    }

    /// Whether a certificate is good for all of that, and not ageing.
    fn fits(&self, authority: &Authority, identity: &Identity) -> bool {
        let (cert, key) = (&identity.cert, identity.key.expose());
        authority.covers(cert, key, &self.names, &self.addresses)
    }

    /// Whether one still works for this computer.
    fn works(&self, authority: &Authority, identity: &Identity) -> bool {
        authority.serves(&identity.cert, identity.key.expose(), self.dialled.as_slice())
    }
}

/// A machine's certificate.
struct Certificate {
    identity: Identity,
    /// Whether it still works, but another one is to take its place.
    pub(super) is_due: bool,
}

/// The machine's certificate: the one that was issued before as long as it still fits, so that
/// provisioning again need not restart the engine, and if the restart is to wait, as long as it still
/// works; else a new one.
fn certificate(
    authority: &Authority,
    directory: &Path,
    machine: &MachineId,
    served: &Served,
    restart: Restart,
) -> Result<Certificate, pki::Error> {
    if let Some(identity) = issued(directory) {
        if served.fits(authority, &identity) {
            return Ok(Certificate { identity, is_due: false });
        }
        if restart == Restart::Later && served.works(authority, &identity) {
            return Ok(Certificate { identity, is_due: true });
        }
    }
    let (cert_path, key_path) = (directory.join(CERT_FILE), directory.join(KEY_FILE));
    let identity = authority.server(&machine.alias(), &served.names, &served.addresses)?;
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| pki::Error::File { operation: "write", path, source }
    };
    durable::private_directory(directory).map_err(file(directory))?;
    // The key goes first: a certificate beside another's key is noticed and replaced, see `covers`.
    durable::replace(&key_path, identity.key.expose().as_bytes(), 0o600)
        .map_err(file(&key_path))?;
    durable::replace(&cert_path, identity.cert.as_bytes(), 0o644).map_err(file(&cert_path))?;
    Ok(Certificate { identity, is_due: false })
}

/// The same certificate, made by a person.
fn certificate_by_hand(machine: &MachineId, served: &Served) -> Commands {
    let addresses: Vec<String> = served.addresses.iter().map(ToString::to_string).collect();
    let (name, subject) = (machine.name.to_string(), machine.alias());
    Commands::new(
        "make the engines' certificates",
        "Clients compare the name or the address that they dial with those in the certificate, so all that may be \
         dialled has to be in it.",
        pki::by_hand::server(&name, &subject, &served.names, &addresses),
    )
}

/// What was issued before, whatever it is worth.
fn issued(directory: &Path) -> Option<Identity> {
    let read = |name| durable::read_to_string(&directory.join(name), durable::KEY).ok();
    Some(Identity { cert: read(CERT_FILE)?, key: Secret::new(read(KEY_FILE)?) })
}

/// Whether the engine of a machine is to have another certificate, as far as this computer knows. `pki` is where
/// the cluster's are.
pub fn is_due(pki: &Path, machine: &Machine) -> bool {
    let Ok(authority) = Authority::load(pki) else { return false };
    let issued = issued(&pki.join(machine.id.name.to_string()));
    authority.ages() || !issued.is_some_and(|it| Served::by(machine).fits(&authority, &it))
}

/// Whether the engine of a machine has a certificate that works where this computer dials it, as far as this computer
/// knows. `pki` is where the cluster's are.
pub fn serves(pki: &Path, machine: &Machine) -> bool {
    let Ok(authority) = Authority::load(pki) else { return false };
    let issued = issued(&pki.join(machine.id.name.to_string()));
    issued.is_some_and(|it| Served::by(machine).works(&authority, &it))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn daemon_json_holds_what_was_asked_for_and_nothing_else() {
        assert_eq!(daemon_json(&EngineOptions::default()), "");
        let mut options = EngineOptions {
            registry_mirrors: vec!["https://mirror.example".to_owned()],
            labels: vec!["disk=ssd".to_owned()],
            ..EngineOptions::default()
        };
        options.daemon.insert("debug".to_owned(), true.into());
        insta::assert_snapshot!(daemon_json(&options), @r#"
        {
          "debug": true,
          "registry-mirrors": [
            "https://mirror.example"
          ],
          "labels": [
            "disk=ssd"
          ]
        }
        "#);
    }

    /// A machine's files in a directory, and a systemd that notes what it is asked.
    struct Files(tempfile::TempDir);

    impl Files {
        const SERVER: &str = "etc/docker/clusterdojo/server.pem";

        fn new() -> Self {
            let files = Self(tempfile::tempdir().unwrap());
            files.write("usr/lib/systemd/system/docker.service", "ExecStart=/usr/bin/dockerd\n");
            files.write(
                "bin/systemctl",
                "#!/bin/sh\n[ \"$1\" = --quiet ] && shift\ncase $1 in\n\
                 is-active) [ -e \"$ROOT/restart\" ] ;;\nis-enabled) [ -e \"$ROOT/enable\" ] ;;\n\
                 show) echo /etc/overruled.conf ;;\n\
                 restart) echo x >>\"$ROOT/restart\"\n\
                 [ -e \"$ROOT/overruled\" ] || cp \"$ROOT/listening\" \"$ROOT/sockets\" ;;\n\
                 *) echo x >>\"$ROOT/$1\" ;;\nesac\n",
            );
            let program = files.0.path().join("bin/systemctl");
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
            // As /proc/net/tcp6 tells it: address, that of the other side, state.
            files.write("listening", " 0: 00000000:0948 00000000:0000 0A 00000000:00000000\n");
            files
        }

        fn write(&self, file: &str, text: &str) {
            let file = self.0.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }

        fn read(&self, file: &str) -> String {
            fs::read_to_string(self.0.path().join(file)).unwrap_or_default()
        }

        /// How many times the engine was started.
        fn starts(&self) -> usize {
            self.read("restart").lines().count()
        }

        fn configure(&self, cert: &str, debug: bool, restart: Restart) -> String {
            self.try_to_configure(cert, debug, restart).unwrap()
        }

        /// What it says, or what it says of its failure.
        fn try_to_configure(
            &self,
            cert: &str,
            debug: bool,
            restart: Restart,
        ) -> Result<String, String> {
            let mut options = EngineOptions::default();
            options.daemon.insert("debug".to_owned(), debug.into());
            let identity = Identity { cert: cert.to_owned(), key: Secret::new("key") };
            let script = super::configure(&options, "ca", &identity, restart).render();
            let root = self.0.path().to_str().unwrap();
            let script = script
                .expose()
                .replace("/etc/", &format!("{root}/etc/"))
                .replace(" /usr/lib/", &format!(" {root}/usr/lib/"))
                .replace("/proc/net/tcp6", &format!("{root}/sockets"))
                .replace("/proc/net/tcp ", "");
            let file = self.0.path().join("configure.sh");
            fs::write(&file, script).unwrap();
            let path = format!("{root}/bin:{}", std::env::var("PATH").unwrap());
            let mut shell = Command::new("sh");
            let output = shell.arg(file).env("PATH", path).env("ROOT", root).output().unwrap();
            let text = |said| String::from_utf8(said).unwrap();
            if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
        }
    }

    #[test]
    fn an_engine_that_runs_is_not_restarted_before_somebody_has_seen_to_it() {
        let files = Files::new();
        let later = |cert, debug| files.configure(cert, debug, Restart::Later);
        // One that does not run yet has nothing to lose.
        assert_eq!((later("one", false).as_str(), files.starts()), ("", 1));
        assert_eq!((later("one", false).as_str(), files.starts()), ("", 1));

        assert_eq!(later("two", false), "held certificates\n");
        assert_eq!(later("one", true), "held settings\n");
        assert_eq!(later("two", true), "held settings\nheld certificates\n");
        let unit = "usr/lib/systemd/system/docker.service";
        files.write(unit, "ExecStart=/usr/sbin/dockerd\n");
        assert_eq!(later("one", false), "held settings\n");
        assert_eq!((files.starts(), files.read(Files::SERVER).as_str()), (1, "one\n"));

        assert_eq!(files.configure("two", true, Restart::Now), "");
        assert_eq!((files.starts(), files.read(Files::SERVER).as_str()), (2, "two\n"));
        assert_eq!((later("two", true).as_str(), files.starts()), ("", 2));

        // A restart that was cut short is made up for.
        files.write("etc/docker/clusterdojo/pending", "");
        assert_eq!((later("three", true).as_str(), files.starts()), ("", 3));
        // Whether it starts at boot takes no restart.
        fs::remove_file(files.0.path().join("enable")).unwrap();
        assert_eq!((later("three", true).as_str(), files.starts()), ("", 3));
        assert_eq!(files.read("enable"), "x\n");
    }

    #[test]
    fn an_engine_that_does_not_listen_as_it_was_told_is_restarted_at_once() {
        let files = Files::new();
        let later = || files.try_to_configure("one", false, Restart::Later);
        assert_eq!((later(), files.starts()), (Ok(String::new()), 1));
        // Somebody has started it in another way. Whoever is connected to it does not listen.
        files.write("sockets", " 0: 0100007F:0948 0100007F:9C40 01 00000000:00000000\n");
        assert_eq!((later(), files.starts()), (Ok(String::new()), 2));
        assert_eq!((later(), files.starts()), (Ok(String::new()), 2));
        // What has overruled it is named.
        files.write("overruled", "");
        files.write("sockets", "");
        let why = later().unwrap_err();
        assert!(why.contains("does not listen at port 2376"), "{why}");
        assert!(why.contains("/etc/overruled.conf"), "{why}");
        // It has its own files still, for the next time.
        assert_eq!(files.read(Files::SERVER), "one\n");
    }

    #[test]
    fn what_is_held_back_is_said_in_lines_of_their_own() {
        let all = Held { settings: true, certificates: true };
        assert_eq!(held("held settings\nheld certificates\n"), all);
        assert_eq!(held("held certificates"), Held { certificates: true, ..Held::default() });
        assert!(!held("nothing is held settings\n").any());
    }
}
