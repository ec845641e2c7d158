//! Each operation of a driver is a question to its program.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::conversation::ask;
use super::fault::{Complaint, Fault, ProtocolError};
use super::output::PluginOutput;
use super::protocol::{
    Architecture, Capabilities, Checked, Done, Existing, Listed, Made, Operation, Options, Priced,
    Problem, PublicKey, Remaining, Request, TerminationReason, VERSION, Wanted,
};
use super::session::Session;
use super::subject::Subject;
use super::{options, program};
use crate::driver::lock::lock;
use crate::driver::{Driver, Error, Force, Leftover, Price};
use crate::event::{Progress, chain};
use crate::model::{ClusterName, DriverName, Finding, Machine, MachineRequest, Place, Secret};

/// The longest that any operation may take, whatever a program says of itself.
const LONGEST: u64 = 3600;

/// Makes machines by running a program.
pub struct ExternalDriver {
    name: DriverName,
    program: PathBuf,
    capabilities: Capabilities,
    /// Those that fit.
    options: Options,
    /// Why others do not.
    unfit: Option<String>,
    /// Where to tell what the program says beside its result.
    progress: Mutex<Progress>,
    /// The run that answers, of a program that answers many requests in one.
    session: Mutex<Option<Arc<Session>>>,
    /// The id of the next request.
    next: AtomicU64,
}

impl fmt::Debug for ExternalDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalDriver").field("program", &self.program).finish_non_exhaustive()
    }
}

impl ExternalDriver {
    /// Finds the program of a driver, asks it what it can, and holds the options against that: those that are
    /// given, and those that were noted of the place where machines are already.
    ///
    /// # Errors
    /// [`Error::Absent`] when there is no such program, [`Error::Failed`] when it does not answer as it must.
    pub async fn connect(
        name: &str,
        given: &Options,
        noted: &Options,
        progress: Progress,
    ) -> Result<Self, Error> {
        let program = program::find(name, &program::places())?;
        Self::connect_to(name, program, given, noted, progress).await
    }

    /// The same with a given program.
    ///
    /// # Errors
    /// As above.
    pub async fn connect_to(
        name: &str,
        program: PathBuf,
        given: &Options,
        noted: &Options,
        progress: Progress,
    ) -> Result<Self, Error> {
        let mut driver = Self {
            name: name.parse().map_err(Error::Unsupported)?,
            program,
            capabilities: Capabilities::default(),
            options: Options::new(),
            unfit: None,
            progress: Mutex::new(progress),
            session: Mutex::default(),
            next: AtomicU64::new(1),
        };
        let subject = Subject::Driver(name);
        driver.capabilities = driver.run(Operation::Capabilities, "use", subject, None).await?;
        if driver.capabilities.host_key {
            driver.capabilities.operations.push("host_key".to_owned());
        }
        let admitted = options::admit(&driver.capabilities.options, given, noted);
        (driver.options, driver.unfit) = admitted;
        Ok(driver)
    }

