//! What `dojo doctor` looks at: the engine, and the kernel that all machines share.

use std::fs;
use std::path::Path;

use bollard::models::{SystemInfo, SystemInfoCgroupVersionEnum};

use super::engine::{Engine, failed};
use crate::driver::Error;
use crate::model::{Bytes, Finding};

/// Each machine runs a systemd or two, a containerd and perhaps a kubelet, all of which watch files.
const INOTIFY_INSTANCES: u64 = 512;
/// Room for an image and the data of a few machines.
const DISK: u64 = 10 << 30;
/// A three-node swarm idles in about half of this.
const MEMORY: u64 = 2 << 30;

/// Looks at the surroundings of an engine that answers.
pub(super) async fn check(engine: &Engine, image_present: bool) -> Result<Vec<Finding>, Error> {
    let info = engine.client.info().await;
    let info = info.map_err(failed("ask", format!("the Docker engine at `{}`", engine.place)))?;
    let mut findings = vec![
        of_engine(engine, &info),
        of_cgroups(&info),
        of_storage(&info),
        of_memory(&info),
        of_image(image_present),
    ];
    if engine.process.is_some() {
        findings.extend(of_inotify(Path::new("/proc/sys/fs/inotify/max_user_instances")));
        findings.extend(of_disk(info.docker_root_dir.as_deref().unwrap_or("/")));
        findings.push(of_virtual_services(Path::new("/")));
    }
    Ok(findings)
}

fn of_engine(engine: &Engine, info: &SystemInfo) -> Finding {
    let version = info.server_version.as_deref().unwrap_or("unknown version");
    let seen = format!("Docker {version} at {}", engine.place);
    let words = info.security_options.iter().flatten();
    if info.os_type.as_deref().is_some_and(|os| os != "linux") {
        let fix = "switch it to Linux containers";
        return Finding::problem("engine", format!("{seen}, for other containers than Linux"), fix);
    }
    if words.into_iter().any(|option| option.contains("rootless")) {
        let fix =
            "use an engine that runs as root: DOJO_DOCKER_HOST=unix:///var/run/docker.sock dojo up";
        return Finding::problem("engine", format!("{seen}, rootless"), fix);
    }
    Finding::ok("engine", seen)
}

fn of_cgroups(info: &SystemInfo) -> Finding {
    let version = match info.cgroup_version {
        Some(SystemInfoCgroupVersionEnum::_2) => "version 2",
        _ => "version 1",
    };
    Finding::ok("cgroups", version)
}

fn of_storage(info: &SystemInfo) -> Finding {
    let driver = info.driver.as_deref().unwrap_or("unknown");
    match driver {
        "overlay2" | "overlayfs" | "btrfs" | "zfs" => Finding::ok("storage", driver),
        slow => Finding::warning(
            "storage",
            format!("{slow}, which copies whole images for every machine"),
            "use overlay2: https://docs.docker.com/engine/storage/drivers/select-storage-driver/",
        ),
    }
}

fn of_memory(info: &SystemInfo) -> Finding {
    let total = u64::try_from(info.mem_total.unwrap_or(0)).unwrap_or(0);
    let seen = Bytes(total).to_string();
    if total < MEMORY {
        let fix = format!("give the engine's host {} or more", Bytes(MEMORY));
        return Finding::warning("memory", seen, fix);
    }
    Finding::ok("memory", seen)
}

fn of_image(present: bool) -> Finding {
    let seen = if present {
        "present"
    } else {
        "absent; the first `dojo up` builds it, or `dojo image build` now"
    };
    Finding::ok("machine image", seen)
}

fn of_inotify(file: &Path) -> Option<Finding> {
    let limit: u64 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    let subject = "inotify instances";
    if limit >= INOTIFY_INSTANCES {
        return Some(Finding::ok(subject, limit.to_string()));
    }
    Some(Finding::warning(
        subject,
        format!("{limit} a user, which several machines may use up"),
        format!("sudo sysctl fs.inotify.max_user_instances={INOTIFY_INSTANCES}"),
    ))
}

fn of_disk(folder: &str) -> Option<Finding> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let subject = "disk";
    let seen = format!("{} free in {folder}", Bytes(free));
    if free >= DISK {
        return Some(Finding::ok(subject, seen));
    }
    let fix = format!("free {} or more there; `docker system df` shows what uses it", Bytes(DISK));
    Some(Finding::warning(subject, seen, fix))
}

/// Swarm balances its virtual addresses and the routing mesh with the kernel's IP virtual server.
/// `root` is the root of the file system.
fn of_virtual_services(root: &Path) -> Finding {
    let subject = "kernel ip_vs";
    let loaded = root.join("proc/net/ip_vs").exists() || root.join("sys/module/ip_vs").exists();
    if loaded {
        return Finding::ok(subject, "there");
    }
    if loadable(root).unwrap_or(false) {
        return Finding::ok(subject, "not loaded yet; the engine loads it when a swarm needs it");
    }
    Finding::warning(
        subject,
        "missing, so virtual addresses of services and the routing mesh of a swarm do not answer",
        "create services with --endpoint-mode dnsrr, and publish ports with mode=host; or load it \
         where the kernel has it: sudo modprobe ip_vs",
    )
}

/// Whether modprobe could find the module.
fn loadable(root: &Path) -> Option<bool> {
    let release = fs::read_to_string(root.join("proc/sys/kernel/osrelease")).ok()?;
    let modules = root.join("lib/modules").join(release.trim());
    let list = fs::read_to_string(modules.join("modules.dep")).ok()?;
    Some(list.lines().any(|line| line.contains("/ip_vs.ko")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Level;

    #[test]
    fn says_what_will_not_work_without_ip_vs() {
        let root = tempfile::tempdir().unwrap();
        let finding = of_virtual_services(root.path());
        assert_eq!(finding.level, Level::Warning);
        let fix = finding.fix.unwrap();
        assert!(fix.contains("--endpoint-mode dnsrr") && fix.contains("mode=host"));
    }

    #[test]
    fn is_content_with_ip_vs_loaded_or_at_hand() {
        let loaded = tempfile::tempdir().unwrap();
        fs::create_dir_all(loaded.path().join("sys/module/ip_vs")).unwrap();
        assert_eq!(of_virtual_services(loaded.path()).level, Level::Ok);

        let at_hand = tempfile::tempdir().unwrap();
        fs::create_dir_all(at_hand.path().join("proc/sys/kernel")).unwrap();
        fs::create_dir_all(at_hand.path().join("lib/modules/6.1")).unwrap();
        fs::write(at_hand.path().join("proc/sys/kernel/osrelease"), "6.1\n").unwrap();
        let dep = at_hand.path().join("lib/modules/6.1/modules.dep");
        fs::write(dep, "kernel/net/netfilter/ipvs/ip_vs.ko.xz: kernel/a.ko\n").unwrap();
        assert_eq!(of_virtual_services(at_hand.path()).level, Level::Ok);
    }

    #[test]
    fn few_inotify_instances_come_with_the_command_that_raises_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "128\n").unwrap();
        let finding = of_inotify(file.path()).unwrap();
        assert_eq!(finding.level, Level::Warning);
        assert!(finding.fix.unwrap().contains("fs.inotify.max_user_instances=512"));
        fs::write(file.path(), "8192\n").unwrap();
        assert_eq!(of_inotify(file.path()).unwrap().level, Level::Ok);
    }
}
