//! Texts in lines of a certain width, with the little of Markdown that lessons need.

use ratatui_core::style::Style;
use ratatui_core::text::{Line, Span};
use unicode_width::UnicodeWidthChar;

use super::look::{BOLD, Look, NORMAL};
use crate::report::line::{one_line, width};

/// Breaks a text between words into lines of at most this many columns, and a word that is longer than a line within it.
/// All lines but the first begin with `indent` spaces.
pub(super) fn wrap(text: &str, columns: usize, indent: usize) -> Vec<String> {
    let columns = columns.max(indent + 2);
    let mut lines = Vec::new();
    let mut line = String::new();
    // Whether a word stands on the line; without one there is no place to break.
    let mut begun = false;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if begun && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        } else if begun {
            line.push(' ');
        }
        begun = true;
        for c in word.chars() {
            if width(&line) + c.width().unwrap_or(0) > columns {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

/// A sentence in lines, with its code as code: `` `docker ps` ``.
pub(super) fn sentence(
    text: &str,
    columns: usize,
    style: Style,
    look: Look,
) -> Vec<Vec<Span<'static>>> {
    let mut marks = Marks::default();
    let lines = wrap(&one_line(text), columns, 0);
    lines.iter().map(|line| marks.spans(line, style, look)).collect()
}

/// A text in lines: paragraphs, headings, lists and code.
pub(super) fn markdown(text: &str, columns: usize, look: Look) -> Vec<Line<'static>> {
    let mut lines: Vec<Line> = Vec::new();
    let mut paragraph = String::new();
    let mut fenced = false;
    let finish = |paragraph: &mut String, lines: &mut Vec<Line>| {
        let text = std::mem::take(paragraph);
        if text.is_empty() {
            return;
        }
        let lead = text.len() - text.trim_start().len();
        let hang = lead + hang(text.trim_start());
        let mut marks = Marks::default();
        let indented = format!("{}{}", " ".repeat(lead), one_line(&text));
        for line in wrap_from(&indented, columns, lead, hang) {
            lines.push(marks.spans(&line, NORMAL, look).into());
        }
    };
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("```") {
            finish(&mut paragraph, &mut lines);
            fenced = !fenced;
        } else if fenced || paragraph.is_empty() && line.starts_with("    ") {
            for piece in code(line, columns) {
                lines.push(Span::styled(piece, look.code()).into());
            }
        } else if trimmed.is_empty() {
            finish(&mut paragraph, &mut lines);
            if lines.last().is_some_and(|line| line.width() > 0) {
                lines.push(Line::default());
            }
        } else if let Some(heading) = trimmed.strip_prefix('#') {
            finish(&mut paragraph, &mut lines);
            let heading = one_line(heading.trim_start_matches('#'));
            lines.extend(
                wrap(&heading, columns, 0).into_iter().map(|l| Span::styled(l, BOLD).into()),
            );
        } else {
            if hang(trimmed) > 0 {
                finish(&mut paragraph, &mut lines);
            }
            if paragraph.is_empty() {
                paragraph.push_str(line.trim_end());
            } else {
                paragraph.push(' ');
                paragraph.push_str(trimmed);
            }
        }
    }
    finish(&mut paragraph, &mut lines);
    while lines.last().is_some_and(|line| line.width() == 0) {
        lines.pop();
    }
    lines
}

