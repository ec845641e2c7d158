//! Which files of the source name what is defined in which others, and where that goes round in circles. What is
//! called as a method is not seen: nothing names it.

use std::collections::{BTreeMap, BTreeSet};

/// For each file those whose items it names, with the names as they are written.
pub type Edges = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// `crate::driver::Error` is three names.
type Names = Vec<String>;

/// What a file says, as far as names tell.
struct Source {
    file: String,
    module: Names,
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    /// Names outside of `use`.
    paths: Vec<Names>,
}

/// One name that `use` brings in; `*` for all that are there.
struct Import {
    path: Names,
    alias: String,
    is_public: bool,
}

/// The edges between files, each given by its name and its text.
pub fn edges(files: &[(String, String)]) -> Edges {
    let sources: Vec<_> = files.iter().map(|(file, text)| Source::read(file, text)).collect();
    let by_module = sources.iter().map(|source| (source.module.as_slice(), source)).collect();
    let tree = Tree(by_module);
    sources.iter().map(|source| (source.file.clone(), tree.edges_of(source))).collect()
}

/// The files that import each other, directly or through others.
pub fn circles(edges: &Edges) -> BTreeSet<BTreeSet<String>> {
    let reached: BTreeMap<_, _> =
        edges.keys().map(|file| (file, reached_from(file, edges))).collect();
    let circle_of = |file: &String| {
        let there = reached[file].iter().copied();
        there.filter(|other| reached[other].contains(file)).cloned().collect::<BTreeSet<_>>()
    };
    edges.keys().map(circle_of).filter(|circle| !circle.is_empty()).collect()
}

fn reached_from<'a>(file: &str, edges: &'a Edges) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&String> = edges[file].keys().collect();
    while let Some(next) = ahead.pop() {
        if reached.insert(next) {
            ahead.extend(edges[next].keys());
        }
    }
    reached
}

/// A circle as a person wants it: each file with the names that tie it to the others.
pub fn told(circle: &BTreeSet<String>, edges: &Edges) -> String {
    let mut lines = vec!["a circle of imports:".to_owned()];
    for file in circle {
        for (other, names) in edges[file].iter().filter(|(other, _)| circle.contains(*other)) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            lines.push(format!("  {file} names of {other}: {}", names.join(", ")));
        }
    }
    lines.join("\n")
}

/// All the modules of the crate.
struct Tree<'a>(BTreeMap<&'a [String], &'a Source>);

impl Tree<'_> {
    fn edges_of(&self, source: &Source) -> BTreeMap<String, BTreeSet<String>> {
        let mut edges = BTreeMap::<String, BTreeSet<String>>::new();
        let mut note = |names: &[String], path: &[String]| {
            let definer = self.definer(path, &mut BTreeSet::new());
            if let Some(other) = definer.filter(|other| other.file != source.file) {
                edges.entry(other.file.clone()).or_default().insert(names.join("::"));
            }
        };
        for Import { path: names, is_public, .. } in &source.imports {
            let path = self.absolute(&source.module, names);
            // A door to what is in the module's own folder is no import of it.
            let is_door = |path: &Names| *is_public && path.starts_with(&source.module);
            path.filter(|path| !is_door(path)).iter().for_each(|path| note(names, path));
        }
        for names in &source.paths {
            let direct = self.absolute(&source.module, names);
            let paths = self.imported(source, names).into_iter().chain(direct);
            paths.for_each(|path| note(names, &path));
        }
        edges
    }

    /// What names in a `use` lead to, from the root of the crate; `None` for other crates.
    fn absolute(&self, module: &[String], names: &[String]) -> Option<Names> {
        let (mut from, mut rest) = (module, names);
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" => from = &[],
                "self" => {}
                "super" => from = from.split_last()?.1,
                _ => break,
            }
            rest = after;
        }
        let path = [from, rest].concat();
        let is_of_crate = rest.len() < names.len() || self.0.contains_key(&path[..=from.len()]);
        is_of_crate.then_some(path)
    }

    /// What names lead to by way of what a file imports, from the root of the crate.
    fn imported(&self, source: &Source, names: &[String]) -> Vec<Names> {
        let through = |import: &Import| {
            let rest = match import.alias.as_str() {
                "*" => names,
                alias if alias == names[0] => &names[1..],
                _ => return None,
            };
            Some([self.absolute(&source.module, &import.path)?.as_slice(), rest].concat())
        };
        source.imports.iter().filter_map(through).collect()
    }

    /// The file that defines what is at a path. What is handed on is looked for where it comes from; a module alone
    /// is nobody's.
    fn definer(&self, path: &[String], seen: &mut BTreeSet<Names>) -> Option<&Source> {
        if !seen.insert(path.to_vec()) {
            return None;
        }
        let inside = (0..path.len()).rev().find(|length| self.0.contains_key(&path[..*length]))?;
        let (source, name) = (self.0[&path[..inside]], &path[inside]);
        if source.defined.contains(name) {
            return Some(source);
        }
        let elsewhere = self.imported(source, &path[inside..]);
        elsewhere.iter().find_map(|path| self.definer(path, seen))
    }
}

