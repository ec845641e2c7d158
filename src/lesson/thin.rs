//! Evidence that is kept for tests: as little of it as says the same.

use super::evidence::Evidence;
use super::judge::judge;
use super::step::Step;

/// The same evidence without what makes no difference: of the samples, those remain with which the verdict changed, and the
/// last one.
pub fn thinned(step: &Step, evidence: &Evidence) -> Evidence {
    let told = |evidence: &Evidence| {
        let verdict = judge(step, evidence);
        (verdict.verdict, verdict.reason)
    };
    let up_to = |count: usize| {
        let seen = evidence.seen[..count].to_vec();
        let until = seen.last().map(|sample| sample.at);
        Evidence { seen, until, ..evidence.clone() }
    };
    let last = evidence.seen.len();
    let mut kept = Vec::new();
    let mut before = None;
    for count in 1..=last {
        let now = Some(told(&up_to(count)));
        if now != before || count == last {
            kept.push(evidence.seen[count - 1].clone());
        }
        before = now;
    }
    let thin = Evidence { seen: kept, ..evidence.clone() };
    // What was seen in between may matter all the same.
    if told(&thin) == told(evidence) { thin } else { evidence.clone() }
}
