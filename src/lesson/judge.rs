//! What evidence says of a step. Pure: the same evidence always has the same verdict.

use serde::Serialize;

use super::condition::Story;
use super::evidence::Evidence;
use super::reason::Reason;
use super::step::Step;
use super::told::{Outcome, Told};

/// What is said of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// How it stands.
    pub verdict: Outcome,
    /// Why, if it is not passed: the reason of the first condition that stands so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Its tree of conditions.
    pub told: Told,
    /// What the learner expected, if they were asked and have answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prediction: Option<Prediction>,
}

/// What a learner expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prediction {
    /// The options that were chosen.
    pub said: Vec<String>,
    /// Those that are true.
    pub truth: Vec<String>,
    /// Whether they are the same.
    pub right: bool,
}

/// Judges a step by what was seen since it began.
pub fn judge(step: &Step, evidence: &Evidence) -> Verdict {
    let told = if evidence.lesson == step.lesson && evidence.step == step.id {
        step.check.told(Story::of(evidence).end())
    } else {
        Told::new(step.check.name(), Outcome::CannotTell, Some(Reason::OtherStep))
    };
    let prediction = step.predict.as_ref().and_then(|predict| {
        let said = &evidence.answers.get(&predict.ask)?.said;
        let right = predict.is_right(said);
        Some(Prediction { said: said.clone(), truth: predict.truth.clone(), right })
    });
    Verdict { verdict: told.outcome, reason: told.reason, told, prediction }
}
