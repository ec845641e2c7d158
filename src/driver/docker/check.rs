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

/// Runtimes that are no namespaces of the host's kernel.
const SANDBOXES: [&str; 3] = ["runsc", "kata", "sysbox"];
/// What follows from an engine without TLS on another computer.
pub(super) const IN_CLEAR: &str =
    "whoever is on the way reads the machines' private host keys, and can have it do anything";

/// Looks at the surroundings of an engine that answers.
pub(super) async fn check(engine: &Engine, image_present: bool) -> Result<Vec<Finding>, Error> {
    let info = engine.client.info().await;
    let info = info.map_err(failed("ask", format!("the Docker engine at `{}`", engine.place)))?;
    let mut findings = vec![
        of_engine(engine, &info),
        of_settings(&info),
        of_cgroups(&info),
        of_storage(&info),
        of_memory(&info),
        of_image(image_present),
    ];
    findings.extend(of_the_way_to(engine));
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
    let root =
        "use an engine that runs as root: DOJO_DOCKER_HOST=unix:///var/run/docker.sock dojo up";
    if engine.podman {
        let seen = format!("Podman {version} at {}, on which machines do not work", engine.place);
        return Finding::problem("engine", seen, root);
    }
    if info.os_type.as_deref().is_some_and(|os| os != "linux") {
        let fix = "switch it to Linux containers";
        return Finding::problem("engine", format!("{seen}, for other containers than Linux"), fix);
    }
    if has_option(info, "rootless") {
        return Finding::problem("engine", format!("{seen}, rootless"), root);
    }
    Finding::ok("engine", seen)
}

/// Whether the engine says that it has a security option, as in `name=userns`.
fn has_option(info: &SystemInfo, name: &str) -> bool {
    let mut words = info.security_options.iter().flatten().flat_map(|option| option.split(','));
    words.any(|word| word.strip_prefix("name=").unwrap_or(word) == name)
}

/// What the engine's own configuration does to machines.
fn of_settings(info: &SystemInfo) -> Finding {
    let subject = "engine settings";
    if has_option(info, "userns") {
        return Finding::problem(
            subject,
            "`userns-remap` is on, so files of machines belong to somebody else than their root",
            "take `userns-remap` out of the engine's daemon.json, or use another engine \
             (DOJO_DOCKER_HOST)",
        );
    }
    let runtime = info.default_runtime.as_deref().unwrap_or_default();
    if let Some(other) = SANDBOXES.into_iter().find(|other| runtime.contains(other)) {
        return Finding::problem(
            subject,
            format!("`default-runtime` is {runtime}: systemd does not boot in {other}"),
            "set `default-runtime` to runc in the engine's daemon.json, or use another engine \
             (DOJO_DOCKER_HOST)",
        );
    }
    if info.ipv4_forwarding == Some(false) {
        return Finding::warning(
            subject,
            "the engine's host forwards no packets, so machines reach nothing outside",
            "sudo sysctl net.ipv4.ip_forward=1",
        );
    }
    let plugins = info.plugins.as_ref().and_then(|plugins| plugins.authorization.as_ref());
    if let Some(plugins) = plugins.filter(|plugins| !plugins.is_empty()) {
        return Finding::warning(
            subject,
            format!("the authorization plugin {} may refuse machines", plugins.join(", ")),
            "if it does, allow what the refusal names, or use another engine (DOJO_DOCKER_HOST)",
        );
    }
    if has_option(info, "no-new-privileges") {
        return Finding::ok(subject, "`no-new-privileges` is on; machines are made without it");
    }
    Finding::ok(subject, "none that hinders machines")
}

/// Says so where everybody on the way can read what is sent.
fn of_the_way_to(engine: &Engine) -> Option<Finding> {
    engine.in_clear.then(|| {
        Finding::warning(
            "way to the engine",
            format!("{} is spoken to without TLS: {IN_CLEAR}", engine.place),
            "have it listen with TLS (`tlsverify`), and set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH",
        )
    })
}

fn of_cgroups(info: &SystemInfo) -> Finding {
    let version = match info.cgroup_version {
        Some(SystemInfoCgroupVersionEnum::_2) => "version 2",
        // "cgroup v1 maintenance mode", kubernetes.io; systemd 258 does without.
        _ => "version 1, which works here; Kubernetes and systemd are about to give it up",
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

    fn info(options: &[&str]) -> SystemInfo {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        SystemInfo { security_options: Some(options), ..Default::default() }
    }

    #[test]
    fn settings_of_the_engine_that_hinder_machines_are_told() {
        let level = |info: &SystemInfo| of_settings(info).level;
        assert_eq!(level(&info(&["name=seccomp,profile=default"])), Level::Ok);
        assert_eq!(level(&info(&["name=seccomp,profile=default", "name=userns"])), Level::Problem);
        let finding = of_settings(&info(&["name=no-new-privileges"]));
        assert!(finding.detail.contains("no-new-privileges"), "{finding}");
        let runtime = |name: &str| SystemInfo {
            default_runtime: Some(name.to_owned()),
            ..info(&["name=cgroupns"])
        };
        assert_eq!(level(&runtime("runc")), Level::Ok);
        assert_eq!(level(&runtime("io.containerd.runc.v2")), Level::Ok);
        assert_eq!(level(&runtime("io.containerd.kata.v2")), Level::Problem);
        let closed = SystemInfo { ipv4_forwarding: Some(false), ..info(&[]) };
        assert_eq!(level(&closed), Level::Warning);
        assert!(has_option(&info(&["rootless"]), "rootless"));
    }

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
