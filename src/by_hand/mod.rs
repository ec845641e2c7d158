//! What `up` would do, for a person who does it by hand. The real `up` is walked through, with a driver and connections
//! that touch nothing and note what is asked of them; what comes of that is a script for the shell of this computer.

mod driver;
mod script;

use std::sync::Arc;

use crate::context::{DockerContexts, KubeContexts};
use crate::event::Reporter;
use crate::kind::kubernetes::kubeadm;
use crate::kind::{self, Bootstrappers};
use crate::model::Proxies;
use crate::remote::by_hand::{Notes, NotingDialer};
use crate::report::Tee;
use crate::spec::ClusterSpec;
use crate::store::Home;
use crate::workflow::{self, Interrupt, Services};

use self::driver::NotingDriver;
use self::script::Text;

/// The steps of `up` as a script. Warnings go to `reporter`; nothing else is told or asked, and nothing is left behind.
///
/// # Errors
/// What `up` would refuse without having looked at any machine.
pub async fn up(
    spec: ClusterSpec,
    proxies: Option<Proxies>,
    reporter: Arc<dyn Reporter>,
) -> Result<String, workflow::Error> {
    let scratch = tempfile::tempdir().map_err(workflow::Error::Scratch)?;
    let path = |name: &str| scratch.path().join(name);
    let notes = Notes::default();
    let driver = Arc::new(NotingDriver::new(&spec, notes.clone()));
    let services = Services {
        home: Home::new(path("home")),
        driver: driver.clone(),
        images: driver.clone(),
        dialer: Arc::new(NotingDialer::new(notes.clone(), {
            let driver = driver.clone();
            move |machine, script| (script.title == kubeadm::LOOK).then(|| driver.look(machine))
        })),
        bootstrappers: kind::of(spec.orchestrator)
            .by_hand(notes.clone())
            .map(Bootstrappers::replaced_by)
            .unwrap_or_default(),
        contexts: DockerContexts::new(path("docker")),
        kube_contexts: KubeContexts::new([path("kubeconfig")]),
        open_log: Arc::new(|_, _| Arc::new(Tee(Vec::new()))),
        reporter,
        interrupt: Interrupt::default(),
        proxies,
        seen: None,
    };
    let files = services.home.directory(&spec.name);
    let mut text = Text::new(&spec.name, files);
    workflow::walk_up(&services, spec, |local| {
        text.add(notes.take(), local, &driver.addresses());
    })
    .await?;
    Ok(text.finish())
}
