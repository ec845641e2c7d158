//! `k8s.event`: a part of the cluster has told of something.
//!
//! The cluster keeps events for an hour, and of one that comes again and again only how often, and when last.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::{Ask, Facts, Part};
use crate::remote::{EventFact, Extra, Extras};

use super::leaf::Leaf;
use super::selection::{Pods, is_in};
use super::story::{Met, Moment, Unmet, known};

/// An event has come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What it is, in the word of the cluster: `Unhealthy`.
    pub reason: String,
    /// The pods that it is about.
    pub pods: Option<Pods>,
    /// What else it is about: `node/worker-1`, `job/visitor`.
    pub about: Option<String>,
    /// Where that is; in the namespace of the lesson, if absent. Nodes are nowhere.
    pub namespace: Option<String>,
    /// A part of its sentence.
    pub text: Option<String>,
    /// Who tells: `kubelet`.
    pub source: Option<String>,
    /// How often, at least; once, if absent.
    pub count: Option<i32>,
}

/// How often an event came after a moment, and when last.
struct Came {
    times: i32,
    last: Timestamp,
    name: String,
    message: String,
}

fn events(facts: &Facts) -> impl Iterator<Item = &EventFact> {
    facts.extras.events.iter().flat_map(Part::iter)
}

impl Event {
    fn is_about(&self, event: &EventFact, uids: &BTreeSet<&str>) -> bool {
        let is_here =
            event.namespace.is_empty() || is_in(&event.namespace, self.namespace.as_deref());
        let fits_pods =
            self.pods.is_none() || event.about_uid.as_deref().is_some_and(|uid| uids.contains(uid));
        let fits_about = self.about.as_deref().is_none_or(|about| match about.split_once('/') {
            Some((kind, name)) => {
                event.about.kind.eq_ignore_ascii_case(kind) && event.about.name == name
            }
            None => event.about.kind.eq_ignore_ascii_case(about),
        });
        // Those about nodes are in the namespace `default`.
        (is_here || event.about.kind == "Node") && fits_pods && fits_about
    }

    fn fits(&self, event: &EventFact) -> bool {
        event.reason.as_ref() == Some(&self.reason)
            && self.text.as_ref().is_none_or(|text| {
                event.message.as_ref().is_some_and(|message| message.contains(text.as_str()))
            })
            && (self.source.is_none() || event.source == self.source)
    }

    /// Those about what is meant, and which of them are new.
    fn since<'a>(&self, moment: Moment<'a>) -> Vec<(&'a EventFact, Came)> {
        // Pods may be gone by now.
        let mut uids = BTreeSet::new();
        let mark = moment.story.mark();
        for facts in std::iter::once(mark).chain(moment.samples().map(|sample| &sample.facts)) {
            if let Some(pods) = &self.pods {
                let all = pods.all(facts, self.namespace.as_deref()).unwrap_or_default();
                uids.extend(all.into_iter().map(|pod| pod.uid.as_str()));
            }
        }
        let mut counts: BTreeMap<&str, i32> =
            events(mark).map(|event| (event.uid.as_str(), event.count)).collect();
        let mut found = BTreeMap::<&str, (&EventFact, Came)>::new();
        for sample in moment.samples() {
            for event in events(&sample.facts).filter(|event| self.is_about(event, &uids)) {
                let before = counts.insert(&event.uid, event.count).unwrap_or(0);
                // The clocks of those who tell have whole seconds.
                let last = event.last.unwrap_or(sample.at);
                if event.count <= before || last.as_second() < moment.after.as_second() {
                    continue;
                }
                let times = found.get(event.uid.as_str()).map_or(0, |(_, came)| came.times);
                let came = Came {
                    times: times + event.count - before,
                    last,
                    name: event.about.name.clone(),
                    message: event.message.clone().unwrap_or_default(),
                };
                found.insert(&event.uid, (event, came));
            }
        }
        let mut found: Vec<_> = found.into_values().collect();
        found.sort_by_key(|(_, came)| came.last);
        found
    }
}

impl Leaf for Event {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let all = self.since(moment);
        let fits: Vec<_> = all.iter().filter(|(event, _)| self.fits(event)).collect();
        let times: i32 = fits.iter().map(|(_, came)| came.times).sum();
        if let Some((_, came)) = fits.first().filter(|_| times >= self.count.unwrap_or(1)) {
            return Ok(Met::happened(came.last)
                .saw("name", &came.name)
                .saw("message", &came.message)
                .saw("times", times));
        }
        known(moment.story.mark().extras.events.as_ref())?;
        known(moment.facts()?.extras.events.as_ref())?;
        if let Some((_, came)) = fits.last() {
            return Err(Unmet::new(Reason::TooFewEvents)
                .saw("name", &came.name)
                .saw("times", times)
                .since(Some(came.last)));
        }
        let unmet = Unmet::new(Reason::NoEvent);
        Err(match all.last() {
            Some((event, came)) => unmet
                .saw("name", &came.name)
                .saw("last", event.reason.as_deref().unwrap_or_default())
                .saw("message", &came.message),
            None => unmet,
        })
    }

    fn is_live(&self) -> bool {
        false
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::from([("event", self.reason.clone())]);
        wanted.extend(self.pods.as_ref().map(|pods| ("pods", pods.to_string())));
        wanted.extend(self.about.clone().map(|about| ("about", about)));
        wanted.extend(self.text.clone().map(|text| ("text", text)));
        wanted.extend(self.source.clone().map(|source| ("source", source)));
        wanted.insert("count", self.count.unwrap_or(1).to_string());
        wanted
    }

    fn command(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or("default");
        format!("kubectl get events -n {namespace} --sort-by=.lastTimestamp")
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NoEvent, Reason::TooFewEvents]
    }

    fn asks(&self) -> Ask {
        let pods = self.pods.as_ref().map(Pods::asks).unwrap_or_default();
        let events = Extras::of(&[Extra::Events]);
        pods.and(Ask { workloads: true, extras: events, ..Ask::default() })
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        if let Some(pods) = &mut self.pods {
            pods.fill(with);
        }
        let texts = [&mut self.about, &mut self.namespace, &mut self.text];
        texts.into_iter().flatten().for_each(with);
    }

    fn settle(&mut self, namespace: &str) {
        self.namespace.get_or_insert_with(|| namespace.to_owned());
    }
}
