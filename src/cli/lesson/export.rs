//! `dojo lesson export`.

use serde::Serialize;

use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::services::Context;
use crate::event::Progress;
use crate::learn::{Desk, Done};

use super::args::Export;

/// A step, as it is exported.
#[derive(Debug, Serialize)]
struct View {
    lesson: String,
    step: String,
    #[serde(flatten)]
    done: Done,
}

pub(super) fn run(context: &Context, args: &Export) -> Result<(), Error> {
    let progress = Desk::of(&context.home).progress();
    let (_, damaged) = progress.entries()?;
    if damaged > 0 {
        let told = Progress::new(context.reporter.clone());
        told.warn(format!(
            "{damaged} lines of what you have done cannot be read, and are left out"
        ));
    }
    let steps = progress.steps()?.into_iter();
    let steps: Vec<View> =
        steps.map(|((lesson, step), done)| View { lesson, step, done }).collect();
    if !args.csv {
        return output::json(&steps);
    }
    let mut text = "lesson,step,passed,tries,hints,solved,predicted\n".to_owned();
    for View { lesson, step, done } in steps {
        let passed = done.passed.map(|at| at.to_string()).unwrap_or_default();
        let predicted = done.predicted.map(|right| right.to_string()).unwrap_or_default();
        let Done { tries, hints, solved, .. } = done;
        text.push_str(&format!("{lesson},{step},{passed},{tries},{hints},{solved},{predicted}\n"));
    }
    output::write(text.as_bytes())
}
