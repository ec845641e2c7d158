//! Which host becomes which machine.

use std::sync::Arc;

use super::claim::Claim;
use super::facts::Facts;
use super::openssh::Host;
use crate::driver::Error;
use crate::model::{MachineId, MachineRequest};

/// A host that new machines may be given to.
pub(super) struct Candidate<'a> {
    pub(super) index: usize,
    pub(super) host: &'a Host,
    pub(super) facts: Arc<Facts>,
}

impl Candidate<'_> {
    /// The host key that the machine will have: the one that it has.
    pub(super) fn host_key(&self) -> Option<String> {
        self.host.given_key().or_else(|| self.facts.host_key().map(str::to_owned))
    }

    fn claim(&self) -> Option<&Claim> {
        self.facts.claim()
    }

    /// Refuses a host that cannot become this machine, or may not.
    fn admit(&self, request: &MachineRequest) -> Result<(), Error> {
        let host = self.host.name();
        if let Some(why) = self.facts.unfit() {
            return Err(Error::Unsupported(format!("host `{host}` cannot be a machine: {why}")));
        }
        if self.host.spec.adopt {
            return Ok(());
        }
        if let Some(claim) = self.facts.readable_claim(host)?.filter(|c| !c.is_of(request)) {
            let owner = match claim.machine_id() {
                Some(machine) => format!("machine `{machine}` ({})", claim.cluster_id()),
                None => "another cluster".to_owned(),
            };
            return Err(Error::Taken { resource: format!("host `{host}`"), owner });
        }
        match self.facts.carries() {
            Some(by) => Err(Error::Occupied { host: host.to_owned(), by }),
            None => Ok(()),
        }
    }
}

/// Gives each machine its host: the one that carries its mark already, else the one that was promised to
/// it, else the next one in order that no machine of the cluster has or was promised. Hosts are refused, not
/// skipped: the user has named them.
pub(super) fn choose<'a>(
    requests: &[MachineRequest],
    candidates: &'a [Candidate<'a>],
    promised: impl Fn(&MachineId) -> Option<usize>,
    taken: &[usize],
) -> Result<Vec<(MachineId, &'a Candidate<'a>)>, Error> {
    for (index, one) in candidates.iter().enumerate() {
        if let Some(other) = candidates[..index].iter().find(|c| c.facts.is_same_host(&one.facts)) {
            return Err(Error::Unsupported(format!(
                "`{}` and `{}` are the same host",
                other.host.name(),
                one.host.name()
            )));
        }
    }
    let ours = |candidate: &Candidate, request: &MachineRequest| {
        candidate.claim().is_some_and(|claim| claim.is_of_cluster(request))
    };
    let mut free = candidates
        .iter()
        .filter(|c| !taken.contains(&c.index) && !requests.iter().any(|r| ours(c, r)));
    let mut chosen = Vec::new();
    for request in requests {
        let marked = |c: &&Candidate| c.claim().is_some_and(|claim| claim.is_of(request));
        let promised = promised(&request.id);
        let promised =
            || candidates.iter().find(|c| promised == Some(c.index) && !ours(c, request));
        let candidate = match candidates.iter().find(marked).or_else(promised) {
            Some(candidate) => candidate,
            None => free.next().ok_or_else(|| {
                Error::Unsupported(format!(
                    "there is no host left for machine `{}`: all {} that are given have one",
                    request.id,
                    candidates.len()
                ))
            })?,
        };
        candidate.admit(request)?;
        chosen.push((request.id.clone(), candidate));
    }
    Ok(chosen)
}