impl Source {
    fn read(file: &str, text: &str) -> Self {
        let path = file.trim_start_matches("src/").trim_end_matches(".rs");
        let path = path.trim_end_matches("/mod");
        let module = path.split('/').filter(|name| *name != "lib").map(str::to_owned).collect();
        let mut source = Self {
            file: file.to_owned(),
            module,
            defined: BTreeSet::new(),
            imports: Vec::new(),
            paths: Vec::new(),
        };
        source.look_at(&words(text));
        source
    }

    fn look_at(&mut self, words: &[&str]) {
        let word = |at: usize| words.get(at).copied().unwrap_or_default();
        let (mut at, mut depth) = (0, 0);
        while at < words.len() {
            let before = if at == 0 { "" } else { words[at - 1] };
            match words[at] {
                "{" => depth += 1,
                "}" => depth -= 1,
                // `use<'a>` says what a type captures.
                "use" if word(at + 1) != "<" => {
                    let is_public = ["pub", ")"].contains(&before);
                    at = self.import(words, at + 1, &[], is_public);
                }
                "mod" if word(at + 2) == ";" => at += 1,
                "macro_rules" => {
                    self.defined.insert(word(at + 2).to_owned());
                }
                "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" if depth == 0 => {
                    self.defined.insert(word(at + 1).to_owned());
                }
                // A field, a method or the name of a new function.
                name if is_name(name) && [".", "fn"].contains(&before) => {}
                name if is_name(name) => {
                    let mut names = vec![name.to_owned()];
                    while word(at + 1) == "::" && is_name(word(at + 2)) {
                        names.push(word(at + 2).to_owned());
                        at += 2;
                    }
                    // One lower-case name alone is mostly a variable.
                    let is_type = name.starts_with(char::is_uppercase);
                    if names.len() > 1 || is_type || ["(", "!"].contains(&word(at + 1)) {
                        self.paths.push(names);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads one branch of what `use` says, and returns where it ends.
    fn import(&mut self, words: &[&str], from: usize, before: &[String], is_public: bool) -> usize {
        let (mut at, mut path, mut alias) = (from, before.to_vec(), None);
        loop {
            match words[at] {
                "::" => {}
                "{" => {
                    while words[at] != "}" {
                        at = self.import(words, at + 1, &path, is_public);
                    }
                    return at + 1;
                }
                "*" => alias = Some("*"),
                "as" => {
                    at += 1;
                    alias = Some(words[at]);
                }
                "," | "}" | ";" => break,
                // `a::{self}` is `a`.
                "self" if path.len() == before.len() && !before.is_empty() => {}
                name => path.push(name.to_owned()),
            }
            at += 1;
        }
        // There is nothing behind the last comma of a list.
        if at > from {
            let alias = alias.or(path.last().map(String::as_str)).unwrap_or_default().to_owned();
            self.imports.push(Import { path, alias, is_public });
        }
        at
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The words and signs of a source text, without comments, texts and lifetimes.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        let word = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
        let raw = ["r", "br"].contains(&&rest[..word]) && rest[word..].starts_with(['"', '#']);
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if raw {
            let hashes = rest[word..].find(|c| c != '#').unwrap_or_default();
            let end = format!("\"{}", "#".repeat(hashes));
            let start = word + hashes + 1;
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' {
            let mut next = rest.chars().skip(1);
            let is_character = next.next() == Some('\\') || next.next() == Some('\'');
            let lifetime = || 1 + rest[1..].find(|c| !in_word(c)).unwrap_or(rest.len() - 1);
            if is_character { quoted(rest, '\'') } else { lifetime() }
        } else {
            let length = if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
            if !first.is_whitespace() {
                words.push(&rest[..length]);
            }
            length
        };
        rest = &rest[length..];
    }
    words
}

/// The length of a quoted text with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if !escaped && c == quote {
            return at + 1;
        }
        escaped = !escaped && c == '\\';
    }
    text.len()
}
