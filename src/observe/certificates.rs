//! The certificates of a cluster that are on this computer. No machine is asked, so that it can be told also when
//! nothing runs.

use std::io;
use std::path::{Path, PathBuf};

use crate::durable;
use crate::event::chain;
use crate::model::{KubeCredentials, Orchestrator};
use crate::pki::{self, Description};
use crate::store::Record;

use super::facts::CertificateFacts;

/// One certificate of a cluster.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Whose: `authority`, `client`, or a machine's name, with what it is for where it has several.
    pub owner: String,
    /// Where it is: on this computer, or on the machine.
    pub file: PathBuf,
    /// What it says, or why that cannot be told.
    pub says: Result<Description, String>,
}

/// The certificates of a cluster whose files are in a directory.
pub fn certificates(record: &Record, directory: &Path) -> Vec<Certificate> {
    if record.spec.orchestrator == Orchestrator::Kubernetes {
        return of_kubernetes(&directory.join("kubeconfig"));
    }
    let pki = directory.join("pki");
    let mut found = vec![read("authority", pki.join("ca.pem"))];
    found.push(read("client", pki.join("client/cert.pem")));
    for machine in record.spec.machines() {
        let name = machine.name.to_string();
        found.push(read(&name, pki.join(&name).join("cert.pem")));
    }
    found
}

pub(super) fn facts(record: &Record, directory: &Path) -> Vec<CertificateFacts> {
    certificates(record, directory).into_iter().map(CertificateFacts::from).collect()
}

impl From<Certificate> for CertificateFacts {
    fn from(Certificate { owner, file, says }: Certificate) -> Self {
        let validity = says.as_ref().ok().map(|says| says.validity);
        Self {
            owner,
            file,
            subject: says.as_ref().ok().map(|says| says.subject.clone()),
            not_before: validity.map(|validity| validity.from),
            not_after: validity.map(|validity| validity.until),
            error: says.err(),
        }
    }
}

/// What the cluster's own kubeconfig holds. What is on the nodes they have to be asked for: see
/// `dojo certs`.
fn of_kubernetes(file: &Path) -> Vec<Certificate> {
    let credentials = durable::read_to_string(file, durable::KEY).map_err(|e| e.to_string());
    let credentials =
        credentials.and_then(|t| KubeCredentials::from_kubeconfig(&t).map_err(|e| chain(&e)));
    let one = |owner: &str, part: fn(&KubeCredentials) -> &str| Certificate {
        owner: owner.to_owned(),
        file: file.to_owned(),
        says: credentials
            .as_ref()
            .map_err(String::clone)
            .and_then(|c| pki::describe(part(c)).map_err(|e| chain(&e))),
    };
    vec![one("authority", |c| &c.ca), one("administrator", |c| &c.cert)]
}

fn read(owner: &str, file: PathBuf) -> Certificate {
    let says = match durable::read_to_string(&file, durable::KEY) {
        Ok(text) => pki::describe(&text).map_err(|e| chain(&e)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err("there is none".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    Certificate { owner: owner.to_owned(), file, says }
}
