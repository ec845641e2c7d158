//! A kubeconfig: what it says, and changes of it that are proven before they hold.

use std::collections::BTreeSet;

use super::node::Node;
use super::splice::Splice;
use super::yaml::{self, Parsed, Problem};

const CURRENT: &str = "current-context";

/// The lists of a kubeconfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Clusters,
    Contexts,
    Users,
}

impl Section {
    pub(super) const ALL: [Self; 3] = [Self::Clusters, Self::Contexts, Self::Users];

    /// The key of the list.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Contexts => "contexts",
            Self::Users => "users",
        }
    }

    /// The key, beside `name`, of an entry of the list.
    pub(super) fn inner(self) -> &'static str {
        match self {
            Self::Clusters => "cluster",
            Self::Contexts => "context",
            Self::Users => "user",
        }
    }
}

/// A document cannot be changed in the way that was asked for without changing more of it.
#[derive(Debug)]
pub(super) struct Refused;

/// A kubeconfig, as text and as what it says.
pub(super) struct Document {
    text: String,
    parsed: Parsed,
}

impl Document {
    /// Reads a text. One that is empty says nothing.
    ///
    /// # Errors
    /// If kubectl would refuse it too, or reads a key that stands there twice.
    pub(super) fn parse(text: String) -> Result<Self, Problem> {
        let parsed = yaml::parse(&text)?;
        let problem = |node: &Node, what: String| Err(Problem::new(&text, node.start, what));
        let Some(root) = parsed.root.as_ref().filter(|root| !root.is_null()) else {
            return Ok(Self { text, parsed });
        };
        if !root.is_map() {
            return problem(root, "not a map".to_owned());
        }
        if let Some((again, key)) = twice(root) {
            return problem(again, format!("`{key}` stands there twice"));
        }
        for key in Section::ALL.map(Section::key) {
            let Some(list) = root.get(key) else { continue };
            let Some(items) = list.items() else {
                return problem(list, format!("`{key}` is not a list"));
            };
            for item in items.iter().filter(|item| !item.is_null()) {
                if !item.is_map() {
                    return problem(item, format!("an entry of `{key}` is not a map"));
                }
                let name = item.get("name").filter(|name| !name.is_null());
                if let Some(name) = name.filter(|name| name.as_text().is_none()) {
                    return problem(name, format!("a name in `{key}` is not a text"));
                }
            }
        }
        if let Some(current) = root.get(CURRENT)
            && !current.is_null()
            && current.as_text().is_none()
        {
            return problem(current, format!("`{CURRENT}` is not a text"));
        }
        Ok(Self { text, parsed })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn root(&self) -> Option<&Node> {
        self.parsed.root.as_ref().filter(|root| !root.is_null())
    }

    /// The selected context.
    pub(super) fn current(&self) -> Option<&str> {
        self.root()?.get(CURRENT)?.as_text().filter(|name| !name.is_empty())
    }

    pub(super) fn entries(&self, section: Section) -> &[Node] {
        self.root().and_then(|root| root.get(section.key())?.items()).unwrap_or_default()
    }

    /// What stands after the colon of a key; `None` if there is no such key.
    pub(super) fn raw(&self, key: &str) -> Option<&str> {
        Splice::new(&self.text, &self.parsed).raw(key)
    }

    /// What stands after the colon of `current-context`.
    pub(super) fn raw_current(&self) -> Option<&str> {
        self.raw(CURRENT)
    }

    /// Whether there is no key at all.
    pub(super) fn is_empty(&self) -> bool {
        self.root().is_none_or(|root| root.pairs().is_empty())
    }

    /// Whether there is nothing that kubectl would not write into a file without entries.
    pub(super) fn says_nothing(&self) -> bool {
        let trifle = |name: &Node, value: &Node| match name.as_text() {
            Some("apiVersion" | "kind") => true,
            Some("preferences" | "extensions") => {
                value.is_null()
                    || value.pairs().is_empty() && value.items().is_none_or(<[_]>::is_empty)
            }
            _ => is_void(name, value),
        };
        self.root().is_none_or(|root| root.pairs().iter().all(|(name, value)| trifle(name, value)))
    }

    /// Adds a key with a text.
    pub(super) fn add(&mut self, key: &str, text: &str) -> Result<(), Refused> {
        let value = Node::text(text);
        let texts = self.splice().add(key, &value);
        let mut wanted = self.wanted();
        wanted.set(key, Some(value));
        self.change(&wanted, texts)
    }

    /// Takes out a key.
    pub(super) fn drop_key(&mut self, key: &str) -> Result<(), Refused> {
        let texts = self.splice().set(key, None);
        let mut wanted = self.wanted();
        wanted.set(key, None);
        self.change(&wanted, texts)
    }

    /// Puts an entry in the place of the one at `index`, or after the last.
    pub(super) fn put(
        &mut self,
        section: Section,
        index: Option<usize>,
        entry: Node,
    ) -> Result<(), Refused> {
        let mut items = self.entries(section).to_vec();
        if index.is_some_and(|index| items[index] == entry) {
            return Ok(());
        }
        let texts = self.splice().put(section.key(), index, &entry);
        match index {
            Some(index) => items[index] = entry,
            None => items.push(entry),
        }
        let mut wanted = self.wanted();
        wanted.set(section.key(), Some(Node::list(items)));
        self.change(&wanted, texts)
    }

    /// Takes out the entry at `index`. If it is the only one, `empty` is what stands behind the colon
    /// then, or `None` if the key goes too.
    pub(super) fn take(
        &mut self,
        section: Section,
        index: usize,
        empty: Option<&str>,
    ) -> Result<(), Refused> {
        let texts = self.splice().take(section.key(), index, empty);
        let mut items = self.entries(section).to_vec();
        items.remove(index);
        let mut wanted = self.wanted();
        wanted.set(section.key(), Some(Node::list(items)));
        self.change(&wanted, texts)
    }

    /// Selects a context; `None` selects none.
    pub(super) fn select(&mut self, name: Option<&str>) -> Result<(), Refused> {
        let value = Node::text(name.unwrap_or_default());
        let mut raw = " ".to_owned();
        if self.root().is_some_and(Node::is_flow) {
            value.write_flow(&mut raw);
        } else {
            value.write_scalar(&mut raw);
        }
        self.select_raw(Some(&raw))
    }

    /// Puts something behind the colon of `current-context`, or takes out the key.
    pub(super) fn select_raw(&mut self, raw: Option<&str>) -> Result<(), Refused> {
        if self.raw_current() == raw {
            return Ok(());
        }
        let name = match raw {
            Some(raw) => {
                let alone = Self::parse(format!("{CURRENT}:{raw}\n")).map_err(|_| Refused)?;
                alone.current().map(ToOwned::to_owned)
            }
            None => None,
        };
        let texts = self.splice().set(CURRENT, raw);
        let mut wanted = self.wanted();
        wanted.set(CURRENT, name.map(Node::text));
        self.change(&wanted, texts)
    }

    fn splice(&self) -> Splice<'_> {
        Splice::new(&self.text, &self.parsed)
    }

