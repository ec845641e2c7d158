//! Standard output: data and nothing else.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::tcgetwinsize;
use serde::Serialize;

use crate::model::MachineName;

use super::error::Error;

/// Writes to standard output. A reader that has had enough (`dojo ls | head -1`) is no error.
pub(super) fn write(bytes: &[u8]) -> Result<(), Error> {
    match write_while_read(bytes) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => {
            other.map_err(|source| Error::Io { operation: "write to standard output", source })
        }
    }
}

/// Writes to standard output, and fails also when nobody reads it any more.
pub(super) fn write_while_read(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

/// Writes to standard error what programs on machines have written to theirs.
pub(super) fn write_error(bytes: &[u8]) -> Result<(), Error> {
    let written = io::stderr().lock().write_all(bytes);
    written.map_err(|source| Error::Io { operation: "write to standard error", source })
}

/// Writes text with a line feed.
pub(super) fn line(text: &str) -> Result<(), Error> {
    write(format!("{text}\n").as_bytes())
}

/// Writes a value as indented JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value);
    line(&text.map_err(|e| Error::Io { operation: "print JSON", source: e.into() })?)
}

/// Writes a value as JSON on one line.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string(value);
    line(&text.map_err(|e| Error::Io { operation: "print JSON", source: e.into() })?)
}

/// How many columns the terminal has that standard output is; nothing, if it is none or does not say.
pub(super) fn terminal_columns() -> Option<usize> {
    let out = io::stdout();
    let size = if out.is_terminal() { tcgetwinsize(out).ok()? } else { return None };
    (size.ws_col > 0).then_some(size.ws_col.into())
}

/// How wide the column is that machines' names stand in before what each of them says.
pub(super) fn widest(names: impl IntoIterator<Item = MachineName>) -> usize {
    names.into_iter().map(|name| name.to_string().len()).max().unwrap_or(0)
}

/// Writes [`columns`]. The first row is the header.
pub(super) fn table(rows: &[Vec<String>]) -> Result<(), Error> {
    write(columns(rows).as_bytes())
}

/// Rows in columns as wide as their widest cell, two spaces apart.
pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_do_not_trail() {
        let rows = [vec!["NAME", "STATE"], vec!["practice", "ready"], vec!["é", "gone"]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        assert_eq!(columns(&rows), "NAME      STATE\npractice  ready\né         gone\n");
    }
}
