//! What the verbs have in common: a cluster's keys, its machines, and their way to being nodes.

use std::time::Duration;

use crate::driver::{Driver, registry};
use crate::event::Progress;
use crate::failpoint;
use crate::kind;
use crate::model::{
    ClusterName, HostKey, KubernetesVersion, Machine, MachineId, MachineName, MachineRequest,
    MachineState, Secret, SshFiles,
};
use crate::pki::{self, Authority};
use crate::provision::{Install, Node, Provisioner, Restart};
use crate::remote::keys;
use crate::spec::ClusterSpec;
use crate::store::{Entry, Record};

use super::error::{Error, MachineError, Work};
use super::host_key;
use super::lost::look;
use super::recovering::Recovering;
use super::services::Services;
use super::settle::{all_well, settle};

/// How often to see whether a machine that is waited for still runs.
const LOOK: Duration = Duration::from_secs(5);

/// The cluster's keys, made if they are absent.
pub(super) fn provisioner(
    services: &Services,
    entry: &Entry,
    record: &Record,
    install: Box<dyn Install>,
) -> Result<Provisioner, Error> {
    let ssh = entry.ssh()?;
    keys::ensure_identity(&ssh)?;
    let pki = entry.pki()?;
    let subject = subject(entry, record);
    let authority = Authority::ensure(&pki, &subject)?;
    let tls = pki::ensure_client(&pki.join("client"), &authority, &subject)?;
    let proxies = services.proxies.clone();
    let proxies = proxies.map(|proxies| proxies.but_not_for(reached_directly(&record.spec)));
    Ok(Provisioner { ssh, tls, authority, pki, install, proxies })
}

/// Whose the cluster's certificates are.
pub(super) fn subject(entry: &Entry, record: &Record) -> String {
    format!("clusterdojo {} {}", entry.name(), record.cluster_id)
}

/// What machines of a cluster must never reach through a proxy: themselves and each other.
fn reached_directly(spec: &ClusterSpec) -> Vec<String> {
    let mut entries: Vec<String> =
        ["localhost", "127.0.0.0/8", "127.0.0.1", "::1"].map(str::to_owned).into();
    let drivers = spec.drivers();
    let subnet = |driver| registry::kind(driver).subnet(spec.sections.of(driver));
    entries.extend(drivers.iter().filter_map(subnet).map(|subnet| subnet.to_string()));
    entries.extend(spec.machines().iter().map(|machine| machine.name.to_string()));
    entries.extend(kind::of(spec.orchestrator).inner_addresses(&spec.kubernetes));
    entries
}

/// What is to be installed on the machines of a cluster; `made` says that all of them exist. Package repositories
/// that this computer knows must be as safe as what is said of the cluster.
pub(super) fn install(spec: &ClusterSpec, made: bool) -> Result<Box<dyn Install>, Error> {
    let kind = kind::of(spec.orchestrator);
    let mut settled = spec.clone();
    if kind.settle(&mut settled.engine, &mut settled.kubernetes) && !made {
        settled.validate()?;
    }
    Ok(kind.install(settled.engine, settled.kubernetes, made)?)
}

/// Refuses a release that is too old, and a bundle of one that needs containerd 2 and does not bring it: machines
/// that are made here need not have it. What hosts have, and images of the user's own, is seen there. Tells of a
/// release that nobody has tested yet.
pub(super) fn admit_release(
    spec: &ClusterSpec,
    install: &dyn Install,
    progress: &Progress,
) -> Result<(), Error> {
    let Some(version) = install.version() else { return Ok(()) };
    version
        .refuse_old()
        .map_err(|problem| Error::OldRelease { cluster: spec.name.clone(), problem })?;
    if version.is_untested() {
        progress.warn(format!(
            "Kubernetes {version} is newer than what was tested, which is up to {}; it may work",
            KubernetesVersion::NEWEST
        ));
    }
    let Some(version) = install.lacks_containerd() else { return Ok(()) };
    let is_known = |driver: &_| registry::kind(driver).has_known_image(spec.sections.of(driver));
    if spec.drivers().iter().any(is_known) {
        return Err(Error::LacksContainerd { cluster: spec.name.clone(), version });
    }
    Ok(())
}

/// Refuses what cannot run on the machines that the driver will make.
pub(super) async fn check_architecture(
    services: &Services,
    install: &dyn Install,
) -> Result<(), Error> {
    if let Some(bundle) = install.bundle()
        && let Some(architecture) = services.ask(services.driver.architecture()).await?
    {
        bundle.fits(&architecture, None)?;
    }
    Ok(())
}

/// What to ask the driver for, for those machines of the spec that are yet to be made.
pub(super) fn requests(
    spec: &ClusterSpec,
    record: &Record,
    ssh: &SshFiles,
    home: &str,
    absent: &[MachineName],
) -> Result<Vec<MachineRequest>, Error> {
    let authorized_key = keys::ensure_identity(ssh)?;
    let mut requests = requests_without_keys(spec, record, home, absent);
    for request in &mut requests {
        request.authorized_key.clone_from(&authorized_key);
        request.host_key = keys::generate_host_key()?;
    }
    Ok(requests)
}

