//! A YAML document as a tree that knows where in the text each part of it stands.

use std::fmt;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

/// How many nodes a document may have, those behind its aliases counted each time: a few lines of
/// aliases to aliases would else fill the memory.
const MOST_NODES: usize = 1_000_000;

/// One value of a document. Two are equal if they say the same, wherever and however they stand.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) content: Content,
    /// An explicit tag, as it is written.
    tag: Option<String>,
    /// Whether `*name` stands here, and the value somewhere else.
    pub(super) alias: bool,
    /// The bytes it takes; an anchor or a tag in front of it is not among them.
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone)]
pub(super) enum Content {
    /// What is written without quotes may mean a number, a truth value or nothing at all.
    Scalar {
        text: String,
        plain: bool,
    },
    List {
        flow: bool,
        items: Vec<Node>,
    },
    Map {
        flow: bool,
        pairs: Vec<(Node, Node)>,
    },
}

/// What is wrong with a file, and where. Says nothing of what the file holds: that may be a key.
#[derive(Debug)]
pub struct Problem {
    line: usize,
    what: String,
}

impl Problem {
    pub(super) fn new(text: &str, at: usize, what: impl Into<String>) -> Self {
        let before = &text.as_bytes()[..at.min(text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Self { line, what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Problem {}

/// The first document of a text, which is all that kubectl reads.
pub(super) struct Parsed {
    /// `None` if there is nothing but comments.
    pub(super) root: Option<Node>,
    /// Where the next document begins or the last one's end is marked; else the end of the text.
    pub(super) end: usize,
}

/// Reads a text.
///
/// # Errors
/// If it is not YAML, or names what is not there.
pub(super) fn parse(text: &str) -> Result<Parsed, Problem> {
    let mut reader =
        Reader { text, parser: Parser::new_from_str(text), anchors: Vec::new(), nodes: 0 };
    loop {
        match reader.next()? {
            (Event::DocumentStart(..), _) => break,
            (Event::StreamEnd, _) => return Ok(Parsed { root: None, end: text.len() }),
            _ => {}
        }
    }
    let (event, span) = reader.next()?;
    let root = reader.node(event, span)?;
    let (_, span) = reader.next()?;
    // Comments after the last value are part of the document; what follows a mark is not.
    let after = reader.next()?;
    let rest = &text[range(span).0..];
    let marked = rest.starts_with("...") || rest.starts_with("---");
    let end =
        if marked || !matches!(after.0, Event::StreamEnd) { range(span).0 } else { text.len() };
    Ok(Parsed { root: Some(root), end })
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>,
    anchors: Vec<(usize, Node)>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    /// The next event that is not a comment.
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(found)) => return Ok(found),
                Some(Err(error)) => {
                    let at = error.marker().byte_offset().unwrap_or(self.text.len());
                    return Err(Problem::new(self.text, at, "not YAML"));
                }
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Problem> {
        let (start, mut end) = range(span);
        let problem = |what| Problem::new(self.text, start, what);
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(problem("too large"));
        }
        let tag = span.tag_span().and_then(|tag| tag.slice(self.text)).map(ToOwned::to_owned);
        let (content, anchor) = match event {
            Event::Alias(id) => {
                let found = self.anchors.iter().rev().find(|(known, _)| *known == id);
                let Some((_, node)) = found else {
                    return Err(problem("an alias of what is not yet complete"));
                };
                let node = Node { alias: true, start, end, ..node.clone() };
                self.nodes += node.size();
                return Ok(node);
            }
            Event::Scalar(value, style, anchor, _) => {
                let mut value = value.into_owned();
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    // A last line that is not ended adds no line break to the value.
                    if end == self.text.len() && !self.text.ends_with('\n') {
                        value.truncate(value.trim_end_matches('\n').len());
                    }
                    end = start + self.text[start..end].trim_end().len();
                }
                (Content::Scalar { text: value, plain: style == ScalarStyle::Plain }, anchor)
            }
            Event::SequenceStart(style, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, span) => {
                            end = close(style, span, end, items.last());
                            break;
                        }
                        (event, span) => items.push(self.node(event, span)?),
                    }
                }
                (Content::List { flow: style == StructureStyle::Flow, items }, anchor)
            }
            Event::MappingStart(style, anchor, _) => {
                let mut pairs: Vec<(Node, Node)> = Vec::new();
                loop {
                    match self.next()? {
                        (Event::MappingEnd, span) => {
                            let last = pairs.last();
                            let last = last.map(|(k, v)| if v.end > k.end { v } else { k });
                            end = close(style, span, end, last);
                            break;
                        }
                        (event, span) => {
                            let key = self.node(event, span)?;
                            let (event, span) = self.next()?;
                            pairs.push((key, self.node(event, span)?));
                        }
                    }
                }
                (Content::Map { flow: style == StructureStyle::Flow, pairs }, anchor)
            }
            _ => return Err(problem("not YAML")),
        };
        let node = Node { content, tag, alias: false, start, end };
        if anchor != 0 {
            self.anchors.push((anchor, node.clone()));
        }
        Ok(node)
    }
}

