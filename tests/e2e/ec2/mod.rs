//! Amazon EC2, emulated: `emulated` shows that the emulator is worth relying on.

mod emulated;
mod emulator;