    fn wanted(&self) -> Node {
        self.root().cloned().unwrap_or_else(|| Node::map([]))
    }

    /// Takes the first of the texts that says what is wanted; if there is none, writes the document
    /// anew with all its keys and values, which loses comments and layout. A text that says
    /// anything else is never taken.
    fn change(&mut self, wanted: &Node, texts: Vec<String>) -> Result<(), Refused> {
        let rest = &self.text[self.parsed.end..];
        let eol = self.splice().eol();
        let mut anew = String::new();
        if self.root().is_some_and(Node::is_flow) {
            wanted.write_flow(&mut anew);
            anew.push_str(eol);
        } else {
            wanted.write_map(0, eol, &mut anew);
        }
        anew.push_str(rest);
        for text in texts.into_iter().chain([anew]) {
            if let Ok(document) = Self::parse(text)
                && document.text[document.parsed.end..] == *rest
                && same(document.root(), wanted)
            {
                *self = document;
                return Ok(());
            }
        }
        Err(Refused)
    }
}

/// The first key that stands twice in one map, wherever that is: which of the two counts is not for us to
/// say.
fn twice(node: &Node) -> Option<(&Node, &str)> {
    let mut seen = BTreeSet::new();
    for (name, value) in node.pairs() {
        if let Some(key) = name.as_text().filter(|key| !seen.insert(*key)) {
            return Some((name, key));
        }
        if let Some(found) = twice(value) {
            return Some(found);
        }
    }
    node.items().unwrap_or_default().iter().find_map(twice)
}

/// Whether an entry of the document means as much as none of that name.
fn is_void(name: &Node, value: &Node) -> bool {
    match name.as_text() {
        Some(CURRENT) => value.is_null() || value.as_text() == Some(""),
        Some(key) if Section::ALL.iter().any(|section| section.key() == key) => {
            value.items().is_some_and(<[_]>::is_empty)
        }
        _ => false,
    }
}

/// Whether two documents say the same. The order of keys and of entries means nothing.
fn same(root: Option<&Node>, wanted: &Node) -> bool {
    let said = |root: &Node| -> Vec<(Node, Node)> {
        root.pairs().iter().filter(|(name, value)| !is_void(name, value)).cloned().collect()
    };
    let a = root.map(said).unwrap_or_default();
    let b = said(wanted);
    let is_section = |name: &Node| Section::ALL.iter().any(|s| name.as_text() == Some(s.key()));
    let equal = |(name, value): &(Node, Node), (other, wanted): &(Node, Node)| {
        name == other
            && match (value.items(), wanted.items()) {
                (Some(value), Some(wanted)) if is_section(name) => same_items(value, wanted),
                _ => value == wanted,
            }
    };
    a.len() == b.len()
        && a.iter().all(|pair| b.iter().any(|other| equal(pair, other)))
        && b.iter().all(|other| a.iter().any(|pair| equal(pair, other)))
}

fn same_items(a: &[Node], b: &[Node]) -> bool {
    a.len() == b.len()
        && a.iter().all(|item| b.contains(item))
        && b.iter().all(|item| a.contains(item))
}
