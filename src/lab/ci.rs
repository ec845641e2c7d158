//! `ci`: runs a job of a small part of `.gitlab-ci.yml`, as GitLab's shell executor does.
//!
//! All lines of a job are run by one shell, each after it was printed, and the first one with a status other than 0 ends
//! the job. Understood are `stages`, `variables`, `before_script`, and jobs with `stage`, `variables`, `before_script` and
//! `script`. All else is refused with the number of its line: a job that did less than it says would teach nothing.

use std::process::{Command, ExitCode, Stdio};

use crate::args;
use crate::{Wrong, say};

pub(crate) const HELP: &str = "\
ci FILE [JOB]
Run a job of a small part of .gitlab-ci.yml.

Without a name it runs the only job there is. It understands stages, variables, before_script and jobs with stage,
variables, before_script and script; anything else is refused with the number of its line.
The status is 0 when the job succeeded, 1 when it failed, and 2 when the file says something else.
";

/// Names that jobs cannot have: they mean something to GitLab.
const RESERVED: &[&str] = &[
    "after_script",
    "cache",
    "default",
    "image",
    "include",
    "pages",
    "services",
    "spec",
    "workflow",
];
/// The stages where none are named.
const STAGES: &[&str] = &["build", "test", "deploy"];

type Pairs = Vec<(String, String)>;

#[derive(Default)]
struct Job {
    name: String,
    line: usize,
    stage: Option<(String, usize)>,
    variables: Pairs,
    before: Option<Vec<String>>,
    script: Vec<String>,
}

#[derive(Default)]
struct Pipeline {
    stages: Option<Vec<String>>,
    variables: Pairs,
    before: Vec<String>,
    jobs: Vec<Job>,
}

/// What is wrong, and in which line.
struct Refused(usize, String);

fn refuse<T>(line: usize, why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(line, why.into()))
}

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Wrong> {
    let said = args::read(arguments, &[])?;
    let (file, wanted) = match &said.rest[..] {
        [file] => (file, None),
        [file, job] => (file, Some(job)),
        _ => return Err(Wrong::Usage("a file is needed, and perhaps a job".to_owned())),
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Wrong::Usage(format!("cannot read {file}: {error}")))?;
    let pipeline = pipeline(&text)
        .map_err(|Refused(line, why)| Wrong::Usage(format!("{file}:{line}: {why}")))?;
    let names: Vec<_> = pipeline.jobs.iter().map(|job| format!("`{}`", job.name)).collect();
    let job = match wanted {
        Some(wanted) => pipeline.jobs.iter().find(|job| job.name == *wanted),
        None if names.len() == 1 => pipeline.jobs.first(),
        None => None,
    };
    let job = job.ok_or_else(|| {
        Wrong::Usage(match (wanted, names.join(", ")) {
            (_, names) if names.is_empty() => format!("{file}: there is no job"),
            (Some(wanted), names) => format!("{file}: there is no job `{wanted}`, but {names}"),
            (None, names) => format!("{file}: name one of the jobs {names}"),
        })
    })?;
    execute(&pipeline, job)
}

/// What one shell is told to do. Each line is read by itself, so that one that is not whole does not take in the next.
fn shell_script(lines: &[&String]) -> String {
    // There are shells without it, which would end.
    let mut script =
        "set -e\nif (set -o pipefail) 2>/dev/null; then set -o pipefail; fi\n".to_owned();
    for line in lines {
        let shown = match line.split_once('\n') {
            Some((first, rest)) if !rest.trim().is_empty() => {
                format!("$ {first} # collapsed multi-line command")
            }
            _ => format!("$ {}", line.trim_end()),
        };
        script += &format!("printf '%s\\n' {}\neval {}\n", quoted(&shown), quoted(line));
    }
    script
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn execute(pipeline: &Pipeline, job: &Job) -> Result<ExitCode, Wrong> {
    let before = job.before.as_ref().unwrap_or(&pipeline.before);
    let lines: Vec<_> = before.iter().chain(&job.script).collect();
    let mut shell = Command::new("/bin/sh");
    let stage = job.stage.as_ref().map_or("test", |(stage, _)| stage);
    let variables = pipeline.variables.iter().chain(&job.variables);
    shell
        .envs([("CI", "true"), ("CI_JOB_NAME", &job.name), ("CI_JOB_STAGE", stage)])
        .envs(variables.map(|(name, value)| (name, value)))
        .arg("-c")
        .arg(shell_script(&lines))
        .stdin(Stdio::null());
    let status = shell.status().map_err(|e| Wrong::Failed(format!("cannot run /bin/sh: {e}")))?;
    if status.success() {
        say("Job succeeded\n");
        return Ok(ExitCode::SUCCESS);
    }
    let signal = std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or_default();
    say(&format!("ERROR: Job failed: exit code {}\n", status.code().unwrap_or(128 + signal)));
    Ok(ExitCode::FAILURE)
}

/// A line that says something.
struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

/// The lines of a file, with a way to read them one after the other.
struct Lines<'a> {
    /// All of them, for what is taken as it stands.
    raw: Vec<&'a str>,
    next: usize,
}

