//! A driver, a dialer and a swarm that touch nothing but one file, so that the order of work, the
//! command line and every failure can be tested in milliseconds.
//!
//! `DOJO_FAKE_FAIL=create:worker-1,boot:worker-2` makes the named operations fail on the named machines. They have
//! Kubernetes, and all images by name;
//! `DOJO_FAKE_IMAGES=sha256:1=web:1+web:2,sha256:2=` is what this computer has of images.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;

use crate::bootstrap::{self, Bootstrapper, JoinToken, Membership, Removal};
use crate::driver::fake::DRIVER;
use crate::driver::{self, Driver, Force, Image, Images, Source};
use crate::event::Progress;
use crate::model::{
    Access, ClusterName, DriverName, Finding, KubernetesVersion, Machine, MachineId, MachineName,
    MachineRequest, MachineState, Place, Role, Secret, Service, SshFiles, TlsFiles,
    familiar_reference,
};
use crate::provision::Node;
use crate::remote::{self, Dialer, Engine, Hear, Input, Printed, Remote, Script, Stream};

/// The world of the fake: machines in a file, so that the next process finds them.
#[derive(Debug)]
pub struct Fake {
    file: PathBuf,
    failing: Vec<(String, MachineName)>,
    state: Mutex<State>,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// What tells this world from another one in the same file.
    id: String,
    machines: Vec<Machine>,
    members: Vec<String>,
    /// What machines say of their snapshots, by machine and by name: `whole`, and what is told.
    #[serde(default)]
    snapshots: BTreeMap<String, BTreeMap<String, String>>,
    /// What they say that their state belongs to.
    #[serde(default = "release")]
    runs: String,
}

fn release() -> String {
    "Docker 26.1.5".to_owned()
}

impl Default for State {
    fn default() -> Self {
        let id = format!("{:016x}", rand::random::<u64>());
        let (machines, members) = (Vec::new(), Vec::new());
        Self { id, machines, members, snapshots: BTreeMap::new(), runs: release() }
    }
}

impl Fake {
    /// The fake of a place, or else the one that the environment describes: `DOJO_FAKE_STATE` names its file.
    pub fn at(place: Option<&Place>) -> Self {
        let file = place.and_then(|place| Some(place.options.get("file")?.as_str()?.into()));
        let file = file.or_else(|| env::var_os("DOJO_FAKE_STATE").map(PathBuf::from));
        let file = file.unwrap_or_else(default_file);
        let failing = env::var("DOJO_FAKE_FAIL").unwrap_or_default();
        let failing = failing.split(',').filter_map(|entry| {
            let (operation, machine) = entry.split_once(':')?;
            Some((operation.to_owned(), machine.parse().ok()?))
        });
        let state = Mutex::new(read(&file).unwrap_or_default());
        Self { failing: failing.collect(), state, file }
    }

    fn fails(&self, operation: &str, machine: MachineName) -> bool {
        self.failing.iter().any(|(o, m)| o == operation && *m == machine)
    }

    fn driver_failure(&self, operation: &'static str, id: &MachineId) -> Result<(), driver::Error> {
        if self.fails(operation, id.name) {
            return Err(driver::Error::Failed {
                operation,
                subject: format!("machine `{id}`"),
                source: Source::from("the test wants it so"),
            });
        }
        Ok(())
    }

    /// The world as it is now; another process may have changed it.
    fn read(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().expect("no test panics while it holds the lock");
        if let Some(now) = read(&self.file) {
            *state = now;
        }
        state
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.read();
        let value = change(&mut state);
        let text = serde_json::to_vec_pretty(&*state).expect("the state is plain data");
        fs::write(&self.file, text).expect("the test's directory is writable");
        value
    }

    fn set_state(&self, id: &MachineId, state: MachineState) {
        self.change(|s| {
            s.machines.iter_mut().filter(|m| m.id == *id).for_each(|m| m.state = state);
        });
    }
}

fn read(file: &Path) -> Option<State> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

