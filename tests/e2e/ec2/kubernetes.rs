//! Kubernetes on instances, whose images know nothing of it.

use super::emulator::Emulator;
use crate::api_server::bundle;
use crate::kubernetes::Lesson;
use crate::world::{World, until};

const NODES: [&str; 3] = ["control-plane-1", "worker-1", "worker-2"];

#[test]
fn instances_become_nodes_and_their_pods_meet() {
    let mut world = World::new();
    let name = world.name("awskube");
    let emulator = Emulator::start(&mut world);
    let bundle = bundle().display().to_string();
    let mut up = vec!["up", &name, "--kubernetes", "--bundle", &bundle, "--driver", "ec2"];
    up.extend(["--endpoint-url", emulator.endpoint()]);
    world.dojo(&up).ok();
    assert_eq!(world.ready_nodes(), NODES);
    // What pods say comes from no address of the instance's own.
    assert_eq!(emulator.requests("ModifyInstanceAttribute").len(), 3);

    let lesson = Lesson::begin(&world, &name, Vec::new());
    lesson.load_images();
    lesson.apply();
    lesson.rolled_out("web");
    lesson.is_spread_over(&["worker-1", "worker-2"]);
    lesson.pods_meet();

    // Off and on again the API is at another address.
    world.dojo(&["stop", &name]).ok();
    world.dojo(&["start", &name]).ok();
    until("all nodes are ready", 60, || world.ready_nodes() == NODES);
    lesson.rolled_out("web");

    world.dojo(&["down", &name]).ok();
    emulator.assert_empty();
    world.assert_gone(&name);
}
