//! An event as JSON, from the catalogue: the EVE object, redacted by class.
//!
//! Writes into a buffer that is recycled; allocates nothing once that has grown.

use crate::catalogue::{FieldIx, Member};
use crate::event::{Event, Value};
use crate::phi::{Class, Pseudonym, Pseudonymizer};

/// The most bytes of one text value that are rendered; the rest is told as a count.
pub const TEXT_BYTES_MAX: usize = 2048;
/// The most elements of a list that are rendered.
pub const LIST_MAX: usize = 128;

/// Appends `{"calling_ae":"CT1",…}`: the fields that are present, nested by the dots in their
/// names, in the catalogue's order.
pub fn object(event: &Event<'_>, site: &Pseudonymizer, out: &mut Vec<u8>) {
    object_with(event, site, |_| None, out);
}

/// The same, for who knows the pseudonyms of some fields already.
pub fn object_with(
    event: &Event<'_>,
    site: &Pseudonymizer,
    known: impl Fn(FieldIx) -> Option<Pseudonym>,
    out: &mut Vec<u8>,
) {
    let mut writer = Writer {
        out,
        open: None,
        first: true,
    };
    writer.out.push(b'{');
    for (at, (field, value)) in (0..).zip(event.kind().fields.iter().zip(event.values())) {
        if matches!(value, Value::Absent) || !field.class.is_written() {
            continue;
        }
        if field.object != writer.open {
            writer.enter(field.object);
        }
        writer.member(&field.member);
        match value {
            Value::Phi(phi) if !phi.is_empty() => {
                let name = known(FieldIx(at)).unwrap_or_else(|| site.of(*phi));
                quoted(name, writer.out);
            }
            // Most values are texts.
            Value::Text(raw) if field.class.is_shown() => text(raw, writer.out),
            other => self::value(*other, field.class, site, writer.out),
        }
    }
    writer.leave();
    writer.out.push(b'}');
}

/// Writes keys, opening and closing the objects that dots in names stand for. One level deep, as
/// the catalogue is.
struct Writer<'o> {
    out: &'o mut Vec<u8>,
    open: Option<&'static str>,
    first: bool,
}

impl Writer<'_> {
    fn enter(&mut self, object: Option<&'static str>) {
        self.leave();
        if let Some(name) = object {
            self.key(name);
            self.out.push(b'{');
            self.first = true;
        }
        self.open = object;
    }

    fn leave(&mut self) {
        if self.open.take().is_some() {
            self.out.push(b'}');
            self.first = false;
        }
    }

    #[inline]
    fn member(&mut self, name: &Member) {
        match std::mem::take(&mut self.first) {
            true => name.write_first(self.out),
            false => name.write(self.out),
        }
    }

    /// An object's name, which has nothing to escape.
    fn key(&mut self, name: &str) {
        match std::mem::take(&mut self.first) {
            true => self.out.push(b'"'),
            false => self.out.extend_from_slice(b",\""),
        }
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// Appends one value. A class that is not shown comes out as its pseudonym.
pub fn value(value: Value<'_>, class: Class, site: &Pseudonymizer, out: &mut Vec<u8>) {
    match value {
        Value::Absent => out.extend_from_slice(b"null"),
        Value::Bool(v) => out.extend_from_slice(if v { b"true" } else { b"false" }),
        Value::Phi(phi) => pseudonym(phi.class(), phi.expose_to_match(), site, out),
        Value::Text(v) if class.is_shown() => text(v, out),
        Value::Text(v) => pseudonym(class, v, site, out),
        Value::List(list) => {
            out.push(b'[');
            for (at, item) in list.iter().take(LIST_MAX).enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                self::value(*item, class, site, out);
            }
            out.push(b']');
        }
        scalar if class.is_shown() => self::scalar(scalar, out),
        scalar => {
            let mut raw = Vec::new();
            self::scalar(scalar, &mut raw);
            pseudonym(class, &raw, site, out);
        }
    }
}

