//! `dojo forward`, while it runs.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::World;

/// A port of this computer that leads somewhere; ends with the value.
pub struct Forward {
    child: Child,
    /// Where it listens, `ADDRESS:PORT`.
    pub address: String,
    /// Where it says that it leads to.
    pub to: String,
}

impl Forward {
    pub fn begin(world: &World, to: &str, port: &str) -> Self {
        let forward = world.command(&["forward", to, port]).stdout(Stdio::piped()).spawn();
        let mut child = forward.unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let (address, to) = line.trim().split_once(" leads to ").expect(&line);
        Self { address: address.to_owned(), to: to.to_owned(), child }
    }

    /// The port of [`address`](Self::address).
    pub fn port(&self) -> u16 {
        self.address.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Ctrl-C is a good end.
    pub fn end(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        // After `end` there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
