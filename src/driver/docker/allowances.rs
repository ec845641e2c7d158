//! What a container may be given on this engine. A machine wants more than an ordinary container and
//! less than `--privileged`; what the engine's own host lacks, it cannot pass on.

use std::collections::BTreeSet;

/// Capabilities that machines do without most easily, for engines that refuse some and do not say
/// which.
const DISPENSABLE: [&str; 12] = [
    "SYS_TIME",
    "SYS_MODULE",
    "SYS_BOOT",
    "SYS_RAWIO",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "SYSLOG",
    "LEASE",
];

/// What to ask for, and what to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowances {
    /// Capabilities, without `CAP_`, to drop from all that there are.
    pub dropped: BTreeSet<String>,
    /// Capabilities that the engine does not let us drop, because it does not have them.
    unknown: BTreeSet<String>,
    /// `/dev/kmsg`, where the kubelet looks for out-of-memory kills.
    pub kernel_log: bool,
    /// The host's `/lib/modules`, read-only.
    pub modules: bool,
}

impl Default for Allowances {
    fn default() -> Self {
        Self::without([], true)
    }
}

impl Allowances {
    /// Everything but some capabilities.
    pub(super) fn without<'a>(
        capabilities: impl IntoIterator<Item = &'a str>,
        modules: bool,
    ) -> Self {
        Self {
            dropped: capabilities.into_iter().map(str::to_owned).collect(),
            unknown: BTreeSet::new(),
            kernel_log: true,
            modules,
        }
    }

    /// What to try after the engine refused with this message; `None` if the refusal is about
    /// something else, or nothing more can be left out.
    pub(super) fn after(&self, message: &str) -> Option<Self> {
        let mut next = self.clone();
        if message.contains("unknown capability") || message.contains("capability not supported") {
            // Engines from 23.0 on know what they lack, leave it out of ALL by themselves, and
            // refuse to hear its name.
            let name = capability(message)?;
            next.dropped.remove(name);
            next.unknown.insert(name.to_owned());
        } else if message.contains("apply caps") || message.contains("capabilit") {
            next.leave_out_more();
        } else if message.contains("/dev/kmsg") {
            next.kernel_log = false;
        } else if message.contains("/lib/modules") {
            next.modules = false;
        }
        (next != *self).then_some(next)
    }

    fn leave_out_more(&mut self) {
        let mut drop =
            |name: &str| !self.unknown.contains(name) && self.dropped.insert(name.to_owned());
        // The one that virtual machines for development are most often without.
        if !drop("SYS_RESOURCE") {
            for name in DISPENSABLE {
                drop(name);
            }
        }
    }
}

fn capability(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("CAP_")?;
    let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_');
    Some(&rest[..end.unwrap_or(rest.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_lacks_a_capability_is_asked_again_without_it() {
        let first = Allowances::default();
        let refusal = "OCI runtime create failed: unable to apply caps: operation not permitted";
        let second = first.after(refusal).unwrap();
        assert!(second.dropped.contains("SYS_RESOURCE") && second.dropped.len() == 1);
        let third = second.after(refusal).unwrap();
        assert!(third.dropped.contains("SYS_TIME"));
        assert_eq!(third.after(refusal), None, "it must end");
    }

    #[test]
    fn a_newer_engine_that_refuses_the_name_is_asked_without_dropping_it() {
        let first = Allowances::without(["SYS_RESOURCE"], true);
        let refusal = "invalid CapDrop: capability not supported by your kernel or not available \
                       in the current environment: \"CAP_SYS_RESOURCE\"";
        let second = first.after(refusal).unwrap();
        assert!(second.dropped.is_empty());
        let third = second.after("unable to apply caps").unwrap();
        assert!(!third.dropped.contains("SYS_RESOURCE"), "refused before");
    }

    #[test]
    fn missing_devices_and_folders_are_left_out() {
        let all = Allowances::default();
        let device = "error gathering device information while adding custom device \"/dev/kmsg\"";
        assert!(!all.after(device).unwrap().kernel_log);
        let mount =
            "invalid mount config for type \"bind\": bind source path does not exist: /lib/modules";
        assert!(!all.after(mount).unwrap().modules);
        assert_eq!(all.after("no space left on device"), None);
    }
}
