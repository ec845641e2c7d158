//! Changes of a JSON text in one place, with every other byte as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// What a text says, and whether it says so beyond doubt.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The keys of the object; where one is there twice, the last one counts, as with docker.
    pub(super) keys: Map<String, Value>,
    /// Why a change might lose something.
    pub(super) doubt: Option<String>,
}

/// Reads an object as docker does: what follows it, and bytes that are no text, are passed over, but are a
/// reason not to write.
///
/// # Errors
/// If docker cannot read it either.
pub(super) fn read(bytes: &[u8]) -> Result<Read, serde_json::Error> {
    let text = String::from_utf8_lossy(bytes);
    let mut values = serde_json::Deserializer::from_str(&text).into_iter::<Map<String, Value>>();
    let keys = match values.next() {
        Some(keys) => keys?,
        None => return Ok(Read::default()),
    };
    let rest = &text[values.byte_offset()..];
    let doubt = if std::str::from_utf8(bytes).is_err() {
        Some("it is not valid UTF-8".to_owned())
    } else if !rest.trim().is_empty() {
        Some("something follows the object in it".to_owned())
    } else {
        let twice = serde_json::from_str::<Unique>(&text).err().map(|error| error.to_string());
        twice.or_else(|| alike(&keys))
    };
    Ok(Read { keys, doubt })
}

/// docker takes a key in any case for one that it knows.
fn alike(keys: &Map<String, Value>) -> Option<String> {
    let mut seen = BTreeMap::new();
    keys.keys().find_map(|key| {
        let other = seen.insert(key.to_lowercase(), key)?;
        Some(format!("the keys `{other}` and `{key}` are the same to docker"))
    })
}

/// The text with a key of the object set to a string; at the end, if it is not there yet. `None` if that
/// cannot be done.
pub(super) fn set(text: &str, key: &str, value: &str) -> Option<String> {
    let value = Value::from(value).to_string();
    let object = Object::of(text)?;
    if let Some(member) = object.member(text, key) {
        return Some(splice(text, member.value.clone(), &value));
    }
    let member = format!("{}: {value}", Value::from(key));
    match object.members.as_slice() {
        [] => Some(splice(text, object.inside, &format!("\n\t{member}\n"))),
        [.., last] => {
            // As the one before it is set off from what is ahead of it.
            let before = object.before(text, last);
            let gap = &text[before..last.start];
            Some(splice(text, last.value.end..last.value.end, &format!(",{gap}{member}")))
        }
    }
}

/// The text without a key of the object, and without the comma that set it off.
pub(super) fn unset(text: &str, key: &str) -> Option<String> {
    let object = Object::of(text)?;
    let Some(member) = object.member(text, key) else { return Some(text.to_owned()) };
    let index = object.members.iter().position(|m| m.start == member.start)?;
    let range = match (index, object.members.get(index + 1)) {
        (0, None) => object.inside,
        (0, Some(next)) => member.start..next.start,
        // From the end of the one before, with the comma.
        (_, _) => object.members[index - 1].value.end..member.value.end,
    };
    Some(splice(text, range, ""))
}

