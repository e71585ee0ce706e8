//! The one place that prints: stdout for what was asked for, stderr for what went wrong.

use std::io::{ErrorKind, IsTerminal, Write};

use crate::error::Error;

/// Writes to stdout. A reader that went away ends the command quietly.
///
/// # Errors
/// [`Error::PipeClosed`], or what the system said.
pub fn show(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Error::PipeClosed,
            _ => Error::Failed(format!("stdout: {error}")),
        })
}

/// Writes one line to stderr. When that fails too there is nobody left to tell.
pub fn complain(line: &str) {
    let mut err = std::io::stderr().lock();
    drop(writeln!(err, "vitalwire: {line}"));
}

/// Whether somebody watches: a progress bar is for people only.
#[must_use]
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal() && std::io::stdout().is_terminal()
}

/// Lines of text as a table: columns as wide as their widest cell, two spaces between.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|at| {
            rows.iter()
                .filter_map(|row| row.get(at))
                .map(|c| c.chars().count())
                .max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  ", width = *width));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
