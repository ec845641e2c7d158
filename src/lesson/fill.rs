//! Parameters: `{{app}}` in texts, commands and conditions.

use std::collections::BTreeMap;

use super::refused::{At, Refused};

/// What a lesson may name without saying it: dojo knows it when the lesson begins.
pub const GIVEN: [&str; 1] = ["cluster"];

/// Values by their names.
pub type Params = BTreeMap<String, String>;

/// Where parameters are named in a text, and which.
fn named(text: &str) -> impl Iterator<Item = (At, &str)> {
    let lines = (1u64..).zip(text.lines());
    lines.flat_map(|(line, words)| {
        words.match_indices("{{").map(move |(start, _)| {
            let name = words[start + 2..].split("}}").next().unwrap_or_default();
            let column = words[..start].chars().count() as u64 + 1;
            (At { line, column }, name)
        })
    })
}

/// Refuses a file that names parameters that nobody knows.
pub(super) fn check(file: &str, text: &str, params: &Params) -> Result<(), Refused> {
    let known = |name: &str| params.contains_key(name) || GIVEN.contains(&name);
    // `{{.Node}}` and `{{json .State}}` are for docker's `--format`.
    let is_theirs = |name: &str| name.contains(['.', '$', '"']) || name == "end";
    match named(text).find(|(_, name)| !is_theirs(name) && !known(name)) {
        None => Ok(()),
        Some((at, name)) => {
            let all: Vec<_> = params.keys().map(String::as_str).chain(GIVEN).collect();
            let all = all.join(", ");
            Err(at.refuse(file, format!("unknown parameter `{name}`: expected one of {all}")))
        }
    }
}

/// Puts values in the places of their names; what is not known stays.
pub(super) fn fill(text: &mut String, params: &Params) {
    for (name, value) in params {
        *text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_parameters_are_refused_where_they_stand() {
        let params = Params::from([("app".to_owned(), "web".to_owned())]);
        let told = |text: &str| check("a", text, &params).map_err(|error| error.to_string());
        assert_eq!(told("{{app}} {{cluster}} {{.Node}} {{range .A}}{{json .B}}{{end}}"), Ok(()));
        let refused = told("이름\n가 {{ap}}").unwrap_err();
        assert_eq!(refused, "a:2:3: unknown parameter `ap`: expected one of app, cluster");
        assert!(told("{{app }}").is_err());
    }

    #[test]
    fn what_is_not_known_yet_stays() {
        let mut text = "{{app}} on {{cluster}}".to_owned();
        fill(&mut text, &Params::from([("app".to_owned(), "web".to_owned())]));
        assert_eq!(text, "web on {{cluster}}");
    }
}
