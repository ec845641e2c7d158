//! Machines that are instances of Amazon EC2.
//!
//! Everything that a cluster has there carries its tags from the call on that makes it: instances, their
//! volumes and network interfaces, and the one security group that the cluster has. There is no key pair:
//! the public key and the host key come with the user data.
//!
//! - [`Ec2Options`]: what may be chosen; it is there in every build, because records and spec files name it
//! - [`Ec2`]: what the rest of the program knows of it
//! - `driver`: what is asked of every driver
//! - `client`: credentials, region, account
//! - `login`: whose credentials those are
//! - `network`, `caller`: subnets, and a security group that lets in this computer alone
//! - `image`: which image
//! - `common`: what all instances of a cluster have in common
//! - `consistency`: what was made is not known everywhere at once
//! - `launch`: exactly one instance for each machine, where there is room
//! - `power`: on and off
//! - `removal`: until nothing is left
//! - `leftovers`: what is left
//! - `termination_reason`: why an instance is gone
//! - `price`: what they cost
//! - `serve`: all of that as a program of its own, `dojo-driver-ec2`, because the library of AWS takes long to build

mod by_hand;
#[cfg(feature = "ec2")]
mod caller;
#[cfg(feature = "ec2")]
mod client;
#[cfg(feature = "ec2")]
mod common;
#[cfg(feature = "ec2")]
mod consistency;
#[cfg(feature = "ec2")]
mod driver;
#[cfg(feature = "ec2")]
mod image;
mod kind;
#[cfg(feature = "ec2")]
mod launch;
#[cfg(feature = "ec2")]
mod leftovers;
#[cfg(feature = "ec2")]
mod login;
#[cfg(feature = "ec2")]
mod network;
mod options;
#[cfg(feature = "ec2")]
mod power;
#[cfg(feature = "ec2")]
mod price;
#[cfg(feature = "ec2")]
mod removal;
#[cfg(feature = "ec2")]
mod serve;
#[cfg(feature = "ec2")]
mod tags;
#[cfg(feature = "ec2")]
mod termination_reason;
#[cfg(feature = "ec2")]
mod user_data;

#[cfg(feature = "ec2")]
pub use self::driver::Ec2Driver;
pub use self::kind::Ec2;
pub use self::options::Ec2Options;
#[cfg(feature = "ec2")]
pub use self::serve::serve;
