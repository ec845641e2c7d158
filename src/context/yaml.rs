//! A YAML text whose keys and list items change in place: no byte changes that a change is not about.
//!
//! Items are put in as lines of their own, or between brackets where the others are, and are taken out as they
//! were put in. Each new text is read again, and compared with what it should say, before it counts.

use std::fmt;
use std::ops::Range;

use serde_json::{Map, Value};
use serde_saphyr::granit_parser::{Event, Parser, StructureStyle};

/// What is wrong with a text, and where. Says nothing of what the text holds: that may be a key.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Problem {
    /// From 1.
    line: usize,
    what: String,
}

/// No text was found that says what was asked for and keeps all the rest.
#[derive(Debug)]
pub(super) struct Refused;

/// A map, as text and as what it says.
pub(super) struct Document {
    /// The first document of the file; its last line always ends.
    text: String,
    /// Whether its last line ends only here, and not in the file.
    unended: bool,
    /// The file's other documents.
    rest: String,
    root: Node,
    keys: Map<String, Value>,
}

/// A value, and where it stands in the text.
#[derive(Default)]
struct Node {
    /// Its bytes, without anchor or tag.
    span: Range<usize>,
    /// Whether it stands between brackets, and not on lines of its own.
    flow: bool,
    /// What a scalar says.
    scalar: String,
    /// The items of a list, or the keys and values of a map.
    inner: Vec<Node>,
}

