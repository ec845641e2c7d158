//! What the rest of the program knows of the ssh driver.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::options::DRIVER;
use super::{SshDriver, SshHost, SshOptions};
use crate::driver::by_hand::{Made, Wanted};
use crate::driver::flag::{Commands, Flag, Given, parsed, text};
use crate::driver::section::{Shape, chosen, typed};
use crate::driver::{AsTheyAre, Driver, Error, Kind, Memory, Program, Section, Setting};
use crate::model::DriverName;

/// Hosts that are there already.
#[derive(Debug)]
pub struct Ssh;

const HOST: Flag = Flag::many("host", "[USER@]ADDRESS[:PORT]", parsed::<SshHost>)
    .help("A host that becomes a machine; once for each")
    .key("hosts")
    .of(Commands::Find);
const HOST_KEY: Flag = Flag::many("host-key", "KEY", text)
    .help("The public host key of a host, in the order of --host [default: the one that your ssh knows]")
    .key("hosts")
    .of(Commands::Find)
    .requires("host");
const FLAGS: &[Flag] = &[
    HOST,
    HOST_KEY,
    Flag::file("identity")
        .help("The private key that opens the hosts [default: your agent, and what your ssh would try]")
        .of(Commands::Find),
    Flag::one("jump", "[USER@]HOST[:PORT]", text)
        .help("The host through which the others are reached [default: the one that your ssh would take]")
        .of(Commands::Find),
    Flag::file("ssh-config")
        .help("A configuration file for ssh [default: your own]")
        .key("config")
        .of(Commands::Find),
    Flag::switch("adopt")
        .help("Take hosts that carry Docker data or a swarm, or that another cluster has claimed")
        .of(Commands::Find),
    Flag::switch("remove-docker")
        .help("When the hosts are given back, also remove the packages that came with the cluster")
        .of(Commands::Find),
];

#[async_trait]
impl Kind for Ssh {
    fn name(&self) -> DriverName {
        DRIVER
    }

    fn shape(&self) -> Shape {
        Shape::of::<SshOptions>()
    }

    fn flags(&self) -> &'static [Flag] {
        FLAGS
    }

    fn heading(&self) -> Option<&'static str> {
        Some("Hosts that you have (--driver ssh)")
    }

    /// Hosts that are given are all the hosts, and keys are theirs in the same order.
    fn set(&self, section: &mut Section, given: &Given) -> Result<(), String> {
        let (hosts, keys) = (given.of(HOST.name), given.of(HOST_KEY.name));
        if keys.len() > hosts.len() {
            return Err(format!("{} host keys are given for {} hosts", keys.len(), hosts.len()));
        }
        let others = FLAGS.iter().filter(|flag| flag.key != HOST.key);
        given.set(&others.copied().collect::<Vec<_>>(), section)?;
        if !hosts.is_empty() {
            let mut hosts = hosts.to_vec();
            for (host, key) in hosts.iter_mut().zip(keys) {
                host["host-key"] = key.clone();
            }
            section.insert(HOST.key.to_owned(), hosts.into());
        }
        Ok(())
    }

    fn validate(&self, section: &Section, machines: usize) -> Result<(), String> {
        options(section).validate(machines)
    }

    fn as_they_are(&self) -> Option<AsTheyAre> {
        Some(AsTheyAre { size: "they are as large as they are", ports: "`dojo forward`" })
    }

    fn has_borrowed_machines(&self) -> bool {
        true
    }

    fn make_absolute(&self, section: &mut Section) {
        let mut options = options(section);
        let hosts = options.hosts.iter_mut().map(|host| &mut host.identity);
        for path in hosts.chain([&mut options.identity, &mut options.config]).flatten() {
            if let Ok(absolute) = std::path::absolute(&*path) {
                *path = absolute;
            }
        }
        *section = chosen(&options);
    }

    fn asked(&self, section: &Section) -> String {
        let hosts = options(section).hosts;
        let hosts: Vec<_> = hosts.iter().map(|host| format!("`{}`", host.address)).collect();
        format!("host {}", hosts.join(", "))
    }

    fn machines(&self, section: &Section) -> Option<usize> {
        Some(options(section).hosts.len()).filter(|hosts| *hosts > 0)
    }

    fn addresses(&self, section: &Section) -> Vec<(String, IpAddr)> {
        // A name may lead anywhere; what it leads to is seen before the cluster is begun.
        let known = |host: &SshHost| host.private_address.or_else(|| host.address.parse().ok());
        let named = |host: &SshHost| Some((format!("host `{}`", host.address), known(host)?));
        options(section).hosts.iter().filter_map(named).collect()
    }

    fn programs(&self, section: &Section) -> Vec<Program> {
        let config = options(section).config.map(|file| Program {
            what: format!("a configuration of ssh, which can name commands (`{}`)", file.display()),
            file: Some(file),
        });
        config.into_iter().collect()
    }

    fn shown(&self, section: &Section) -> Value {
        let SshOptions { hosts, jump, adopt, .. } = options(section);
        let hosts: Vec<_> = hosts.into_iter().map(|host| host.address).collect();
        json!({ "hosts": hosts, "jump": jump, "adopt": adopt })
    }

    fn by_hand(&self, section: &Section, wanted: &Wanted<'_>) -> Result<Made, Error> {
        Ok(super::by_hand(&typed(section), wanted.requests))
    }

    async fn connect(&self, setting: Setting) -> Result<Arc<dyn Driver>, Error> {
        Ok(driver(&setting.section, setting.memory))
    }

    fn tunnels(&self, section: &Section, memory: Memory) -> Option<Arc<dyn Driver>> {
        Some(driver(section, memory))
    }
}

fn driver(section: &Section, memory: Memory) -> Arc<dyn Driver> {
    let Memory { section: before, machines, pins, keys, abandon } = memory;
    let before = before.as_ref().map(options);
    let memory = super::Memory { options: before, machines, pins, keys, abandon };
    Arc::new(SshDriver::new(&options(section), memory))
}

fn options(section: &Section) -> SshOptions {
    typed(section)
}
