//! The other side of the [protocol](super::protocol): a driver of this crate as a program of its own.

use std::future::Future;
use std::io::Write as _;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::protocol::{
    Architecture, Capabilities, Checked, Done, Existing, Line, Listed, Made, Operation, Options,
    Priced, Problem, PublicKey, Remaining, Request, TerminationReason, VERSION, Wanted,
};
use crate::driver::{Driver, Error, Force};
use crate::event::{Event, Kind, Progress, Reporter};
use crate::model::{DriverName, Machine, MachineRequest};

/// Answers the requests on standard input, several at a time, until there are no more. `connect` makes the driver of the
/// options; it is asked once, with those of the first request that needs a driver.
///
/// # Errors
/// When standard input cannot be read.
pub async fn serve<D, C, F>(
    capabilities: Capabilities,
    name: DriverName,
    connect: C,
) -> std::io::Result<()>
where
    D: Driver + 'static,
    C: Fn(Options) -> F + Send + Sync + 'static,
    F: Future<Output = Result<D, Error>> + Send,
{
    let server = Arc::new(Server { capabilities, name, connect, driver: OnceCell::new() });
    server.answer_all(tokio::io::stdin()).await
}

struct Server<D, C> {
    capabilities: Capabilities,
    name: DriverName,
    connect: C,
    driver: OnceCell<D>,
}

impl<D, C, F> Server<D, C>
where
    D: Driver + 'static,
    C: Fn(Options) -> F + Send + Sync + 'static,
    F: Future<Output = Result<D, Error>> + Send,
{
    async fn answer_all(self: Arc<Self>, input: impl AsyncRead + Unpin) -> std::io::Result<()> {
        let mut lines = BufReader::new(input).lines();
        let mut at_work = JoinSet::new();
        while let Some(line) = lines.next_line().await? {
            if line.trim().is_empty() {
                continue;
            }
            let server = Arc::clone(&self);
            at_work.spawn(async move {
                let (id, answer) = match serde_json::from_str::<Request>(&line) {
                    Ok(request) => (request.id, server.answer(request).await),
                    // The request is not quoted: there may be a key in it.
                    Err(error) => {
                        (None, Err(unsupported(format!("this is not a request: {error}"))))
                    }
                };
                say(id, &answer.map_or_else(Line::Error, Line::Result));
            });
        }
        while at_work.join_next().await.is_some() {}
        Ok(())
    }

    async fn answer(&self, request: Request) -> Result<Value, Problem> {
        if request.protocol != VERSION {
            let theirs = request.protocol;
            return Err(unsupported(format!(
                "this is version {theirs} of the protocol, but the driver has version {VERSION}"
            )));
        }
        if let Operation::Capabilities = request.operation {
            return result(&self.capabilities);
        }
        let connect = || (self.connect)(request.options);
        let driver = self.driver.get_or_try_init(connect).await.map_err(problem)?;
        let progress = Progress::new(Arc::new(Lines { id: request.id }));
        match request.operation {
            Operation::Capabilities => result(&self.capabilities),
            Operation::Check => {
                let findings = driver.check().await.map_err(problem)?;
                result(&Checked { findings: findings.into_iter().map(Into::into).collect() })
            }
            Operation::Prepare { cluster, requests } => {
                done(driver.prepare(&cluster, &self.requests(requests)?, &progress).await)
            }
            Operation::Admit { cluster, requests } => {
                done(driver.admit(&cluster, &self.requests(requests)?).await)
            }
            Operation::Create { request } => {
                let request = request.request(self.name.clone()).map_err(unsupported)?;
                made(&driver.create(&request).await.map_err(problem)?)
            }
            Operation::List { cluster } => {
                let machines = driver.list(cluster.as_ref()).await.map_err(problem)?;
                result(&Listed { machines: machines.iter().map(Existing::from).collect() })
            }
            Operation::Start { machine } => done(driver.start(&self.machine(machine)?).await),
            Operation::Stop { machine } => done(driver.stop(&self.machine(machine)?).await),
            Operation::Kill { machine } => {
                done(driver.force(&self.machine(machine)?, Force::Kill).await)
            }
            Operation::Pause { machine } => {
                done(driver.force(&self.machine(machine)?, Force::Pause).await)
            }
            Operation::Unpause { machine } => {
                done(driver.force(&self.machine(machine)?, Force::Unpause).await)
            }
            Operation::Destroy { machine } => done(driver.destroy(&self.machine(machine)?).await),
            Operation::Cleanup { cluster, cluster_id } => {
                done(driver.cleanup(&cluster, cluster_id.as_deref()).await)
            }
            Operation::HostKey { machine } => {
                let public = driver.host_key(&self.machine(machine)?).await.map_err(problem)?;
                result(&PublicKey { public })
            }
            Operation::Place => result(&driver.place().await.map_err(problem)?),
            Operation::Architecture => {
                let architecture = driver.architecture().await.map_err(problem)?;
                result(&Architecture { architecture })
            }
            Operation::Price => {
                result(&Priced { price: driver.price(&self.name).await.map(Into::into) })
            }
            Operation::Leftovers => {
                let leftovers = driver.leftovers().await.map_err(problem)?;
                result(&Remaining { leftovers: leftovers.into_iter().map(Into::into).collect() })
            }
            Operation::Located { machine } => {
                made(&driver.located(self.machine(machine)?).await.map_err(problem)?)
            }
            Operation::Extend { machine, end } => {
                done(driver.extend(&self.machine(machine)?, end).await)
            }
            Operation::TerminationReason { machine } => {
                let machine = self.machine(machine)?;
                let reason = driver.termination_reason(&machine).await.map_err(problem)?;
                result(&TerminationReason { reason })
            }
            Operation::KnownHostKey { machine } => {
                let machine = self.machine(machine)?;
                let public = driver.known_host_key(&machine).await.map_err(problem)?;
                result(&PublicKey { public })
            }
            Operation::NoteHostKey { machine, public } => {
                done(driver.note_host_key(&self.machine(machine)?, &public).await)
            }
        }
    }

    fn machine(&self, existing: Existing) -> Result<Machine, Problem> {
        existing.machine(self.name.clone()).map_err(unsupported)
    }

    fn requests(&self, wanted: Vec<Wanted>) -> Result<Vec<MachineRequest>, Problem> {
        let request = |wanted: Wanted| wanted.request(self.name.clone()).map_err(unsupported);
        wanted.into_iter().map(request).collect()
    }
}

