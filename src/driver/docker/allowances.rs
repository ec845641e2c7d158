//! What a container may be given on this engine. A machine wants more than an ordinary container and
//! less than `--privileged`; what the engine's own host lacks, it cannot pass on.

use std::collections::BTreeSet;

/// Capabilities that no machine gets: with them, it could set the host's clock, load modules and another
/// kernel, change security policies, wake the host or keep it awake, read its audit log, use its consoles,
/// and open any file of its disks by number.
const WITHHELD: [&str; 11] = [
    "SYS_TIME",
    "SYS_MODULE",
    "SYS_BOOT",
    "SYS_RAWIO",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "SYS_TTY_CONFIG",
    "DAC_READ_SEARCH",
];
/// Capabilities that machines do without most easily beside these, for engines that refuse some and do not
/// say which.
const DISPENSABLE: [&str; 4] = ["AUDIT_CONTROL", "SYSLOG", "LEASE", "SYS_PACCT"];

/// Which devices the engine lets a machine use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Devices {
    /// All: on cgroup v1, privileged containers inside start only if their machine may use all. The image's
    /// entrypoint takes away what is the host's.
    #[default]
    All,
    /// What every container may use, and tunnels and file systems of users' programs.
    Named,
}

impl Devices {
    /// The rules, as the engine has them.
    pub(super) fn rules(self) -> &'static [&'static str] {
        match self {
            Self::All => &["a *:* rwm"],
            Self::Named => &["c 10:200 rwm", "c 10:229 rwm"],
        }
    }
}

/// What to ask for, and what to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowances {
    /// Capabilities, without `CAP_`, to drop from all that there are.
    pub dropped: BTreeSet<String>,
    /// Capabilities that the engine does not let us drop, because it does not have them.
    unknown: BTreeSet<String>,
    /// Capabilities that the engine's process is known not to have.
    missing: BTreeSet<String>,
    /// Which devices it may use.
    pub devices: Devices,
    /// `/dev/kmsg`, where the kubelet looks for out-of-memory kills.
    pub kernel_log: bool,
    /// The host's `/lib/modules`, read-only.
    pub modules: bool,
    /// A profile of seccomp: without one, machines can call everything that their capabilities allow.
    pub seccomp: bool,
}

impl Default for Allowances {
    fn default() -> Self {
        Self::without([], true)
    }
}

impl Allowances {
    /// What a machine gets where the engine's process lacks some capabilities.
    pub(super) fn without<'a>(missing: impl IntoIterator<Item = &'a str>, modules: bool) -> Self {
        let missing: BTreeSet<_> = missing.into_iter().map(str::to_owned).collect();
        let withheld = WITHHELD.map(str::to_owned);
        Self {
            dropped: missing.iter().cloned().chain(withheld).collect(),
            unknown: BTreeSet::new(),
            missing,
            devices: Devices::default(),
            kernel_log: true,
            modules,
            seccomp: true,
        }
    }

    /// What to try after the engine refused with this message; `None` if the refusal is about
    /// something else, or nothing more can be left out.
    pub(super) fn after(&self, message: &str) -> Option<Self> {
        let mut next = self.clone();
        if message.contains("unknown capability") || message.contains("capability not supported") {
            // Engines from 23.0 on know what they lack, leave it out of ALL by themselves, and
            // refuse to hear its name.
            next.unknown.insert(capability(message)?.to_owned());
            next.unknown.extend(self.missing.iter().cloned());
            next.dropped.retain(|name| !next.unknown.contains(name));
        } else if message.contains("apply caps") || message.contains("capabilit") {
            next.leave_out_more();
        } else if message.contains("/dev/kmsg") {
            next.kernel_log = false;
        } else if message.contains("/lib/modules") {
            next.modules = false;
        } else if message.contains("seccomp") {
            next.seccomp = false;
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
        let more: Vec<_> = second.dropped.difference(&first.dropped).collect();
        assert_eq!(more, ["SYS_RESOURCE"]);
        let third = second.after(refusal).unwrap();
        assert!(third.dropped.contains("SYSLOG"));
        assert_eq!(third.after(refusal), None, "it must end");
    }

    #[test]
    fn a_newer_engine_that_refuses_the_name_is_asked_without_dropping_it() {
        let first = Allowances::without(["SYS_RESOURCE"], true);
        let refusal = "invalid CapDrop: capability not supported by your kernel or not available \
                       in the current environment: \"CAP_SYS_RESOURCE\"";
        let second = first.after(refusal).unwrap();
        assert!(!second.dropped.contains("SYS_RESOURCE"));
        let third = second.after("unable to apply caps").unwrap();
        assert!(!third.dropped.contains("SYS_RESOURCE"), "refused before");
    }

    #[test]
    fn an_engine_with_few_capabilities_is_asked_twice_and_not_once_for_each() {
        // As in a container of LXC.
        let missing = ["SYS_TIME", "SYS_MODULE", "SYS_RAWIO", "MAC_ADMIN", "MAC_OVERRIDE"];
        let first = Allowances::without(missing, true);
        let refusal = "invalid CapDrop: capability not supported by your kernel or not available \
                       in the current environment: \"CAP_MAC_ADMIN\"";
        let second = first.after(refusal).unwrap();
        assert!(missing.iter().all(|name| !second.dropped.contains(*name)));
        assert!(second.dropped.contains("SYS_BOOT"), "it has this one, and we do not want it");
    }

    #[test]
    fn no_machine_can_set_the_clock_or_load_modules() {
        for allowances in [Allowances::default(), Allowances::without(["SYS_RESOURCE"], false)] {
            for name in ["SYS_TIME", "SYS_MODULE", "SYS_BOOT", "SYS_RAWIO", "DAC_READ_SEARCH"] {
                assert!(allowances.dropped.contains(name), "{name}");
            }
        }
    }

    #[test]
    fn what_an_engine_does_not_have_is_left_out() {
        let all = Allowances::default();
        let device = "error gathering device information while adding custom device \"/dev/kmsg\"";
        assert!(!all.after(device).unwrap().kernel_log);
        let mount =
            "invalid mount config for type \"bind\": bind source path does not exist: /lib/modules";
        assert!(!all.after(mount).unwrap().modules);
        let kernel = "seccomp is not enabled in your kernel, cannot run a custom seccomp profile";
        assert!(!all.after(kernel).unwrap().seccomp);
        assert_eq!(all.after("no space left on device"), None);
    }
}
