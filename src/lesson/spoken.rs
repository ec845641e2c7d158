//! Values within sentences: amounts in words, plurals of English, particles of Korean.

use crate::model::Language;

/// What stands in the place of a value that is not known.
const UNKNOWN: &str = "–";

/// Signs before a value, and how each is said.
const SIGNS: [(&str, &str, &str); 4] = [
    (">=", "at least ", " 이상"),
    ("<=", "at most ", " 이하"),
    ("<", "less than ", " 미만"),
    ("!=", "anything but ", " 이외"),
];

/// Puts values into a pattern. `{name}` is a value, `{name:line/lines}` one with its noun, and `{name:개}` one with its unit in
/// Korean. `{:은}` is the particle that follows the last value, named by the form that it has after a consonant.
pub(super) fn fill(
    pattern: &str,
    language: Language,
    mut value: impl FnMut(&str) -> Option<String>,
) -> String {
    let mut text = String::new();
    let mut last = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let (name, form) = name.split_once(':').unwrap_or((name, ""));
        rest = after;
        if name.is_empty() {
            text.push_str(particle(&last, form));
            continue;
        }
        last = value(name).filter(|it| !it.is_empty()).unwrap_or_else(|| UNKNOWN.to_owned());
        match form.split_once('/') {
            Some((one, many)) => {
                let is_one = last.trim_start_matches(['<', '>', '=']) == "1";
                let noun = if is_one { one } else { many };
                text.push_str(&format!("{} {noun}", amount(&last, "", language)));
            }
            None => text.push_str(&amount(&last, form, language)),
        }
    }
    text + rest
}

/// A value as it is said: `>=2` is `at least 2`, and `2.4s..3s` is `2.4s to 3s`.
fn amount(value: &str, unit: &str, language: Language) -> String {
    for (sign, before, after) in SIGNS {
        if let Some(number) = value.strip_prefix(sign) {
            return match language {
                Language::En => format!("{before}{number}"),
                Language::Ko => format!("{number}{unit}{after}"),
            };
        }
    }
    let is_number = value.starts_with(|c: char| c.is_ascii_digit());
    match (value.split_once(".."), language) {
        (Some((least, most)), Language::En) if is_number => format!("{least} to {most}"),
        (Some((least, most)), Language::Ko) if is_number => format!("{least}~{most}"),
        (_, Language::En) => value.to_owned(),
        (_, Language::Ko) => format!("{value}{unit}"),
    }
}

/// How a word ends, as it is read aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Vowel,
    /// The consonant after which `로` stands, and not `으로`.
    Rieul,
    Consonant,
}

/// The form of a particle after this word.
fn particle(word: &str, named: &str) -> &'static str {
    match (named, end(word)) {
        ("은", End::Vowel) => "는",
        ("은", _) => "은",
        ("이", End::Vowel) => "가",
        ("이", _) => "이",
        ("을", End::Vowel) => "를",
        ("을", _) => "을",
        ("으로", End::Consonant) => "으로",
        ("으로", _) => "로",
        _ => "",
    }
}

/// How a word ends: a Korean one, a number, or an English one as Koreans read it.
fn end(word: &str) -> End {
    let word = word.trim_end_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let mut letters = word.chars().rev();
    let last = letters.next().unwrap_or_default();
    let before = letters.next().unwrap_or_default();
    let earlier = letters.next().unwrap_or_default();
    let is_vowel = |c: char| "aeiou".contains(c);
    match last {
        '가'..='힣' => match (u32::from(last) - u32::from('가')) % 28 {
            0 => End::Vowel,
            8 => End::Rieul,
            _ => End::Consonant,
        },
        '1' | '7' | '8' | 'l' => End::Rieul,
        'e' if before == 'l' => End::Rieul,
        '0' | '3' | '6' | 'm' | 'n' => End::Consonant,
        'e' if "mn".contains(before) && is_vowel(earlier) => End::Consonant,
        'g' if before == 'n' && is_vowel(earlier) => End::Consonant,
        'b' | 'p' if is_vowel(before) || before == last => End::Consonant,
        'k' if before == 'c' => End::Consonant,
        'c' | 'k' | 't' if is_vowel(before) && !is_vowel(earlier) => End::Consonant,
        _ => End::Vowel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particles_follow_what_is_read() {
        let words = [
            ("there", "가"),
            ("web", "이"),
            ("mine", "이"),
            ("guest", "가"),
            ("by-curl", "이"),
            ("ng", "가"),
            ("machine-1", "이"),
            ("machine-2", "가"),
            ("worker-3", "이"),
            ("컨테이너", "가"),
            ("노드의 Pod", "가"),
            ("running (2)", "가"),
        ];
        for (word, expected) in words {
            assert_eq!(particle(word, "이"), expected, "{word}");
        }
        assert_eq!(particle("dojo/lab:1", "으로"), "로");
        assert_eq!(particle("web", "으로"), "으로");
        assert_eq!(particle("", "은"), "는");
    }

    #[test]
    fn values_are_said_with_their_numbers() {
        let said = |pattern: &str, language, value: &str| {
            fill(pattern, language, |_| Some(value.to_owned()))
        };
        assert_eq!(said("{n:line/lines}", Language::En, "1"), "1 line");
        assert_eq!(said("{n:line/lines}", Language::En, ">=1"), "at least 1 line");
        assert_eq!(said("{n:line/lines}", Language::En, "2"), "2 lines");
        assert_eq!(said("{n:개}", Language::Ko, ">=2"), "2개 이상");
        assert_eq!(said("{n}", Language::En, "2.4s..3s"), "2.4s to 3s");
        assert_eq!(said("{n}", Language::Ko, "<8s"), "8s 미만");
        assert_eq!(said("`{n}`{:은}", Language::Ko, "there"), "`there`는");
        assert_eq!(fill("{n}", Language::En, |_| None), UNKNOWN);
    }
}
