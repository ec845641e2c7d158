//! Docker Swarm mode, through the machines' own remote API.

mod addresses;
mod by_hand;
mod by_program;
mod leaving;
mod members;
mod pool;

pub(super) use self::by_hand::ByHand;
pub(super) use self::by_program::SwarmMode;
