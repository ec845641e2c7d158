//! Puts the program together.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::{Arc, Once};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::bundle::Bundle;
use crate::context::{DockerContexts, KubeContexts};
use crate::driver::mixed::Mixed;
use crate::driver::nowhere::Nowhere;
use crate::driver::{Baked, Driver, Images, Memory, Setting, external, registry};
use crate::event::{Progress, Reporter, Silent, chain};
use crate::kind::{self, Bootstrappers, kubernetes};
use crate::model::{
    ClusterName, DriverName, Machine, MachineName, Places, Proxies, SshFiles, TlsFiles,
};
use crate::pace::within;
use crate::provision;
use crate::remote::keys::all_pinned;
use crate::remote::{Dialer, SshDialer};
use crate::report::{self, LogFile, Tee};
use crate::spec::ClusterSpec;
use crate::store::{Home, Record};
use crate::workflow::{self, Interrupt, OpenLog, Services};

use super::args::{Elsewhere, Global};
use super::error::Error;
use super::failure;
use super::flags::DriverFlagsGiven;
use super::lab_images::WithLabImages;
use super::own_images::OwnImages;
use super::place::spec_from;

/// The cluster that is meant when none is named.
pub(super) const DEFAULT_CLUSTER: &str = "dojo";

/// How long a command may take to end without a word.
const GRACE: Duration = Duration::from_millis(500);

/// The handles that depend on the driver.
type Parts = (Arc<dyn Driver>, Arc<dyn Images>, Arc<dyn Dialer>, Bootstrappers);

/// What only some commands ask of drivers.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
struct Special {
    /// Machines are to be made: options that a driver does not take are refused.
    to_make: bool,
    /// What is put into machine images beforehand.
    baked: Option<Baked>,
    /// Give up hosts that cannot be reached.
    abandon: bool,
    /// Give up all machines of a driver that cannot be asked.
    forget: bool,
    /// The driver is asked for what is there, whatever is recorded of a cluster of that name.
    anywhere: bool,
}

/// What every command has, before it knows which driver it needs.
pub(super) struct Context {
    pub(super) home: Home,
    pub(super) contexts: DockerContexts,
    pub(super) kube_contexts: KubeContexts,
    pub(super) reporter: Arc<dyn Reporter>,
    pub(super) interrupt: Interrupt,
    pub(super) quiet: bool,
    pub(super) driver_flags: DriverFlagsGiven,
    overruled: Once,
    odd_proxies: Once,
}

impl Context {
    pub(super) fn new(global: &Global, driver_flags: DriverFlagsGiven) -> Result<Self, Error> {
        let verbosity = if global.quiet { -1 } else { i8::try_from(global.verbose).unwrap_or(2) };
        Ok(Self {
            home: Home::from_env()?,
            contexts: DockerContexts::from_env()?,
            kube_contexts: KubeContexts::from_env()?,
            reporter: report::choose(global.log_format, verbosity),
            interrupt: Interrupt::default(),
            quiet: global.quiet,
            driver_flags,
            overruled: Once::new(),
            odd_proxies: Once::new(),
        })
    }

    /// The same for whoever has the whole terminal: lines of progress would stand across what is shown.
    pub(super) fn silent(&self) -> Self {
        Self {
            home: self.home.clone(),
            contexts: self.contexts.clone(),
            kube_contexts: self.kube_contexts.clone(),
            reporter: Arc::new(Silent),
            interrupt: self.interrupt.clone(),
            quiet: self.quiet,
            driver_flags: self.driver_flags.clone(),
            overruled: Once::new(),
            odd_proxies: Once::new(),
        }
    }

    /// Everything that the cluster of a spec needs: at the places that its record tells, where the spec names no
    /// other.
    pub(super) async fn services(&self, spec: &ClusterSpec) -> Result<Services, Error> {
        self.services_with(spec, Special::default()).await
    }

    /// What finds machines of any cluster, with a record or without, where a spec and the environment say.
    pub(super) async fn services_anywhere(&self, spec: &ClusterSpec) -> Result<Services, Error> {
        self.services_with(spec, Special { anywhere: true, ..Special::default() }).await
    }

