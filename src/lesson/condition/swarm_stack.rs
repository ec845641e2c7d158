//! `swarm.stack` and `swarm.leader`: what a stack has brought along, and which manager leads.

use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::{Ask, NodeFacts};
use crate::remote::{Extra, Extras, SwarmService};

use super::leaf::Leaf;
use super::setting::other;
use super::story::{Met, Moment, Unmet, known, unknown};

/// A stack is there, with what belongs to it and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Its services, without the name of the stack.
    pub services: Option<Vec<String>>,
    /// Its networks.
    pub networks: Option<Vec<String>>,
    /// Its configs.
    pub configs: Option<Vec<String>>,
    /// Its secrets.
    pub secrets: Option<Vec<String>>,
}

/// A manager leads the swarm.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leader {
    /// Which one; any, if absent.
    pub name: Option<String>,
    /// Whether it is another one than when the step began.
    pub changed: Option<bool>,
}

/// What belongs to a stack has this label.
const LABEL: &str = "com.docker.stack.namespace";

impl Stack {
    /// The names of services, networks, configs or secrets, without that of the stack.
    fn names(&self, full: impl Iterator<Item = String>) -> Vec<String> {
        let beginning = format!("{}_", self.name);
        let short = |name: String| name.strip_prefix(&beginning).map(str::to_owned).unwrap_or(name);
        let mut names: Vec<_> = full.map(short).collect();
        names.sort();
        names
    }
}

fn is_of(service: &SwarmService, stack: &str) -> Result<bool, Unmet> {
    let unknown = || unknown("details were not asked for");
    let details = service.details.as_ref().ok_or_else(unknown)?;
    Ok(details.labels.get(LABEL).is_some_and(|label| label == stack))
}

impl Leaf for Stack {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let facts = moment.facts()?;
        let mut services = Vec::new();
        let mut by_hand = None;
        for service in known(facts.services.as_ref())? {
            if is_of(service, &self.name)? {
                services.push(service.name.clone());
            } else if service.name.starts_with(&format!("{}_", self.name)) {
                by_hand = Some(&service.name);
            }
        }
        let services = self.names(services.into_iter());
        if services.is_empty() {
            return Err(match by_hand {
                Some(service) => Unmet::new(Reason::NotOfStack).saw("service", service),
                None => Unmet::new(Reason::NoStack).saw("stack", &self.name),
            });
        }
        let objects = known(facts.extras.swarm_objects.as_ref())?;
        let of_kind = |kind: &str| {
            let its = objects.iter().filter(|it| it.kind == kind);
            let its = its.filter(|it| it.labels.get(LABEL) == Some(&self.name));
            self.names(its.map(|it| it.name.clone()))
        };
        for (what, found, wanted) in [
            ("services", services.clone(), &self.services),
            ("networks", of_kind("network"), &self.networks),
            ("configs", of_kind("config"), &self.configs),
            ("secrets", of_kind("secret"), &self.secrets),
        ] {
            let Some(wanted) = wanted else { continue };
            let mut wanted = wanted.clone();
            wanted.sort();
            if found != wanted {
                if let Some(service) = by_hand.filter(|_| what == "services") {
                    return Err(Unmet::new(Reason::NotOfStack).saw("service", service));
                }
                return Err(other(what, Some(found.join(", ")), Some(wanted.join(", "))));
            }
        }
        Ok(Met::default().saw("services", services.join(", ")))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::from([("stack", self.name.clone())]);
        for (what, names) in [
            ("services", &self.services),
            ("networks", &self.networks),
            ("configs", &self.configs),
            ("secrets", &self.secrets),
        ] {
            wanted.extend(names.as_ref().map(|names| (what, names.join(", "))));
        }
        wanted
    }

    fn command(&self) -> String {
        format!("docker stack services {}", self.name)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NoStack, Reason::NotOfStack, Reason::OtherSetting]
    }

    fn asks(&self) -> Ask {
        let extras = Extras::of(&[Extra::Details, Extra::Stacks]);
        Ask { workloads: true, extras, ..Ask::default() }
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.name);
        let lists = [&mut self.services, &mut self.networks, &mut self.configs, &mut self.secrets];
        lists.into_iter().flatten().flatten().for_each(with);
    }
}

impl Leaf for Leader {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let leads = |nodes: &[NodeFacts]| {
            nodes.iter().find(|node| node.leader == Some(true)).map(|node| node.name.clone())
        };
        let facts = moment.facts()?;
        // Where nobody leads, nobody can tell of nodes.
        let is_silent = facts.majority.is_some_and(|majority| !majority.holds);
        let leader = match known(facts.nodes.as_ref()) {
            Ok(nodes) => leads(nodes),
            Err(_) if is_silent => None,
            Err(unmet) => return Err(unmet),
        };
        let Some(leader) = leader else { return Err(Unmet::new(Reason::NoLeader)) };
        if let Some(name) = self.name.as_ref().filter(|name| **name != leader) {
            return Err(other("leader", Some(leader), Some(name)));
        }
        if let Some(changed) = self.changed {
            let before = leads(known(moment.story.mark().nodes.as_ref())?);
            if (before.as_ref() != Some(&leader)) != changed {
                let reason = if changed { Reason::SameLeader } else { Reason::AnotherLeader };
                return Err(Unmet::new(reason).saw("leader", leader));
            }
        }
        Ok(Met::default().saw("leader", leader))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::new();
        wanted.extend(self.name.clone().map(|name| ("leader", name)));
        wanted.extend(self.changed.map(|changed| ("changed", changed.to_string())));
        wanted
    }

    fn command(&self) -> String {
        "docker node ls".to_owned()
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NoLeader, Reason::OtherSetting, Reason::SameLeader, Reason::AnotherLeader]
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        self.name.iter_mut().for_each(with);
    }
}
