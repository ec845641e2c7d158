//! What `scripts/e2e-aws` runs on Amazon's own EC2, which costs money. Credentials and region are those of the
//! environment.

use clusterdojo::driver::ec2::Ec2Options;

use super::{program, swarm_nodes};
use crate::contract::driver_contract;
use crate::world::{World, until};

/// Should all else fail, they end themselves.
const TTL: &str = "1h";

#[test]
#[ignore = "it costs money: scripts/e2e-aws"]
fn it_keeps_the_contract() {
    let options = Ec2Options { ttl: TTL.parse().unwrap(), ..Ec2Options::default() };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        driver_contract(&program(&options).await.unwrap()).await;
    });
}

#[test]
#[ignore = "it costs money: scripts/e2e-aws"]
fn a_swarm_lives_and_leaves_nothing() {
    let mut world = World::new();
    let name = world.name("real");
    let up = ["up", &name, "--driver", "ec2", "--workers", "2", "--ttl", TTL];
    let nodes = || swarm_nodes(&world, "{{.Hostname}} {{.Status}}");
    let ready = ["manager-1 Ready", "worker-1 Ready", "worker-2 Ready"];
    // Whatever happens, it is removed.
    let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        world.dojo(&up).ok();
        assert_eq!(nodes(), ready);
        let again = world.dojo(&up).ok();
        assert!(again.contains("was ready already"), "{again}");
        let said = world.dojo(&["extend", &name, "30m"]).ok();
        assert!(said.contains("1 h 2"), "{said}");
        world.dojo(&["stop", &name]).ok();
        world.dojo(&["start", &name]).ok();
        until("the swarm is back", 120, || nodes() == ready);
    }));
    world.dojo(&["down", &name]).ok();
    let left = world.dojo(&["sweep", "--driver", "ec2", "--dry-run"]).ok();
    assert!(!left.contains(&name), "{left}");
    if let Err(reason) = lived {
        std::panic::resume_unwind(reason);
    }
}