fn default_file() -> PathBuf {
    env::temp_dir().join("clusterdojo-fake.json")
}

#[async_trait]
impl Driver for Fake {
    fn name(&self) -> DriverName {
        DRIVER
    }

    async fn place(&self) -> Result<Place, driver::Error> {
        let file = self.file.display().to_string();
        Ok(Place {
            name: format!("the world in `{file}`"),
            id: Some(self.read().id.clone()),
            options: BTreeMap::from([("file".to_owned(), file.into())]),
        })
    }

    async fn check(&self) -> Result<Vec<Finding>, driver::Error> {
        Ok(vec![Finding::ok("fake", "nothing can be missing")])
    }

    async fn prepare(
        &self,
        _cluster: &ClusterName,
        _requests: &[MachineRequest],
        _progress: &Progress,
    ) -> Result<(), driver::Error> {
        Ok(())
    }

    async fn create(&self, request: &MachineRequest) -> Result<Machine, driver::Error> {
        self.driver_failure("create", &request.id)?;
        let octet = u8::try_from(request.id.name.number).unwrap_or(u8::MAX);
        let machine = Machine {
            id: request.id.clone(),
            driver: DRIVER,
            cluster_id: request.cluster_id.clone(),
            home: Some(request.home.clone()),
            orchestrator: request.orchestrator,
            handle: format!("fake-{}", request.id.name),
            state: MachineState::Running,
            user: "root".to_owned(),
            private_ip: [192, 0, 2, octet].into(),
            endpoints: BTreeMap::new(),
            expires: None,
            cost: None,
        };
        Ok(self.change(|state| {
            // Whatever bore its name, this one is new.
            state.members.retain(|member| *member != machine.id.to_string());
            state.machines.retain(|m| m.id != machine.id);
            state.machines.push(machine.clone());
            machine
        }))
    }

    async fn list(&self, cluster: Option<&ClusterName>) -> Result<Vec<Machine>, driver::Error> {
        let state = self.read();
        let wanted = |m: &&Machine| cluster.is_none_or(|c| m.id.cluster == *c);
        let mut machines: Vec<Machine> = state.machines.iter().filter(wanted).cloned().collect();
        machines.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(machines)
    }

    async fn start(&self, machine: &Machine) -> Result<(), driver::Error> {
        self.driver_failure("start", &machine.id)?;
        self.set_state(&machine.id, MachineState::Running);
        Ok(())
    }

    async fn stop(&self, machine: &Machine) -> Result<(), driver::Error> {
        self.driver_failure("stop", &machine.id)?;
        self.set_state(&machine.id, MachineState::Stopped);
        Ok(())
    }

    /// It can do all of it, but not to machines of which the test wants it so.
    fn admit_force(&self, machine: &Machine, force: Force) -> Result<(), driver::Error> {
        if self.fails(&format!("admit-{}", force.verb()), machine.id.name) {
            let (id, verb) = (&machine.id, force.verb());
            return Err(driver::Error::Unsupported(format!(
                "machine `{id}` is made so that none can {verb} it"
            )));
        }
        Ok(())
    }

    async fn force(&self, machine: &Machine, force: Force) -> Result<(), driver::Error> {
        self.driver_failure(force.verb(), &machine.id)?;
        let state = match force {
            Force::Kill => MachineState::Stopped,
            Force::Pause => MachineState::Paused,
            Force::Unpause => MachineState::Running,
        };
        self.set_state(&machine.id, state);
        Ok(())
    }

    async fn destroy(&self, machine: &Machine) -> Result<(), driver::Error> {
        self.driver_failure("destroy", &machine.id)?;
        self.change(|state| state.machines.retain(|m| m.id != machine.id));
        Ok(())
    }

    async fn cleanup(
        &self,
        cluster: &ClusterName,
        cluster_id: Option<&str>,
    ) -> Result<(), driver::Error> {
        let meant = |m: &Machine| {
            m.id.cluster == *cluster && cluster_id.is_none_or(|id| m.cluster_id == id)
        };
        self.change(|state| state.machines.retain(|m| !meant(m)));
        Ok(())
    }

