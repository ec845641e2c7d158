//! The certificates of a cluster that are on this computer, as facts.

use crate::kind::Certificate;

use super::Cluster;
use super::facts::CertificateFacts;

pub(super) fn facts(cluster: &Cluster) -> Vec<CertificateFacts> {
    let machines: Vec<_> = cluster.record.spec.machines().into_iter().map(|m| m.name).collect();
    let certificates = cluster.kind().certificates(&cluster.directory(), &machines);
    certificates.into_iter().map(CertificateFacts::from).collect()
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
