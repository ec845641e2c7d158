//! Secrets in Base64: kubeconfigs, Secrets of Kubernetes and docker's logins have them so.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::mark::REDACTED;

/// Shorter words hold no secret that could be told from any other text.
const SHORTEST: usize = 24;
/// How long the lines are, at the least, in which a longer text is wrapped.
const WRAPPED: usize = 48;

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=-_".contains(c)
}

/// The text without words, of one line or wrapped, in which `is_secret` finds something once they are decoded.
pub(super) fn without_encoded(text: &str, is_secret: &dyn Fn(&str) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(is_of_word) {
        kept.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let end = wrapped_end(rest);
        let hides = decoded(&rest[..end]).is_some_and(|text| is_secret(&text));
        kept.push_str(if hides { REDACTED } else { &rest[..end] });
        rest = &rest[end..];
    }
    kept.push_str(rest);
    kept
}

/// Where a word ends that may go on in the lines below, if each holds nothing else.
fn wrapped_end(text: &str) -> usize {
    let word = |from: &str| from.find(|c| !is_of_word(c)).unwrap_or(from.len());
    let mut end = word(text);
    let mut last = end;
    while last >= WRAPPED {
        let next = text[end..].trim_start_matches(['\r', ' ', '\t']);
        let Some(next) = next.strip_prefix('\n') else { break };
        let next = next.trim_start_matches([' ', '\t']);
        let length = word(next);
        let alone = next[length..].starts_with(['\n', '\r']) || next.len() == length;
        if length == 0 || length > last.max(WRAPPED) || !alone {
            break;
        }
        end = text.len() - next.len() + length;
        last = length;
    }
    end
}

fn decoded(word: &str) -> Option<String> {
    let bare: String = word.chars().filter(|c| !c.is_whitespace()).collect();
    // Behind `key=`, which is of the same word.
    let bare = bare.trim_end_matches('=');
    let bare = bare.rsplit('=').next().unwrap_or_default();
    if bare.len() < SHORTEST {
        return None;
    }
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let config = config.with_decode_allow_trailing_bits(true);
    [alphabet::STANDARD, alphabet::URL_SAFE].iter().find_map(|alphabet| {
        let bytes = GeneralPurpose::new(alphabet, config).decode(bare).ok()?;
        String::from_utf8(bytes).ok()
    })
}