impl<'a> Lines<'a> {
    /// The next line that says something, without taking it.
    fn peek(&mut self) -> Result<Option<Line<'a>>, Refused> {
        while let Some(raw) = self.raw.get(self.next) {
            let text = raw.trim_start_matches(' ');
            let number = self.next + 1;
            if text.trim().is_empty() || text.starts_with('#') {
                self.next += 1;
                continue;
            }
            if text.starts_with('\t') {
                return refuse(number, "a tab cannot indent");
            }
            let indent = raw.len() - text.len();
            return Ok(Some(Line { number, indent, text: text.trim_end() }));
        }
        Ok(None)
    }

    /// The next line, if it belongs to what is indented by `indent`.
    fn take(&mut self, indent: usize) -> Result<Option<Line<'a>>, Refused> {
        match self.peek()? {
            Some(line) if line.indent == indent => {
                self.next += 1;
                Ok(Some(line))
            }
            Some(line) if line.indent > indent => {
                refuse(line.number, "this line is indented more than the one that it follows")
            }
            _ => Ok(None),
        }
    }
}

fn pipeline(text: &str) -> Result<Pipeline, Refused> {
    let mut lines = Lines { raw: text.lines().collect(), next: 0 };
    let mut pipeline = Pipeline::default();
    let mut seen: Vec<String> = Vec::new();
    if lines.peek()?.is_some_and(|line| line.text == "---") {
        lines.next += 1;
    }
    while let Some(line) = lines.take(0)? {
        let (name, rest) = key(&line)?;
        once(&mut seen, &name, line.number)?;
        match name.as_str() {
            "stages" => pipeline.stages = Some(list(&mut lines, &line, rest)?),
            "variables" => pipeline.variables = map(&mut lines, &line, rest)?,
            "before_script" => pipeline.before = list(&mut lines, &line, rest)?,
            other if RESERVED.contains(&other) => {
                return refuse(line.number, format!("`{name}` is not understood here"));
            }
            _ if name.starts_with('.') => {
                return refuse(line.number, "hidden jobs are not understood here");
            }
            _ if !rest.is_empty() => return refuse(line.number, format!("`{name}` is not a job")),
            _ => pipeline.jobs.push(job(&mut lines, &line, name)?),
        }
    }
    for job in &pipeline.jobs {
        let Some((stage, line)) = &job.stage else { continue };
        let known: Vec<&str> = match &pipeline.stages {
            Some(stages) => stages.iter().map(String::as_str).collect(),
            None => STAGES.to_vec(),
        };
        if ![".pre", ".post"].contains(&stage.as_str()) && !known.contains(&stage.as_str()) {
            let known = known.join(", ");
            return refuse(*line, format!("there is no stage `{stage}`, but: {known}"));
        }
    }
    Ok(pipeline)
}

fn once(seen: &mut Vec<String>, name: &str, line: usize) -> Result<(), Refused> {
    if seen.iter().any(|before| before == name) {
        return refuse(line, format!("`{name}` is there twice"));
    }
    seen.push(name.to_owned());
    Ok(())
}

