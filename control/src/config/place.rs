//! Where in a text a key stands: for mistakes that only show once all of it is read.

/// Line and column of the key that a message begins with, as in `capture.buffer has to be …`.
pub(super) fn of(text: &str, message: &str) -> Option<(usize, usize)> {
    let path = message.split([' ', ':']).next()?;
    let mut at = 0;
    for key in path.split('.') {
        at = next(text, at, key)?;
    }
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
