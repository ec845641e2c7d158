//! What can be read from the kernel when the engine runs on it: its process and capabilities.

use std::fs;
use std::path::Path;

use tokio::net::UnixStream;

use super::allowances::Allowances;

/// The names of the kernel's capabilities by number (capabilities(7), linux/capability.h).
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The process that listens on the engine's socket; `None` when the engine is elsewhere, or in a
/// process namespace that cannot be seen from here (a virtual machine, a container around us).
pub(super) async fn engine_process(socket: &Path) -> Option<u32> {
    let socket = UnixStream::connect(socket).await.ok()?;
    let process = socket.peer_cred().ok()?.pid()?;
    u32::try_from(process).ok().filter(|id| *id > 0)
}

/// The capabilities that a process can never have, nor what it starts.
fn missing_capabilities(process: u32) -> Option<Vec<&'static str>> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").ok()?;
    missing(&status, last.trim().parse().ok()?)
}

/// What containers may be given by an engine that is this process.
pub(super) fn allowances(process: u32) -> Allowances {
    match missing_capabilities(process) {
        Some(missing) => Allowances::without(missing, Path::new("/lib/modules").is_dir()),
        None => Allowances::default(),
    }
}

fn missing(status: &str, last: usize) -> Option<Vec<&'static str>> {
    let bounding = status.lines().find_map(|l| l.strip_prefix("CapBnd:"))?;
    let bounding = u64::from_str_radix(bounding.trim(), 16).ok()?;
    let known = CAPABILITIES.iter().enumerate().take(last + 1);
    let absent = known.filter(|(number, _)| bounding & (1 << number) == 0);
    Some(absent.map(|(_, name)| *name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_capability_that_is_missing() {
        let status = "Name:\tdockerd\nCapEff:\t000001fffeffffff\nCapBnd:\t000001fffeffffff\n";
        assert_eq!(missing(status, 40), Some(vec!["SYS_RESOURCE"]));
        assert_eq!(missing("CapBnd:\t000001ffffffffff\n", 40), Some(vec![]));
        // An older kernel does not have the newest ones, which is not the same as missing them.
        assert_eq!(missing("CapBnd:\t0000003fffffffff\n", 37), Some(vec![]));
    }
}
