//! Hosts are claimed and given back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::join_all;

use super::assignment::{self, Candidate};
use super::claim::Claim;
use super::facts::Facts;
use super::lease::Lease;
use super::openssh::{Host, Route};
use super::options::{DRIVER, SshHost, SshOptions};
use super::tunnel::{ForwardedPorts, Tunnel};
use crate::driver::{Driver, Error, Force};
use crate::event::{Progress, chain};
use crate::failpoint;
use crate::model::{
    ClusterName, DriverName, Finding, Machine, MachineId, MachineRequest, MachineState, Place,
    SshFiles,
};

const CLAIM: &str = concat!(
    include_str!("../../../templates/ssh/places.sh"),
    include_str!("../../../templates/ssh/claim.sh")
);
const POWER: &str = concat!(
    include_str!("../../../templates/ssh/places.sh"),
    include_str!("../../../templates/ssh/power.sh")
);
const RESTORE: &str = concat!(
    include_str!("../../../templates/ssh/places.sh"),
    include_str!("../../../templates/ssh/restore.sh")
);

/// What is remembered of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// What was asked for the last time: its hosts may carry machines although nobody asks for them now.
    pub options: Option<SshOptions>,
    /// The machines as last seen; those of other drivers do not matter.
    pub machines: Vec<Machine>,
    /// The host keys that were pinned for machines, one OpenSSH line each.
    pub pins: BTreeMap<MachineId, Vec<String>>,
    /// The cluster's own keys. They open a host once it is claimed, should the user's no longer do.
    pub keys: Option<SshFiles>,
    /// Whether hosts that cannot be reached are given up: they are not listed, and nobody waits for them.
    pub abandon: bool,
}

/// Claims hosts and gives them back.
pub struct SshDriver {
    hosts: Vec<Lease>,
    machines: Vec<Machine>,
    pins: BTreeMap<MachineId, Vec<String>>,
    /// The cluster's own keys, beside which the ways to hosts are kept open.
    keys: Option<SshFiles>,
    remove_docker: bool,
    abandon: bool,
    /// Which host is to become which machine, and the host key that it has.
    given: Mutex<BTreeMap<MachineId, (usize, Option<String>)>>,
}

impl std::fmt::Debug for SshDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hosts: Vec<_> = self.hosts.iter().map(|lease| lease.host.name()).collect();
        f.debug_struct("SshDriver").field("hosts", &hosts).finish_non_exhaustive()
    }
}

impl SshDriver {
    /// A driver of these hosts, and of those that are remembered. Nothing is contacted yet.
    pub fn new(options: &SshOptions, memory: Memory) -> Self {
        let machines: Vec<_> = memory.machines.into_iter().filter(|m| m.driver == DRIVER).collect();
        let mut hosts: Vec<Host> = Vec::new();
        let mut add = |spec: &SshHost, options: &SshOptions, offered: bool| {
            let host = Host::new(spec, options, memory.keys.clone(), offered);
            if offered || !hosts.iter().any(|known| known.covers(&host.spec)) {
                hosts.push(host);
            }
        };
        for spec in &options.hosts {
            add(spec, options, true);
        }
        for spec in memory.options.iter().flat_map(|o| &o.hosts) {
            add(spec, memory.options.as_ref().unwrap_or(options), false);
        }
        for spec in machines.iter().filter_map(|m| m.handle.parse().ok()) {
            add(&spec, options, false);
        }
        let forwarded = Arc::new(Mutex::new(ForwardedPorts::remembered(&machines)));
        Self {
            hosts: hosts.into_iter().map(|host| Lease::new(host, Arc::clone(&forwarded))).collect(),
            machines,
            pins: memory.pins,
            keys: memory.keys,
            remove_docker: options.remove_docker,
            abandon: memory.abandon,
            given: Mutex::default(),
        }
    }

    fn given(&self) -> std::sync::MutexGuard<'_, BTreeMap<MachineId, (usize, Option<String>)>> {
        // Every change is one statement, so the map is whole even if a holder panicked.
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each host says of itself, all asked at once.
    async fn look(&self) -> Vec<(&Lease, Result<Arc<Facts>, Error>)> {
        join_all(self.hosts.iter().map(async |lease| (lease, lease.look().await))).await
    }

