//! The power goes at every recorded step of `up` and of `down`. Afterwards `up` completes, and `down`
//! leaves nothing.

use std::os::unix::process::ExitStatusExt as _;

use clusterdojo::failpoint;

use crate::world::World;

/// Runs `dojo` until it kills itself at a point; says whether it came there.
pub fn killed_at(world: &World, point: &str, args: &[&str]) -> bool {
    let output = world.command(args).env("DOJO_FAILPOINT", point).output().unwrap();
    let killed = output.status.signal() == Some(9);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(killed || output.status.success(), "{point}: {stderr}");
    killed
}

fn healthy(world: &World, name: &str) -> bool {
    let nodes = world.docker(&["node", "ls", "--format", "{{.Status}}"]);
    world.dojo(&["status", name]).code == Some(0)
        && nodes.stdout.lines().filter(|l| *l == "Ready").count() == 2
}

/// A third of the points each, so that the test runner can spread them over its threads.
fn points(part: usize) -> Vec<&'static str> {
    assert!(failpoint::ALL.len() > 20);
    failpoint::ALL.iter().copied().skip(part).step_by(3).collect()
}

fn try_points(part: usize) {
    let mut world = World::new();
    for point in points(part) {
        let name = world.name("kill");
        let up = ["up", name.as_str(), "--workers", "1"];
        if point.starts_with("down.") {
            world.dojo(&up).ok();
            assert!(killed_at(&world, point, &["down", &name]), "`down` never came to {point}");
        } else {
            assert!(killed_at(&world, point, &up), "`up` never came to {point}");
            // A cluster that was cut short can be removed as it is …
            world.dojo(&["down", &name]).ok();
            world.assert_gone(&name);
            // … and one that was cut short again can be completed.
            assert!(killed_at(&world, point, &up), "`up` never came to {point} again");
        }
        let said = world.dojo(&up);
        assert_eq!(said.code, Some(0), "after {point}: {}", said.stderr);
        assert!(healthy(&world, &name), "not healthy after {point}");
        world.dojo(&["down", &name]).ok();
        world.assert_gone(&name);
    }
}

#[test]
fn killed_at_every_step_first_part() {
    try_points(0);
}

#[test]
fn killed_at_every_step_second_part() {
    try_points(1);
}

#[test]
fn killed_at_every_step_third_part() {
    try_points(2);
}
