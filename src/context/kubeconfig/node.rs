//! A value of a YAML document, which knows where in the text it stands.

/// One value of a document. Two are equal if they say the same, wherever and however they stand.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) content: Content,
    /// An explicit tag, as it is written.
    pub(super) tag: Option<String>,
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

    /// Sets a map's key, or removes it. A new one comes where the alphabet has it, as with kubectl.
    /// What is not a map becomes one.
    pub(super) fn set(&mut self, key: &str, value: Option<Node>) {
        if !self.is_map() {
            *self = Self::map([]);
        }
        let Content::Map { pairs, .. } = &mut self.content else { return };
        let found = pairs.iter().position(|(found, _)| found.as_text() == Some(key));
        match (found, value) {
            (Some(index), Some(value)) => pairs[index].1 = value,
            (Some(index), None) => drop(pairs.remove(index)),
            (None, Some(value)) => {
                let later = |(found, _): &(Node, Node)| found.as_text() > Some(key);
                let at = pairs.iter().position(later).unwrap_or(pairs.len());
                pairs.insert(at, (Self::text(key), value));
            }
            (None, None) => {}
        }
    }

    /// How many nodes there are in it.
    pub(super) fn size(&self) -> usize {
        1 + match &self.content {
            Content::Scalar { .. } => 0,
            Content::List { items, .. } => items.iter().map(Self::size).sum(),
            Content::Map { pairs, .. } => pairs.iter().map(|(k, v)| k.size() + v.size()).sum(),
        }
    }
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
pub(super) fn is_special(plain: &str) -> bool {
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