    /// Refuses what a host says that carries no mark of the machine that is remembered there, if it is another
    /// host by now: a name can lead elsewhere, to one that the user knows just as well.
    fn refuse_other_host(&self, lease: &Lease, facts: &Facts) -> Result<(), Error> {
        let is_there = |m: &&Machine| {
            m.handle.parse().is_ok_and(|spec: SshHost| lease.host.covers(&spec))
                && facts.claim().is_none_or(|claim| claim.cluster_id() != m.cluster_id)
        };
        let pinned = |m: &Machine| self.pins.get_key_value(&m.id);
        match self.machines.iter().find(is_there).and_then(pinned) {
            Some((machine, pins)) if !facts.has_one_of(pins) => {
                let (host, machine) = (lease.host.name().to_owned(), machine.clone());
                Err(Error::OtherHost { host, machine })
            }
            _ => Ok(()),
        }
    }

    /// The host that a machine is.
    fn of(&self, machine: &Machine) -> Result<&Lease, Error> {
        let spec: SshHost = machine.handle.parse().map_err(Error::Unsupported)?;
        let found = self.hosts.iter().find(|lease| lease.host.covers(&spec));
        found.ok_or_else(|| {
            Error::Unsupported(format!("the host of machine `{}` is not known here", machine.id))
        })
    }

    /// Decides which host becomes which machine.
    async fn assign(&self, requests: &[MachineRequest]) -> Result<(), Error> {
        let mut candidates = Vec::new();
        for (index, (lease, facts)) in self.look().await.into_iter().enumerate() {
            if lease.host.offered {
                candidates.push(Candidate { index, host: &lease.host, facts: facts? });
            }
        }
        let mut given = self.given();
        let taken: Vec<_> = given.values().map(|(index, _)| *index).collect();
        let promised = |machine: &MachineId| given.get(machine).map(|(index, _)| *index);
        let chosen = assignment::choose(requests, &candidates, promised, &taken)?;
        for (machine, candidate) in chosen {
            given.insert(machine, (candidate.index, candidate.host_key()));
        }
        Ok(())
    }

    /// Gives a host back, whose mark must be that of a cluster id.
    async fn give_back(&self, lease: &Lease, cluster_id: &str) -> Result<(), Error> {
        let remove = if self.remove_docker { "yes" } else { "" };
        let inputs = [("CLUSTER_ID", cluster_id), ("REMOVE_DOCKER", remove)];
        let result = lease.host.run(&inputs, RESTORE).await;
        lease.forget().await;
        lease.set_returned(result.is_ok());
        result.map(drop)
    }

    async fn set_state(&self, machine: &Machine, state: MachineState) -> Result<(), Error> {
        let lease = self.of(machine)?;
        let facts = lease.look().await?;
        let Some(claim) = facts.claim().filter(|c| c.machine_id().as_ref() == Some(&machine.id))
        else {
            return Err(Error::Unsupported(format!(
                "host `{}` is no longer machine `{}`",
                lease.host.name(),
                machine.id
            )));
        };
        let claim = claim.in_state(state).to_line();
        let wanted = state.to_string();
        let result = lease.host.run(&[("WANTED", &wanted), ("CLAIM", &claim)], POWER).await;
        lease.forget().await;
        result.map(drop)
    }
}

/// Whether a host is not the one any more that it was, or is not there.
fn is_lost(error: &Error) -> bool {
    matches!(
        error,
        Error::NoLogin { .. }
            | Error::NoHostKey { .. }
            | Error::OtherHostKey { .. }
            | Error::OtherHost { .. }
    )
}

#[async_trait]
impl Driver for SshDriver {
    fn name(&self) -> DriverName {
        DRIVER
    }

    async fn place(&self) -> Result<Place, Error> {
        let hosts: Vec<_> =
            self.hosts.iter().map(|lease| format!("`{}`", lease.host.name())).collect();
        Ok(Place {
            name: format!("the hosts {}", hosts.join(", ")),
            // Each host answers for itself, so what none of them says is true of none of them.
            id: Some("hosts".to_owned()),
            options: BTreeMap::new(),
        })
    }

