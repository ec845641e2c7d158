//! Secrets that are known by what stands before them, or around them.

use super::mark::REDACTED;

/// What a key is called whose value is secret, or ends with: lower-case, words joined by hyphens.
const SECRET: [&str; 27] = [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "secret",
    "secrets",
    "secret-key",
    "secret-key-base",
    "secretkeybase",
    "private-key",
    "access-key",
    "secretkey",
    "privatekey",
    "accesskey",
    "account-key",
    "accountkey",
    "encryption-key",
    "encryptionkey",
    "-pass",
    "api-key",
    "apikey",
    "certificate-key",
    "certificatekey",
    "credential",
    "credentials",
];
/// The same for keys that must be called so: as the end of others they are all over.
const SECRET_ALONE: [&str; 4] = ["auth", "authorization", "cookie", "pass"];
/// What logs in to a registry, with the password behind `-p`.
const REGISTRY_LOGINS: [&str; 4] =
    ["docker login", "podman login", "nerdctl login", "registry login"];
/// How Kubernetes' programs write what follows a variable's value.
const BEHIND_VALUE: &str = ",ValueFrom:";

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
/// `Name:PASSWORD,Value:x`, and without what follows `Authorization:`, `--user` of curl, and `-p` of a login.
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
        let gap = if is_secret(key) {
            gap(key, rest).or_else(|| gap_of_pair(rest))
        } else {
            gap_of_login(key, &kept, rest)
        };
        let Some(gap) = gap else { continue };
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

/// The same between the name of a variable and its value, which are called so: `"name":"x","value":"y"`,
/// `Name:x,Value:y`.
fn gap_of_pair(after: &str) -> Option<usize> {
    let quotes = |c| "\\\"'".contains(c);
    let next = after.trim_start_matches(quotes).trim_start();
    let next = next.strip_prefix(',').unwrap_or(next).trim_start().trim_start_matches(quotes);
    let (word, next) = next.split_at_checked("value".len())?;
    let next = next.trim_start_matches(quotes).trim_start_matches([' ', '\t']);
    let next = next.strip_prefix(':').filter(|_| word.eq_ignore_ascii_case("value"))?;
    let value = next.trim_start_matches([' ', '\t']).trim_start_matches(quotes);
    Some(after.len() - value.len())
}

/// The same behind `-u` and `--user`, if a user and a password follow and not two numbers, and behind `-p` in a
/// login to a registry.
fn gap_of_login(key: &str, before: &str, after: &str) -> Option<usize> {
    let value = after.trim_start_matches([' ', '\t', '=']).trim_start_matches(['"', '\'']);
    let gap = after.len() - value.len();
    let is_login = match key {
        "-u" | "--user" => {
            let end = value.find(|c: char| c.is_whitespace() || "\"'".contains(c));
            let (user, password) = value[..end.unwrap_or(value.len())].split_once(':')?;
            let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            !(user.is_empty() || is_number(user) && is_number(password))
        }
        "-p" => {
            let line = before.rsplit('\n').next().unwrap_or_default();
            REGISTRY_LOGINS.iter().any(|login| line.contains(login))
        }
        _ => false,
    };
    (is_login && gap > 0).then_some(gap)
}

/// How long the value is: to its closing quote, or as far as it can be one word.
fn value(key: &str, gap: &str, from: &str) -> usize {
    let quote = gap.chars().next_back().filter(|c| "\"'".contains(*c));
    let end = match quote {
        Some(quote) => from.find([quote, '\n']),
        // It may hold anything.
        None if from.lines().next().is_some_and(|line| line.contains(BEHIND_VALUE)) => {
            from.find(BEHIND_VALUE)
        }
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
    let text = without_logins_of_schemes(text);
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
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

/// The same where a scheme is: all up to the last `@`, as a password may hold one, and what ends words elsewhere.
fn without_logins_of_schemes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find("://") {
        let (before, after) = rest.split_at(begin + "://".len());
        kept.push_str(before);
        rest = after;
        let end = rest.find(|c: char| c.is_whitespace() || "/\"'`\\<>".contains(c));
        let authority = &rest[..end.unwrap_or(rest.len())];
        let Some((login, host)) = authority.rsplit_once('@') else { continue };
        let is_host = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
        // A name and a password: who has a name alone is seen to later.
        if is_host && login.contains(':') && !host.starts_with("sha256:") {
            kept.push_str(REDACTED);
            rest = &rest[login.len()..];
        }
    }
    kept.push_str(rest);
    kept
}