/// Where a list or map ends: at its bracket, or with the last that is in it.
fn close(style: StructureStyle, span: Span, start: usize, last: Option<&Node>) -> usize {
    match style {
        StructureStyle::Flow => range(span).1,
        StructureStyle::Block => last.map_or(start, |node| node.end.max(start)),
    }
}

fn range(span: Span) -> (usize, usize) {
    // A parser of a string knows all offsets.
    span.byte_range().map_or((0, 0), |range| (range.start, range.end))
}

impl Node {
    fn new(content: Content) -> Self {
        Self { content, tag: None, alias: false, start: 0, end: 0 }
    }

    /// A text, whatever it looks like.
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        let plain = is_plain(&text);
        Self::new(Content::Scalar { text, plain })
    }

    /// Nothing.
    pub(super) fn null() -> Self {
        Self::new(Content::Scalar { text: "null".to_owned(), plain: true })
    }

    pub(super) fn list(items: Vec<Node>) -> Self {
        Self::new(Content::List { flow: false, items })
    }

    pub(super) fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, Node)>) -> Self {
        let pairs = pairs.into_iter().map(|(key, value)| (Self::text(key), value)).collect();
        Self::new(Content::Map { flow: false, pairs })
    }

    pub(super) fn is_null(&self) -> bool {
        let Content::Scalar { text, plain: true } = &self.content else {
            return false;
        };
        self.tag.is_none() && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// Whether it is written between brackets.
    pub(super) fn is_flow(&self) -> bool {
        matches!(self.content, Content::List { flow: true, .. } | Content::Map { flow: true, .. })
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.content, Content::Map { .. })
    }

    /// A text; `None` for nothing and for what kubectl takes for a number or a truth value.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, plain } => {
                let means_text = !plain || self.tag.is_some() || !is_special(text);
                means_text.then_some(text)
            }
            _ => None,
        }
    }

    /// What is in a list; `None` if it is none. Nothing at all is an empty list.
    pub(super) fn items(&self) -> Option<&[Node]> {
        match &self.content {
            Content::List { items, .. } => Some(items),
            _ if self.is_null() => Some(&[]),
            _ => None,
        }
    }

    pub(super) fn pairs(&self) -> &[(Node, Node)] {
        match &self.content {
            Content::Map { pairs, .. } => pairs,
            _ => &[],
        }
    }

    /// The key and value of a map's own entry.
    pub(super) fn pair(&self, key: &str) -> Option<&(Node, Node)> {
        self.pairs().iter().find(|(found, _)| found.as_text() == Some(key))
    }

    /// The value of a key, also one that comes by a merge key (`<<`).
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        if let Some((_, value)) = self.pair(key) {
            return Some(value);
        }
        let (_, merged) = self.pair("<<")?;
        match &merged.content {
            Content::List { items, .. } => items.iter().find_map(|node| node.get(key)),
            _ => merged.get(key),
        }
    }

    /// Where the last entry of a map ends.
    pub(super) fn end_of_last(&self) -> usize {
        self.pairs().last().map_or(self.end, |(key, value)| value.end.max(key.end))
    }

    /// Sets a map's key, or removes it. What is not a map becomes one.
    pub(super) fn set(&mut self, key: &str, value: Option<Node>) {
        if !self.is_map() {
            *self = Self::map([]);
        }
        let Content::Map { pairs, .. } = &mut self.content else { return };
        let found = pairs.iter().position(|(found, _)| found.as_text() == Some(key));
        match (found, value) {
            (Some(index), Some(value)) => pairs[index].1 = value,
            (Some(index), None) => drop(pairs.remove(index)),
            (None, Some(value)) => pairs.push((Self::text(key), value)),
            (None, None) => {}
        }
    }

    fn size(&self) -> usize {
        1 + match &self.content {
            Content::Scalar { .. } => 0,
            Content::List { items, .. } => items.iter().map(Self::size).sum(),
            Content::Map { pairs, .. } => pairs.iter().map(|(k, v)| k.size() + v.size()).sum(),
        }
    }

    /// The value of a map's entry or the item of a list, on lines of its own: kubectl's layout.
    pub(super) fn write_item(&self, indent: usize, eol: &str, out: &mut String) {
        out.push_str(&" ".repeat(indent));
        out.push_str("- ");
        match &self.content {
            Content::Map { pairs, .. } if !pairs.is_empty() && self.tag.is_none() => {
                for (number, (key, value)) in pairs.iter().enumerate() {
                    if number > 0 {
                        out.push_str(&" ".repeat(indent + 2));
                    }
                    write_pair(key, value, indent + 2, eol, out);
                }
            }
            _ => {
                self.write_flow(out);
                out.push_str(eol);
            }
        }
    }

    /// All entries of a map, each on lines of its own.
    pub(super) fn write_map(&self, indent: usize, eol: &str, out: &mut String) {
        for (key, value) in self.pairs() {
            out.push_str(&" ".repeat(indent));
            write_pair(key, value, indent, eol, out);
        }
    }

    /// What follows the colon of a key that stands `indent` from the margin, to the line's end.
    pub(super) fn write_value(&self, indent: usize, eol: &str, out: &mut String) {
        match &self.content {
            Content::Map { pairs, .. } if !pairs.is_empty() && self.tag.is_none() => {
                out.push_str(eol);
                self.write_map(indent + 2, eol, out);
            }
            Content::List { items, .. } if !items.is_empty() && self.tag.is_none() => {
                out.push_str(eol);
                for item in items {
                    item.write_item(indent, eol, out);
                }
            }
            _ => {
                out.push(' ');
                self.write_scalar(out);
                out.push_str(eol);
            }
        }
    }

    /// All on one line, in JSON as far as it goes.
    pub(super) fn write_flow(&self, out: &mut String) {
        if let Some(tag) = &self.tag {
            out.push_str(tag);
            out.push(' ');
        }
        match &self.content {
            Content::Scalar { text, plain: true }
                if is_special(text) || text == "<<" || self.tag.is_some() =>
            {
                out.push_str(text);
            }
            // Every JSON string is a YAML one, with the same meaning.
            Content::Scalar { text, .. } => out.push_str(&serde_json::json!(text).to_string()),
            Content::List { items, .. } => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    out.push_str(if number > 0 { ", " } else { "" });
                    item.write_flow(out);
                }
                out.push(']');
            }
            Content::Map { pairs, .. } => {
                out.push('{');
                for (number, (key, value)) in pairs.iter().enumerate() {
                    out.push_str(if number > 0 { ", " } else { "" });
                    key.write_flow(out);
                    out.push_str(": ");
                    value.write_flow(out);
                }
                out.push('}');
            }
        }
    }

    /// On one line, without quotes if it has none.
    pub(super) fn write_scalar(&self, out: &mut String) {
        match &self.content {
            Content::Scalar { text, plain: true } if !text.contains('\n') && self.tag.is_none() => {
                out.push_str(text);
            }
            _ => self.write_flow(out),
        }
    }
}