fn job(lines: &mut Lines<'_>, at: &Line<'_>, name: String) -> Result<Job, Refused> {
    let mut job = Job { name, line: at.number, ..Job::default() };
    let mut seen = Vec::new();
    let Some(indent) = lines.peek()?.map(|line| line.indent).filter(|indent| *indent > at.indent)
    else {
        return refuse(at.number, format!("job `{}` has no script", job.name));
    };
    while let Some(line) = lines.take(indent)? {
        let (name, rest) = key(&line)?;
        once(&mut seen, &name, line.number)?;
        match name.as_str() {
            "stage" => job.stage = Some((scalar(rest, line.number)?, line.number)),
            "variables" => job.variables = map(lines, &line, rest)?,
            "before_script" => job.before = Some(list(lines, &line, rest)?),
            "script" => job.script = list(lines, &line, rest)?,
            _ => return refuse(line.number, format!("`{name}` in a job is not understood here")),
        }
    }
    between(lines, at.indent)?;
    if job.script.is_empty() {
        return refuse(job.line, format!("job `{}` has no script", job.name));
    }
    Ok(job)
}

/// Refuses a line that is indented less than what it follows, but more than what that belongs to.
fn between(lines: &mut Lines<'_>, outer: usize) -> Result<(), Refused> {
    match lines.peek()? {
        Some(line) if line.indent > outer => {
            refuse(line.number, "this line is indented like none before it")
        }
        _ => Ok(()),
    }
}

/// The name at the beginning of a line, and what is behind its colon.
fn key<'a>(line: &Line<'a>) -> Result<(String, &'a str), Refused> {
    let wrong = || Refused(line.number, "a name with a colon is expected here".to_owned());
    let (name, rest) = match line.text.chars().next().filter(|c| "\"'".contains(*c)) {
        Some(quote) => {
            let end = line.text[1..].find(quote).ok_or_else(wrong)? + 2;
            (&line.text[..end], line.text[end..].strip_prefix(':').ok_or_else(wrong)?)
        }
        None => match line.text.split_once(": ") {
            Some(parts) => parts,
            None => {
                (line.text.strip_suffix(':').or_else(|| bare(line.text)).ok_or_else(wrong)?, "")
            }
        },
    };
    if !rest.is_empty() && line.text.ends_with(rest) && name.starts_with(['"', '\'']) {
        // Behind a quoted name, too, there is a space.
        rest.starts_with(' ').then_some(()).ok_or_else(wrong)?;
    }
    let rest = rest.trim();
    let rest = if rest.starts_with('#') { "" } else { rest };
    Ok((scalar(name, line.number)?, rest))
}

/// The name in `name: # with a comment`, where nothing else follows.
fn bare(text: &str) -> Option<&str> {
    text.split(" #").next()?.trim_end().strip_suffix(':')
}

/// Names with values.
fn map(lines: &mut Lines<'_>, at: &Line<'_>, rest: &str) -> Result<Pairs, Refused> {
    if !rest.is_empty() {
        return refuse(at.number, "names and values are expected in lines of their own");
    }
    let mut pairs: Pairs = Vec::new();
    let mut seen = Vec::new();
    let indent = lines.peek()?.map(|line| line.indent).filter(|indent| *indent > at.indent);
    let Some(indent) = indent else { return Ok(pairs) };
    while let Some(line) = lines.take(indent)? {
        let (name, rest) = key(&line)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return refuse(line.number, format!("`{name}` is not the name of a variable"));
        }
        once(&mut seen, &name, line.number)?;
        pairs.push((name, scalar(rest, line.number)?));
    }
    between(lines, at.indent)?;
    Ok(pairs)
}

/// A list, which may be one text, `[a, b]`, or lines with dashes.
fn list(lines: &mut Lines<'_>, at: &Line<'_>, rest: &str) -> Result<Vec<String>, Refused> {
    if let Some(inner) = rest.strip_prefix('[') {
        let Some(inner) = inner.strip_suffix(']') else {
            return refuse(at.number, "a list in brackets ends in its line here");
        };
        if inner.contains(['"', '\'', '[', '{']) {
            return refuse(at.number, "only plain words are understood in brackets");
        }
        let words = inner.split(',').map(str::trim);
        return words.map(|word| scalar(word, at.number)).collect();
    }
    if !rest.is_empty() {
        return Ok(vec![text(lines, at.indent, at.number, rest)?]);
    }
    let mut items = Vec::new();
    // Dashes may stand right below of the name.
    let indent = lines.peek()?.filter(|line| {
        line.indent > at.indent || line.indent == at.indent && dashed(line.text).is_some()
    });
    let Some(indent) = indent.map(|line| line.indent) else { return Ok(items) };
    while let Some(line) = lines.peek()?.filter(|line| line.indent >= indent) {
        // The next name on the same level ends a list whose dashes are there.
        if line.indent == at.indent && dashed(line.text).is_none() {
            return Ok(items);
        }
        lines.take(indent)?;
        let Some(item) = dashed(line.text) else {
            return refuse(line.number, "a dash is expected here");
        };
        items.push(text(lines, indent, line.number, item)?);
    }
    if indent > at.indent {
        between(lines, at.indent)?;
    }
    Ok(items)
}

