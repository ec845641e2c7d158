//! A host key of its own for a machine whose first one others may know.

use crate::failpoint;
use crate::model::{Machine, SshFiles};
use crate::provision;
use crate::remote::{Script, keys};

use super::{MachineError, Services};

/// Has a machine present a host key that it made itself. Both are pinned while it changes over, so that it never
/// presents one that this computer would refuse, wherever this is cut short.
pub(super) async fn replace(
    services: &Services,
    machine: &Machine,
    files: &SshFiles,
    known: &str,
) -> Result<(), MachineError> {
    let alias = machine.id.alias();
    let remote = services.dialer.dial(machine, files, provision::BOOT).await?;
    let make = Script::new(
        "make a host key",
        "The first one came with what the machine was told at its birth, which others can read.",
        include_str!("../../templates/remote/make-host-key.sh"),
    );
    let own = remote.run(&make.with("KNOWN", known)).await?.trim().to_owned();
    keys::pin_beside(&files.known_hosts, &alias, &own)?;
    failpoint::reached("host-key.pinned");
    let using = Script::new(
        "use the new host key",
        "Connections that are there stay.",
        include_str!("../../templates/remote/use-host-key.sh"),
    );
    remote.run(&using).await?;
    failpoint::reached("host-key.used");
    services.driver.note_host_key(machine, &own).await?;
    failpoint::reached("host-key.noted");
    Ok(keys::pin(&files.known_hosts, &[(alias, own)])?)
}