    async fn host_key(&self, _machine: &Machine) -> Result<Option<String>, driver::Error> {
        Ok(None)
    }
}

#[async_trait]
impl Images for Fake {
    async fn find(&self, text: &str) -> Result<Option<Image>, driver::Error> {
        let all = env::var("DOJO_FAKE_IMAGES").unwrap_or_default();
        let images = all.split(',').filter_map(|image| image.split_once('='));
        let mut images = images.map(|(id, names)| {
            let names = names.split('+').filter(|n| !n.is_empty()).map(str::to_owned).collect();
            Image { id: id.to_owned(), names }
        });
        let name = familiar_reference(text);
        Ok(images.find(|image| image.id == text || image.names.contains(&name)))
    }

    async fn save(
        &self,
        _reference: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, driver::Error>>, driver::Error> {
        Ok(futures_util::stream::once(async { Ok(Bytes::from_static(b"archive")) }).boxed())
    }
}

/// How much a machine keeps of what it is sent.
const START: usize = 64 * 1024;

/// A machine that does whatever it is told.
#[derive(Debug)]
struct Obedient {
    id: MachineId,
    file: PathBuf,
    /// What the test wants to fail here.
    failing: Vec<String>,
}

impl Obedient {
    fn fails(&self, operation: &str) -> bool {
        self.failing.iter().any(|failing| failing == operation)
    }

    /// Where its files are, and where it begins.
    fn directory(&self) -> PathBuf {
        let directory = self.file.with_extension("files").join(self.id.name.to_string());
        fs::create_dir_all(&directory).expect("the test's directory is writable");
        directory
    }

    /// Runs a script really, in the machine's own directory, with an input on descriptor 3.
    fn really(&self, script: &Script, input: Option<&[u8]>) -> Result<Vec<u8>, remote::Error> {
        let mut sh = Command::new("sh");
        sh.args(["-c", "exec 3<&0 </dev/null; eval \"$SCRIPT\""]);
        sh.env("SCRIPT", script.render().expose()).env("HOME", self.directory());
        sh.current_dir(self.directory()).stdin(Stdio::piped());
        let mut sh =
            sh.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("there is a shell");
        let mut stdin = sh.stdin.take().expect("it is piped");
        let output = std::thread::scope(|scope| {
            // It may end before it has read everything.
            scope.spawn(move || stdin.write_all(input.unwrap_or_default()));
            sh.wait_with_output().expect("it ends")
        });
        match output.status.code() {
            Some(0) => Ok(output.stdout),
            status => Err(remote::Error::Script {
                machine: self.id.clone(),
                title: script.title.to_string(),
                status: status.and_then(|status| status.try_into().ok()).unwrap_or(255),
                stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            }),
        }
    }

    fn really_run(&self, script: &Script, input: Option<&[u8]>) -> Result<String, remote::Error> {
        Ok(String::from_utf8_lossy(&self.really(script, input)?).into_owned())
    }

