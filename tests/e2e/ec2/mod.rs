//! Amazon EC2, emulated: `emulated` shows that the emulator is worth relying on.

mod cluster;
mod costs;
mod driver;
mod emulated;
mod emulator;
mod kubernetes;
mod real;
mod sweep;

use crate::world::World;

/// What `docker node ls` says in this format, a line for each node, in order; nothing while it fails.
fn swarm_nodes(world: &World, format: &str) -> Vec<String> {
    let said = world.docker(&["node", "ls", "--format", format]).stdout;
    let mut nodes: Vec<String> = said.lines().map(|line| line.trim().to_owned()).collect();
    nodes.sort();
    nodes
}