/// The same without the keys that only a machine needs which is really made.
pub(super) fn requests_without_keys(
    spec: &ClusterSpec,
    record: &Record,
    home: &str,
    absent: &[MachineName],
) -> Vec<MachineRequest> {
    let absent = spec.machines().into_iter().filter(|machine| absent.contains(&machine.name));
    absent
        .map(|machine| MachineRequest {
            id: MachineId { cluster: spec.name.clone(), name: machine.name },
            driver: machine.driver,
            cluster_id: record.cluster_id.clone(),
            home: home.to_owned(),
            orchestrator: spec.orchestrator,
            size: machine.size,
            ports: machine.ports,
            authorized_key: String::new(),
            host_key: HostKey { public: String::new(), private: Secret::new("") },
        })
        .collect()
}

/// Notes which machines exist, so that one can look inside those of a cluster that did not come to be. Those that
/// are not found now stay noted: they may be somewhere, and if they are gone, they had what no new one has.
pub(super) async fn remember(services: &Services, entry: &Entry) -> Result<(), Error> {
    let Some(mut record) = entry.record()? else { return Ok(()) };
    let sight = look(services, &record).await?;
    record.machines = sight.found.into_iter().chain(sight.missing).collect();
    Ok(entry.save(&record)?)
}

/// Where a machine's way to being a node begins.
pub(super) enum Origin {
    /// It is yet to be made.
    Create(Box<MachineRequest>),
    /// It exists and is off.
    Start(Machine),
    /// It exists and runs; if its engine is to have other settings or certificates, they are held back.
    Keep(Machine),
    /// It exists and runs, and its engine is restarted if it is to have other settings or certificates.
    Restart(Machine),
}

/// One machine's whole way, from wherever it begins.
pub(super) async fn become_node(
    services: &Services,
    provisioner: &Provisioner,
    origin: Origin,
    progress: &Progress,
) -> Result<Node, MachineError> {
    if services.interrupt.raised() {
        return Err(MachineError::Interrupted);
    }
    let driver = &*services.driver;
    let known_hosts = &provisioner.ssh.known_hosts;
    let restart = match origin {
        Origin::Keep(_) => Restart::Later,
        Origin::Create(_) | Origin::Start(_) | Origin::Restart(_) => Restart::Now,
    };
    let machine = match origin {
        Origin::Create(request) => {
            failpoint::reached("machine.create.before");
            let machine = progress.step("create", driver.create(&request)).await?;
            failpoint::reached("machine.create.after");
            // A run that was killed may have had the machine under way, with a host key of its own.
            let pinned = keys::pinned(known_hosts, &machine.id.alias())?.unwrap_or_default();
            let key = driver.host_key(&machine).await?;
            if let Some(key) = key.filter(|key| !same_key(key, &pinned)) {
                keys::pin(known_hosts, &[(machine.id.alias(), key)])?;
            }
            machine
        }
        Origin::Start(machine) => {
            progress.step("start", driver.start(&machine)).await?;
            driver.located(machine).await?
        }
        Origin::Keep(machine) | Origin::Restart(machine) => machine,
    };
    // A record that was rebuilt has no pinned keys; the driver may have a way to read them that needs
    // no trust on first use.
    let alias = machine.id.alias();
    if keys::pinned(known_hosts, &alias)?.is_none()
        && let Some(key) = driver.host_key(&machine).await?
    {
        keys::pin(known_hosts, &[(alias, key)])?;
    }
    let handle = machine.handle.clone();
    let node = async {
        if let Some(known) = driver.known_host_key(&machine).await? {
            let replace = host_key::replace(services, &machine, &provisioner.ssh, &known);
            progress.step("give it a host key of its own", replace).await?;
        }
        let dialer = Recovering { dialer: &*services.dialer, driver, progress };
        Ok(provisioner.provision(&dialer, machine, restart, progress).await?)
    };
    let work = async {
        tokio::select! {
            node = node => node,
            state = until_it_stops(driver, &handle) => Err(MachineError::Stopped(state)),
        }
    };
    services.interrupt.or(work).await.unwrap_or(Err(MachineError::Interrupted))
}

/// The whole ways of several machines of a cluster, all at once.
pub(super) async fn become_nodes(
    services: &Services,
    provisioner: &Provisioner,
    cluster: &ClusterName,
    work: Work,
    origins: Vec<(MachineName, Origin)>,
    progress: &Progress,
) -> Result<Vec<Node>, Error> {
    let of = origins.len();
    let ways = origins.into_iter().map(|(name, origin)| {
        let progress = progress.machine(name);
        (name, async move { become_node(services, provisioner, origin, &progress).await })
    });
    let (nodes, causes) = settle(ways).await;
    all_well(services, cluster, work, of, causes).await?;
    Ok(nodes)
}

/// Whether two OpenSSH lines hold the same key; the comment behind it may differ.
fn same_key(one: &str, other: &str) -> bool {
    one.split_whitespace().take(2).eq(other.split_whitespace().take(2))
}

/// Waits until a machine no longer runs, and says what has become of it; a machine that is gone will
/// not answer, however long it is waited for. One that reboots is off for a moment, so it is looked at twice.
async fn until_it_stops(driver: &dyn Driver, handle: &str) -> &'static str {
    let mut was_off = false;
    loop {
        tokio::time::sleep(LOOK).await;
        // A driver that does not answer says nothing about the machine.
        let Ok(machines) = driver.list(None).await else { continue };
        match machines.iter().find(|m| m.handle == handle).map(|m| m.state) {
            Some(MachineState::Running) => was_off = false,
            Some(_) if !was_off => was_off = true,
            Some(_) => return "it stopped",
            None => return "it is gone",
        }
    }
}