fn scalar(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Int(v) => {
            if v < 0 {
                out.push(b'-');
            }
            number(v.unsigned_abs(), out);
        }
        Value::Decimal(v) if v.is_finite() => display(out, format_args!("{v}")),
        Value::Ip(v) => display(out, format_args!("\"{v}\"")),
        Value::Mac(v) => {
            out.push(b'"');
            mac(v, out);
            out.push(b'"');
        }
        Value::Duration(nanos) => {
            #[expect(clippy::cast_precision_loss, reason = "shown in milliseconds")]
            let millis = nanos as f64 / 1e6;
            display(out, format_args!("{millis}"));
        }
        _ => out.extend_from_slice(b"null"),
    }
}

fn pseudonym(class: Class, raw: &[u8], site: &Pseudonymizer, out: &mut Vec<u8>) {
    if !class.is_written() {
        return out.extend_from_slice(b"null");
    }
    if raw.is_empty() {
        return out.extend_from_slice(b"\"\"");
    }
    quoted(site.of_value(class, raw), out);
}

fn quoted(name: Pseudonym, out: &mut Vec<u8>) {
    out.push(b'"');
    name.write(out);
    out.push(b'"');
}

/// A byte's two digits.
#[must_use]
pub const fn hex(byte: u8) -> [u8; 2] {
    const fn digit(nibble: u8) -> u8 {
        nibble.wrapping_add(if nibble < 10 { b'0' } else { b'a' - 10 })
    }
    [digit(byte >> 4), digit(byte & 0xf)]
}

/// Appends an Ethernet address, as `02:00:5e:10:00:01`.
pub fn mac(address: [u8; 6], out: &mut Vec<u8>) {
    for (at, byte) in address.into_iter().enumerate() {
        if at > 0 {
            out.push(b':');
        }
        out.extend_from_slice(&hex(byte));
    }
}

/// Appends a whole number. An event has a dozen, for which formatting is slow.
pub fn number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let (mut left, mut used) = (number, 0_usize);
    for slot in digits.iter_mut().rev() {
        *slot = digit(left);
        left /= 10;
        used = used.saturating_add(1);
        if left == 0 {
            break;
        }
    }
    let from = digits.len().saturating_sub(used);
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

/// A number's last digits, zeros before them.
#[must_use]
pub fn padded<const N: usize>(number: u64) -> [u8; N] {
    let (mut digits, mut left) = ([b'0'; N], number);
    for slot in digits.iter_mut().rev() {
        *slot = digit(left);
        left /= 10;
    }
    digits
}

/// The last digit of a number.
fn digit(number: u64) -> u8 {
    u8::try_from(number % 10).map_or(b'0', |n| n.wrapping_add(b'0'))
}

/// Appends formatted text; a `Vec` never refuses.
pub fn display(out: &mut Vec<u8>, args: std::fmt::Arguments<'_>) {
    use std::io::Write;
    #[expect(
        clippy::let_underscore_must_use,
        reason = "writing to a Vec cannot fail"
    )]
    let _ = out.write_fmt(args);
}

/// Appends a JSON string: quoted, escaped, valid UTF-8 whatever the input, cut at
/// [`TEXT_BYTES_MAX`].
pub fn text(raw: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let kept = raw.get(..TEXT_BYTES_MAX).unwrap_or(raw);
    if kept
        .iter()
        .all(|b| PLAIN.get(usize::from(*b)) == Some(&true))
    {
        out.extend_from_slice(kept);
    } else {
        for chunk in kept.utf8_chunks() {
            escaped(chunk.valid(), out);
            if !chunk.invalid().is_empty() {
                out.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
    }
    if raw.len() > kept.len() {
        display(
            out,
            format_args!("… [{} bytes cut]", raw.len().saturating_sub(kept.len())),
        );
    }
    out.push(b'"');
}

/// Whether a byte stands for itself in a JSON string: printable ASCII but quote and backslash. A
/// table, since most texts are a few bytes long.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut rest: &mut [bool] = &mut plain;
    let mut byte = 0_u8;
    while let [first, behind @ ..] = rest {
        *first = matches!(byte, 0x20..0x7f) && byte != b'"' && byte != b'\\';
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    plain
};

fn escaped(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut from = 0_usize;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' && *byte != 0x7f {
            continue;
        }
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        from = at.saturating_add(1);
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => display(out, format_args!("\\u{other:04x}")),
        }
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
}
