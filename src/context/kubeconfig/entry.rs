//! The entries of a kubeconfig that make one context, and the mark by which we know our own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::KubeCredentials;

use super::KubeContext;
use super::document::{Document, Section};
use super::node::Node;

/// The name of our extension. Every kind of entry may have `extensions`, which kubectl keeps as
/// they are: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#NamedExtension>.
const MARK: &str = "io.clusterdojo";

/// Whose an entry of ours is, and how to leave the file as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// The cluster's name.
    pub(super) cluster: String,
    /// The cluster's random id.
    pub(super) cluster_id: String,
    /// The context that was selected before this one, to go back to.
    pub(super) previous: Option<String>,
    /// If this one was ever selected: what stood there before.
    pub(super) replaced: Option<Stood>,
    /// What was there before the first entry of ours came into this file.
    pub(super) before: Before,
}

/// What stood behind the colon of `current-context`; `None` if there was no such key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stood(pub(super) Option<String>);

/// What a file lacked before entries of ours came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Before {
    /// There was no file.
    pub(super) no_file: bool,
    /// The file's mode, if others could read it.
    pub(super) mode: Option<u32>,
    /// Keys without entries: what stood behind the colon, or `None` if there was no such key.
    pub(super) empty: Vec<(String, Option<String>)>,
}

impl Before {
    /// Looks at a file that has no entry of ours.
    pub(super) fn of(document: &Document, no_file: bool, mode: Option<u32>) -> Self {
        let mut empty = Vec::new();
        if document.is_empty() {
            empty.extend(["apiVersion", "kind"].map(|key| (key.to_owned(), None)));
        }
        for section in Section::ALL {
            if document.entries(section).is_empty() {
                let raw = document.raw(section.key()).map(ToOwned::to_owned);
                empty.push((section.key().to_owned(), raw));
            }
        }
        Self { no_file, mode, empty }
    }

    /// What to leave behind the colon of a list that has lost its last entry.
    pub(super) fn empty(&self, section: Section) -> Option<&str> {
        let noted = self.empty.iter().find(|(key, _)| key == section.key());
        noted.map_or(Some(" []"), |(_, raw)| raw.as_deref())
    }

    /// Whether we brought a key.
    pub(super) fn lacked(&self, key: &str) -> bool {
        self.empty.iter().any(|(found, raw)| found == key && raw.is_none())
    }

    fn node(&self) -> Node {
        let text = |raw: &Option<String>| raw.as_ref().map_or_else(Node::null, Node::text);
        let mut node = Node::map(self.empty.iter().map(|(key, raw)| (key.as_str(), text(raw))));
        if self.no_file {
            node.set("file", Some(Node::null()));
        }
        if let Some(mode) = self.mode {
            node.set("mode", Some(Node::text(format!("{mode:04o}"))));
        }
        node
    }

    fn read(node: &Node) -> Self {
        let mut before = Self::default();
        for (key, value) in node.pairs() {
            let (Some(key), value) = (key.as_text(), value.as_text()) else { continue };
            match key {
                "file" => before.no_file = true,
                "mode" => before.mode = value.and_then(|mode| u32::from_str_radix(mode, 8).ok()),
                _ => before.empty.push((key.to_owned(), value.map(ToOwned::to_owned))),
            }
        }
        before
    }
}

impl Mark {
    fn node(&self, section: Section) -> Node {
        let mut node = Node::map([
            ("cluster", Node::text(&self.cluster)),
            ("cluster-id", Node::text(&self.cluster_id)),
        ]);
        if section != Section::Contexts {
            return node;
        }
        if let Some(previous) = &self.previous {
            node.set("previous", Some(Node::text(previous)));
        }
        if let Some(Stood(raw)) = &self.replaced {
            let raw = raw.as_ref().map_or_else(Node::null, Node::text);
            node.set("replaced", Some(raw));
        }
        let before = self.before.node();
        if !before.pairs().is_empty() {
            node.set("before", Some(before));
        }
        node
    }

    /// Our mark on an entry; `None` if it is not ours.
    pub(super) fn read(entry: &Node, section: Section) -> Option<Self> {
        let extensions = entry.get(section.inner())?.get("extensions")?.items()?;
        let found = extensions.iter().find(|node| name(node) == Some(MARK))?.get("extension")?;
        let text = |key| found.get(key).and_then(Node::as_text).map(ToOwned::to_owned);
        Some(Self {
            cluster: text("cluster")?,
            cluster_id: text("cluster-id")?,
            previous: text("previous"),
            replaced: found.pair("replaced").map(|_| Stood(text("replaced"))),
            before: found.get("before").map(Before::read).unwrap_or_default(),
        })
    }

    /// Puts the mark on an entry, beside the extensions of others.
    pub(super) fn write(&self, entry: &mut Node, section: Section) {
        let mut inner = entry.get(section.inner()).cloned().unwrap_or_else(|| Node::map([]));
        let old = inner.get("extensions").and_then(Node::items).unwrap_or_default();
        let mut extensions: Vec<_> =
            old.iter().filter(|node| name(node) != Some(MARK)).cloned().collect();
        let mark = [("extension", self.node(section)), ("name", Node::text(MARK))];
        extensions.push(Node::map(mark));
        inner.set("extensions", Some(Node::list(extensions)));
        entry.set(section.inner(), Some(inner));
    }
}

/// The name of an entry.
pub(super) fn name(entry: &Node) -> Option<&str> {
    entry.get("name")?.as_text()
}

/// What kubectl would write for one part of a context, and our mark. Of an `old` entry of ours
/// stays what we say nothing of: a namespace that the user has chosen, a proxy.
pub(super) fn entry(
    context: &KubeContext,
    section: Section,
    mark: &Mark,
    old: Option<&Node>,
) -> Node {
    let data = |pem: &str| Node::text(STANDARD.encode(pem));
    let parts = match section {
        Section::Clusters => vec![
            ("certificate-authority-data", data(&context.ca)),
            ("server", Node::text(&context.server)),
            // Addresses may change, as those of the cloud do.
            ("tls-server-name", Node::text(KubeCredentials::SERVER_NAME)),
        ],
        Section::Contexts => {
            vec![("cluster", Node::text(&context.name)), ("user", Node::text(&context.name))]
        }
        Section::Users => vec![
            ("client-certificate-data", data(&context.cert)),
            ("client-key-data", data(context.key.expose())),
        ],
    };
    let name = ("name", Node::text(&context.name));
    let mut entry = old.cloned().unwrap_or_else(|| match section {
        // In the order of the alphabet, as kubectl has it.
        Section::Users => Node::map([name, (section.inner(), Node::map([]))]),
        _ => Node::map([(section.inner(), Node::map([])), name]),
    });
    let mut inner = entry.get(section.inner()).cloned().unwrap_or_else(|| Node::map([]));
    for (key, value) in parts {
        inner.set(key, Some(value));
    }
    entry.set(section.inner(), Some(inner));
    mark.write(&mut entry, section);
    entry
}
