//! Text that is safe to print and fits where it goes.

use std::time::Duration;

use unicode_width::UnicodeWidthChar;

/// One line without control characters: what a machine prints must not move the cursor, set a
/// window title or forge lines here. White space of any kind becomes single spaces.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in clean(text).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The lines of a text, without control characters and without empty ones.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.split(['\n', '\r'])
        .map(|line| clean(line).trim_end().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// Removes escape sequences as a whole; other control characters become spaces.
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            clean.push(if c.is_control() { ' ' } else { c });
            continue;
        }
        match chars.next() {
            // Control sequence: up to a final byte, as in `ESC [ 31 m`.
            Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
            // Command string: up to BEL or `ESC \`, as in `ESC ] 0 ; title BEL`.
            Some(']' | 'P' | 'X' | '^' | '_') => {
                while let Some(c) = chars.next() {
                    if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    clean
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// Cuts a text to at most this many columns; an ellipsis says that there was more.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let mut cut: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect();
    cut.truncate(cut.trim_end().len());
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// Breaks a text between words into lines of at most this many columns; all but the first begin
/// with `indent`. A word longer than a line is left to the terminal.
pub(crate) fn wrap(text: &str, columns: usize, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let fits = width(&line) + 1 + width(word) <= columns;
        if !line.trim().is_empty() && !fits {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// A time for people: `0.4 s`, `12.3 s`, `2 min 05 s`.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        // Rounded down like the minutes, so that a running clock never shows 60.0 s.
        format!("{seconds}.{} s", time.subsec_millis() / 100)
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_cannot_write_on_our_terminal() {
        assert_eq!(one_line("\u{1b}[31mred\u{1b}[0m\ttext\r\nnext"), "red text next");
        assert_eq!(one_line("\u{1b}]0;title\u{7}a\u{8}b"), "a b");
        assert_eq!(one_line("\u{1b}]8;;http://x\u{1b}\\link"), "link");
        assert_eq!(lines("one\n\n  two\u{1b}[K\r\n"), ["one", "  two"]);
        assert_eq!(one_line("cut \u{1b}["), "cut");
    }

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        assert_eq!(cut("manager", 7), "manager");
        assert_eq!(cut("manager", 6), "manag…");
        // Each of these takes two columns.
        assert_eq!(cut("準備完了", 8), "準備完了");
        assert_eq!(cut("準備完了", 7), "準備完…");
        assert_eq!(cut("準備完了", 6), "準備…");
        assert_eq!(cut("two words", 5), "two…");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrap("! one two three", 9, "  "), ["! one two", "  three"]);
        assert_eq!(wrap("! one two three", 8, "  "), ["! one", "  two", "  three"]);
        assert_eq!(wrap("wonderfully long", 4, "  "), ["wonderfully", "  long"]);
        assert_eq!(wrap("short", 80, "  "), ["short"]);
    }

    #[test]
    fn times_read_naturally() {
        let shown = |millis| duration(Duration::from_millis(millis));
        assert_eq!(shown(420), "0.4 s");
        assert_eq!(shown(59_999), "59.9 s");
        assert_eq!(shown(60_000), "1 min 00 s");
        assert_eq!(shown(125_400), "2 min 05 s");
    }
}