    /// Everything that it takes to make what a spec says.
    pub(super) async fn services_to_make(&self, spec: &ClusterSpec) -> Result<Services, Error> {
        // What is in a bundle is put into the machine image, once, instead of onto every machine.
        let known = matches!(self.home.record(&spec.name), Ok(Some(_)));
        let has_image = spec.drivers().iter().any(|driver| registry::kind(driver).can_bake());
        let baked = match &spec.kubernetes.bundle {
            // Only further machines would need it.
            Some(path) if known && !path.exists() => None,
            Some(path) if has_image => Some(self.baked(path).await?),
            _ => None,
        };
        self.services_with(spec, Special { to_make: true, baked, ..Special::default() }).await
    }

    /// Everything that it takes to bring a cluster to the release of a spec, whose bundle is not damaged.
    pub(super) async fn services_to_upgrade(&self, spec: &ClusterSpec) -> Result<Services, Error> {
        if let Some(path) = &spec.kubernetes.bundle {
            self.checked_bundle(path).await?;
        }
        self.services(spec).await
    }

    /// Everything that a recorded cluster needs; with the defaults where there is no readable record.
    pub(super) async fn services_of(&self, name: &ClusterName) -> Result<Services, Error> {
        match self.home.record(name) {
            Ok(Some(record)) => {
                let goal = record.goal();
                Ok(self.services(goal).await?.seen(Some(goal.clone())))
            }
            _ => self.services(&spec_from(name.clone(), registry::default())).await,
        }
    }

    /// Everything that it takes to remove a cluster, which is looked for `elsewhere` where there is no
    /// readable record, or where that is said; `abandon` gives up hosts that cannot be reached, and `forget` all
    /// machines of a driver that cannot.
    pub(super) async fn services_to_remove(
        &self,
        name: &ClusterName,
        elsewhere: &Elsewhere,
        abandon: bool,
        forget: bool,
    ) -> Result<Services, Error> {
        let record = self.home.record(name).ok().flatten();
        let seen = record.map(|record| record.goal().clone());
        let spec = match &seen {
            Some(spec) => elsewhere.of(spec.clone())?,
            None => elsewhere.spec(name.clone())?,
        };
        let special = Special { abandon, forget, ..Special::default() };
        Ok(self.services_with(&spec, special).await?.seen(seen))
    }

    /// What puts all of a bundle into a machine image.
    pub(super) async fn baked(&self, path: &Path) -> Result<Baked, Error> {
        let bundle = self.checked_bundle(path).await?;
        Ok(Baked {
            name: format!("kubernetes-{}", bundle.version()),
            archive: path.to_owned(),
            archive_id: bundle.id().to_owned(),
            directory: kubernetes::DIRECTORY.to_owned(),
            script: kubernetes::bake(&bundle),
        })
    }

    /// A bundle with all its checksums right; one that was looked through before is looked through again
    /// only if the file has changed.
    async fn checked_bundle(&self, path: &Path) -> Result<Bundle, Error> {
        let (path, stamps) = (path.to_owned(), self.home.bundle_stamps());
        let check = tokio::task::spawn_blocking(move || {
            let bundle = Bundle::open(&path)?;
            bundle.verify_once(&stamps)?;
            Ok::<_, crate::bundle::Error>(bundle)
        });
        let checked = check.await.expect("checking a bundle does not panic");
        Ok(checked.map_err(workflow::Error::from)?)
    }

    async fn services_with(&self, spec: &ClusterSpec, special: Special) -> Result<Services, Error> {
        let record =
            if special.anywhere { None } else { self.home.record(&spec.name).ok().flatten() };
        if let Some(record) = &record {
            self.overruled.call_once(|| self.tell_what_does_not_count(spec, record));
        }
        let places = record.as_ref().map(|record| record.places.clone()).unwrap_or_default();
        let spec = &spec.located(&places);
        let (driver, images, dialer, bootstrappers) =
            Box::pin(self.parts(spec, &places, record, special)).await?;
        Ok(Services {
            home: self.home.clone(),
            driver,
            images,
            dialer,
            bootstrappers,
            contexts: self.contexts.clone(),
            kube_contexts: self.kube_contexts.clone(),
            open_log: self.open_log(),
            reporter: Arc::clone(&self.reporter),
            interrupt: self.interrupt.clone(),
            proxies: self.proxies().filter(|proxies| proxies.on_loopback().is_none()),
            seen: None,
        })
    }

