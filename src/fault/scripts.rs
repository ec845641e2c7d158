//! What is done on a machine.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{MachineId, Secret};
use crate::remote::Script;

use super::fitting::Ground;
use super::{Broken, Error, Fault, Limit};

/// An engine may take long to stop what it runs, and a kubelet to start.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// What a fault has to be told.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The addresses of the other machines of the cluster.
    pub peers: Vec<IpAddr>,
    /// A server's certificate that has expired, and its key; for `cert-expired` of an engine alone.
    pub expired: Option<(String, Secret)>,
}

/// The script that makes a fault and undoes it; it is not run as it is, but [armed](arm) with its undo. `None` where
/// nothing is done on the machine.
pub fn make(fault: Fault, ground: Ground, inputs: &Inputs) -> Option<Script> {
    let body = match (fault.entry().name, ground.has_engine) {
        ("unit-stopped", _) => include_str!("../../templates/fault/unit-stopped.sh"),
        ("frozen", _) => include_str!("../../templates/fault/frozen.sh"),
        ("unreachable", _) => include_str!("../../templates/fault/unreachable.sh"),
        ("slow-network", _) => include_str!("../../templates/fault/slow-network.sh"),
        ("disk-full", true) => include_str!("../../templates/fault/disk-full-engine.sh"),
        ("disk-full", false) => include_str!("../../templates/fault/disk-full-kubelet.sh"),
        ("cert-expired", true) => include_str!("../../templates/fault/cert-expired-engine.sh"),
        ("cert-expired", false) => concat!(
            include_str!("../../templates/kubernetes/static-pods.sh"),
            include_str!("../../templates/fault/cert-expired-api.sh")
        ),
        _ => return None,
    };
    let mut script = Script::new(format!("break it: {fault}"), fault.entry().effect, body);
    if let Some(variant) = fault.variant() {
        script = script.with("VARIANT", variant);
    }
    if !inputs.peers.is_empty() {
        let peers: Vec<_> = inputs.peers.iter().map(ToString::to_string).collect();
        script = script.with("PEERS", peers.join(" "));
    }
    if let Some((cert, key)) = &inputs.expired {
        let key = Secret::new(key.expose().trim_end());
        script = script.with("CERT", cert.trim_end()).with_secret("KEY", &key);
    }
    Some(script)
}

/// Has the machine undo a fault by itself. Nothing is broken by it.
pub fn arm(fault: Fault, make: &Script, limit: Limit) -> Script {
    Script::new(
        "arm the undo",
        "A timer, and a unit that runs at the next start, undo it on the machine itself, whatever becomes of this \
         computer.",
        include_str!("../../templates/fault/arm.sh"),
    )
    .with("FAULT", fault.to_string())
    .with("NAME", fault.file_name())
    .with("AFTER", limit.duration().as_secs().to_string())
    .with_secret("WHAT", &make.render())
    .with("UNDO", include_str!("../../templates/fault/undo.sh"))
    .within(PATIENCE)
}

/// Makes a fault whose undo is armed.
pub fn apply(fault: Fault) -> Script {
    Script::new(
        format!("break it: {fault}"),
        fault.entry().effect,
        include_str!("../../templates/fault/apply.sh"),
    )
    .with("NAME", fault.file_name())
    .within(PATIENCE)
}

/// Undoes one fault of a machine, or all of them.
pub fn unbreak(only: Option<Fault>) -> Script {
    Script::new(
        "undo its faults",
        "What the timer would do is done now.",
        include_str!("../../templates/fault/unbreak.sh"),
    )
    .with("NAME", only.map(Fault::file_name).unwrap_or_default())
    .within(PATIENCE)
}

/// Asks for the faults of a machine.
pub fn list() -> Script {
    Script::new(
        "look for faults",
        "What is broken on purpose is noted on the machine.",
        include_str!("../../templates/fault/list.sh"),
    )
}

