//! Instances on and off. EC2 refuses either while the other is under way, and both take their time.

use std::time::Duration;

use aws_sdk_ec2::types::InstanceStateName as State;
use tokio::time::{Instant, sleep};

use crate::driver::Error;
use crate::model::Machine;
use crate::pace::stretch;

use super::client::{failed, is};
use super::consistency::POLL;
use super::driver::Ec2Driver;
use super::tags;

/// How long it may take; EC2 switches off by force what does not stop by itself in a few minutes.
const PATIENCE: Duration = Duration::from_secs(600);
/// What is said of an instance in a state that does not allow it.
const NOT_NOW: &[&str] = &["IncorrectInstanceState"];

impl Ec2Driver {
    /// Starts an instance and waits until it runs.
    pub(super) async fn switch_on(&self, machine: &Machine) -> Result<(), Error> {
        let end = Instant::now() + stretch(PATIENCE);
        loop {
            match self.state_of(machine, "start").await? {
                // An address of the public comes a moment later, and is another one each time.
                State::Running if self.is_reachable(machine).await? => return Ok(()),
                State::Stopped => {
                    let start = self.ec2().start_instances().instance_ids(&machine.handle);
                    match start.send().await {
                        Err(error) if !is(&error, NOT_NOW) => {
                            return Err(failed("start", subject(machine))(error));
                        }
                        _ => self.look_anew().await,
                    }
                }
                _ => {}
            }
            self.wait(machine, "start", end).await?;
        }
    }

    /// Stops an instance and waits until it is off; `at_once` its system is not asked to come to an end.
    pub(super) async fn switch_off(&self, machine: &Machine, at_once: bool) -> Result<(), Error> {
        let end = Instant::now() + stretch(PATIENCE);
        loop {
            match self.state_of(machine, "stop").await? {
                State::Stopped => return Ok(()),
                State::Running => {
                    let mut stop = self.ec2().stop_instances().instance_ids(&machine.handle);
                    if at_once {
                        stop = stop.skip_os_shutdown(true);
                    }
                    match stop.send().await {
                        Err(error) if !is(&error, NOT_NOW) => {
                            return Err(failed("stop", subject(machine))(error));
                        }
                        _ => self.look_anew().await,
                    }
                }
                _ => {}
            }
            self.wait(machine, "stop", end).await?;
        }
    }

    /// What an instance is doing.
    ///
    /// # Errors
    /// [`Error::Failed`] if it is gone or on its way out.
    async fn state_of(&self, machine: &Machine, operation: &'static str) -> Result<State, Error> {
        let seen = self.seen(&machine.id.cluster, &machine.handle).await?;
        match seen.as_ref().map(tags::state) {
            Some(State::ShuttingDown | State::Terminated) | None => Err(Error::Failed {
                operation,
                subject: subject(machine),
                source: format!("instance `{}` is gone", machine.handle).into(),
            }),
            Some(state) => Ok(state),
        }
    }

    async fn is_reachable(&self, machine: &Machine) -> Result<bool, Error> {
        let seen = self.seen(&machine.id.cluster, &machine.handle).await?;
        Ok(self.options.private || seen.is_some_and(|i| i.public_ip_address().is_some()))
    }

    async fn wait(
        &self,
        machine: &Machine,
        operation: &'static str,
        end: Instant,
    ) -> Result<(), Error> {
        if Instant::now() < end {
            sleep(POLL).await;
            return Ok(());
        }
        Err(Error::Failed {
            operation,
            subject: subject(machine),
            source: format!("it takes longer than {} min", stretch(PATIENCE).as_secs() / 60).into(),
        })
    }
}

fn subject(machine: &Machine) -> String {
    format!("machine `{}`", machine.id)
}
