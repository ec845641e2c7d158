//! A real sshd on a port of its own, with nothing of the system's configuration, and a wire to it
//! that can be cut.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use clusterdojo::model::{
    DriverName, Machine, MachineId, MachineState, Orchestrator, Service, SshFiles,
};
use clusterdojo::remote::keys;
use tempfile::TempDir;

/// The files of both sides, and a port that was free a moment ago.
pub(super) struct World {
    pub(super) dir: TempDir,
    pub(super) files: SshFiles,
    pub(super) port: u16,
}

impl World {
    /// Our key is authorized and the Ed25519 host key is pinned; nothing runs yet.
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = SshFiles::in_directory(dir.path());
        let public = keys::ensure_identity(&files).unwrap();
        fs::write(dir.path().join("authorized_keys"), public).unwrap();
        for kind in ["ed25519", "ecdsa"] {
            ssh_keygen(kind, &dir.path().join(kind));
        }
        let port = free_port();
        let world = Self { dir, files, port };
        world.pin("ed25519");
        world
    }

    /// Pins one of the host keys.
    pub(super) fn pin(&self, kind: &str) {
        let path = self.dir.path().join(kind).with_extension("pub");
        let alias = self.machine().id.alias();
        keys::pin(&self.files.known_hosts, &[(alias, fs::read_to_string(path).unwrap())]).unwrap();
    }

    /// The machine that the sshd plays.
    pub(super) fn machine(&self) -> Machine {
        machine_at(self.port)
    }

    /// Starts sshd with these host keys and waits until it listens.
    pub(super) fn start(&self, host_keys: &[&str]) -> Sshd {
        let sshd = self.launch(host_keys);
        let begin = Instant::now();
        while !self.log().contains("Server listening") {
            assert!(begin.elapsed() < Duration::from_secs(10), "{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
        sshd
    }

    fn launch(&self, host_keys: &[&str]) -> Sshd {
        let dir = self.dir.path();
        if whoami() == "root" {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let mut config = format!(
            "ListenAddress 127.0.0.1\nPort {}\nPidFile none\nUsePAM no\nStrictModes no\n\
             PermitRootLogin yes\nPasswordAuthentication no\nLogLevel DEBUG1\n\
             AuthorizedKeysFile {}\n",
            self.port,
            dir.join("authorized_keys").display(),
        );
        for kind in host_keys {
            writeln!(config, "HostKey {}", dir.join(kind).display()).unwrap();
        }
        let path = dir.join("sshd_config");
        fs::write(&path, config).unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(&path)
            .stderr(File::create(dir.join("log")).unwrap())
            .spawn()
            .expect("these tests need sshd: apt-get install openssh-server");
        Sshd(child)
    }

    /// What sshd has logged so far.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// How many connections sshd has seen, and how many times somebody has begun to log in.
    pub(super) fn seen(&self) -> (usize, usize) {
        let log = self.log();
        let count = |text| log.matches(text).count();
        (count("Connection from "), count("userauth-request for user"))
    }
}

/// The machine behind a port.
pub(super) fn machine_at(port: u16) -> Machine {
    Machine {
        id: MachineId { cluster: "practice".parse().unwrap(), name: "worker-1".parse().unwrap() },
        driver: DriverName::fixed("docker"),
        cluster_id: "4f2a".to_owned(),
        home: None,
        orchestrator: Orchestrator::Engines,
        handle: "test".to_owned(),
        state: MachineState::Running,
        user: whoami(),
        private_ip: [127, 0, 0, 1].into(),
        endpoints: [(Service::Ssh, local(port))].into(),
        expires: None,
        cost: None,
    }
}

/// A running sshd; ends with the value.
pub(super) struct Sshd(Child);

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A wire to a port, as a published port is: it accepts at once, and closes again what nobody behind
/// it takes.
pub(super) struct Wire {
    pub(super) port: u16,
    ends: Arc<Mutex<Vec<TcpStream>>>,
    cut: Arc<AtomicBool>,
}

impl Wire {
    pub(super) fn to(target: u16) -> Self {
        let listener = TcpListener::bind(local(0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (ends, cut) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let wire = Self { port, ends: Arc::clone(&ends), cut: Arc::clone(&cut) };
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if cut.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(far) = TcpStream::connect(local(target)) else {
                    continue;
                };
                let (near2, far2) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                ends.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                thread::spawn(move || pass(near, far));
                thread::spawn(move || pass(far2, near2));
            }
        });
        wire
    }

    /// Cuts every connection; no further ones are accepted.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for end in self.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

pub(super) fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind(local(0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn ssh_keygen(kind: &str, path: &Path) {
    let output = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", kind, "-f"])
        .arg(path)
        .output()
        .expect("these tests need ssh-keygen: apt-get install openssh-client");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub(super) fn whoami() -> String {
    let output: io::Result<_> = Command::new("id").arg("-un").output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}
