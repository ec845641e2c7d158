//! The example of `docs/drivers.md`, a driver of another language, as a driver like any other.

use std::path::PathBuf;
use std::sync::Arc;

use clusterdojo::driver::external::{ExternalDriver, Options};
use clusterdojo::event::{Progress, Silent};
use serde_json::Value;

use crate::contract::driver_contract;
use crate::world::{World, engine, leftovers, until};

fn examples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples"))
}

/// A world with the example on its PATH, and the image that it makes machines of.
fn world() -> World {
    let mut world = World::new();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::iter::once(examples()).chain(std::env::split_paths(&path));
    world.set("PATH", std::env::join_paths(path).unwrap().to_str().unwrap());
    world.dojo(&["image", "build", "--bare"]).ok();
    world
}

/// `DOJO_TEST_DRIVER` names another program than the example.
#[tokio::test]
async fn an_external_driver_keeps_the_contract_of_all() {
    let program = std::env::var_os("DOJO_TEST_DRIVER").map(PathBuf::from);
    if program.is_none() {
        let _has_the_image_now = world();
    }
    let program = program.unwrap_or_else(|| examples().join("dojo-driver-podbox"));
    let progress = Progress::new(Arc::new(Silent));
    let none = Options::new();
    let driver = ExternalDriver::connect_to("podbox", program, &none, &none, progress).await;
    driver_contract(&driver.unwrap()).await;
}

#[test]
fn podbox_is_shorter_than_it_is_said_to_be() {
    let text = std::fs::read_to_string(examples().join("dojo-driver-podbox")).unwrap();
    assert!(text.lines().count() < 120);
}

#[test]
fn up_makes_a_swarm_of_an_external_driver_and_down_leaves_nothing() {
    let mut world = world();
    let name = world.name("podbox");
    let up = ["-v", "up", &name, "--driver", "podbox", "--managers", "1", "--workers", "1"];
    let said = world.dojo(&up);
    assert!(said.stderr.contains("making network"), "{}", said.stderr);
    said.ok();
    let nodes = world.docker(&["node", "ls", "--format", "{{.Hostname}} {{.Status}}"]).ok();
    let mut nodes: Vec<&str> = nodes.lines().map(str::trim).collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["manager-1 Ready", "worker-1 Ready"]);
    assert_eq!(
        world.dojo(&["ssh", &format!("{name}/worker-1"), "--", "hostname"]).ok(),
        "worker-1\n"
    );
    let record: Value = serde_json::from_str(&world.dojo(&["inspect", &name]).ok()).unwrap();
    assert!(record.to_string().contains(r#""driver":"podbox""#), "{record}");
    let status: Value =
        serde_json::from_str(&world.dojo(&["status", &name, "-o", "json"]).ok()).unwrap();
    let engine = status["machines"][0]["engine"].as_str();
    assert!(engine.is_some_and(|e| e.ends_with(":2376")), "{status}");
    // The labels are those of every driver, but its machines are its own.
    assert!(leftovers(&name).len() > 2);

    // Off and on again, it is what it was; and again there is nothing to do.
    world.dojo(&["stop", &name]).ok();
    world.dojo(&["start", &name]).ok();
    let healthy = || world.dojo(&["status", &name]).code == Some(0);
    until("the swarm is healthy again", 60, healthy);
    let again = world.dojo(&["up", &name]).ok();
    assert!(again.contains("was ready already"), "{again}");

    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn podbox_refuses_what_is_taken() {
    let mut world = world();
    let name = world.name("taken");
    let container = format!("dojo-{name}-machine-1");
    let image = engine(&["images", "-q", "clusterdojo/machine"]).ok();
    // It has the label of all drivers, but not what Podbox marks its own with.
    let label = format!("--label=io.clusterdojo.cluster={name}");
    engine(&["create", "--name", &container, &label, image.lines().next().unwrap()]).ok();
    let up = ["up", &name, "--engines", "--machines", "1", "--driver", "podbox"];
    let error = format!("the name `{container}` is already taken by another container");
    world.dojo(&up).fails(1, &[&error, "nothing was changed"]);
    engine(&["rm", &container]).ok();

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let publish = format!("{port}:80");
    let error = format!("port {port} is already taken by another process");
    world.dojo(&[&up[..], &["-p", &publish]].concat()).fails(1, &[&error]);
    world.assert_gone(&name);
}

#[test]
fn podbox_says_where_it_looked_for_an_engine() {
    let mut world = world();
    world.set("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let said = world.dojo(&["doctor", "--driver", "podbox"]);
    said.fails(
        3,
        &["cannot reach the Docker engine: driver `podbox`: ", "/nonexistent/docker.sock"],
    );
}

#[test]
fn an_up_that_was_killed_while_the_program_worked_is_gone_on_with() {
    let mut world = world();
    let name = world.name("killed");
    let up = ["-q", "up", &name, "--engines", "--machines", "1", "--driver", "podbox"];
    let mut dojo = world.command(&up).spawn().unwrap();
    let filter = format!("name=dojo-{name}-machine-1");
    let list = ["ps", "-aq", "--filter", &filter];
    until("a machine is under way", 60, || !engine(&list).ok().is_empty());
    dojo.kill().unwrap();
    dojo.wait().unwrap();
    world.dojo(&up).ok();
    assert_eq!(engine(&list).ok().lines().count(), 1);
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}