    /// Refuses options that do not fit, for those who want to make machines. Others do without them,
    /// because what a newer program no longer takes must not bar the way to machines that exist.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn refuse_unfit(&self) -> Result<(), Error> {
        self.unfit
            .clone()
            .map_or(Ok(()), |problem| Err(Error::Option { driver: self.name(), problem }))
    }

    /// What the driver is and can.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Where its program is.
    pub fn program(&self) -> &std::path::Path {
        &self.program
    }

    /// Has the program do something. `verb` and `subject` are for errors.
    async fn run<T: DeserializeOwned>(
        &self,
        operation: Operation,
        verb: &'static str,
        subject: Subject<'_>,
        secret: Option<&Secret>,
    ) -> Result<T, Error> {
        let limit = self.limit(&operation);
        let options = self.options.clone();
        let mut request = Request { protocol: VERSION, id: None, operation, options };
        let progress = lock(&self.progress).clone();
        let progress = subject.machine().map_or(progress.clone(), |name| progress.machine(name));
        let output = PluginOutput::new(self.name.as_str(), progress, secret);
        let broken = |fault: Fault| Error::Failed {
            operation: verb,
            subject: subject.to_string(),
            source: fault.into(),
        };
        let answer = if self.capabilities.session {
            let session = self.session().map_err(broken)?;
            if let Some(secret) = secret {
                session.output().hide(secret);
            }
            let id = self.next.fetch_add(1, Ordering::Relaxed);
            request.id = Some(id);
            session.ask(id, &request, limit, &output).await
        } else {
            ask(&self.program, &request.line(), limit, &output).await
        };
        match answer.map_err(broken)? {
            Ok(result) => serde_json::from_value(result)
                .map_err(|e| broken(output.fault(ProtocolError::Misfit(e)))),
            Err(problem) => Err(self.explain(problem, verb, &subject, &output)),
        }
    }

    /// The run that answers; another one if the last has ended.
    fn session(&self) -> Result<Arc<Session>, Fault> {
        let mut session = lock(&self.session);
        if let Some(session) = session.as_ref().filter(|session| session.is_open()) {
            return Ok(Arc::clone(session));
        }
        let output = PluginOutput::new(self.name.as_str(), lock(&self.progress).clone(), None);
        let started = Arc::new(Session::start(&self.program, output)?);
        *session = Some(Arc::clone(&started));
        Ok(started)
    }

    /// Has the program do something that not every program needs to be able to; `None` if this one is not.
    async fn run_if_able<T: DeserializeOwned>(
        &self,
        operation: Operation,
        verb: &'static str,
        subject: Subject<'_>,
    ) -> Result<Option<T>, Error> {
        if !self.capabilities.operations.iter().any(|able| able == operation.name()) {
            return Ok(None);
        }
        self.run(operation, verb, subject, None).await.map(Some)
    }

    /// Refuses options that do not fit or are missing.
    fn refuse_options(&self) -> Result<(), Error> {
        self.refuse_unfit()?;
        match options::missing(&self.capabilities.options, &self.options) {
            Some(problem) => Err(Error::Option { driver: self.name(), problem }),
            None => Ok(()),
        }
    }

    /// What is wrong with an answer that is well-formed.
    fn wrong(&self, verb: &'static str, subject: Subject<'_>, problem: String) -> Error {
        let output = PluginOutput::new(self.name.as_str(), lock(&self.progress).clone(), None);
        let source = output.fault(ProtocolError::Wrong(problem)).into();
        Error::Failed { operation: verb, subject: subject.to_string(), source }
    }

    /// The error that a program tells.
    fn explain(
        &self,
        problem: Problem,
        operation: &'static str,
        subject: &Subject<'_>,
        output: &PluginOutput,
    ) -> Error {
        let clean = |text: String| output.message(&text);
        let complaint =
            |message| Complaint { driver: self.name.to_string(), message: clean(message) };
        match problem {
            Problem::Unreachable { place, message } => {
                Error::Unreachable { place: clean(place), source: complaint(message).into() }
            }
            Problem::NoCredentials { place, tried, help, message } => Error::NoCredentials {
                place: clean(place),
                tried: clean(tried),
                help: clean(help),
                source: complaint(message).into(),
            },
            Problem::NotConfigured { message, help } => {
                Error::NotConfigured { message: clean(message), help: clean(help) }
            }
            Problem::Foreign { subject } => Error::Foreign { subject: clean(subject) },
            Problem::Taken { resource, owner } => {
                Error::Taken { resource: clean(resource), owner: clean(owner) }
            }
            Problem::Unsupported { message } => Error::Unsupported(complaint(message).to_string()),
            Problem::Failed { message } => Error::Failed {
                operation,
                subject: subject.to_string(),
                source: complaint(message).into(),
            },
        }
    }

    /// How long an operation may take.
    fn limit(&self, operation: &Operation) -> Duration {
        let usual = match operation {
            Operation::Capabilities => 10,
            Operation::HostKey { .. }
            | Operation::KnownHostKey { .. }
            | Operation::NoteHostKey { .. } => 30,
            Operation::Check
            | Operation::List { .. }
            | Operation::Place
            | Operation::Architecture
            | Operation::Price
            | Operation::Admit { .. }
            | Operation::Leftovers
            | Operation::Located { .. }
            | Operation::Extend { .. }
            | Operation::TerminationReason { .. } => 60,
            Operation::Stop { .. }
            | Operation::Kill { .. }
            | Operation::Pause { .. }
            | Operation::Unpause { .. } => 120,
            Operation::Start { .. } | Operation::Destroy { .. } => 300,
            Operation::Create { .. } | Operation::Cleanup { .. } => 600,
            // It may have to fetch or build an image.
            Operation::Prepare { .. } => 1800,
        };
        let own = self.capabilities.timeouts.get(operation.name()).copied();
        Duration::from_secs(own.unwrap_or(usual).clamp(1, LONGEST))
    }

    async fn run_on(
        &self,
        machine: &Machine,
        verb: &'static str,
        operation: Operation,
    ) -> Result<(), Error> {
        let Done {} = self.run(operation, verb, Subject::Machine(machine), None).await?;
        Ok(())
    }
}