fn dashed(text: &str) -> Option<&str> {
    if text == "-" { Some("") } else { text.strip_prefix("- ").map(str::trim_start) }
}

/// A text in its line, or as it stands in the lines below of `|`.
fn text(lines: &mut Lines<'_>, outer: usize, at: usize, rest: &str) -> Result<String, Refused> {
    if rest != "|" && rest != "|-" {
        return scalar(rest, at);
    }
    let mut block: Vec<&str> = Vec::new();
    let mut indent = None;
    while let Some(raw) = lines.raw.get(lines.next) {
        let own = raw.len() - raw.trim_start_matches(' ').len();
        if raw.trim().is_empty() {
            block.push("");
        } else if own <= outer {
            break;
        } else {
            let indent = *indent.get_or_insert(own);
            if own < indent {
                return refuse(
                    lines.next + 1,
                    "this line is indented less than the first of its text",
                );
            }
            block.push(&raw[indent..]);
        }
        lines.next += 1;
    }
    let block = block.join("\n");
    let block = block.trim_end();
    if block.is_empty() { refuse(at, "there is no text here") } else { Ok(block.to_owned()) }
}

/// A text: plain, or in quotes.
fn scalar(text: &str, line: usize) -> Result<String, Refused> {
    let text = text.trim();
    let (said, behind) = match text.chars().next() {
        None | Some('#') => return refuse(line, "there is no text here"),
        Some('\'') => single(text, line)?,
        Some('"') => double(text, line)?,
        Some(c) if "[]{}&*!|>%@`,".contains(c) => {
            return refuse(line, format!("a text cannot begin with `{c}`: put it into quotes"));
        }
        Some(_) if ["-", "?", ":"].contains(&text.split(' ').next().unwrap_or_default()) => {
            return refuse(line, "only a text is understood here");
        }
        Some(_) => {
            let plain = text.split(" #").next().unwrap_or_default().trim_end();
            if plain.contains(": ") || plain.ends_with(':') {
                let why = "a colon makes a name of what is before it: put the text into quotes";
                return refuse(line, why);
            }
            (plain.to_owned(), "")
        }
    };
    let behind = behind.trim_end();
    if behind.is_empty() || behind.trim_start().starts_with('#') && behind.starts_with(' ') {
        return Ok(said);
    }
    refuse(line, "nothing can follow a text in quotes")
}

/// A text in single quotes, and what is behind it. Two quotes are one.
fn single(text: &str, line: usize) -> Result<(String, &str), Refused> {
    let mut said = String::new();
    let mut rest = &text[1..];
    loop {
        let Some((part, after)) = rest.split_once('\'') else {
            return refuse(line, "the quotes do not end in their line");
        };
        said += part;
        match after.strip_prefix('\'') {
            Some(after) => {
                said.push('\'');
                rest = after;
            }
            None => return Ok((said, after)),
        }
    }
}

/// A text in double quotes, and what is behind it.
fn double(text: &str, line: usize) -> Result<(String, &str), Refused> {
    let mut said = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Ok((said, &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, c @ ('"' | '\\' | '/'))) => said.push(c),
                Some((_, 'n')) => said.push('\n'),
                Some((_, 't')) => said.push('\t'),
                Some((_, c)) => {
                    return refuse(line, format!("`\\{c}` is not understood in quotes"));
                }
                None => break,
            },
            c => said.push(c),
        }
    }
    refuse(line, "the quotes do not end in their line")
}
