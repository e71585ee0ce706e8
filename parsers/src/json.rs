//! An event as JSON, from the catalogue: the EVE object, redacted by class.
//!
//! Writes into a buffer that is recycled; allocates nothing once that has grown.

use crate::event::{Event, Value};
use crate::phi::{Class, Pseudonymizer};

/// The most bytes of one text value that are rendered; the rest is told as a count.
pub const TEXT_BYTES_MAX: usize = 2048;
/// The most elements of a list that are rendered.
pub const LIST_MAX: usize = 128;

/// Appends `{"calling_ae":"CT1",…}`: the fields that are present, nested by the dots in their
/// names, in the catalogue's order.
pub fn object(event: &Event<'_>, site: &Pseudonymizer, out: &mut Vec<u8>) {
    let mut writer = Writer {
        out,
        open: "",
        first: true,
    };
    writer.out.push(b'{');
    let skip = event.kind().name.len().saturating_add(1);
    for (field, value) in event.kind().fields.iter().zip(event.values()) {
        if matches!(value, Value::Absent) || field.class == Class::Secret {
            continue;
        }
        let path = field.name.get(skip..).unwrap_or_default();
        let name = writer.enter(path);
        writer.key(name);
        self::value(*value, field.class, site, writer.out);
    }
    writer.leave();
    writer.out.push(b'}');
}

/// Writes keys, opening and closing the objects that dots in names stand for. One level deep, as
/// the catalogue is.
struct Writer<'o> {
    out: &'o mut Vec<u8>,
    open: &'static str,
    first: bool,
}

impl Writer<'_> {
    fn enter(&mut self, path: &'static str) -> &'static str {
        let (object, name) = path.rsplit_once('.').unwrap_or(("", path));
        if object != self.open {
            self.leave();
            if !object.is_empty() {
                self.key(object);
                self.out.push(b'{');
                self.first = true;
            }
            self.open = object;
        }
        name
    }

    fn leave(&mut self) {
        if !self.open.is_empty() {
            self.out.push(b'}');
            self.open = "";
            self.first = false;
        }
    }

    fn key(&mut self, name: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        text(name.as_bytes(), self.out);
        self.out.push(b':');
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
        Value::Int(v) => display(out, format_args!("{v}")),
        Value::Decimal(v) if v.is_finite() => display(out, format_args!("{v}")),
        Value::Ip(v) => display(out, format_args!("\"{v}\"")),
        Value::Mac([a, b, c, d, e, f]) => {
            display(
                out,
                format_args!("\"{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}\""),
            );
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
    match class {
        Class::Secret => out.extend_from_slice(b"null"),
        _ if raw.is_empty() => out.extend_from_slice(b"\"\""),
        _ => display(out, format_args!("\"{}\"", site.of_value(class, raw))),
    }
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
    for chunk in kept.utf8_chunks() {
        escaped(chunk.valid(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
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
