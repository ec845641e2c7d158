//! What can be said of lessons. The comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::data_format::DataFormat;
use crate::model::{ClusterName, Language};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LessonCommand {
    /// List the lessons, and how far you are
    #[command(alias = "list")]
    Ls(Ls),
    /// Begin a lesson, on a cluster that is made for it
    Start(Start),
    /// Print the text of the current step
    Text,
    /// Answer the question of the current step
    Answer(Answer),
    /// Tell how the current step stands (exits 0 if passed, 1 if not yet, 5 if lost, 6 if unknown)
    Check(Check),
    /// Watch the current step until it is passed, or Ctrl-C is pressed
    Watch(Watch),
    /// Print the next hint
    Hint,
    /// Run the solution of the current step
    Solve(Solve),
    /// Go on to the next step
    Next,
    /// Put the cluster back as it was, and begin with the first step again
    Reset(Reset),
    /// Print what you have done
    Export(Export),
    /// Write the files of a new lesson, to be filled in
    New(New),
    /// Tell what a lesson lacks (exits 1 if anything)
    Lint(Lint),
    /// Try all ways through a lesson on a cluster of its own (exits 1 if it is not right)
    Prove(Prove),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Ls {
    /// Only lessons of one track: swarm, kubernetes
    #[arg(long, value_name = "TRACK")]
    pub(super) track: Option<String>,
    /// Format of the output
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Start {
    /// Which lesson [default: the first one that is not passed]
    pub(super) lesson: Option<String>,
    /// Read the lesson from a directory
    #[arg(long, value_name = "DIR", conflicts_with = "lesson")]
    pub(super) from: Option<PathBuf>,
    /// Use this cluster, which is made if it is not there [default: one for all lessons of this shape]
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<ClusterName>,
    /// Make the cluster of a lesson of Kubernetes from a bundle
    #[arg(long, value_name = "FILE")]
    pub(super) bundle: Option<PathBuf>,
    /// The language of the texts [default: that of LANG, or en]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(super) lang: Option<Lang>,
}

/// The languages of lessons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Lang {
    /// English
    En,
    /// Korean
    Ko,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::En,
            Lang::Ko => Self::Ko,
        }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Answer {
    /// What you expect, by the words before the colons
    #[arg(required = true)]
    pub(super) options: Vec<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// Watch for this long, unless the step is passed before: 60s, 2m
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) observe: Option<std::time::Duration>,
    /// Format of the output
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Watch {
    /// Print a line for each change, and draw nothing
    #[arg(long)]
    pub(super) plain: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Solve {
    /// Print the commands, and do not run them
    #[arg(long)]
    pub(super) show: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Reset {
    /// Make the cluster anew
    #[arg(long)]
    pub(super) hard: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// As comma-separated values
    #[arg(long)]
    pub(super) csv: bool,
}

fn time(text: &str) -> Result<std::time::Duration, String> {
    text.parse::<crate::lesson::Time>().map(|time| time.0)
}

#[derive(Debug, Args)]
pub(in crate::cli) struct New {
    /// The directory that is to be made
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Lint {
    /// The directory of the lesson
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Prove {
    /// The directory of a lesson, or the name of one that is built in
    #[arg(value_name = "DIR|LESSON")]
    pub(super) lesson: String,
    /// Use this cluster [default: one that is made for it]
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<ClusterName>,
    /// Make the cluster of a lesson of Kubernetes from a bundle
    #[arg(long, value_name = "FILE")]
    pub(super) bundle: Option<PathBuf>,
    /// Leave the cluster that was made for it
    #[arg(long)]
    pub(super) keep: bool,
    /// Keep the evidence of each way in a directory
    #[arg(long, value_name = "DIR")]
    pub(super) record: Option<PathBuf>,
    /// Format of the output
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
}
