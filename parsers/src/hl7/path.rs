//! Paths into a message: `pid.3`, `obx[*].5`, `pid.3[2].4.2`; and the PHI class of what they find.

use super::fields;
use crate::catalogue::{Path, PathSpace};

/// How rules look into HL7 messages.
pub static PATHS: PathSpace = PathSpace {
    parse,
    class: fields::class,
    syntax: "hl7.SEG[n|*].FIELD[n|*].COMPONENT.SUBCOMPONENT, as hl7.pid.3 or hl7.obx[*].5.1",
};

fn parse(text: &str) -> Result<Path, &'static str> {
    let mut parts = text.split('.');
    let (name, occurrence) = indexed(parts.next().unwrap_or_default())?;
    let (field, repetition) = indexed(parts.next().ok_or("a field number is missing")?)?;
    let component = parts.next().map(number).transpose()?;
    let subcomponent = parts.next().map(number).transpose()?;
    if parts.next().is_some() {
        return Err("too many parts: segment, field, component, sub-component");
    }
    Ok(Path {
        segment: segment(name)?,
        occurrence,
        field: number(field)?,
        repetition,
        component,
        subcomponent,
    })
}

/// `obx[*]` is every one, `obx[2]` the second, and plain `obx` the first.
fn indexed(part: &str) -> Result<(&str, Option<u16>), &'static str> {
    let Some((name, rest)) = part.split_once('[') else {
        return Ok((part, Some(1)));
    };
    let index = rest.strip_suffix(']').ok_or("] is missing")?;
    if index == "*" {
        Ok((name, None))
    } else {
        Ok((name, Some(number(index)?)))
    }
}

fn number(text: &str) -> Result<u16, &'static str> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err("positions are numbers from 1"),
    }
}

fn segment(name: &str) -> Result<[u8; 3], &'static str> {
    let name = name.as_bytes();
    match name {
        [a, b, c] if a.is_ascii_alphabetic() && name.iter().all(u8::is_ascii_alphanumeric) => Ok([
            a.to_ascii_uppercase(),
            b.to_ascii_uppercase(),
            c.to_ascii_uppercase(),
        ]),
        _ => Err("a segment's name has three letters or digits"),
    }
}
