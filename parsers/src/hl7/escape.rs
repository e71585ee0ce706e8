//! Escape sequences (HL7 v2.5 2.7): what stands between two escape characters.
//!
//! ```text
//! \F\ \S\ \T\ \R\ \E\ \P\   the delimiters themselves
//! \H\ \N\                   highlighting on and off: no text
//! \Xdd..\                   bytes in hex
//! \Zdd..\                   of local meaning: no text
//! \Cxxyy\ \Mxxyyzz\         switch of the character set: no text
//! \.br\ \.sp2\ \.ce\ …      formatted text: line ends, spaces, or no text
//! ```

use nom::Parser;
use nom::bytes::complete::{tag, take_till};

use super::wire::Delims;
use crate::wire::Wire;

/// The most bytes between two escape characters that are still one sequence: a `\X..\` of a small
/// picture or program is long, an escape character that somebody forgot is not answered for pages.
const SEQUENCE_BYTES_MAX: usize = 4096;

/// What was odd about the escape sequences of a text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Oddities {
    /// An escape character without its partner.
    pub(super) unbalanced: bool,
    /// A sequence that the standard does not have.
    pub(super) unknown: bool,
    /// `\X..\` gave a control character or a delimiter.
    pub(super) control: bool,
}

/// Appends `text` with its escape sequences resolved. What is not a sequence stays as it is.
pub(super) fn unescape(text: &[u8], delims: Delims, out: &mut Vec<u8>) -> Oddities {
    let mut oddities = Oddities::default();
    let mut rest = text;
    // How much was left at the end of a sequence that is not known: that escape character has its
    // partner, but a sequence that is known may start with it too.
    let mut paired = 0_usize;
    while let Some(at) = memchr::memchr(delims.escape, rest) {
        let (plain, from) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        match sequence(from, delims) {
            Ok((behind, body)) if body.len() <= SEQUENCE_BYTES_MAX => {
                if resolve(body, delims, out, &mut oddities) {
                    rest = behind;
                    continue;
                }
                oddities.unknown = true;
                paired = behind.len().saturating_add(1);
            }
            _ => oddities.unbalanced |= from.len() != paired,
        }
        // Not a sequence: the escape character stands for itself.
        out.push(delims.escape);
        rest = from.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    oddities
}

/// From one escape character to the next. A sequence does not reach over a field's end.
fn sequence(input: &[u8], delims: Delims) -> Wire<'_, &[u8]> {
    let escape = [delims.escape];
    let (input, _) = tag(escape.as_slice()).parse(input)?;
    let (input, body) =
        take_till(|b| b == delims.escape || b == delims.field || b == b'\r').parse(input)?;
    let (input, _) = tag(escape.as_slice()).parse(input)?;
    Ok((input, body))
}

/// Appends what a sequence stands for; false if the standard has no such sequence.
fn resolve(body: &[u8], delims: Delims, out: &mut Vec<u8>, oddities: &mut Oddities) -> bool {
    match body {
        b"F" => out.push(delims.field),
        b"S" => out.push(delims.component),
        b"T" => out.push(delims.subcomponent),
        b"R" => out.push(delims.repetition),
        b"E" => out.push(delims.escape),
        b"P" if delims.truncation != 0 => out.push(delims.truncation),
        b"P" => out.push(b'#'),
        b"H" | b"N" => {}
        [b'X', digits @ ..] => return hex(digits, delims, out, oddities),
        [b'C', digits @ ..] => return digits.len() == 4 && all_hex(digits),
        [b'M', digits @ ..] => return matches!(digits.len(), 4 | 6) && all_hex(digits),
        [b'Z', ..] => {}
        [b'.', command @ ..] => return format(command, out),
        _ => return false,
    }
    true
}

fn all_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

fn hex(digits: &[u8], delims: Delims, out: &mut Vec<u8>, oddities: &mut Oddities) -> bool {
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !all_hex(digits) {
        return false;
    }
    let special = [
        delims.field,
        delims.component,
        delims.repetition,
        delims.escape,
        delims.subcomponent,
    ];
    for pair in digits.chunks_exact(2) {
        let byte = pair.iter().fold(0_u8, |sum, digit| {
            (sum << 4)
                | char::from(*digit)
                    .to_digit(16)
                    .map_or(0, |d| d.to_le_bytes()[0])
        });
        let line_or_tab = matches!(byte, b'\n' | b'\r' | b'\t');
        if (byte < 0x20 && !line_or_tab) || byte == 0x7f || special.contains(&byte) {
            oddities.control = true;
        }
        out.push(byte);
    }
    true
}

/// Commands of formatted text (2.7.6). A line end is a carriage return here, because that is what
/// an engine that resolves the sequence too early puts on the wire.
fn format(command: &[u8], out: &mut Vec<u8>) -> bool {
    match command {
        b"br" | b"ce" => out.push(b'\r'),
        [b's', b'p', ..] => out.push(b'\r'),
        [b's', b'k', ..] => out.push(b' '),
        b"fi" | b"nf" | [b'i', b'n', ..] | [b't', b'i', ..] => {}
        _ => return false,
    }
    true
}