fn result(value: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| Problem::Failed { message: error.to_string() })
}

fn made(machine: &Machine) -> Result<Value, Problem> {
    result(&Made { machine: machine.into() })
}

fn done(result: Result<(), Error>) -> Result<Value, Problem> {
    result.map_err(problem)?;
    self::result(&Done {})
}

#[expect(clippy::needless_pass_by_value, reason = "it stands behind map_err")]
fn problem(error: Error) -> Problem {
    (&error).into()
}

fn unsupported(message: String) -> Problem {
    Problem::Unsupported { message }
}

/// Writes what happens in the course of a request.
struct Lines {
    id: Option<u64>,
}

impl Reporter for Lines {
    fn report(&self, event: &Event) {
        match &event.kind {
            Kind::Started { step: text } | Kind::Detail { text } => {
                say(self.id, &Line::Progress(text.clone()));
            }
            Kind::Warning { text } => say(self.id, &Line::Warning(text.clone())),
            // The answer tells of these.
            Kind::Finished { .. } | Kind::Failed { .. } | Kind::Ready => {}
        }
    }
}

/// Writes one line.
fn say(id: Option<u64>, line: &Line) {
    let mut value = json!(line);
    value["protocol"] = VERSION.into();
    if let Some(id) = id {
        value["id"] = id.into();
    }
    let mut text = value.to_string();
    text.push('\n');
    // Where nobody listens any more there is nobody to tell.
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
