//! The bytes of HL7 v2: delimiters, names, fields, numbers (HL7 v2.5 2.5 and 2.7). No state, no
//! judgement.
//!
//! A message is text. MSH names its own delimiters: the byte after `MSH` parts fields, and MSH-2
//! has the others (component, repetition, escape, sub-component; 2.7 added truncation).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take, take_till};
use nom::character::complete::{digit0, digit1, one_of};
use nom::combinator::{all_consuming, opt, recognize};
use nom::error::context;

use crate::wire::Wire;

/// The delimiters of a message. A delimiter that MSH-2 leaves out is 0, which no text has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Delims {
    pub(crate) field: u8,
    pub(crate) component: u8,
    pub(crate) repetition: u8,
    pub(crate) escape: u8,
    pub(crate) subcomponent: u8,
    /// The fifth encoding character of 2.7, or 0.
    pub(crate) truncation: u8,
}

impl Delims {
    /// What nearly everybody uses.
    pub(crate) const STANDARD: Self = Self {
        field: b'|',
        component: b'^',
        repetition: b'~',
        escape: b'\\',
        subcomponent: b'&',
        truncation: 0,
    };

    /// Whether each of the first five is punctuation, and no two are the same.
    pub(crate) fn are_sound(self) -> bool {
        let all = [
            self.field,
            self.component,
            self.repetition,
            self.escape,
            self.subcomponent,
        ];
        all.iter()
            .enumerate()
            .all(|(at, a)| a.is_ascii_punctuation() && !all.iter().take(at).any(|b| a == b))
    }
}

/// The start of MSH, FHS or BHS, up to and without the separator behind the encoding characters.
pub(super) fn header(input: &[u8]) -> Wire<'_, Delims> {
    let (input, _) = alt((tag("MSH"), tag("FHS"), tag("BHS"))).parse(input)?;
    let (input, field) = context("MSH-1", take(1_usize)).parse(input)?;
    let field = field.first().copied().unwrap_or_default();
    let (input, encoding) = take_till(|b| b == field).parse(input)?;
    let at = |n: usize| encoding.get(n).copied().unwrap_or_default();
    let delims = Delims {
        field,
        component: at(0),
        repetition: at(1),
        escape: at(2),
        subcomponent: at(3),
        truncation: at(4),
    };
    Ok((input, delims))
}

/// Whether bytes start a message or a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Head {
    No,
    /// So far they could.
    Short,
    Yes,
}

/// Names of the segments that start a message or a batch.
const HEADERS: [&[u8; 3]; 3] = [b"MSH", b"FHS", b"BHS"];

/// Whether a header starts here. Behind a start block its name and a separator are enough;
/// `bare`, the encoding characters have to be there and sound as well.
pub(super) fn head(bytes: &[u8], bare: bool) -> Head {
    let name = bytes.get(..3).unwrap_or(bytes);
    if !HEADERS.iter().any(|header| header.starts_with(name)) {
        return Head::No;
    }
    let Some(separator) = bytes.get(3) else {
        return Head::Short;
    };
    if !separator.is_ascii_punctuation() {
        return Head::No;
    }
    if !bare {
        return Head::Yes;
    }
    // Four or five encoding characters, then the separator again.
    match bytes.get(8..10).or_else(|| bytes.get(8..9)) {
        None => Head::Short,
        Some([at, ..]) if at == separator => sound(bytes),
        Some([_]) => Head::Short,
        Some([_, at]) if at == separator => sound(bytes),
        Some(_) => Head::No,
    }
}

fn sound(bytes: &[u8]) -> Head {
    match header(bytes) {
        Ok((_, delims)) if delims.are_sound() => Head::Yes,
        _ => Head::No,
    }
}

/// The n-th piece, from 1, of bytes that `separator` parts. Absent when there are fewer.
pub(crate) fn piece(bytes: &[u8], separator: u8, n: u16) -> Option<&[u8]> {
    let mut left = n.checked_sub(1)?;
    let mut from = 0_usize;
    // Pieces are a few bytes long: a plain loop beats a search that has to be set up each time.
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == separator {
            if left == 0 {
                return bytes.get(from..at);
            }
            left = left.saturating_sub(1);
            from = at.saturating_add(1);
        }
    }
    if left == 0 { bytes.get(from..) } else { None }
}

/// All pieces of bytes that `separator` parts; one if it is not there.
pub(crate) fn pieces(bytes: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    bytes.split(move |b| *b == separator)
}

/// Without spaces at either end.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

/// A number (data type NM): sign, digits, fraction; here also the exponent that some devices send.
/// Nothing else may be there.
pub(crate) fn decimal(text: &[u8]) -> Option<f64> {
    let (_, matched) = all_consuming(number).parse(trim(text)).ok()?;
    std::str::from_utf8(matched).ok()?.parse().ok()
}

fn number(input: &[u8]) -> Wire<'_, &[u8]> {
    let fraction = || (tag("."), digit0);
    recognize((
        opt(one_of("+-")),
        alt((
            recognize((digit1, opt(fraction()))),
            recognize((tag("."), digit1)),
        )),
        opt((one_of("eE"), opt(one_of("+-")), digit1)),
    ))
    .parse(input)
}

/// A whole number without sign. Nothing else may be there.
pub(crate) fn integer(text: &[u8]) -> Option<u32> {
    let (_, digits) = all_consuming(digits).parse(trim(text)).ok()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn digits(input: &[u8]) -> Wire<'_, &[u8]> {
    digit1.parse(input)
}