impl ExternalDriver {
    async fn key(&self, machine: &Machine, operation: Operation) -> Result<Option<String>, Error> {
        let key = self.run_if_able(operation, "read", Subject::HostKey(machine)).await?;
        let public = key.and_then(|PublicKey { public }| public);
        Ok(public.map(|public| public.trim().to_owned()))
    }
}

#[async_trait]
impl Driver for ExternalDriver {
    fn name(&self) -> DriverName {
        self.name.clone()
    }

    async fn place(&self) -> Result<Place, Error> {
        let subject = Subject::Driver(self.name.as_str());
        let told = self.run_if_able(Operation::Place, "find", subject).await?;
        Ok(told.unwrap_or_else(|| options::place(self.name.as_str(), &self.options)))
    }

    async fn architecture(&self) -> Result<Option<String>, Error> {
        let subject = Subject::Driver(self.name.as_str());
        let told = self.run_if_able(Operation::Architecture, "ask", subject).await?;
        Ok(match told {
            Some(Architecture { architecture }) => architecture,
            None => self.capabilities.architecture.clone(),
        })
    }

    fn report_to(&self, progress: &Progress) {
        *lock(&self.progress) = progress.clone();
    }

    async fn check(&self) -> Result<Vec<Finding>, Error> {
        let subject = Subject::Driver(self.name.as_str());
        let checked: Checked = self.run(Operation::Check, "check", subject, None).await?;
        let program = match &self.capabilities.version {
            Some(version) => format!("{version} at {}", self.program.display()),
            None => self.program.display().to_string(),
        };
        let own = Finding::ok(format!("driver {}", self.name), program);
        let findings = checked.findings.into_iter().map(Finding::from);
        Ok(std::iter::once(own).chain(findings).collect())
    }

    async fn price(&self, _driver: &DriverName) -> Option<Price> {
        match self.run_if_able(Operation::Price, "price", Subject::Machines).await {
            Ok(priced) => priced.and_then(|Priced { price }| price).map(Into::into),
            Err(error) => {
                Some(Price { of: format!("driver `{}`", self.name), hourly: Err(chain(&error)) })
            }
        }
    }

    async fn admit(&self, cluster: &ClusterName, requests: &[MachineRequest]) -> Result<(), Error> {
        self.refuse_options()?;
        let requests = requests.iter().map(Wanted::without_private_key).collect();
        let operation = Operation::Admit { cluster: cluster.clone(), requests };
        let admitted = self.run_if_able::<Done>(operation, "prepare", Subject::Cluster(cluster));
        admitted.await.map(drop)
    }

    async fn prepare(
        &self,
        cluster: &ClusterName,
        requests: &[MachineRequest],
        progress: &Progress,
    ) -> Result<(), Error> {
        // The program refuses what it cannot make before it makes anything.
        self.refuse_options()?;
        self.report_to(progress);
        let requests = requests.iter().map(Wanted::without_private_key).collect();
        let operation = Operation::Prepare { cluster: cluster.clone(), requests };
        let work = self.run(operation, "prepare", Subject::Cluster(cluster), None);
        let Done {} = progress.step(format!("prepare {}", self.name), work).await?;
        Ok(())
    }

    async fn create(&self, request: &MachineRequest) -> Result<Machine, Error> {
        let operation = Operation::Create { request: Wanted::with_private_key(request) };
        let subject = Subject::Request(request);
        let secret = Some(&request.host_key.private);
        let made: Made = self.run(operation, "create", subject, secret).await?;
        let machine = made.machine.machine(self.name());
        let machine = machine.map_err(|problem| self.wrong("create", subject, problem))?;
        if (&machine.id, &machine.cluster_id) != (&request.id, &request.cluster_id) {
            let other = format!("machine `{}` of `{}`", machine.id, machine.cluster_id);
            return Err(self.wrong("create", subject, other));
        }
        Ok(machine)
    }