fn write_pair(key: &Node, value: &Node, indent: usize, eol: &str, out: &mut String) {
    key.write_scalar(out);
    out.push(':');
    value.write_value(indent, eol, out);
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        if self.tag != other.tag {
            return false;
        }
        match (&self.content, &other.content) {
            (Content::Scalar { text: a, plain: p }, Content::Scalar { text: b, plain: q }) => {
                // Without quotes and with them is the same for what is a text either way.
                (a == b && (p == q || !is_special(a))) || (self.is_null() && other.is_null())
            }
            (Content::List { items: a, .. }, Content::List { items: b, .. }) => a == b,
            (Content::Map { pairs: a, .. }, Content::Map { pairs: b, .. }) => a == b,
            _ => false,
        }
    }
}

/// Whether what stands without quotes is not a text, by YAML 1.1 as kubectl reads it.
fn is_special(plain: &str) -> bool {
    let lower = plain.to_ascii_lowercase();
    let word = matches!(
        lower.as_str(),
        "" | "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    let digits = lower.trim_start_matches(['+', '-']).replace('_', "");
    let begins = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let based = ["0x", "0o", "0b"].iter().any(|base| digits.starts_with(base));
    let number = digits.parse::<f64>().is_ok() || based || digits == ".inf" || digits == ".nan";
    word || (begins && number)
}

/// Whether a text of ours needs no quotes. What is in doubt gets some.
fn is_plain(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=+".contains(&b);
    text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && text.bytes().all(allowed)
        && !text.ends_with(':')
        && !is_special(text)
}