impl Document {
    /// Reads the first document of a text. One that is empty is an empty map.
    ///
    /// # Errors
    /// If it is no map, or a key stands in a map twice.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Problem> {
        let not_utf8 = |_| Problem { line: 1, what: "not UTF-8".to_owned() };
        let text = str::from_utf8(text).map_err(not_utf8)?;
        let (root, end) = read(text)?;
        let (first, rest) = text.split_at(end);
        // As kubectl reads `010`; and the snippet of an error would quote the text.
        let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
        let keys = serde_saphyr::from_str_with_options::<Option<Map<_, _>>>(first, options);
        let keys = keys.map_err(|error| {
            let line = error.location().and_then(|at| usize::try_from(at.line()).ok());
            let what = "not a map, or not one that can be read without doubt".to_owned();
            Problem { line: line.unwrap_or(1), what }
        })?;
        let unended = !first.is_empty() && !first.ends_with('\n');
        let (text, rest) = (first.to_owned(), rest.to_owned());
        let mut document = Self { text, unended, rest, root, keys: keys.unwrap_or_default() };
        if unended {
            document.text.push_str(document.eol());
        }
        Ok(document)
    }

    /// Says what is wrong with the value of a key.
    pub(super) fn problem(&self, key: &str, what: &str) -> Problem {
        let start = self.find(key).map_or(0, |index| self.root.inner[index].span.start);
        let line = self.text[..start].matches('\n').count() + 1;
        Problem { line, what: format!("`{key}` is not {what}") }
    }

    /// What it says.
    pub(super) fn keys(&self) -> &Map<String, Value> {
        &self.keys
    }

    /// What stands between the colon of a key and the end of its value; `None` if there is no such key.
    pub(super) fn raw(&self, key: &str) -> Option<String> {
        self.find(key).map(|index| self.text[self.value(index)].to_owned())
    }

    /// The items of a list; none if there is no such list.
    pub(super) fn items(&self, list: &str) -> &[Value] {
        self.keys.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Sets a key to a text.
    pub(super) fn set(&mut self, key: &str, text: &str) -> Result<(), Refused> {
        let raw = self.written(&text.into());
        self.set_raw(key, Some(&raw))
    }

    /// Puts something behind the colon of a key, or takes out the key.
    pub(super) fn set_raw(&mut self, key: &str, raw: Option<&str>) -> Result<(), Refused> {
        if self.raw(key).as_deref() == raw {
            return Ok(());
        }
        let alone = raw.map(|raw| Self::parse(format!("{key}:{raw}\n").as_bytes())).transpose();
        let value = alone.map_err(|_| Refused)?.and_then(|mut alone| alone.keys.remove(key));
        self.change(key, value, self.with_raw(key, raw))
    }

    /// Puts an item into a list, in the place of the one at `index` or after the last.
    pub(super) fn put(
        &mut self,
        list: &str,
        index: Option<usize>,
        item: &Value,
    ) -> Result<(), Refused> {
        let mut items = self.items(list).to_vec();
        match index {
            Some(index) if items[index] == *item => return Ok(()),
            Some(index) => items[index] = item.clone(),
            None => items.push(item.clone()),
        }
        let found = self.find(list).map(|found| (found, &self.root.inner[found + 1]));
        let texts = match found {
            Some((found, node)) if !node.inner.is_empty() => {
                let first = self.start(found, node, 0);
                let lines = self.lines(item, first - self.margin(first));
                self.with_member(node, &self.places(found, node), index, &lines, &item.to_string())
            }
            Some((found, _)) if !self.root.flow => {
                // What is left of the key's line may be a comment.
                let Range { start, end: value } = self.value(found);
                let end = self.line_end(value);
                let lines = self.lines(item, self.indent());
                vec![self.spliced(start..end, &[&self.text[value..end], &lines])]
            }
            _ => self.with_raw(list, Some(&self.written(&items.clone().into()))),
        };
        self.change(list, Some(items.into()), texts)
    }

    /// Takes the item at `index` out of a list, which stays, be it empty.
    pub(super) fn take(&mut self, list: &str, index: usize) -> Result<(), Refused> {
        let mut items = self.items(list).to_vec();
        items.remove(index);
        let found = self.find(list).map(|found| (found, &self.root.inner[found + 1]));
        let texts = match found {
            Some((found, node)) if node.inner.len() > 1 => {
                vec![self.without(node, &self.places(found, node), index)]
            }
            Some((found, node)) if !node.flow && !node.inner.is_empty() => {
                let Range { start, end } = self.places(found, node)[0].clone();
                let colon = self.value(found).start;
                vec![self.spliced(colon..end, &[" []", &self.text[colon..start]])]
            }
            _ => self.with_raw(list, Some(" []")),
        };
        self.change(list, Some(items.into()), texts)
    }

    /// Takes the first of the texts in which a key has a value, and all others are as they were. If there is
    /// none, writes the document anew, which loses comments and layout.
    fn change(
        &mut self,
        key: &str,
        value: Option<Value>,
        texts: Vec<String>,
    ) -> Result<(), Refused> {
        // Nothing says as much as no key, and the order in a list says nothing.
        let meaning = |keys: &Map<String, Value>| {
            let mut keys = keys.clone();
            match keys.get_mut(key) {
                Some(value) if is_empty(value) => drop(keys.shift_remove(key)),
                Some(Value::Array(items)) => items.sort_by_cached_key(Value::to_string),
                _ => {}
            }
            keys
        };
        let mut wanted = self.keys.clone();
        match value {
            Some(value) => wanted.insert(key.to_owned(), value),
            None => wanted.shift_remove(key),
        };
        let value = Value::from(wanted.clone());
        let anew = if self.root.flow { format!("{value}\n") } else { yaml(&value) };
        for mut text in texts.into_iter().chain([anew.replace('\n', self.eol())]) {
            if self.unended {
                text.truncate(text.strip_suffix(self.eol()).unwrap_or(&text).len());
            }
            let found = Self::parse((text + &self.rest).as_bytes()).ok();
            let found =
                found.filter(|f| f.rest == self.rest && meaning(&f.keys) == meaning(&wanted));
            if let Some(found) = found {
                *self = found;
                return Ok(());
            }
        }
        Err(Refused)
    }

    /// Where the node of a key is; that of its value follows.
    fn find(&self, key: &str) -> Option<usize> {
        (0..self.root.inner.len()).step_by(2).find(|index| self.root.inner[*index].scalar == key)
    }

    /// What stands behind the colon of a key.
    fn value(&self, key: usize) -> Range<usize> {
        let after = self.root.inner[key].span.end;
        let rest = self.text[after..].trim_start_matches([' ', '\t']);
        let colon = self.text.len() - rest.len() + usize::from(rest.starts_with(':'));
        colon..self.root.inner[key + 1].span.end.max(colon)
    }

    /// What each key with its value takes of the text: between brackets its own bytes, else its lines.
    fn pairs(&self) -> Vec<Range<usize>> {
        let keys = (0..self.root.inner.len()).step_by(2);
        keys.map(|key| {
            self.place(self.root.flow, self.root.inner[key].span.start, self.value(key).end)
        })
        .collect()
    }

    /// What each item of a list takes.
    fn places(&self, key: usize, list: &Node) -> Vec<Range<usize>> {
        let items = list.inner.iter().enumerate();
        items
            .map(|(index, item)| self.place(list.flow, self.start(key, list, index), item.span.end))
            .collect()
    }

    fn place(&self, flow: bool, start: usize, end: usize) -> Range<usize> {
        if flow { start..end } else { self.margin(start)..self.line_end(end) }
    }

    /// Where an item of a list begins: with its dash, if it has one.
    fn start(&self, key: usize, list: &Node, index: usize) -> usize {
        let item = list.inner[index].span.start;
        let before = index.checked_sub(1).map_or(self.value(key).start, |i| list.inner[i].span.end);
        let dash = self.text.get(before..item).and_then(|between| between.rfind('-'));
        dash.filter(|_| !list.flow).map_or(item, |dash| before + dash)
    }

    /// The text with something behind the colon of a key, or without the key.
    fn with_raw(&self, key: &str, raw: Option<&str>) -> Vec<String> {
        match (self.find(key), raw) {
            (Some(found), Some(raw)) => vec![self.spliced(self.value(found), &[raw])],
            (Some(found), None) => vec![self.without(&self.root, &self.pairs(), found / 2)],
            (None, Some(raw)) => {
                let line = format!("{:w$}{key}:{raw}{}", "", self.eol(), w = self.indent());
                self.with_member(
                    &self.root,
                    &self.pairs(),
                    None,
                    &line,
                    &format!("\"{key}\":{raw}"),
                )
            }
            (None, None) => Vec::new(),
        }
    }

    /// The text with a member in the place of the one at `index`, or with one more: as lines, or between the
    /// brackets of the others.
    fn with_member(
        &self,
        node: &Node,
        places: &[Range<usize>],
        index: Option<usize>,
        lines: &str,
        flow: &str,
    ) -> Vec<String> {
        let new = if node.flow { flow } else { lines };
        if let Some(index) = index {
            let replaced = places.get(index).map(|old| self.spliced(old.clone(), &[new]));
            return replaced.into_iter().collect();
        }
        let put = |at: usize, new: &[&str]| self.spliced(at..at, new);
        match (places.first(), places.last()) {
            (_, Some(last)) if node.flow => vec![put(last.end, &[", ", new])],
            _ if node.flow => vec![put(node.span.start + 1, &[new])],
            // A block of text at the end would get a line end that it does not have.
            (Some(first), _) if self.unended => vec![put(first.start, &[new])],
            (Some(first), Some(last)) => vec![put(last.end, &[new]), put(first.start, &[new])],
            _ => vec![put(self.text.len(), &[new])],
        }
    }

    /// The text without a member.
    fn without(&self, node: &Node, places: &[Range<usize>], index: usize) -> String {
        let Range { start, end } = places[index];
        self.spliced(
            match index.checked_sub(1) {
                Some(before) if node.flow => places[before].end..end,
                None if node.flow => start..places.get(1).map_or(end, |next| next.start),
                _ => start..end,
            },
            &[],
        )
    }

    /// A value as it stands behind the colon of a key.
    fn written(&self, value: &Value) -> String {
        match value {
            _ if self.root.flow => format!(" {value}"),
            Value::Array(items) => {
                let lines: String = items.iter().map(|i| self.lines(i, self.indent())).collect();
                [self.eol(), lines.trim_end()].concat()
            }
            _ => format!(" {}", yaml(value).trim_end()),
        }
    }

    /// An item of a list, on lines of its own.
    fn lines(&self, item: &Value, indent: usize) -> String {
        let yaml = yaml(&Value::from(vec![item.clone()]));
        yaml.lines().map(|line| format!("{:indent$}{line}{}", "", self.eol())).collect()
    }

    /// How lines of this text end.
    fn eol(&self) -> &'static str {
        let first = self.text.split_once('\n').map_or("", |(line, _)| line);
        if first.ends_with('\r') { "\r\n" } else { "\n" }
    }

    /// How far the keys are from the margin.
    fn indent(&self) -> usize {
        self.root.inner.first().map_or(0, |key| key.span.start - self.margin(key.span.start))
    }

    /// Where the spaces in front of a place begin.
    fn margin(&self, at: usize) -> usize {
        self.text[..at].trim_end_matches(' ').len()
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |found| at + found + 1)
    }

    fn spliced(&self, range: Range<usize>, new: &[&str]) -> String {
        [&self.text[..range.start], &new.concat(), &self.text[range.end..]].concat()
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.unended { self.eol().len() } else { 0 };
        write!(f, "{}{}", &self.text[..self.text.len() - end], self.rest)
    }
}

