//! Amazon EC2, emulated: `emulated` shows that the emulator is worth relying on.

mod cluster;
mod costs;
mod driver;
mod emulated;
mod emulator;
mod kubernetes;
mod real;
mod sweep;