    /// A step of what is done for a snapshot, with its inputs.
    fn snapshot(&self, inputs: &BTreeMap<&'static str, String>) -> String {
        let mut state = read(&self.file).unwrap_or_default();
        let its = state.snapshots.entry(self.id.to_string()).or_default();
        let name = inputs["NAME"].clone();
        match &*inputs["STEP"] {
            "look" => {
                let lines = its.iter().filter(|(name, _)| !name.starts_with('.'));
                let lines = lines.map(|(name, rest)| format!("snapshot {name} {rest}\n"));
                return format!("runs {}\n{}", state.runs, lines.collect::<String>());
            }
            "copy" => drop(its.insert(format!(".{name}"), format!("whole {}", inputs["ABOUT"]))),
            "keep" => {
                let copy = its.remove(&format!(".{name}")).unwrap_or_default();
                its.insert(name, copy);
            }
            "remove" => its.retain(|known, _| known.trim_start_matches('.') != name),
            _ => return String::new(),
        }
        let text = serde_json::to_vec_pretty(&state).expect("the state is plain data");
        fs::write(&self.file, text).expect("the test's directory is writable");
        String::new()
    }
}

#[async_trait]
impl Remote for Obedient {
    async fn run(&self, script: &Script) -> Result<String, remote::Error> {
        if script.is_of_login_user() {
            return self.really_run(script, None);
        }
        let inputs: BTreeMap<_, _> = script.inputs(|value, _| value.to_owned()).collect();
        if let Some(step) = inputs.get("STEP") {
            if self.fails(step) {
                return Err(silent(&self.id, &script.title, Duration::ZERO));
            }
            return Ok(self.snapshot(&inputs));
        }
        if script.title == "remove the watch" {
            let removed = fs::remove_file(self.directory().join("watch"));
            return Ok(removed.map_or(String::new(), |()| "removed\n".to_owned()));
        }
        Ok(match &*script.title {
            "look for Kubernetes" => KubernetesVersion::NEWEST.to_string(),
            // In the year 2100, half an hour long.
            "arm the undo" => "armed 4102444800 4102446600".to_owned(),
            _ => String::new(),
        })
    }

    async fn run_with_input(&self, script: &Script, input: Input) -> Result<String, remote::Error> {
        if script.is_of_login_user() {
            let pieces = input.pieces().map_ok(|piece| piece.to_vec());
            let pieces: Result<Vec<Vec<u8>>, _> = pieces.try_collect().await;
            let (machine, input) = (self.id.clone(), String::new());
            let pieces =
                pieces.map_err(|source| remote::Error::Input { machine, input, source })?;
            return self.really_run(script, Some(&pieces.concat()));
        }
        if self.fails("load") && script.title == "load image" {
            return Err(silent(&self.id, &script.title, Duration::ZERO));
        }
        if self.fails("watch") && script.title == "install the watch" {
            return Err(remote::Error::Script {
                machine: self.id.clone(),
                title: script.title.to_string(),
                status: 9,
                stderr: "the test wants it so".to_owned(),
            });
        }
        // A program is large, and nobody looks at all of it.
        let mut start = Vec::new();
        let read = input.pieces().try_for_each(|piece| {
            let room = START - start.len();
            start.extend_from_slice(&piece[..piece.len().min(room)]);
            std::future::ready(Ok(()))
        });
        read.await.expect("what is sent can be read");
        if script.title == "install the watch" {
            fs::write(self.directory().join("watch"), start).expect("it is writable");
        }
        Ok(String::new())
    }

    async fn run_with_output(
        &self,
        script: &Script,
        output: &mut (dyn tokio::io::AsyncWrite + Send + Unpin),
    ) -> Result<(), remote::Error> {
        let said = if script.is_of_login_user() {
            self.really(script, None)?
        } else {
            b"2026-01-02T03:04:05+0000 all is well\n".to_vec()
        };
        let machine = self.id.clone();
        output.write_all(&said).await.map_err(|source| remote::Error::Output { machine, source })
    }

    async fn attach(&self, _command: Option<&str>) -> Result<u32, remote::Error> {
        Ok(0)
    }

    /// Prints what it was told to do, and where it is.
    async fn command(&self, command: &str, hear: &mut Hear<'_>) -> Result<u32, remote::Error> {
        hear(Printed::Output, format!("{command}\nat ").as_bytes());
        hear(Printed::Output, format!("{}\n", self.id).as_bytes());
        if self.fails("command") {
            hear(Printed::Error, b"the test wants it so");
            return Ok(3);
        }
        Ok(0)
    }