    async fn parts(
        &self,
        spec: &ClusterSpec,
        places: &Places,
        record: Option<Record>,
        special: Special,
    ) -> Result<Parts, Error> {
        #[cfg(feature = "fake")]
        if spec.drivers().contains(&crate::driver::fake::DRIVER) {
            let fake = Arc::new(crate::fake::Fake::at(places.get(&crate::driver::fake::DRIVER)));
            let bootstrappers = Bootstrappers::replaced_by(fake.clone());
            return Ok((fake.clone(), fake.clone(), fake, bootstrappers));
        }
        let mut drivers: Vec<Arc<dyn Driver>> = Vec::new();
        for name in spec.drivers() {
            let driver = self.driver(&name, spec, places, record.as_ref(), &special).await;
            drivers.push(match driver {
                Err(error) if special.forget => {
                    let progress = Progress::new(Arc::clone(&self.reporter));
                    progress.warn(format!("{}; what is there is given up", chain(&error)));
                    Arc::new(Nowhere(name))
                }
                driver => driver?,
            });
        }
        let driver = Mixed::of(drivers);
        let dialer = Arc::new(SshDialer::new(Some(Arc::clone(&driver))));
        let images = WithLabImages(Arc::new(OwnImages(self.contexts.clone())));
        Ok((driver, Arc::new(images), dialer, Bootstrappers::default()))
    }

    /// The proxies of this computer. What is wrong with them is told once, and only those who need them are
    /// without.
    pub(super) fn proxies(&self) -> Option<Proxies> {
        self.contexts.proxies().unwrap_or_else(|why| {
            let progress = Progress::new(Arc::clone(&self.reporter));
            self.odd_proxies.call_once(|| progress.warn(format!("no proxy is used: {why}")));
            None
        })
    }

    async fn driver(
        &self,
        name: &DriverName,
        spec: &ClusterSpec,
        places: &Places,
        record: Option<&Record>,
        special: &Special,
    ) -> Result<Arc<dyn Driver>, Error> {
        let (driver, section) = (registry::kind(name), spec.sections.of(name).clone());
        let context = if driver.wants_context(&section) { self.contexts.engine()? } else { None };
        let memory = self.memory(name, &spec.name, record.cloned());
        let setting = Setting {
            section,
            place: places.get(name).cloned(),
            variant: kind::of(spec.orchestrator).image(),
            to_make: special.to_make,
            memory: Memory { abandon: special.abandon, ..memory },
            context,
            baked: special.baked.clone(),
            proxies: self.proxies(),
            // Images are for all clusters, so what one of them chooses is no matter here.
            docker_repository: || provision::DOCKER.repository(),
            progress: Progress::new(Arc::clone(&self.reporter)),
        };
        Ok(driver.connect(setting).await.map_err(registry::but_inside)?)
    }

    /// What is remembered of a cluster, for one of its drivers; nothing where there is no readable record.
    pub(super) fn memory(
        &self,
        driver: &DriverName,
        name: &ClusterName,
        record: Option<Record>,
    ) -> Memory {
        let keys = self.ssh(name);
        let section = record.as_ref().map(|record| record.spec.sections.of(driver).clone());
        let machines = record.map(|record| record.machines).unwrap_or_default();
        let pinned = |machine: &Machine| {
            // Where they cannot be read, the way to the machine says so.
            let pins = all_pinned(&keys.known_hosts, &machine.id.alias()).unwrap_or_default();
            (!pins.is_empty()).then(|| (machine.id.clone(), pins))
        };
        Memory {
            pins: machines.iter().filter_map(pinned).collect(),
            section,
            machines,
            keys: Some(keys),
            abandon: false,
        }
    }

