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

#[cfg(test)]
mod tests {
    use super::super::options::{SshHost, SshOptions};
    use super::*;
    use crate::model::{DriverName, HostKey, MachineState, Orchestrator, Role, Secret, Size};

    fn request(cluster_id: &str, number: u16) -> MachineRequest {
        let name = crate::model::MachineName::new(Role::Worker, number);
        let cluster = "practice".parse().unwrap();
        MachineRequest {
            id: MachineId { cluster, name },
            driver: DriverName::fixed("ssh"),
            cluster_id: cluster_id.to_owned(),
            home: "home".to_owned(),
            orchestrator: Orchestrator::Swarm,
            size: Size::default(),
            ports: Vec::new(),
            authorized_key: String::new(),
            host_key: HostKey { public: String::new(), private: Secret::new("") },
        }
    }

    /// A host that is fit, with these further lines of what it says.
    fn facts(id: usize, more: &str) -> Arc<Facts> {
        Arc::new(Facts::parse(&format!(
            "architecture x86_64\nsystemd yes\napt yes\nmachine-id {id}\nkey ssh-ed25519 AAAA\n\
             keys-file /root/.ssh/authorized_keys\n{more}\n"
        )))
    }

    fn mark(request: &MachineRequest) -> String {
        let claim = Claim::of(request, [10, 0, 0, 1].into()).in_state(MachineState::Running);
        format!("claim {}", claim.to_line())
    }

    /// The hosts that the requests get, of hosts that say this; or why not.
    fn chosen(
        hosts: &[&str],
        adopt: bool,
        requests: &[MachineRequest],
    ) -> Result<Vec<usize>, String> {
        let options = SshOptions { adopt, ..SshOptions::default() };
        let hosts: Vec<_> = hosts
            .iter()
            .enumerate()
            .map(|(index, said)| {
                let spec = SshHost::new(format!("host-{index}"));
                (Host::new(&spec, &options, None, true), facts(index, said))
            })
            .collect();
        let candidates: Vec<_> = hosts
            .iter()
            .enumerate()
            .map(|(index, (host, facts))| Candidate { index, host, facts: Arc::clone(facts) })
            .collect();
        let chosen = choose(requests, &candidates, |_| None, &[]).map_err(|e| e.to_string())?;
        Ok(chosen.into_iter().map(|(_, candidate)| candidate.index).collect())
    }

    #[test]
    fn machines_find_their_hosts_again_and_others_take_the_next() {
        let requests = [request("id", 1), request("id", 2), request("id", 3)];
        assert_eq!(chosen(&["", "", ""], false, &requests), Ok(vec![0, 1, 2]));
        let second = mark(&requests[1]);
        assert_eq!(chosen(&["", "", &second], false, &requests), Ok(vec![0, 2, 1]));
        // Only the third is missing, and the first two have their hosts.
        let (first, asked) = (mark(&requests[0]), &requests[2..]);
        assert_eq!(chosen(&[&second, &first, ""], false, asked), Ok(vec![2]));
        let refused = chosen(&[&second, &first], false, asked).unwrap_err();
        assert!(refused.contains("no host left for machine `practice/worker-3`"), "{refused}");
    }

    #[test]
    fn what_belongs_to_somebody_takes_a_word_of_the_user() {
        let asked = [request("id", 1)];
        let theirs = mark(&request("other", 1));
        for (said, why) in [
            (theirs.as_str(), "already taken by machine `practice/worker-1` (other)"),
            ("containers 2", "it carries 2 containers"),
            ("swarm yes", "membership in a swarm"),
        ] {
            let refused = chosen(&[said, ""], false, &asked).unwrap_err();
            assert!(refused.contains(why), "{refused}");
            assert_eq!(chosen(&[said, ""], true, &asked), Ok(vec![0]));
        }
        let refused = chosen(&["kubernetes /var/lib/etcd/member"], true, &asked).unwrap_err();
        assert!(refused.contains("cannot be adopted"), "{refused}");
        // A mark that cannot be read may be of a later version.
        assert!(chosen(&["claim {"], false, &asked).unwrap_err().contains("machine.json"));
    }

    #[test]
    fn a_machine_is_read_back_from_its_mark() {
        let asked = request("id", 1);
        let facts = facts(0, &mark(&asked));
        let claim = facts.claim().unwrap();
        let machine = claim.machine("root@host:2222", "root").unwrap();
        assert_eq!((&machine.id, machine.cluster_id.as_str()), (&asked.id, "id"));
        assert_eq!(machine.private_ip.to_string(), "10.0.0.1");
    }
}
