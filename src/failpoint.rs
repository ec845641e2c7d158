//! Named points before and after each side effect, where a test can kill the process.
//!
//! With the feature `failpoints`, `DOJO_FAILPOINT=machine.create.after` makes the process end there
//! by SIGKILL, as if the power had gone; without the feature, [`reached`] is empty.

/// Every point of a swarm, in the order in which `up` and then `down` pass them. Tests kill at each one.
pub const ALL: &[&str] = &[
    "up.record.before",
    "up.record.after",
    "up.keys.after",
    "driver.prepare.before",
    "driver.prepare.after",
    "known-hosts.before",
    "known-hosts.after",
    "machine.create.before",
    "machine.create.created",
    "machine.create.after",
    "provision.before",
    "provision.after",
    "swarm.init.before",
    "swarm.init.after",
    "swarm.join.before",
    "swarm.join.after",
    "context.write.before",
    "context.write.tls",
    "context.write.after",
    "context.select.before",
    "context.select.after",
    "up.done.before",
    "up.done.after",
    "down.context.before",
    "down.context.after",
    "down.machine.before",
    "down.machine.after",
    "down.cleanup.before",
    "down.cleanup.after",
    "down.record.before",
];

/// Every point that taking machines away passes on top of those of `up`, in their order.
pub const SCALE: &[&str] = &[
    "scale.record.before",
    "scale.record.after",
    "scale.drain.before",
    "scale.drain.after",
    "scale.leave.before",
    "scale.leave.demoted",
    "scale.leave.left",
    "scale.leave.after",
    "scale.destroy.before",
    "scale.destroy.after",
];

/// The points that only a cluster of Kubernetes comes to; kept apart, since the tests of [`ALL`] make
/// a swarm and demand that each point is reached. Those of the kubeconfig are passed while its lock
/// is held.
pub const KUBERNETES: &[&str] = &[
    "kubernetes.install.after",
    "kubernetes.images.after",
    "kubeadm.init.before",
    "kubeadm.init.after",
    "kubeadm.join.before",
    "kubeadm.join.after",
    "kubeadm.leave.before",
    "kubeadm.leave.after",
    "kubeconfig.write.before",
    "kubeconfig.write.after",
    "kubeconfig.select.before",
    "kubeconfig.select.after",
];

/// The points that only instances of EC2 come to: before one is asked for, when AWS has agreed, and while it
/// changes its host key.
pub const EC2: &[&str] =
    &["ec2.run.before", "ec2.run.after", "host-key.pinned", "host-key.used", "host-key.noted"];

/// The points that an upgrade comes to, in their order; those in the middle on every node.
pub const UPGRADE: &[&str] = &[
    "upgrade.record.before",
    "upgrade.record.after",
    "upgrade.install.after",
    "upgrade.kubeadm.before",
    "upgrade.kubeadm.after",
    "upgrade.drain.before",
    "upgrade.drain.after",
    "upgrade.kubelet.before",
    "upgrade.kubelet.after",
    "upgrade.restart.after",
    "upgrade.uncordon.after",
    "upgrade.done.before",
];

/// The points that a snapshot comes to, in their order.
pub const SAVE: &[&str] = &[
    "save.record.before",
    "save.record.after",
    "save.stop.after",
    "save.copy.after",
    "save.keep.after",
    "save.start.after",
];

/// The points that a snapshot which is put back comes to, in their order; `restore.swap.one` once the first of the machines
/// has its former state.
pub const RESTORE: &[&str] = &[
    "restore.record.before",
    "restore.record.after",
    "restore.stop.after",
    "restore.lay.after",
    "restore.swap.one",
    "restore.swap.after",
    "restore.start.after",
    "restore.note.after",
];

/// Says that the process has come to a point; ends it there if a test asked for that.
#[cfg(feature = "failpoints")]
pub fn reached(point: &str) {
    let lists = [ALL, SCALE, KUBERNETES, UPGRADE, EC2, SAVE, RESTORE];
    let known = lists.iter().any(|list| list.contains(&point));
    debug_assert!(known, "failpoint `{point}` is missing from the list");
    if std::env::var_os("DOJO_FAILPOINT").is_some_and(|wanted| wanted == point) {
        // Where a driver that is a program comes to it, the power of `dojo` goes, too.
        if std::env::current_exe().is_ok_and(|program| program.ends_with("dojo-driver-ec2"))
            && let Some(dojo) = rustix::process::getppid()
        {
            let _ = rustix::process::kill_process(dojo, rustix::process::Signal::KILL);
        }
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way; nothing more may happen here.
        loop {
            std::thread::park();
        }
    }
}

/// Says that the process has come to a point.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn reached(_point: &str) {}
