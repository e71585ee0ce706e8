//! The bytes of HL7 v2: delimiters, names, fields, numbers (HL7 v2.5 2.5 and 2.7). No state, no
//! judgement.
//!
//! A message is text. MSH names its own delimiters: the byte after `MSH` parts fields, and MSH-2
//! has the others (component, repetition, escape, sub-component; 2.7 added truncation).

use std::ops::Range;

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
    if n == 1 {
        // Mostly the first of one: a plain loop over a few bytes.
        let end = bytes.iter().position(|byte| *byte == separator);
        return end.map_or(Some(bytes), |end| bytes.get(..end));
    }
    let [span] = spans(bytes, separator, [n]);
    bytes.get(span?)
}

/// Where pieces are, by their numbers, from 1 and ascending.
pub(crate) fn spans<const N: usize>(
    bytes: &[u8],
    separator: u8,
    wanted: [u16; N],
) -> [Option<Range<usize>>; N] {
    let mut marks = Marks::new(bytes, separator);
    // The piece that begins where the last one ended, and where that is.
    let (mut next, mut from) = (1_u16, 0_usize);
    wanted.map(|n| {
        if let Some(between) = n.checked_sub(next)?.checked_sub(1) {
            from = marks.nth(usize::from(between))?.saturating_add(1);
        }
        let end = marks.next().unwrap_or(bytes.len());
        let span = from..end;
        (next, from) = (n.saturating_add(1), end.saturating_add(1));
        Some(span)
    })
}

/// All pieces of bytes that `separator` parts; one if it is not there.
pub(crate) fn pieces(bytes: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut marks = Marks::new(bytes, separator);
    let mut from = Some(0_usize);
    std::iter::from_fn(move || {
        let start = from?;
        let mark = marks.next();
        from = mark.map(|at| at.saturating_add(1));
        bytes.get(start..mark.unwrap_or(bytes.len()))
    })
}

/// The places of a byte, found eight bytes at a time: pieces are a few bytes long, so that a search
/// which has to be set up for each takes longer than it saves.
struct Marks<'b> {
    rest: &'b [u8],
    /// The byte, eight times.
    mark: u64,
    /// Where the eight bytes behind those that were looked at last begin.
    next: usize,
    /// The high bit of each of the bytes looked at last that is the one.
    hits: u64,
}

impl<'b> Marks<'b> {
    fn new(bytes: &'b [u8], mark: u8) -> Self {
        Self {
            rest: bytes,
            mark: u64::from_ne_bytes([mark; 8]),
            next: 0,
            hits: 0,
        }
    }

    /// Looks at the next bytes, if there are any.
    fn advance(&mut self) -> Option<()> {
        let word = match self.rest.split_first_chunk() {
            Some((word, rest)) => {
                self.rest = rest;
                u64::from_le_bytes(*word)
            }
            None if self.rest.is_empty() => return None,
            None => {
                let last = std::mem::take(&mut self.rest).iter().rev();
                // In front of the bytes that are there, ones that differ from the mark.
                last.fold(!self.mark, |word, byte| (word << 8) | u64::from(*byte))
            }
        };
        const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        let differs = word ^ self.mark;
        self.hits = !(((differs & LOW).wrapping_add(LOW)) | differs | LOW);
        self.next = self.next.wrapping_add(8);
        Some(())
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.hits == 0 {
            self.advance()?;
        }
        let at = (self.hits.trailing_zeros() / 8) as usize;
        self.hits &= self.hits.wrapping_sub(1);
        Some(self.next.wrapping_sub(8).wrapping_add(at))
    }

    /// Passes over eight bytes at a time.
    fn nth(&mut self, mut n: usize) -> Option<usize> {
        loop {
            // The product's highest byte is the sum of its factor's bytes.
            let ones = u64::from_ne_bytes([1; 8]);
            let [here, ..] = (self.hits >> 7).wrapping_mul(ones).to_be_bytes();
            match n.checked_sub(here.into()) {
                Some(more) => n = more,
                None => break,
            }
            self.hits = 0;
            self.advance()?;
        }
        for _ in 0..n {
            self.hits &= self.hits.wrapping_sub(1);
        }
        self.next()
    }
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
    let digits = trim(text);
    let number = digits.iter().try_fold(0_u32, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit)
    });
    number.filter(|_| !digits.is_empty())
}
