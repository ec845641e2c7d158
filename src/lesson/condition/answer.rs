//! `answer`: the learner's words.

use serde::Deserialize;

use crate::lesson::one_or_many::OneOrMany;
use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::Ask;

use super::leaf::Leaf;
use super::story::{Met, Moment, Unmet};

/// The learner has answered so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The question.
    pub key: String,
    /// What is right; any of several.
    pub is: OneOrMany,
}

/// Words without what hands do differently.
fn plain(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

impl Leaf for Answer {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let answer = moment.story.answer(&self.key).filter(|answer| answer.at > moment.after);
        let answer = answer.ok_or_else(|| Unmet::new(Reason::NoAnswer).saw("key", &self.key))?;
        let said = plain(&answer.said.join(" "));
        if self.is.iter().any(|right| plain(right) == said) {
            return Ok(Met::happened(answer.at).saw("answer", said));
        }
        Err(Unmet::new(Reason::OtherAnswer).saw("answer", said).since(Some(answer.at)))
    }

    fn is_live(&self) -> bool {
        false
    }

    fn wanted(&self) -> Values {
        // What is right is not told.
        Values::from([("answer", self.key.clone())])
    }

    fn command(&self) -> String {
        "dojo lesson text".to_owned()
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NoAnswer, Reason::OtherAnswer]
    }

    fn asks(&self) -> Ask {
        Ask::default()
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        self.is.iter_mut().for_each(with);
    }
}
