//! Secrets that are known by what stands before them, or around them.

use super::REDACTED;

/// What a key is called whose value is secret, or ends with: lower-case, words joined by hyphens.
const SECRET: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "secret",
    "secret-key",
    "private-key",
    "access-key",
    "secretkey",
    "privatekey",
    "accesskey",
    "api-key",
    "apikey",
    "certificate-key",
    "certificatekey",
    "credential",
    "credentials",
];
/// The same for keys that must be called so: as the end of others they are all over.
const SECRET_ALONE: [&str; 3] = ["auth", "authorization", "cookie"];

/// Whether the value of a key is secret.
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace(['_', '.'], "-");
    let key = key.trim_matches('-');
    let bare: String = key.chars().filter(|c| *c != '-').collect();
    key.ends_with("-data")
        || key.ends_with("-auth")
        || SECRET_ALONE.contains(&key)
        || SECRET.iter().any(|secret| key.ends_with(secret) || bare.ends_with(secret))
}

/// The text without values of secret keys: `password: x`, `"token":"x"`, `client-key-data: x`, `--secret x`,
/// and without what follows `Authorization:`.
pub(super) fn without_values(text: &str) -> String {
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(is_of_key) {
        kept.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let end = rest.find(|c| !is_of_key(c)).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        kept.push_str(key);
        rest = after;
        if !is_secret(key) {
            continue;
        }
        let Some(gap) = gap(key, rest) else { continue };
        let value = value(key, &rest[..gap], &rest[gap..]);
        if value > 0 && !rest[gap..].starts_with(REDACTED) {
            kept.push_str(&rest[..gap]);
            kept.push_str(REDACTED);
            rest = &rest[gap + value..];
        }
    }
    kept.push_str(rest);
    kept
}

/// How long what stands between a key and its value is; `None` if no value follows.
fn gap(key: &str, after: &str) -> Option<usize> {
    let of =
        |chars: &str, text: &str| text.len() - text.trim_start_matches(|c| chars.contains(c)).len();
    let closed = of("\\\"'", after);
    let spaced = closed + of(" \t", &after[closed..]);
    let colon = of(":=", &after[spaced..]);
    if colon == 0 {
        // A flag's value is the next word.
        return (key.starts_with("--") && closed == 0 && spaced > 0).then_some(spaced);
    }
    let mut gap = spaced + colon;
    gap += of(" \t", &after[gap..]);
    Some(gap + of("\\\"'", &after[gap..]))
}

/// How long the value is: to its closing quote, or as far as it can be one word.
fn value(key: &str, gap: &str, from: &str) -> usize {
    let quote = gap.chars().next_back().filter(|c| "\"'".contains(*c));
    let end = match quote {
        Some(quote) => from.find([quote, '\n']),
        // The kind of authorization, and what proves it.
        None if key.to_lowercase().ends_with("authorization") => from.find(['\n', '"', '\'']),
        None => from.find(|c: char| c.is_whitespace() || "\"'\\,;&)}]".contains(c)),
    };
    let end = end.unwrap_or(from.len());
    // In a text within a text, the quote is escaped.
    from[..end].trim_end_matches('\\').len()
}

/// The text without who logs in to an address, `https://user:password@host`, also where no scheme is before
/// it.
pub(super) fn without_logins(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        let stop = |c: char| c.is_whitespace() || "\"'\\<>()[]{},;=".contains(c);
        let word = &before[before
            .rfind(stop)
            .map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8))..];
        let login = match word.rsplit_once("://") {
            // ssh has users in addresses, and they are no secret alone.
            Some((scheme, login)) if scheme.ends_with("ssh") && !login.contains(':') => "",
            Some((_, login)) => login,
            None if word.contains(':') && !after.starts_with("@sha256:") => word,
            None => "",
        };
        let is_host = after[1..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
        if login.is_empty() || login.contains('/') || !is_host {
            kept.push_str(before);
        } else {
            kept.push_str(&before[..before.len() - login.len()]);
            kept.push_str(REDACTED);
        }
        kept.push('@');
        rest = &after[1..];
    }
    kept.push_str(rest);
    kept
}
