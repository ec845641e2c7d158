//! The lessons that the program brings along.

use super::format::Lesson;

/// A lesson's files, by their paths in its folder.
type Files = &'static [(&'static str, &'static str)];

macro_rules! lesson {
    ($name:literal: $($file:literal),+) => {
        &[$(($file, include_str!(concat!("../../templates/lessons/", $name, "/", $file)))),+]
    };
}

/// In the order in which they are learned.
const ALL: &[Files] = &[
    lesson!("engine/machines": "lesson.md", "lesson.ko.md"),
    lesson!("engine/remote": "lesson.md", "lesson.ko.md"),
    lesson!("engine/rest": "lesson.md", "lesson.ko.md"),
    lesson!("engine/exit-codes": "lesson.md", "lesson.ko.md", "files/gitlab-ci.yml", "files/job"),
    lesson!("engine/healthcheck": "lesson.md", "lesson.ko.md", "files/Dockerfile"),
    lesson!("swarm/replicas": "lesson.md", "lesson.ko.md", "files/stack.yaml"),
    lesson!("swarm/stack": "lesson.md", "lesson.ko.md", "files/greeting.txt", "files/stack.yaml", "files/web.yaml"),
    lesson!("swarm/healthcheck": "lesson.md", "lesson.ko.md", "files/stack.yaml"),
    lesson!("swarm/zero-downtime": "lesson.md", "lesson.ko.md", "files/stack.yaml"),
    lesson!("swarm/alert": "lesson.md", "lesson.ko.md", "files/alert.sh", "files/stack.yaml"),
    lesson!("swarm/several": "lesson.md", "lesson.ko.md", "files/busy.yaml", "files/stack.yaml"),
    lesson!("swarm/drain-and-death": "lesson.md", "lesson.ko.md", "files/stack.yaml"),
    lesson!("swarm/quorum": "lesson.md", "lesson.ko.md", "files/stack.yaml"),
    lesson!("swarm/hung-or-apart": "lesson.md", "lesson.ko.md", "files/stack.yaml"),
    lesson!("kubernetes/by-hand": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("kubernetes/three-layers": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("kubernetes/config": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("kubernetes/cron": "lesson.md", "lesson.ko.md", "files/visitor.yaml", "files/web.yaml"),
    lesson!("kubernetes/liveness": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("kubernetes/latest": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("kubernetes/keep-alive": "lesson.md", "lesson.ko.md", "files/keeper.yaml", "files/web.yaml"),
    lesson!("kubernetes/zero-downtime": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("ops/kubelet-stopped": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("ops/drain-and-budget": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("ops/etcd-backup": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("ops/expired": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("ops/upgrade": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("capstone/night-shift": "lesson.md", "lesson.ko.md", "files/web.yaml"),
];

/// All of them.
pub fn built_in() -> Vec<Lesson> {
    let read = |files: &Files| Lesson::read(files.iter().copied());
    let read = |files| read(files).expect("a test reads the lessons that are built in");
    ALL.iter().map(read).collect()
}
