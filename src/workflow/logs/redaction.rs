//! Takes secrets out of texts. None should be in them; but a bundle is made to be passed on, and what
//! people type on machines ends up in journals.

use std::fs;
use std::path::Path;

use crate::model::Secret;

/// What stands in a secret's place.
const REDACTED: &str = "(redacted)";
/// Shorter lines of a key file are its padding, and may be anywhere.
const SHORTEST: usize = 16;

/// What must not be in a text.
pub(super) struct Redaction {
    known: Vec<Secret>,
}

impl Redaction {
    /// Knows every private key below a cluster's directory, line by line, as texts come in lines.
    pub(super) fn of(directory: &Path) -> Self {
        let mut known = Vec::new();
        for below in ["ssh", "pki"] {
            collect(&directory.join(below), &mut known);
        }
        Self { known }
    }

    /// The text without those keys, without any other private key in PEM format, and without join
    /// tokens of swarms and of Kubernetes.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            if text.contains(secret.expose()) {
                text = text.replace(secret.expose(), REDACTED);
            }
        }
        without_tokens(&without_pem(&text))
    }
}

fn collect(directory: &Path, known: &mut Vec<Secret>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, known);
            continue;
        }
        // What is not text or cannot be read is no key of ours.
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.contains("PRIVATE KEY-----") {
            let lines = text.lines().filter(|l| !l.starts_with("-----") && l.len() >= SHORTEST);
            known.extend(lines.map(Secret::new));
        }
    }
}

/// Private keys between their marks (RFC 7468, section 2).
fn without_pem(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find("-----BEGIN ") {
        let (before, from) = rest.split_at(begin);
        kept.push_str(before);
        let label = from["-----BEGIN ".len()..].split("-----").next().unwrap_or_default();
        let end_mark = format!("-----END {label}-----");
        if !label.ends_with("PRIVATE KEY") || label.contains('\n') {
            let mark = "-----BEGIN ".len();
            kept.push_str(&from[..mark]);
            rest = &from[mark..];
            continue;
        }
        kept.push_str(REDACTED);
        // One that is cut off hides the rest: better too much than too little.
        rest = from.find(&end_mark).map_or("", |end| &from[end + end_mark.len()..]);
    }
    kept.push_str(rest);
    kept
}

/// Join tokens: `SWMTKN-1-…` and `SWMKEY-1-…` of swarms, and `abcdef.0123456789abcdef` of kubeadm.
fn without_tokens(text: &str) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "-._+/=".contains(c);
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let gap = rest.find(is_of_word).unwrap_or(rest.len());
        let (between, from) = rest.split_at(gap);
        let end = from.find(|c| !is_of_word(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        kept.push_str(between);
        let bare = word.trim_end_matches('.');
        kept.push_str(if is_token(bare) { REDACTED } else { word });
        rest = after;
    }
    kept
}

fn is_token(word: &str) -> bool {
    if word.contains("SWMTKN-") || word.contains("SWMKEY-") {
        return true;
    }
    // Perhaps behind `token=`, which is of the same word.
    let word = word.rsplit('=').next().unwrap_or_default();
    let lower = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    word.split_once('.').is_some_and(|(id, secret)| {
        id.len() == 6 && secret.len() == 16 && lower(id) && lower(secret)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_tokens_go_and_the_rest_stays() {
        let text = "join --token SWMTKN-1-abc-def 10.0.0.1:2377\n\
                    kubeadm join --token=abcdef.0123456789abcdef, in short (abcdef.0123456789abcdef.)\n\
                    key: -----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY----- after\n\
                    -----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n\
                    dockerd[1]: time=\"2026-01-02T03:04:05.123456789Z\" level=info v26.1.5 é\n";
        let kept = Redaction { known: Vec::new() }.apply(text);
        assert_eq!(
            kept,
            "join --token (redacted) 10.0.0.1:2377\n\
             kubeadm join (redacted), in short ((redacted))\n\
             key: (redacted) after\n\
             -----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n\
             dockerd[1]: time=\"2026-01-02T03:04:05.123456789Z\" level=info v26.1.5 é\n"
        );
        let cut = Redaction { known: Vec::new() }.apply("a -----BEGIN PRIVATE KEY-----\nMIIE");
        assert_eq!(cut, "a (redacted)");
    }

    #[test]
    fn a_line_of_a_key_of_the_cluster_goes_wherever_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let pki = directory.path().join("pki/worker-1");
        fs::create_dir_all(&pki).unwrap();
        let key =
            "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nMDw=\n-----END PRIVATE KEY-----\n";
        fs::write(pki.join("key.pem"), key).unwrap();
        fs::write(pki.join("cert.pem"), "-----BEGIN CERTIFICATE-----\nMIIBnotsecretatall\n")
            .unwrap();
        let redaction = Redaction::of(directory.path());
        let text = "> MIGHAgEAMBMGByqGSM49 < MIIBnotsecretatall MDw=";
        assert_eq!(redaction.apply(text), "> (redacted) < MIIBnotsecretatall MDw=");
    }
}