    async fn architecture(&self) -> Result<Option<String>, Error> {
        let mut common: Option<String> = None;
        for (lease, facts) in self.look().await {
            if !lease.host.offered {
                continue;
            }
            let facts = facts?;
            if common.as_ref().is_some_and(|common| *common != facts.architecture) {
                return Ok(None);
            }
            common = Some(facts.architecture.clone());
        }
        Ok(common)
    }

    async fn check(&self) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        for (lease, facts) in self.look().await {
            let name = lease.host.name();
            findings.push(match facts {
                Ok(facts) => facts.finding(name, lease.host.spec.adopt),
                // That may be an attack, so it is told as what it is.
                Err(error @ Error::OtherHostKey { .. }) => return Err(error),
                Err(error) => {
                    let fix = format!("`ssh {name}` must work without a question");
                    Finding::problem(format!("host {name}"), chain(&error), fix)
                }
            });
        }
        if findings.is_empty() {
            findings.push(Finding::problem("hosts", "none are given", "`--host` names one"));
        }
        Ok(findings)
    }

    async fn admit(
        &self,
        _cluster: &ClusterName,
        requests: &[MachineRequest],
    ) -> Result<(), Error> {
        if let Some(limited) = requests.iter().find(|r| r.size != Default::default()) {
            return Err(Error::Unsupported(format!(
                "machine `{}` is a host that is there already, so it cannot be given limits",
                limited.id
            )));
        }
        if let Some(publishing) = requests.iter().find(|r| !r.ports.is_empty()) {
            return Err(Error::Unsupported(format!(
                "no port of this computer can lead to machine `{}`: `dojo forward` does that",
                publishing.id
            )));
        }
        self.assign(requests).await
    }

    async fn prepare(
        &self,
        cluster: &ClusterName,
        requests: &[MachineRequest],
        _progress: &Progress,
    ) -> Result<(), Error> {
        self.admit(cluster, requests).await
    }

    async fn create(&self, request: &MachineRequest) -> Result<Machine, Error> {
        if !self.given().contains_key(&request.id) {
            self.assign(std::slice::from_ref(request)).await?;
        }
        let index = self.given().get(&request.id).map(|(index, _)| *index);
        let lease = &self.hosts[index.expect("a host was assigned a moment ago")];
        let mut facts = lease.look().await?;
        if let Some(claim) = facts.claim()
            && claim.is_of(request)
            && claim.state != MachineState::Unfinished
            && let Some(machine) = lease.machine(claim).await?
        {
            return Ok(machine);
        }
        if facts.claim.is_some() && !facts.claim().is_some_and(|claim| claim.is_of(request)) {
            // Only with the user's word for it, see `assignment`.
            self.give_back(lease, "").await?;
            facts = lease.look().await?;
        }
        let resolved = lease.host.resolved().await?;
        let unfinished = if let Some(claim) = facts.claim() {
            // Cut short the last time.
            claim.clone()
        } else {
            let dialled = match resolved.route {
                Route::Direct(address) => Some(address.ip()),
                Route::Tunnel(_) => None,
            };
            let private = lease.host.spec.private_address;
            let private = private.or_else(|| facts.private_address(dialled)).or(dialled);
            let private = private.ok_or_else(|| {
                Error::Unsupported(format!(
                    "host `{}` does not say which address it has among its peers; `private-address` in a \
                     spec file does",
                    lease.host.name()
                ))
            })?;
            Claim::of(request, private)
        };
        let claim = unfinished.in_state(MachineState::Running);
        let inputs = [
            ("LOGIN", resolved.user.as_str()),
            ("KEYS_FILE", facts.keys_file.as_deref().unwrap_or_default()),
            ("KEY", request.authorized_key.trim()),
            ("UNFINISHED", &unfinished.to_line()),
            ("CLAIM", &claim.to_line()),
        ];
        lease.set_returned(false);
        let result = lease.host.run(&inputs, CLAIM).await;
        lease.forget().await;
        result?;
        failpoint::reached("machine.create.created");
        let machine = lease.machine(&claim).await?;
        Ok(machine.expect("a mark that was made of a request has all its labels"))
    }

    async fn list(&self, cluster: Option<&ClusterName>) -> Result<Vec<Machine>, Error> {
        let mut machines = Vec::new();
        let mut failure = None;
        for (lease, facts) in self.look().await {
            let known = |facts: Arc<Facts>| self.refuse_other_host(lease, &facts).map(|()| facts);
            match facts.and_then(known) {
                Ok(facts) => {
                    if let Some(claim) = facts.readable_claim(lease.host.name())? {
                        machines.extend(lease.machine(claim).await?);
                    }
                }
                Err(error) if self.abandon && is_lost(&error) => {}
                Err(error @ Error::NoLogin { .. }) => {
                    // It is off, or the way to it is cut; what it was is remembered.
                    let handle = |m: &Machine| m.handle.parse().ok();
                    let known = self.machines.iter();
                    let mut known =
                        known.filter(|m| handle(m).is_some_and(|spec| lease.host.covers(&spec)));
                    match known.next().cloned() {
                        Some(machine) => {
                            machines.push(Machine { state: MachineState::Unknown, ..machine });
                        }
                        None => failure = failure.or(Some(error)),
                    }
                }
                // Another host key outweighs everything, because it may be an attack.
                Err(error @ (Error::OtherHostKey { .. } | Error::OtherHost { .. })) => {
                    return Err(error);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        machines.retain(|m| cluster.is_none_or(|cluster| m.id.cluster == *cluster));
        machines.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(machines)
    }

    async fn start(&self, machine: &Machine) -> Result<(), Error> {
        self.set_state(machine, MachineState::Running).await
    }

    async fn open_tunnel(&self, machine: &Machine) -> Result<(), Error> {
        self.of(machine)?.host.open_tunnel(machine).await
    }

    async fn stop(&self, machine: &Machine) -> Result<(), Error> {
        self.set_state(machine, MachineState::Stopped).await
    }

    fn admit_force(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        Err(Error::Unsupported(match force {
            Force::Kill => format!(
                "machine `{}` is a host of yours, which stays on, because nobody could switch it on again from here",
                machine.id
            ),
            Force::Pause | Force::Unpause => {
                format!("machine `{}` is a host of yours, which cannot be paused", machine.id)
            }
        }))
    }

    async fn destroy(&self, machine: &Machine) -> Result<(), Error> {
        let lease = self.of(machine)?;
        lease.forget().await;
        let facts = lease.look().await?;
        let claim = facts.readable_claim(lease.host.name())?;
        let same = claim.filter(|claim| {
            claim.machine_id().as_ref() == Some(&machine.id)
                && claim.cluster_id() == machine.cluster_id
        });
        self.given().remove(&machine.id);
        if same.is_some() {
            self.give_back(lease, &machine.cluster_id).await?;
        }
        if let Some(keys) = &self.keys {
            Tunnel::to(&machine.id, keys).close().await;
        }
        Ok(())
    }

    async fn cleanup(&self, cluster: &ClusterName, cluster_id: Option<&str>) -> Result<(), Error> {
        self.given().retain(|machine, _| machine.cluster != *cluster);
        let left = self.hosts.iter().filter(|lease| !lease.is_returned());
        let work = left.map(async |lease| {
            let facts = match lease.look().await {
                Err(error) if self.abandon && is_lost(&error) => return Ok(()),
                other => other?,
            };
            match facts.readable_claim(lease.host.name())? {
                Some(claim)
                    if claim.cluster().as_ref() == Some(cluster)
                        && cluster_id.is_none_or(|id| id == claim.cluster_id()) =>
                {
                    self.give_back(lease, claim.cluster_id()).await
                }
                _ => Ok(()),
            }
        });
        let result = join_all(work).await.into_iter().collect();
        for tunnel in self.keys.iter().flat_map(|keys| Tunnel::all(cluster, keys)) {
            tunnel.close().await;
        }
        result
    }

    async fn host_key(&self, machine: &Machine) -> Result<Option<String>, Error> {
        let lease = self.of(machine)?;
        let facts = lease.look().await?;
        Ok(lease.host.given_key().or_else(|| facts.host_key().map(str::to_owned)))
    }

    fn own_host_key(&self, request: &MachineRequest) -> Option<String> {
        self.given().get(&request.id)?.1.clone()
    }
}
