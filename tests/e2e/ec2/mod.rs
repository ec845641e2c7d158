//! Amazon EC2, emulated: `emulated` shows that the emulator is worth relying on.

mod cluster;
mod driver;
mod emulated;
mod emulator;
mod kubernetes;
