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

use wide::u8x16;

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

/// What is before the first of two separators, or everything.
#[inline]
pub(crate) fn before(bytes: &[u8], one: u8, other: u8) -> &[u8] {
    let end = bytes.iter().position(|b| (*b == one) | (*b == other));
    end.and_then(|end| bytes.get(..end)).unwrap_or(bytes)
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

/// The places of a byte, found sixteen bytes at a time: pieces are a few bytes long, so that a
/// search which has to be set up for each takes longer than it saves.
pub(super) struct Marks<'b> {
    bytes: &'b [u8],
    mark: u8,
    /// A bit for each of the bytes looked at last that is the one, and where those bytes begin.
    hits: u32,
    from: usize,
    /// So many bytes were looked at.
    seen: usize,
}

/// Bytes that are looked at together.
const BLOCK: usize = 16;

impl<'b> Marks<'b> {
    pub(super) const fn new(bytes: &'b [u8], mark: u8) -> Self {
        Self {
            bytes,
            mark,
            hits: 0,
            from: 0,
            seen: 0,
        }
    }

    /// Looks at the next bytes, if there are any.
    #[inline]
    fn advance(&mut self) -> Option<()> {
        let hits = |block: &[u8; BLOCK]| {
            let same = u8x16::new(*block).simd_eq(u8x16::splat(self.mark));
            same.to_bitmask()
        };
        let rest = self.bytes.get(self.seen..)?;
        if let Some(block) = rest.first_chunk() {
            (self.hits, self.from) = (hits(block), self.seen);
        } else if rest.is_empty() {
            return None;
        } else if let Some(block) = self.bytes.last_chunk() {
            // The last ones once more, without those that were looked at.
            self.from = self.bytes.len().saturating_sub(BLOCK);
            let old = self.seen.wrapping_sub(self.from);
            self.hits = hits(block) & (u32::MAX << old);
        } else {
            let bits = rest.iter().rev();
            self.hits = bits.fold(0, |hits, byte| hits << 1 | u32::from(*byte == self.mark));
        }
        self.seen = self.bytes.len().min(self.seen.saturating_add(BLOCK));
        Some(())
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.hits == 0 {
            self.advance()?;
        }
        let at = self.hits.trailing_zeros() as usize;
        self.hits &= self.hits.wrapping_sub(1);
        Some(self.from.wrapping_add(at))
    }

    /// Passes over a block of bytes at a time.
    #[inline]
    fn nth(&mut self, mut n: usize) -> Option<usize> {
        loop {
            while self.hits != 0 {
                if n == 0 {
                    return self.next();
                }
                n = n.saturating_sub(1);
                self.hits &= self.hits.wrapping_sub(1);
            }
            self.advance()?;
        }
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