    pub(super) fn open_log(&self) -> OpenLog {
        let reporter = Arc::clone(&self.reporter);
        Arc::new(move |directory: &Path, verb: &str| -> Arc<dyn Reporter> {
            match LogFile::create(directory, verb) {
                Ok(log) => Arc::new(Tee(vec![Arc::clone(&reporter), Arc::new(log)])),
                Err(error) => {
                    // The work matters more than its log.
                    Progress::new(Arc::clone(&reporter)).warn(format!("no log is kept: {error}"));
                    Arc::clone(&reporter)
                }
            }
        })
    }

    /// From here on the first Ctrl-C ends a command that has begun nothing, and asks one that has to come to
    /// an end; the second one ends the process.
    pub(super) fn listen_for_interrupts(&self) {
        // Registered here and not in the task, which may begin after the first signal has come.
        let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else { return };
        let raised = self.interrupt.clone();
        let progress = Progress::new(Arc::clone(&self.reporter));
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            };
            next().await;
            raised.raise();
            let is_patient = within(GRACE, next()).await.is_err();
            if is_patient && raised.has_begun() {
                progress.warn("stopping after the steps under way; once more stops at once");
                next().await;
            } else if is_patient {
                // It waits for what cannot be cut off: an answer at the terminal, a file.
                failure::tell(&Error::Interrupted);
            }
            external::abandon();
            std::process::exit(130);
        });
    }

    /// The cluster that is meant: the named one, else the one that docker points at, else the one that
    /// kubectl points at, else the only one there is, else the default.
    pub(super) fn cluster(&self, name: Option<ClusterName>) -> Result<ClusterName, Error> {
        if let Some(name) = name {
            return Ok(name);
        }
        let clusters = self.home.list()?;
        match (self.pointed_at(&clusters).first(), clusters.as_slice()) {
            (Some(name), _) | (None, [(name, _)]) => Ok(name.clone()),
            _ => Ok(DEFAULT_CLUSTER.parse()?),
        }
    }

    /// The record of a cluster that must exist.
    pub(super) fn record(&self, name: &ClusterName) -> Result<Record, Error> {
        let record = self.home.record(name)?;
        record.ok_or_else(|| Error::Workflow(workflow::Error::UnknownCluster(name.clone())))
    }

    /// A machine by what a person calls it: `worker-1` in the current cluster, or `practice/worker-1`.
    pub(super) fn machine(&self, text: &str) -> Result<(Record, Machine), Error> {
        let (cluster, name) = self.machine_name(text)?;
        let record = self.record(&cluster)?;
        let machine = machine_of(&record, name)?.clone();
        Ok((record, machine))
    }

    /// The two halves of a machine's full name.
    pub(super) fn machine_name(&self, text: &str) -> Result<(ClusterName, MachineName), Error> {
        if let Some((cluster, machine)) = text.split_once('/') {
            return Ok((cluster.parse()?, machine.parse()?));
        }
        let machine = text.parse()?;
        Ok((self.cluster(None)?, machine))
    }

    /// Where the client's certificate of a cluster is.
    pub(super) fn tls(&self, name: &ClusterName) -> TlsFiles {
        TlsFiles::in_directory(&self.home.directory(name).join("pki/client"))
    }

    /// Where the SSH keys of a cluster are.
    pub(super) fn ssh(&self, name: &ClusterName) -> SshFiles {
        SshFiles::in_directory(&self.home.directory(name).join("ssh"))
    }

    /// Whether a question can be asked.
    pub(super) fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !self.quiet
    }
}

/// A machine of a recorded cluster.
pub(super) fn machine_of(record: &Record, name: MachineName) -> Result<&Machine, Error> {
    let cluster = || record.spec.name.clone();
    let unknown = || workflow::Error::UnknownMachine { cluster: cluster(), machine: name };
    let found = record.machines.iter().find(|machine| machine.id.name == name);
    Ok(found.ok_or_else(unknown)?)
}
