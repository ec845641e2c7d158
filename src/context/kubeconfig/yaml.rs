//! Reads a YAML text into nodes.

use std::fmt;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, StructureStyle};

use super::node::{Content, Node};

/// How many nodes a document may have, those behind its aliases counted each time: a few lines of
/// aliases to aliases would else fill the memory.
const MOST_NODES: usize = 1_000_000;

/// What is wrong with a file, and where. Says nothing of what the file holds: that may be a key.
#[derive(Debug)]
pub struct Problem {
    line: usize,
    what: String,
}

impl Problem {
    pub(super) fn new(text: &str, at: usize, what: impl Into<String>) -> Self {
        let before = &text.as_bytes()[..at.min(text.len())];
        let line = before.split(|byte| *byte == b'\n').count();
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
    parser: Parser<'a, StrInput<'a>>,
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