/// Prints what faults change of a machine, to be compared with what it prints later.
pub fn fingerprint() -> Script {
    Script::new(
        "take its fingerprint",
        "After a fault a machine is to be as it was before.",
        include_str!("../../templates/fault/fingerprint.sh"),
    )
}

/// What [`arm`] has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Armed {
    /// It can be made now.
    Yes(Broken),
    /// It is there already.
    Already(Broken),
    /// The machine cannot have it.
    No(String),
}

/// What [`arm`] has printed.
///
/// # Errors
/// [`Error::Odd`] if it makes no sense.
pub fn armed(said: &str, fault: Fault, machine: &MachineId) -> Result<Armed, Error> {
    let odd = || Error::Odd { machine: machine.clone(), said: said.to_owned() };
    let (word, rest) = said.trim_end().split_once(' ').ok_or_else(odd)?;
    let broken = || parse(&format!("{fault} {rest}"), machine).ok_or_else(odd);
    match word {
        "armed" => Ok(Armed::Yes(broken()?)),
        "broken" => Ok(Armed::Already(broken()?)),
        "no" => Ok(Armed::No(rest.to_owned())),
        _ => Err(odd()),
    }
}

/// What [`list`] or [`unbreak`] has printed.
///
/// # Errors
/// [`Error::Odd`] if it makes no sense.
pub fn listed(said: &str, machine: &MachineId) -> Result<Vec<Broken>, Error> {
    let odd = || Error::Odd { machine: machine.clone(), said: said.to_owned() };
    said.lines().map(|line| parse(line, machine).ok_or_else(odd)).collect()
}

/// A line `FAULT SINCE UNTIL`.
fn parse(line: &str, machine: &MachineId) -> Option<Broken> {
    let mut words = line.split(' ');
    let fault = words.next()?.to_owned();
    let mut moment = || Timestamp::from_second(words.next()?.parse().ok()?).ok();
    let (since, until) = (moment()?, moment()?);
    Some(Broken { machine: machine.clone(), fault, since: Some(since), until: Some(until) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    #[test]
    fn every_fault_but_the_one_that_ends_the_machine_has_a_script_of_both_sides() {
        for fault in Fault::all() {
            for has_engine in [true, false] {
                let ground =
                    Ground { has_engine, role: Role::Worker, is_borrowed: false, has_peers: true };
                let script = make(fault, ground, &Inputs::default());
                assert_eq!(script.is_none(), fault.is_power_off(), "{fault}");
                for side in ["\ncheck)", "\napply)", "\nundo)", "\nboot)"] {
                    assert!(script.iter().all(|s| s.body().contains(side)), "{fault}: {side}");
                }
            }
        }
    }

    #[test]
    fn what_a_machine_says_is_read() {
        let machine: MachineId =
            MachineId { cluster: "practice".parse().unwrap(), name: "worker-1".parse().unwrap() };
        let fault: Fault = "frozen:etcd".parse().unwrap();
        let armed = |said: &str| armed(said, fault, &machine);
        let Ok(Armed::Yes(broken)) = armed("armed 100 1900\n") else { panic!() };
        assert_eq!(broken.fault, "frozen:etcd");
        assert_eq!(broken.until.map(Timestamp::as_second), Some(1900));
        assert!(matches!(armed("broken 100 1900\n"), Ok(Armed::Already(_))));
        assert_eq!(
            armed("no etcd does not run there\n"),
            Ok(Armed::No("etcd does not run there".to_owned()))
        );
        for odd in ["", "armed", "armed soon later", "yes 1 2"] {
            assert!(matches!(armed(odd), Err(Error::Odd { .. })), "{odd}");
        }
        let two = listed("frozen:etcd 1 2\nof-tomorrow:x 3 4\n", &machine).unwrap();
        assert_eq!(
            two.iter().map(|b| b.fault.as_str()).collect::<Vec<_>>(),
            ["frozen:etcd", "of-tomorrow:x"]
        );
        assert!(listed("nonsense\n", &machine).is_err());
        assert_eq!(listed("", &machine).unwrap(), []);
    }
}
