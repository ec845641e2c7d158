//! A cluster as it is seen while things happen to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clusterdojo::driver::docker::{DockerDriver, DockerOptions};
use clusterdojo::model::MachineState;
use clusterdojo::observe::{Ask, Cluster, Facts, changes};
use clusterdojo::remote::{SshDialer, SwarmService, SwarmTask};
use clusterdojo::store::Home;
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;

use crate::service::build_image;
use crate::world::{World, engine, on};

/// Waits for a change of which something is true; fails the test after `seconds`. Says how long it took.
async fn seen<T>(
    facts: &mut (impl Stream<Item = Facts> + Unpin),
    what: &str,
    seconds: u64,
    is: impl Fn(&Facts) -> Option<T>,
) -> (T, Duration) {
    let begin = Instant::now();
    let mut last = None;
    let search = async {
        loop {
            let now = facts.next().await.expect("it goes on as long as there is a record");
            if let Some(found) = is(&now) {
                return found;
            }
            last = Some(now);
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(seconds), search).await.ok();
    let found = found.unwrap_or_else(|| panic!("{what}: not within {seconds} s, but {last:#?}"));
    (found, begin.elapsed())
}

fn service<'a>(facts: &'a Facts, name: &str) -> Option<&'a SwarmService> {
    facts.services.as_ref()?.iter().find(|service| service.name == name)
}

fn all_run(service: &SwarmService, wanted: usize) -> bool {
    let runs = |task: &&SwarmTask| task.state.as_deref() == Some("running");
    service.tasks.iter().filter(runs).count() == wanted && service.running_tasks == Some(2)
}

#[test]
fn what_happens_in_a_swarm_is_seen_with_its_cause() {
    let mut world = World::new();
    let name = world.name("observe");
    let image = format!("dojo-e2e-{name}:1");
    build_image(world.path(), &image, "1");
    world.dojo(&["up", &name, "--managers", "3", "--workers", "1"]).ok();
    let loaded = world.dojo(&["image", "load", "--cluster", &name, &image]);
    engine(&["image", "rm", &image]).ok();
    loaded.ok();

    let home = Home::new(world.home());
    let record = home.record(&name.parse().unwrap()).unwrap().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let driver = Arc::new(DockerDriver::connect(DockerOptions::default()).await.unwrap());
        let dialer = Arc::new(SshDialer::new(Some(driver.clone())));
        let cluster = Cluster { home, record, driver, dialer };
        let mut facts = changes(cluster, Ask::ALL);
        let (first, _) = seen(&mut facts, "four machines", 10, |f| {
            (f.nodes.as_ref()?.iter().filter(|n| n.ready == Some(true)).count() == 4)
                .then(|| f.clone())
        })
        .await;
        assert_eq!(service(&first, "web"), None);
        assert_eq!(first.services.as_ref().unwrap().items.as_deref(), Some(&[][..]));
        assert_eq!(first.findings, []);
        assert!(first.leader.is_some() && first.majority.unwrap().holds, "{first:#?}");
        let certificates = first.certificates.as_ref().unwrap();
        assert!(certificates.iter().all(|c| c.not_after.is_some()), "{certificates:#?}");

        let create = ["service", "create", "--detach", "--no-resolve-image", "--name", "web"];
        let how = ["--replicas", "2", "--restart-delay", "0s", "--constraint"];
        world.docker(&[&create[..], &how, &["node.role==worker", &image]].concat()).ok();
        let (task, _) = seen(&mut facts, "two tasks", 30, |f| {
            let web = service(f, "web")?;
            all_run(web, 2).then(|| web.tasks[0].clone())
        })
        .await;
        assert_eq!((task.node.as_deref(), task.slot), (Some("worker-1"), Some(1)));

        let container = task.container_id.clone().unwrap();
        on(&name, "worker-1", &format!("docker kill {container}"));
        let (dead, took) = seen(&mut facts, "the death of a task", 5, |f| {
            let dead = service(f, "web")?.tasks.iter().find(|t| t.id == task.id)?;
            (dead.state.as_deref() == Some("failed")).then(|| dead.clone())
        })
        .await;
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert_eq!((dead.exit_code, dead.slot), (Some(137), Some(1)));
        assert!(dead.err.as_ref().is_some_and(|err| err.contains("137")), "{dead:#?}");
        let (successor, _) = seen(&mut facts, "its successor", 10, |f| {
            let web = service(f, "web")?;
            all_run(web, 2).then(|| web.tasks[0].clone())
        })
        .await;
        assert!(successor.id != task.id && successor.slot == Some(1), "{successor:#?}");

        let leader = first.leader.clone().unwrap();
        engine(&["stop", "-t", "1", &format!("dojo-{name}-{leader}")]).ok();
        seen(&mut facts, "another leader", 60, |f| {
            let off = f.machines.iter().find(|m| m.name.to_string() == leader)?;
            let is_off = off.state == Some(MachineState::Stopped);
            let other = f.leader.as_ref().is_some_and(|now| *now != leader);
            let majority = f.majority?;
            (is_off && other && majority.holds && majority.on == 2).then_some(())
        })
        .await;
    });

    let said = world.dojo(&["status", &name, "-o", "json"]);
    assert_eq!(said.code, Some(1), "a manager is off: {said:?}");
    let said: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(said["services"]["items"][0]["runningTasks"], 2, "{said:#}");
    assert_eq!(said["nodes"]["items"].as_array().unwrap().len(), 4, "{said:#}");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}