    async fn open(&self, _host: &str, _port: u16) -> Result<Box<dyn Stream>, remote::Error> {
        Ok(Box::new(tokio::io::empty()))
    }
}

fn silent(machine: &MachineId, what: &str, waited: Duration) -> remote::Error {
    remote::Error::Timeout {
        machine: machine.clone(),
        what: what.to_owned(),
        waited,
        source: Some(Source::from("the test wants it so")),
    }
}

#[async_trait]
impl Dialer for Fake {
    async fn dial(
        &self,
        machine: &Machine,
        _files: &SshFiles,
        deadline: Duration,
    ) -> Result<Arc<dyn Remote>, remote::Error> {
        if self.fails("boot", machine.id.name) {
            return Err(silent(&machine.id, "SSH", deadline));
        }
        let its = self.failing.iter().filter(|(_, name)| *name == machine.id.name);
        let failing = its.map(|(operation, _)| operation.clone()).collect();
        Ok(Arc::new(Obedient { id: machine.id.clone(), file: self.file.clone(), failing }))
    }

    async fn engine(
        &self,
        machine: &Machine,
        files: &TlsFiles,
        deadline: Duration,
    ) -> Result<Engine, remote::Error> {
        if self.fails("engine", machine.id.name) {
            return Err(silent(&machine.id, "the engine's API", deadline));
        }
        Engine::unproven(machine, files)
    }
}

#[async_trait]
impl Bootstrapper for Fake {
    fn noun(&self) -> &'static str {
        "swarm"
    }

    async fn member(&self, node: &Node) -> Result<Membership, bootstrap::Error> {
        let id = &node.machine().id;
        let state = self.read();
        if !state.members.contains(&id.to_string()) {
            return Ok(Membership::None);
        }
        let manages = matches!(id.name.role, Role::Manager | Role::ControlPlane);
        Ok(Membership::Member { node_id: id.to_string(), reachable: manages, votes: manages })
    }

    async fn init(&self, node: &Node, _nodes: &[Node]) -> Result<(), bootstrap::Error> {
        self.change(|state| state.members.push(node.machine().id.to_string()));
        Ok(())
    }

    async fn knows(&self, _leader: &Node, node_id: &str) -> Result<bool, bootstrap::Error> {
        let state = self.read();
        Ok(state.members.iter().any(|m| m == node_id))
    }

    async fn join_token(
        &self,
        _leader: &Node,
        _role: Role,
        _nodes: &[Node],
    ) -> Result<JoinToken, bootstrap::Error> {
        let remote = "192.0.2.1:2377".to_owned();
        Ok(JoinToken { remote, token: Secret::new("fake"), pin: None, key: None })
    }

    async fn join(
        &self,
        _leader: &Node,
        node: &Node,
        _ticket: &JoinToken,
    ) -> Result<(), bootstrap::Error> {
        let id = &node.machine().id;
        if self.fails("join", id.name) {
            return Err(bootstrap::Error::Node {
                machine: id.clone(),
                operation: "join the swarm".into(),
                source: Source::from("the test wants it so"),
            });
        }
        self.change(|state| state.members.push(id.to_string()));
        Ok(())
    }

    async fn ready(&self, _leader: &Node, _nodes: &[Node]) -> Result<(), bootstrap::Error> {
        Ok(())
    }

    async fn access(
        &self,
        leader: &Node,
        _nodes: &[Node],
        tls: &TlsFiles,
    ) -> Result<Access, bootstrap::Error> {
        let endpoint = leader.machine().endpoint(Service::Engine)?;
        Ok(Access::Engine { endpoint, tls: tls.clone() })
    }

    async fn drain(
        &self,
        _leader: &Node,
        leaving: &[Removal],
    ) -> Result<Vec<String>, bootstrap::Error> {
        let busy = leaving.iter().filter(|l| self.fails("drain", l.name));
        Ok(busy.map(|l| format!("{} still runs 1 of its tasks", l.name)).collect())
    }

    async fn leave(&self, leader: &Node, leaving: &Removal) -> Result<(), bootstrap::Error> {
        let id = MachineId { name: leaving.name, ..leader.machine().id.clone() };
        if self.fails("leave", leaving.name) {
            return Err(bootstrap::Error::Node {
                machine: id,
                operation: "leave the swarm".into(),
                source: Source::from("the test wants it so"),
            });
        }
        self.change(|state| state.members.retain(|m| *m != id.to_string()));
        Ok(())
    }
}
