//! `engine.health`: how probes of a health check went.
//!
//! Engines keep the last five probes of each container, also of one that has ended. What was seen of them is put together
//! over all samples.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::model::MachineName;
use crate::observe::{Ask, Facts};
use crate::remote::{ContainerFact, Extra, Extras, HealthProbe};

use super::containers::all_tell;
use super::exit::Exit;
use super::leaf::Leaf;
use super::span::Span;
use super::story::{Met, Moment, Unmet};

/// So many probes of a health check went so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Health {
    /// Which containers.
    of: Of,
    /// How the probes went.
    probe: Probe,
    /// How many of them.
    count: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    service: Option<String>,
    container: Option<String>,
    #[serde(default)]
    probe: Probe,
    count: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Of {
    Service(String),
    Container(String),
}

/// How a probe went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    /// How long it took.
    took: Option<Span>,
    /// With which status it ended: 0 if the container is well.
    exit: Option<Exit>,
    /// A text that it has printed.
    output: Option<String>,
}

impl TryFrom<Written> for Health {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let Written { service, container, probe, count } = written;
        let of = match (service, container) {
            (Some(service), None) => Of::Service(service),
            (None, Some(container)) => Of::Container(container),
            _ => return Err("expected a service or a container"),
        };
        Ok(Self { of, probe, count: count.unwrap_or(1).max(1) })
    }
}

fn took(probe: &HealthProbe) -> Duration {
    probe.end.duration_since(probe.start).unsigned_abs()
}

fn seconds(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

impl Probe {
    fn fits(&self, probe: &HealthProbe) -> bool {
        self.took.is_none_or(|span| span.fits(took(probe)))
            && self.exit.is_none_or(|exit| exit.fits(probe.exit_code))
            && self.output.as_ref().is_none_or(|text| probe.output.contains(text.as_str()))
    }
}

impl Health {
    fn name(&self) -> &str {
        match &self.of {
            Of::Service(name) | Of::Container(name) => name,
        }
    }

    fn means(&self, container: &ContainerFact) -> bool {
        match &self.of {
            Of::Service(name) => container.service.as_ref() == Some(name),
            Of::Container(name) => container.name == *name,
        }
    }

    /// Those containers, with the names of their machines.
    fn containers<'f>(&self, facts: &'f Facts) -> Vec<(MachineName, &'f ContainerFact)> {
        facts.containers().filter(|(_, container)| self.means(container)).collect()
    }
}

impl Leaf for Health {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        // Whoever keeps silent now may have told of it before.
        let mut probes = BTreeMap::<(Timestamp, &str), (MachineName, &HealthProbe)>::new();
        for sample in moment.samples() {
            for (machine, container) in self.containers(&sample.facts) {
                for probe in container.health.iter().flat_map(|health| &health.log) {
                    if probe.start > moment.after {
                        let key = (probe.end, container.id.as_str());
                        probes.insert(key, (machine, probe));
                    }
                }
            }
        }
        let fits = probes.values().filter(|(_, probe)| self.probe.fits(probe));
        let fits: Vec<_> = fits.collect();
        let told = |machine: MachineName, probe: &HealthProbe| {
            Values::from([
                ("machine", machine.to_string()),
                ("took", seconds(took(probe))),
                ("exit-code", probe.exit_code.to_string()),
                ("output", probe.output.trim().to_owned()),
            ])
        };
        if let Some((machine, probe)) = fits.get(self.count - 1) {
            let met = Met::happened(probe.end);
            return Ok(Met { seen: told(*machine, probe), ..met });
        }
        let facts = moment.facts()?;
        let containers = self.containers(facts);
        let running =
            |it: &&(MachineName, &ContainerFact)| it.1.state.as_deref() == Some("running");
        if containers.iter().find(running).is_none() {
            all_tell(facts, |_| true)?;
            return Err(Unmet::new(Reason::NoContainer).saw("name", self.name()));
        }
        if containers.iter().filter(running).all(|(_, container)| container.health.is_none()) {
            return Err(Unmet::new(Reason::NoHealthCheck).saw("name", self.name()));
        }
        let Some((machine, last)) = probes.values().next_back() else {
            return Err(Unmet::new(Reason::NotProbed).saw("name", self.name()));
        };
        let reason = if fits.is_empty() { Reason::OtherProbe } else { Reason::TooFewProbes };
        let mut unmet = Unmet::new(reason).since(Some(last.end));
        unmet.seen = told(*machine, last);
        Err(unmet.saw("number", fits.len()))
    }

    fn is_live(&self) -> bool {
        // The last five stay, and more than these are seldom wanted.
        false
    }

    fn wanted(&self) -> Values {
        let of = if matches!(self.of, Of::Service(_)) { "service" } else { "container" };
        let mut wanted = Values::from([(of, self.name().to_owned())]);
        wanted.insert("count", self.count.to_string());
        wanted.extend(self.probe.took.map(|span| ("took", span.to_string())));
        wanted.extend(self.probe.exit.map(|exit| ("exit-code", exit.to_string())));
        wanted.extend(self.probe.output.clone().map(|output| ("output", output)));
        wanted
    }

    fn command(&self) -> String {
        let container = match &self.of {
            Of::Container(name) => name.clone(),
            Of::Service(name) => format!("$(docker ps -aqf name={name})"),
        };
        format!("docker inspect -f '{{{{json .State.Health}}}}' {container}")
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoContainer,
            Reason::NoHealthCheck,
            Reason::NotProbed,
            Reason::OtherProbe,
            Reason::TooFewProbes,
        ]
    }

    fn asks(&self) -> Ask {
        Ask { extras: Extras::of(&[Extra::Containers]), ..Ask::default() }
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        let (Of::Service(name) | Of::Container(name)) = &mut self.of;
        with(name);
        self.probe.output.iter_mut().for_each(with);
    }
}