/// The first document of a text, and where it ends.
fn read(text: &str) -> Result<(Node, usize), Problem> {
    // The lists and maps that are open, in a list around the document, and where the last token ends.
    let (mut open, mut last) = (vec![Node::default()], 0);
    let mut is_over = false;
    let mut end = text.len();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Problem {
            line: error.marker().line(),
            what: "not YAML".to_owned(),
        })?;
        let span = span.byte_range().unwrap_or_default();
        // What is left out has no bytes, and so has the end of what stands on lines of its own.
        if !span.is_empty() && !matches!(event, Event::Comment(..)) {
            last = span.start + text[span.clone()].trim_end().len();
        }
        let mut node = Node { span: span.start..last, ..Node::default() };
        match event {
            Event::DocumentStart(..) if is_over => {
                end = span.start;
                break;
            }
            Event::DocumentEnd if text[span.start..].starts_with("...") => {
                end = span.start;
                break;
            }
            Event::MappingStart(style, ..) | Event::SequenceStart(style, ..) => {
                node.flow = style == StructureStyle::Flow;
                open.push(node);
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                node = open.pop().unwrap_or_default();
                node.span.end = last;
            }
            Event::Scalar(scalar, ..) => node.scalar = scalar.into(),
            Event::Alias(..) => {}
            other => {
                is_over |= matches!(other, Event::DocumentEnd);
                continue;
            }
        }
        if let Some(around) = open.last_mut() {
            around.inner.push(node);
        }
    }
    let root = open.swap_remove(0).inner.into_iter().next().unwrap_or_default();
    Ok((root, end))
}

/// A value in kubectl's layout. Each text stands on one line.
fn yaml(value: &Value) -> String {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(value, options).expect("JSON can be written as YAML")
}

/// Whether a value says nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