    async fn list(&self, cluster: Option<&ClusterName>) -> Result<Vec<Machine>, Error> {
        let operation = Operation::List { cluster: cluster.cloned() };
        let listed: Listed = self.run(operation, "list", Subject::Machines, None).await?;
        let read = |machine: Existing| machine.machine(self.name());
        let machines: Result<Vec<_>, _> = listed.machines.into_iter().map(read).collect();
        let mut machines =
            machines.map_err(|problem| self.wrong("list", Subject::Machines, problem))?;
        let foreign = machines.iter().find(|m| cluster.is_some_and(|c| m.id.cluster != *c));
        if let Some(machine) = foreign {
            let problem = format!("machine `{}` of another cluster", machine.id);
            return Err(self.wrong("list", Subject::Machines, problem));
        }
        machines.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(machines)
    }

    async fn leftovers(&self) -> Result<Vec<Leftover>, Error> {
        let told = self.run_if_able(Operation::Leftovers, "list", Subject::Machines).await?;
        let Some(Remaining { leftovers }) = told else {
            let machines = self.list(None).await?;
            return Ok(machines.into_iter().map(Leftover::from).collect());
        };
        Ok(leftovers.into_iter().map(|thing| thing.leftover(self.name())).collect())
    }

    async fn start(&self, machine: &Machine) -> Result<(), Error> {
        self.run_on(machine, "start", Operation::Start { machine: machine.into() }).await
    }

    async fn located(&self, machine: Machine) -> Result<Machine, Error> {
        let operation = Operation::Located { machine: (&machine).into() };
        let subject = Subject::Machine(&machine);
        let found = self.run_if_able(operation, "find", subject).await?;
        let Some(Made { machine: found }) = found else { return Ok(machine) };
        let found = found.machine(self.name());
        found.map_err(|problem| self.wrong("find", subject, problem))
    }

    async fn extend(&self, machine: &Machine, end: Timestamp) -> Result<(), Error> {
        let operation = Operation::Extend { machine: machine.into(), end };
        match self.run_if_able(operation, "extend", Subject::Machine(machine)).await? {
            Some(Done {}) => Ok(()),
            None => {
                Err(Error::Unsupported(format!("machine `{}` does not end itself", machine.id)))
            }
        }
    }

    async fn termination_reason(&self, machine: &Machine) -> Result<Option<String>, Error> {
        let operation = Operation::TerminationReason { machine: machine.into() };
        let told = self.run_if_able(operation, "ask about", Subject::Machine(machine)).await?;
        Ok(told.and_then(|TerminationReason { reason }| reason))
    }

    async fn stop(&self, machine: &Machine) -> Result<(), Error> {
        self.run_on(machine, "stop", Operation::Stop { machine: machine.into() }).await
    }

    fn admit_force(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        let is_able = self.capabilities.operations.iter().any(|able| able == force.verb());
        if is_able { Ok(()) } else { Err(force.unsupported(machine)) }
    }

    async fn force(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        self.admit_force(machine, force)?;
        let its = machine.into();
        let operation = match force {
            Force::Kill => Operation::Kill { machine: its },
            Force::Pause => Operation::Pause { machine: its },
            Force::Unpause => Operation::Unpause { machine: its },
        };
        self.run_on(machine, force.verb(), operation).await
    }

    async fn destroy(&self, machine: &Machine) -> Result<(), Error> {
        self.run_on(machine, "destroy", Operation::Destroy { machine: machine.into() }).await
    }

    async fn cleanup(&self, cluster: &ClusterName, cluster_id: Option<&str>) -> Result<(), Error> {
        let cluster_id = cluster_id.map(str::to_owned);
        let operation = Operation::Cleanup { cluster: cluster.clone(), cluster_id };
        let Done {} = self.run(operation, "clean up", Subject::Cluster(cluster), None).await?;
        Ok(())
    }

    async fn host_key(&self, machine: &Machine) -> Result<Option<String>, Error> {
        self.key(machine, Operation::HostKey { machine: machine.into() }).await
    }

    async fn known_host_key(&self, machine: &Machine) -> Result<Option<String>, Error> {
        self.key(machine, Operation::KnownHostKey { machine: machine.into() }).await
    }

    async fn note_host_key(&self, machine: &Machine, public: &str) -> Result<(), Error> {
        let public = public.to_owned();
        let operation = Operation::NoteHostKey { machine: machine.into(), public };
        let noted = self.run_if_able::<Done>(operation, "note", Subject::HostKey(machine));
        noted.await.map(drop)
    }
}
