//! Amazon EC2, emulated: `emulated` shows that the emulator is worth relying on.

mod driver;
mod emulated;
mod emulator;
