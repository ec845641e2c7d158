//! Amazon EC2, emulated: `emulated` shows that the emulator is worth relying on.

mod cluster;
mod costs;
mod driver;
mod emulated;
mod emulator;
mod kubernetes;
mod real;
mod sweep;

use clusterdojo::driver::ec2::Ec2Options;
use clusterdojo::driver::external::{ExternalDriver, Options};
use clusterdojo::driver::{Driver as _, Error};

use crate::contract::progress;
use crate::world::World;

/// The driver as `dojo` has it: a program that is asked.
async fn program(options: &Ec2Options) -> Result<ExternalDriver, Error> {
    let program = env!("CARGO_BIN_EXE_dojo-driver-ec2").into();
    let given = serde_json::from_value(serde_json::to_value(options).unwrap()).unwrap();
    let driver =
        ExternalDriver::connect_to("ec2", program, &given, &Options::new(), progress()).await?;
    driver.place().await?;
    Ok(driver)
}

/// What `docker node ls` says in this format, a line for each node, in order; nothing while it fails.
fn swarm_nodes(world: &World, format: &str) -> Vec<String> {
    let said = world.docker(&["node", "ls", "--format", format]).stdout;
    let mut nodes: Vec<String> = said.lines().map(|line| line.trim().to_owned()).collect();
    nodes.sort();
    nodes
}
