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
    lesson!("engine/exit-codes": "lesson.md", "lesson.ko.md", "files/gitlab-ci.yml"),
    lesson!("swarm/replicas": "lesson.md", "lesson.ko.md", "files/stack.yaml"),
    lesson!("swarm/stack": "lesson.md", "lesson.ko.md", "files/greeting.txt", "files/stack.yaml", "files/web.yaml"),
    lesson!("swarm/healthcheck": "lesson.md", "lesson.ko.md", "files/stack.yaml"),
    lesson!("swarm/zero-downtime": "lesson.md", "lesson.ko.md", "files/stack.yaml"),
    lesson!("swarm/drain-and-death": "lesson.md", "lesson.ko.md", "files/stack.yaml"),
    lesson!("kubernetes/three-layers": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("kubernetes/config": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("kubernetes/cron": "lesson.md", "lesson.ko.md", "files/visitor.yaml", "files/web.yaml"),
    lesson!("kubernetes/liveness": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("kubernetes/zero-downtime": "lesson.md", "lesson.ko.md", "files/web.yaml"),
    lesson!("ops/drain-and-budget": "lesson.md", "lesson.ko.md", "files/web.yaml"),
];

/// All of them.
pub fn built_in() -> Vec<Lesson> {
    let read = |files: &Files| Lesson::read(files.iter().copied());
    let read = |files| read(files).expect("a test reads the lessons that are built in");
    ALL.iter().map(read).collect()
}
