//! `dojo lesson ls`.

use serde::Serialize;

use crate::cli::args::DataFormat;
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::services::Context;
use crate::kind;
use crate::learn::Desk;
use crate::lesson::{Lesson, built_in};

use super::args::Ls;
use super::order::language;

/// A lesson, as `-o json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    lesson: String,
    title: String,
    cluster: String,
    minutes: u16,
    passed: usize,
    steps: usize,
    current: bool,
}

pub(super) fn run(context: &Context, args: &Ls) -> Result<(), Error> {
    let desk = Desk::of(&context.home);
    let passed = desk.progress().passed()?;
    let current = desk.attempt().ok().flatten();
    let language = current.as_ref().map_or_else(language, |attempt| attempt.language);
    let of_track = |lesson: &Lesson| {
        args.track.as_ref().is_none_or(|track| lesson.id.split('/').next() == Some(track))
    };
    let lessons: Vec<View> = built_in()
        .into_iter()
        .filter(of_track)
        .map(|lesson| View {
            title: lesson.title_in(language).to_owned(),
            cluster: shape(&lesson),
            minutes: lesson.minutes,
            passed: passed.count(&lesson),
            steps: lesson.steps.len(),
            current: current.as_ref().is_some_and(|attempt| attempt.lesson == lesson.id),
            lesson: lesson.id,
        })
        .collect();
    if lessons.is_empty() {
        let tracks: std::collections::BTreeSet<_> = built_in()
            .into_iter()
            .filter_map(|lesson| Some(lesson.id.split_once('/')?.0.to_owned()))
            .collect();
        let tracks = tracks.into_iter().collect::<Vec<_>>().join(", ");
        let track = args.track.as_deref().unwrap_or_default();
        return Err(Error::Usage(format!("there is no track `{track}`: expected one of {tracks}")));
    }
    match args.output {
        DataFormat::Json => output::json(&lessons),
        DataFormat::Table => output::table(&table(&lessons)),
    }
}

fn table(lessons: &[View]) -> Vec<Vec<String>> {
    let header = ["", "LESSON", "CLUSTER", "MINUTES", "PASSED", "TITLE"].map(str::to_owned);
    let mut rows = vec![header.to_vec()];
    rows.extend(lessons.iter().map(|lesson| {
        vec![
            if lesson.current { "*" } else { "" }.to_owned(),
            lesson.lesson.clone(),
            lesson.cluster.clone(),
            lesson.minutes.to_string(),
            format!("{}/{}", lesson.passed, lesson.steps),
            lesson.title.clone(),
        ]
    }));
    rows
}

fn shape(lesson: &Lesson) -> String {
    let shape = &lesson.cluster;
    kind::of(shape.orchestrator).sized(usize::from(shape.leading + shape.workers))
}
