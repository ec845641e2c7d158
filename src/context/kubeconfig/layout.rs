//! How values are written: in kubectl's layout, or on one line.

use super::node::{Content, Node, is_special};

impl Node {
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
