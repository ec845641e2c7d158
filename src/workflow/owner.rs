//! Whose a cluster is: this home's, another one's, or nobody's any more.

use crate::driver::Leftover;
use crate::durable;
use crate::model::{ClusterName, Machine};
use crate::pki;
use crate::store::Home;

use super::error::Error;
use super::services::Services;

/// The id of the cluster that the keys here were made for, as their authority says.
pub(super) fn keys_of(services: &Services, name: &ClusterName) -> Option<String> {
    let authority = services.home.directory(name).join("pki/ca.pem");
    let authority = durable::read_to_string(&authority, durable::KEY).ok()?;
    let subject = pki::describe(&authority).ok()?.subject;
    let words = subject.strip_prefix(&format!("clusterdojo {name} "))?;
    words.split(' ').next().map(str::to_owned)
}

/// What another home has made, and the rest.
pub(super) fn by_home(
    home: &Home,
    leftovers: Vec<Leftover>,
) -> Result<(Vec<Leftover>, Vec<Leftover>), Error> {
    let (mut theirs, mut rest) = (Vec::new(), Vec::new());
    for leftover in leftovers {
        let of_another = home.is_other(leftover.home.as_deref())?;
        if of_another { theirs.push(leftover) } else { rest.push(leftover) }
    }
    Ok((theirs, rest))
}

/// Refuses to meddle with what another home has made.
pub(super) fn refuse_other_home(
    services: &Services,
    cluster: &ClusterName,
    machines: &[Machine],
) -> Result<(), Error> {
    let mut what = Vec::new();
    for machine in machines {
        if services.home.is_other(machine.home.as_deref())? {
            what.push(Leftover::from(machine.clone()).what);
        }
    }
    if what.is_empty() { Ok(()) } else { Err(Error::OtherHome { cluster: cluster.clone(), what }) }
}
