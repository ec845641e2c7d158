//! `--format`: what docker people write in Go's templates, as far as there are fields in it.

use std::str::FromStr;

/// What a place in a template stands for, and its names. Some are those of docker-machine.
const FIELDS: &[(&str, Field)] = &[
    ("Name", Field::Name),
    ("Kind", Field::Kind),
    ("Status", Field::Status),
    ("Running", Field::Running),
    ("Machines", Field::Machines),
    ("Driver", Field::Driver),
    ("Cost", Field::Cost),
    ("Expires", Field::Expires),
    ("Context", Field::Context),
    ("Selected", Field::Selected),
    ("State", Field::Status),
    ("DriverName", Field::Driver),
    ("Active", Field::Selected),
];

/// What is known of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    Kind,
    Status,
    Running,
    Machines,
    Driver,
    Cost,
    Expires,
    Context,
    Selected,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// With the name that it was called by.
    Field(Field, &'static str),
}

/// How each of several things is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Template {
    /// As JSON, each on a line of its own
    Json,
    /// A line of text for each
    Lines(Pieces),
    /// In columns with a header; a tab stands between two
    Table(Pieces),
}

/// A template that was taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pieces(Vec<Piece>);

impl Pieces {
    /// The text for one thing of which the fields are known.
    pub(super) fn fill(&self, value: impl Fn(Field) -> String) -> String {
        self.each(|field, _| value(field))
    }

    /// The header of a table.
    pub(super) fn header(&self) -> String {
        self.each(|_, name| name.to_uppercase())
    }

    fn each(&self, of: impl Fn(Field, &str) -> String) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field(field, name) => of(*field, name),
        };
        self.0.iter().map(text).collect()
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "json" | "{{json .}}" => return Ok(Self::Json),
            "" => return Err("it is empty; write it as '{{.Name}}', or json".to_owned()),
            _ => {}
        }
        match text.strip_prefix("table ") {
            Some(rest) => pieces(rest).map(Self::Table),
            None => pieces(text).map(Self::Lines),
        }
    }
}

fn pieces(text: &str) -> Result<Pieces, String> {
    let mut pieces = Vec::new();
    // Shells leave them as they are within quotes.
    let text = text.replace("\\t", "\t").replace("\\n", "\n");
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, behind) =
            after.split_once("}}").ok_or_else(|| format!("`{{{{{after}` has no end: }}}}"))?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(field(inside.trim())?);
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(Pieces(pieces))
}

fn field(text: &str) -> Result<Piece, String> {
    let named = text.strip_prefix('.');
    let found = named.and_then(|named| FIELDS.iter().find(|(name, _)| *name == named));
    found.map(|(name, field)| Piece::Field(*field, name)).ok_or_else(|| {
        let all: Vec<_> = FIELDS.iter().map(|(name, _)| format!(".{name}")).collect();
        format!("there is no field `{text}`; there are {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> String {
        match template.parse().unwrap() {
            Template::Lines(pieces) | Template::Table(pieces) => {
                pieces.fill(|field| format!("<{field:?}>"))
            }
            Template::Json => "json".to_owned(),
        }
    }

    #[test]
    fn fields_stand_where_they_are_written() {
        assert_eq!(filled("{{.Name}}"), "<Name>");
        assert_eq!(filled("{{ .Name }}: {{.State}}!"), "<Name>: <Status>!");
        assert_eq!(filled(r"{{.Name}}\t{{.Driver}}"), "<Name>\t<Driver>");
        assert_eq!(filled("json"), "json");
        assert_eq!(filled("{{json .}}"), "json");
        assert_eq!(filled("plain"), "plain");
    }

    #[test]
    fn a_table_has_a_header_of_what_was_asked_for() {
        let Template::Table(pieces) = r"table {{.Name}}\t{{.DriverName}}".parse().unwrap() else {
            panic!("it begins as a table");
        };
        assert_eq!(pieces.header(), "NAME\tDRIVERNAME");
    }

    #[test]
    fn what_is_not_understood_is_told_with_what_there_is() {
        for text in ["{{.Nmae}}", "{{Name}}", "{{json .Name}}", "{{if .Name}}"] {
            let error = text.parse::<Template>().unwrap_err();
            assert!(error.contains("there are .Name, .Kind"), "{error}");
        }
        assert!("{{.Name".parse::<Template>().unwrap_err().contains("no end"));
        assert!(" ".parse::<Template>().unwrap_err().contains("empty"));
    }
}