fn splice(text: &str, range: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

/// Where the members of a valid object stand.
struct Object {
    inside: Range<usize>,
    members: Vec<Member>,
}

struct Member {
    start: usize,
    key: Range<usize>,
    value: Range<usize>,
}

impl Object {
    fn of(text: &str) -> Option<Self> {
        let open = text.find('{')?;
        let mut members: Vec<Member> = Vec::new();
        let mut at = open + 1;
        loop {
            at += text[at..].find(|c: char| !c.is_whitespace() && c != ',')?;
            if text[at..].starts_with('}') {
                return Some(Self { inside: open + 1..at, members });
            }
            let key = at..value_end(text, at)?;
            let colon = key.end + text[key.end..].find(':')?;
            let start = colon + 1 + text[colon + 1..].find(|c: char| !c.is_whitespace())?;
            let value = start..value_end(text, start)?;
            at = value.end;
            members.push(Member { start: key.start, key, value });
        }
    }

    fn member(&self, text: &str, key: &str) -> Option<&Member> {
        let is_it = |m: &&Member| {
            serde_json::from_str::<String>(&text[m.key.clone()]).is_ok_and(|found| found == key)
        };
        self.members.iter().find(is_it)
    }

    /// Where the space ahead of a member begins: behind the brace, or the comma.
    fn before(&self, text: &str, member: &Member) -> usize {
        let earlier = self.members.iter().rfind(|m| m.start < member.start);
        match earlier {
            None => self.inside.start,
            // A comma stands between the two, perhaps with space ahead of it.
            Some(earlier) => {
                let gap = &text[earlier.value.end..member.start];
                earlier.value.end + gap.find(',').map_or(0, |comma| comma + 1)
            }
        }
    }
}

/// Where the value ends that begins there.
fn value_end(text: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut escaped = false;
    for (offset, byte) in text[start..].bytes().enumerate() {
        let end = start + offset;
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' if depth == 0 => return Some(end + 1),
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return Some(end),
            b'}' | b']' if depth == 1 => return Some(end + 1),
            b'}' | b']' => depth -= 1,
            byte if depth == 0 && byte.is_ascii_whitespace() => return Some(end),
            _ => {}
        }
    }
    None
}

/// Any value in which no object has a key twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(Self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Self>()?;
            if let Some(key) = seen.replace(key) {
                return Err(de::Error::custom(format!("the key `{key}` stands there twice")));
            }
        }
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 9] = [
        "{}",
        "{ }\n",
        "{\"a\":1}",
        "{\"a\":1,\"currentContext\":\"x\"}",
        "{ \"a\" : [1.0, 1e5, 12345678901234567890123] , \"b\" : {} }\n",
        "{\r\n  \"currentContext\" : \"x\",\r\n  \"b\": \"\\u00e9\\\"}{,:\"\r\n}\r\n",
        "{\n\t\"a\": {\"b\": [{}, \"]\"]},\n\t\"currentContext\": \"x\",\n\t\"z\": null\n}",
        "\n{\"current\\u0043ontext\": \"x\"}",
        "{\"HttpHeaders\":{\"X\":\"\\/\"},\"c\":true}",
    ];

    fn keys(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn one_key_changes_and_no_other_byte() {
        for text in TEXTS {
            let mut wanted = keys(text);
            wanted.insert("currentContext".to_owned(), "a \"b\"".into());
            let changed = set(text, "currentContext", "a \"b\"").unwrap();
            assert_eq!(keys(&changed), wanted, "{changed}");
            let mut without = keys(text);
            let had = without.shift_remove("currentContext").is_some();
            let removed = unset(&changed, "currentContext").unwrap();
            assert_eq!(keys(&removed), without, "{removed}");
            if had {
                assert_eq!(set(&changed, "currentContext", "x").unwrap(), text);
            } else if !without.is_empty() {
                assert_eq!(removed, text);
            }
        }
    }

    #[test]
    fn what_a_change_might_lose_is_a_doubt() {
        let doubt = |bytes: &[u8]| read(bytes).unwrap().doubt.unwrap_or_default();
        for text in TEXTS {
            assert_eq!(doubt(text.as_bytes()), "", "{text}");
        }
        for (bytes, why) in [
            (&b"{\"auths\": {\"a\": {}}, \"auths\": {}}"[..], "`auths` stands there twice"),
            (b"{\"x\": [{\"b\": 1, \"c\": {}, \"b\": 2}]}", "`b` stands there twice"),
            (b"{\"CurrentContext\": \"a\", \"currentContext\": \"b\"}", "the same to docker"),
            (b"{\"a\": \"\xff\"}", "UTF-8"),
            (b"{} {}", "follows"),
            (b"{}\n// a comment", "follows"),
        ] {
            assert!(doubt(bytes).contains(why), "{} for {}", doubt(bytes), bytes.escape_ascii());
        }
        for bad in [&b"\xef\xbb\xbf{}"[..], b"{ // a comment\n}", b"{'a': 1}", b"[]", b"{\"a\":"] {
            assert!(read(bad).is_err(), "{}", bad.escape_ascii());
        }
        assert_eq!(read(b" \n").unwrap().keys.len(), 0);
    }
}
