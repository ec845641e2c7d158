//! Changes of a document's text that touch nothing but what they are about.
//!
//! What is put in by these functions is taken out by them without a trace. They offer one or two
//! texts, or none if the layout is none that they know; whether a text says what it should is for
//! [`Document`](super::document::Document) to find out.

use super::node::{Content, Node};
use super::yaml::Parsed;

/// A text and what stands where in it.
pub(super) struct Splice<'a> {
    text: &'a str,
    root: Option<&'a Node>,
    end: usize,
}

impl<'a> Splice<'a> {
    pub(super) fn new(text: &'a str, parsed: &'a Parsed) -> Self {
        let root = parsed.root.as_ref().filter(|root| !root.is_null());
        Self { text, root, end: parsed.end }
    }

    /// What stands between the colon after a key and the end of its value.
    pub(super) fn raw(&self, key: &str) -> Option<&'a str> {
        let (colon, end) = self.value(key)?;
        Some(&self.text[colon..end])
    }

    /// Puts an entry into the list of a key: in the place of item `replaced`, else after the last.
    pub(super) fn put(&self, key: &str, replaced: Option<usize>, entry: &Node) -> Vec<String> {
        let Some((name, list)) = self.root.and_then(|root| root.pair(key)) else {
            return self.add(key, &Node::list(vec![entry.clone()]));
        };
        // What is put behind an alias would be put elsewhere.
        if list.alias {
            return Vec::new();
        }
        match &list.content {
            Content::List { flow: true, items } if !items.is_empty() || self.is_flow() => {
                let mut flow = String::new();
                entry.write_flow(&mut flow);
                match (replaced.map(|index| &items[index]), items.last()) {
                    (Some(old), _) => vec![self.replaced(old.start, old.end, &flow)],
                    (None, Some(tail)) => {
                        let comma = format!(",{}{flow}", self.gap(list.start + 1, &items[0]));
                        vec![self.replaced(tail.end, tail.end, &comma)]
                    }
                    (None, None) => vec![self.replaced(list.start + 1, list.start + 1, &flow)],
                }
            }
            Content::List { flow: false, items } => {
                let Some(first) = self.dash(name.end, items.first()) else { return Vec::new() };
                let lines = self.item(entry, self.spaces(first));
                if let Some(index) = replaced {
                    let Some((from, to)) = self.item_lines(name.end, items, index) else {
                        return Vec::new();
                    };
                    let ended = self.text[from..to].ends_with('\n');
                    let lines = if ended { &lines } else { lines.trim_end() };
                    return vec![self.replaced(from, to, lines)];
                }
                let after = items.last().map_or(first, |item| self.line_end(item.end));
                [after, first].map(|at| insert_lines(self.text, at, &lines)).to_vec()
            }
            // Nothing, or an empty list.
            _ => {
                let Some((colon, end)) = self.value(key) else { return Vec::new() };
                if self.is_flow() {
                    let mut flow = " ".to_owned();
                    Node::list(vec![entry.clone()]).write_flow(&mut flow);
                    return vec![self.replaced(colon, end, &flow)];
                }
                let indent = self.spaces(self.line_start(name.start));
                let bare = self.replaced(colon, end, "");
                let at = line_end(&bare, colon);
                vec![insert_lines(&bare, at, &self.item(entry, indent))]
            }
        }
    }

    /// Takes an item out of the list of a key. If it is the only one, `empty` is what stands after
    /// the colon then; `None` takes the key out too.
    pub(super) fn take(&self, key: &str, index: usize, empty: Option<&str>) -> Vec<String> {
        let Some((name, list)) = self.root.and_then(|root| root.pair(key)) else {
            return Vec::new();
        };
        let Content::List { flow, items } = &list.content else { return Vec::new() };
        if list.alias {
            return Vec::new();
        }
        if items.len() == 1 && (*flow || self.is_flow()) {
            return self.set(key, empty);
        }
        if *flow {
            let (from, to) = match (index.checked_sub(1), items.get(index + 1)) {
                (Some(before), _) => (items[before].end, items[index].end),
                (None, Some(next)) => (items[index].start, next.start),
                (None, None) => return Vec::new(),
            };
            return vec![self.replaced(from, to, "")];
        }
        let Some((from, to)) = self.item_lines(name.end, items, index) else { return Vec::new() };
        let without = self.without_lines(from, to);
        if items.len() > 1 {
            return vec![without];
        }
        let Some(colon) = self.colon(name) else { return Vec::new() };
        match empty {
            Some(empty) => vec![replaced(&without, colon, colon, empty)],
            None => vec![without_lines(
                &without,
                self.line_start(name.start),
                line_end(&without, colon),
            )],
        }
    }

    /// Sets what stands after the colon of a key; `None` takes the key out.
    pub(super) fn set(&self, key: &str, raw: Option<&str>) -> Vec<String> {
        let Some((name, value)) = self.root.and_then(|root| root.pair(key)) else {
            return raw.map_or_else(Vec::new, |raw| self.add_raw(key, raw));
        };
        let Some((colon, end)) = self.value(key) else { return Vec::new() };
        match raw {
            Some(raw) => vec![self.replaced(colon, end, raw)],
            None if self.is_flow() => {
                let pairs = self.root.map_or(&[][..], Node::pairs);
                let Some(index) = pairs.iter().position(|(key, _)| key.start == name.start) else {
                    return Vec::new();
                };
                let (from, to) = match (index.checked_sub(1), pairs.get(index + 1)) {
                    (Some(before), _) => (pairs[before].1.end, end),
                    (None, Some((next, _))) => (name.start, next.start),
                    (None, None) => (name.start, end),
                };
                vec![self.replaced(from, to, "")]
            }
            None => {
                let from = self.line_start(name.start);
                let to = self.line_end(value.end.max(colon));
                vec![self.without_lines(from, to)]
            }
        }
    }

    /// Adds a key to the document.
    pub(super) fn add(&self, key: &str, value: &Node) -> Vec<String> {
        let mut raw = String::new();
        if self.is_flow() {
            raw.push(' ');
            value.write_flow(&mut raw);
        } else {
            value.write_value(self.indent(), self.eol(), &mut raw);
        }
        self.add_raw(key, &raw)
    }

    /// Adds a key, and behind its colon `raw`.
    fn add_raw(&self, key: &str, raw: &str) -> Vec<String> {
        if let Some(root) = self.root.filter(|_| self.is_flow()) {
            let mut flow = String::new();
            Node::text(key).write_flow(&mut flow);
            flow.push(':');
            flow.push_str(raw);
            return match root.pairs() {
                [] => vec![self.replaced(root.start + 1, root.start + 1, &flow)],
                [first, ..] => {
                    let last = root.end_of_last();
                    let comma = format!(",{}{flow}", self.gap(root.start + 1, &first.0));
                    vec![self.replaced(last, last, &comma)]
                }
            };
        }
        let first = self.root.and_then(|root| root.pairs().first());
        let first = first.map(|(key, _)| self.line_start(key.start));
        let line = [&" ".repeat(self.indent()), key, ":", raw.trim_end(), self.eol()].concat();
        // The parser may say that a document ends with its last value, and not with the line.
        let end = self.end;
        let end = if self.line_start(end) == end { end } else { self.line_end(end) };
        let places = std::iter::once(end).chain(first);
        places.map(|at| insert_lines(self.text, at, &line)).collect()
    }

    /// How far a block document stands from the margin.
    fn indent(&self) -> usize {
        let first = self.root.and_then(|root| root.pairs().first());
        first.map_or(0, |(key, _)| self.spaces(self.line_start(key.start)))
    }

    fn is_flow(&self) -> bool {
        self.root.is_some_and(Node::is_flow)
    }

    fn item(&self, entry: &Node, indent: usize) -> String {
        let mut lines = String::new();
        entry.write_item(indent, self.eol(), &mut lines);
        lines
    }

    /// How lines of this text end.
    pub(super) fn eol(&self) -> &'static str {
        let first = self.text.split_once('\n').map_or("", |(line, _)| line);
        if first.ends_with('\r') { "\r\n" } else { "\n" }
    }

    /// Where the value of a key begins, right after the colon, and where it ends.
    fn value(&self, key: &str) -> Option<(usize, usize)> {
        let (name, value) = self.root?.pair(key)?;
        let colon = self.colon(name)?;
        Some((colon, value.end.max(colon)))
    }

    /// The place after the colon that follows a key.
    fn colon(&self, key: &Node) -> Option<usize> {
        let rest = &self.text[key.end..];
        let colon = rest.trim_start_matches([' ', '\t']);
        colon.starts_with(':').then(|| key.end + rest.len() - colon.len() + 1)
    }

    /// The white space between a bracket and what follows it.
    fn gap(&self, bracket: usize, first: &Node) -> &'a str {
        let gap = self.text.get(bracket..first.start).unwrap_or("");
        if !gap.is_empty() && gap.trim().is_empty() { gap } else { " " }
    }

    /// The begin of the line with the dash of an item, which must stand first on it. Nothing of
    /// the item is before `bound`.
    fn dash(&self, bound: usize, item: Option<&Node>) -> Option<usize> {
        let mut at = self.line_start(item?.start);
        while at > bound {
            let line = self.text[at..].trim_start_matches(' ');
            if line.starts_with("- ") || line.starts_with("-\n") || line.starts_with("-\r") {
                return Some(at);
            }
            at = self.line_start(at - 1);
        }
        None
    }

    /// The lines of an item, from its dash to its last value.
    fn item_lines(&self, key: usize, items: &[Node], index: usize) -> Option<(usize, usize)> {
        let bound = index.checked_sub(1).map_or(key, |before| items[before].end);
        let from = self.dash(bound, items.get(index))?;
        Some((from, self.line_end(items[index].end)))
    }

    /// How many spaces there are from some place on. A byte order mark is none.
    fn spaces(&self, from: usize) -> usize {
        self.text[from..].bytes().take_while(|byte| *byte == b' ').count()
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |found| found + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        line_end(self.text, at)
    }

    fn replaced(&self, from: usize, to: usize, new: &str) -> String {
        replaced(self.text, from, to, new)
    }

    fn without_lines(&self, from: usize, to: usize) -> String {
        without_lines(self.text, from, to)
    }
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |found| at + found + 1)
}

fn replaced(text: &str, from: usize, to: usize, new: &str) -> String {
    [&text[..from], new, &text[to..]].concat()
}

/// Puts lines between lines. If the last line of the text is not ended, it stays like that.
fn insert_lines(text: &str, at: usize, lines: &str) -> String {
    if at == text.len() && !text.is_empty() && !text.ends_with('\n') {
        let eol = if lines.ends_with("\r\n") { "\r\n" } else { "\n" };
        [text, eol, lines.strip_suffix(eol).unwrap_or(lines)].concat()
    } else {
        replaced(text, at, at, lines)
    }
}

/// Takes out lines: what [`insert_lines`] has put in.
fn without_lines(text: &str, from: usize, to: usize) -> String {
    let unended = to == text.len() && !text.ends_with('\n');
    let kept = &text[..from];
    let kept = match kept.strip_suffix('\n') {
        Some(line) if unended => line.strip_suffix('\r').unwrap_or(line),
        _ => kept,
    };
    [kept, &text[to..]].concat()
}
