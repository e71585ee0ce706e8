//! Segments hidden in fields: a field whose text, once escape sequences are resolved, holds a line
//! end and the name of a segment. An engine that resolves them too early makes a segment of it.

use memchr::{memchr, memchr2_iter};

use super::escape::{Oddities, unescape};
use super::message::{Fields, HEADER_BYTES};
use super::names::is_segment;
use super::wire::Delims;

/// A segment's name in another segment's text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Injected {
    pub(super) name: [u8; 3],
    pub(super) inside: [u8; 3],
}

/// Looks at one segment; `room` is where it is unescaped. The segment is unescaped as a whole, so
/// that a separator that is escaped and one that is not are found alike.
pub(super) fn look(
    segment: &Fields<'_>,
    delims: Delims,
    room: &mut Vec<u8>,
) -> (Option<Injected>, Oddities) {
    let text = match &segment.name {
        // The encoding characters are no escape sequence.
        b"MSH" => segment.text.get(HEADER_BYTES..).unwrap_or_default(),
        _ => segment.text,
    };
    let escaped = memchr(delims.escape, text).is_some();
    if !escaped && memchr(b'\n', text).is_none() {
        return (None, Oddities::default());
    }
    room.clear();
    let oddities = unescape(text, delims, room);
    let injected = memchr2_iter(b'\r', b'\n', room)
        .find_map(|at| named(room.get(at.saturating_add(1)..)?, delims))
        .map(|name| Injected {
            name,
            inside: segment.name,
        });
    (injected, oddities)
}

/// The name of a segment that starts here.
fn named(text: &[u8], delims: Delims) -> Option<[u8; 3]> {
    let text = text.strip_prefix(b"\n").unwrap_or(text);
    match text {
        [a, b, c, separator, ..] if *separator == delims.field && is_segment([*a, *b, *c]) => {
            Some([*a, *b, *c])
        }
        _ => None,
    }
}
