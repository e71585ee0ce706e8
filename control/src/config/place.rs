//! Where in a text a key stands: for mistakes that only show once all of it is read.

use std::ops::Range;

/// Line and column of the key that a message begins with, as in `capture.buffer has to be …` or
/// `sinks: siem: address: …`.
pub(super) fn of(text: &str, message: &str) -> Option<(usize, usize)> {
    let path = message.split([' ', ':']).next()?;
    let mut at = 0;
    for key in path.split('.') {
        at = next(text, at, key)?;
    }
    let mut more = message.split(": ").skip(1);
    let entry = more.next().and_then(|name| entry(text, at, name));
    if let Some(entry) = entry {
        let key = more.next().and_then(|rest| rest.split(' ').next());
        let within = text.get(..entry.end).unwrap_or(text);
        at = key
            .and_then(|key| next(within, entry.start, key))
            .unwrap_or(entry.start);
    }
    line_and_column(text, at)
}

/// Line and column of a key that stands somewhere behind a line and a column.
pub(super) fn behind(
    text: &str,
    (line, column): (usize, usize),
    key: &str,
) -> Option<(usize, usize)> {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = lines.map(str::len).sum();
    let rest = text.get(start..)?;
    let indent = rest.char_indices().nth(column.saturating_sub(1))?.0;
    line_and_column(text, next(text, start.checked_add(indent)?, key)?)
}

/// The item of a list in which `name: NAME` stands.
fn entry(text: &str, from: usize, name: &str) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        at = next(text, at, "name")?;
        let value = text.get(at..)?.split_once(':')?.1;
        let value = value.split(['\n', ',', '}', '#']).next()?;
        if value.trim().trim_matches(['"', '\'']) == name {
            break;
        }
        at = at.checked_add(1)?;
    }
    let is_item = |line: &str| line.trim_start().starts_with("- ");
    let line_of = |at: usize| {
        text.get(..at)
            .map(|before| before.rfind('\n').map_or(0, |n| n + 1))
    };
    let mut start = line_of(at)?;
    while start > from && !is_item(text.get(start..)?) {
        start = line_of(start - 1)?;
    }
    let first = text.get(start..)?.split_inclusive('\n').next()?.len();
    let rest = text.get(start + first..)?.split_inclusive('\n');
    let length: usize = rest.take_while(|line| !is_item(line)).map(str::len).sum();
    Some(start.max(from)..start + first + length)
}

fn line_and_column(text: &str, at: usize) -> Option<(usize, usize)> {
    let before = text.get(..at)?;
    let line = before.matches('\n').count().saturating_add(1);
    let start = before.rfind('\n').map_or(0, |feed| feed.saturating_add(1));
    let column = before.get(start..)?.chars().count().saturating_add(1);
    Some((line, column))
}

/// The next place of `key:` that is no comment and no end of another key.
fn next(text: &str, from: usize, key: &str) -> Option<usize> {
    let mut at = from;
    loop {
        at = at.checked_add(text.get(at..)?.find(key)?)?;
        let end = at.checked_add(key.len())?;
        let line = text.get(..at)?.rsplit('\n').next().unwrap_or_default();
        let begins = line
            .chars()
            .next_back()
            .is_none_or(|c| " {,\"'".contains(c));
        let after = text.get(end..)?.trim_start_matches(['"', '\'', ' ']);
        if begins && !line.contains('#') && after.starts_with(':') {
            return Some(at);
        }
        at = end;
    }
}
