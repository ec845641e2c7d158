//! What scripts of a lesson say, in the learner's language. A script has its words once, in English, since it runs on a machine
//! that knows nothing of who reads them.

/// A sentence of a script, and what it is in another language. `*` stands for what differs each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// As the script says it.
    pub said: String,
    /// As it is told.
    pub told: String,
}

impl Saying {
    /// Reads `SAID = TOLD`.
    pub(super) fn read(words: &str) -> Option<Self> {
        let (said, told) = words.split_once(" = ")?;
        let (said, told) = (said.trim().to_owned(), told.trim().to_owned());
        (!said.is_empty() && !told.is_empty()).then_some(Self { said, told })
    }

    /// What was said, as it is told; nothing, if it is another sentence.
    pub fn of(&self, said: &str) -> Option<String> {
        let mut found = matched(&self.said, said)?.into_iter();
        let mut parts = self.told.split('*');
        let mut told = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            told.push_str(found.next().unwrap_or_default());
            told.push_str(part);
        }
        Some(told)
    }
}

/// What stands for each `*` of a pattern in a text; nothing, if it does not fit.
fn matched<'t>(pattern: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut parts = pattern.split('*');
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let at = if is_last { rest.strip_suffix(part)?.len() } else { rest.find(part)? };
        found.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    rest.is_empty().then_some(found)
}

/// What a script says where it ends with "not yet" or "lost" right after it: `echo "no Secret $name yet"; exit 10`. `*` stands for
/// what the shell puts in.
pub(super) fn sentences(script: &str) -> Vec<String> {
    let begins = script.match_indices("echo \"").map(|(at, begin)| &script[at + begin.len()..]);
    let ended = begins.filter_map(|words| {
        let (sentence, rest) = quoted(words)?;
        let rest = rest.trim_start_matches(|c: char| c == ';' || c.is_whitespace());
        ["exit 10", "exit 20"].iter().any(|exit| rest.starts_with(exit)).then_some(sentence)
    });
    ended.collect()
}

/// The words up to the closing quote, and what comes after it.
fn quoted(words: &str) -> Option<(String, &str)> {
    let (mut sentence, mut rest) = (String::new(), words);
    loop {
        let next = rest.chars().next()?;
        rest = &rest[next.len_utf8()..];
        match next {
            '"' => return Some((sentence, rest)),
            '\\' => {
                let quoted = rest.chars().next()?;
                rest = &rest[quoted.len_utf8()..];
                sentence.push(quoted);
            }
            '$' => {
                rest = match rest.chars().next()? {
                    '(' => closed(rest, '(', ')')?,
                    '{' => closed(rest, '{', '}')?,
                    _ => {
                        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                        rest.trim_start_matches(name)
                    }
                };
                sentence.push('*');
            }
            next => sentence.push(next),
        }
    }
}

/// What comes after the bracket that closes the first one.
fn closed(text: &str, open: char, close: char) -> Option<&str> {
    let mut depth = 0;
    let is_end = |(_, c): &(usize, char)| {
        depth += i32::from(*c == open) - i32::from(*c == close);
        depth == 0
    };
    let (end, close) = text.char_indices().find(is_end)?;
    Some(&text[end + close.len_utf8()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(saying: &str, said: &str) -> Option<String> {
        Saying::read(saying).unwrap().of(said)
    }

    #[test]
    fn what_differs_each_time_is_kept() {
        assert_eq!(told("not yet = 아직", "not yet").as_deref(), Some("아직"));
        assert_eq!(told("not yet = 아직", "not yet: 1"), None);
        assert_eq!(told("* of * = *개 중 *개", "1 of 3").as_deref(), Some("1개 중 3개"));
        assert_eq!(told("left: * = 남음: *", "left: a of b").as_deref(), Some("남음: a of b"));
        assert_eq!(told("left: * = 남음", "left: a").as_deref(), Some("남음"));
        assert_eq!(told("a*a = *", "a"), None);
        let script = "a || { echo \"no $name of ${x%% *}\"; exit 10; }\necho \"seen \\\"$(b \"$c\" (d))\\\" s\"\n  exit 20\n\
                      echo \"well\"";
        assert_eq!(sentences(script), ["no * of *", "seen \"*\" s"]);
        for wrong in ["not yet", "not yet =", " = 아직"] {
            assert_eq!(Saying::read(wrong), None, "{wrong}");
        }
    }
}