/// A text in lines of at most so many columns, without styles.
pub fn reflowed(text: &str, columns: usize) -> String {
    let lines = markdown(text, columns, Look { colour: false });
    lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// How far what follows the mark of a list stands to the right of it: `- ` and `2. `.
fn hang(text: &str) -> usize {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    if text.starts_with("- ") || text.starts_with("* ") {
        2
    } else if digits > 0 && text[digits..].starts_with(". ") {
        digits + 2
    } else {
        0
    }
}

/// Like [`wrap`], with the first line standing `lead` spaces to the right.
fn wrap_from(text: &str, columns: usize, lead: usize, hang: usize) -> Vec<String> {
    let lines = wrap(text.trim_start(), columns.saturating_sub(lead), hang - lead);
    lines.into_iter().map(|line| format!("{}{line}", " ".repeat(lead))).collect()
}

/// A line of code: its spaces stay, and it is broken only where it must be.
fn code(line: &str, columns: usize) -> Vec<String> {
    let lead = line.len() - line.trim_start().len();
    let line = format!("{}{}", " ".repeat(lead.max(2)), visible(line.trim()));
    let mut pieces = vec![String::new()];
    for c in line.chars() {
        let piece = pieces.last_mut().expect("one is there from the beginning");
        if width(piece) + c.width().unwrap_or(0) > columns.max(6) {
            pieces.push(format!("    {c}"));
        } else {
            piece.push(c);
        }
    }
    pieces
}

/// Without control characters; all else stays, spaces too.
fn visible(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Where in a text we are: within code, or within what is bold. Either may go on in the next line.
#[derive(Debug, Default)]
struct Marks {
    code: bool,
    bold: bool,
}

impl Marks {
    /// A line with its styles. Without colours the marks of code stay, since nothing else would tell it.
    fn spans(&mut self, line: &str, style: Style, look: Look) -> Vec<Span<'static>> {
        let mut spans = Vec::new();
        let mut said = String::new();
        let mut rest = line;
        let style_now = |marks: &Self| match marks {
            Marks { code: true, .. } => style.patch(look.code()),
            Marks { bold: true, .. } => style.patch(BOLD),
            _ => style,
        };
        while let Some(c) = rest.chars().next() {
            let bold = !self.code && rest.starts_with("**");
            if bold || c == '`' {
                if !look.colour && c == '`' {
                    said.push(c);
                }
                if !said.is_empty() {
                    spans.push(Span::styled(std::mem::take(&mut said), style_now(self)));
                }
                if bold {
                    self.bold = !self.bold;
                } else {
                    self.code = !self.code;
                }
                rest = &rest[if bold { 2 } else { 1 }..];
            } else {
                said.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        if !said.is_empty() {
            spans.push(Span::styled(said, style_now(self)));
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { colour: true };

    fn plain(lines: &[Line]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn words_that_are_longer_than_a_line_are_broken() {
        assert_eq!(wrap("one two three", 7, 2), ["one two", "  three"]);
        assert_eq!(wrap("docker-service-ps", 7, 0), ["docker-", "service", "-ps"]);
        assert_eq!(wrap("a docker-service-ps", 8, 2), ["a", "  docker", "  -servi", "  ce-ps"]);
        assert_eq!(wrap("", 8, 0), [""]);
    }

    #[test]
    fn korean_is_broken_between_words_and_takes_two_columns() {
        assert_eq!(wrap("컨테이너는 교체된다", 12, 0), ["컨테이너는", "교체된다"]);
        assert_eq!(wrap("컨테이너는", 5, 0), ["컨테", "이너", "는"]);
    }

    #[test]
    fn markdown_keeps_lists_code_and_paragraphs_apart() {
        let text = "# Why\n\nOne `ps` and\n**two** words.\n- first item is long\n- second\n\n```sh\ndocker  ps\n```\n";
        let lines = markdown(text, 14, LOOK);
        let expected = [
            "Why",
            "",
            "One ps and",
            "two words.",
            "- first item",
            "  is long",
            "- second",
            "",
            "  docker  ps",
        ];
        assert_eq!(plain(&lines), expected);
    }

    #[test]
    fn without_colours_code_keeps_its_marks() {
        let lines = markdown("Run `docker ps` now.", 40, Look { colour: false });
        assert_eq!(plain(&lines), ["Run `docker ps` now."]);
    }

    #[test]
    fn nothing_that_is_shown_can_move_the_cursor() {
        let lines = markdown("a\u{1b}[2Jb\n    c\u{1b}[2Jd\n", 40, LOOK);
        assert_eq!(plain(&lines).concat().chars().filter(|c| c.is_control()).count(), 0);
    }
}
