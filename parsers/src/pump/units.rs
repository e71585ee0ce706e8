//! Units of rates, doses and volumes, and their conversion.
//!
//! A unit comes as a code of ISO/IEEE 11073-10101 (`265266`, or without its partition `3122`), as
//! that code's name (`MDC_DIM_MILLI_L_PER_HR`) or in UCUM (`mL/h`), and often as two of these at
//! once, in either order. All that can be read have to agree.

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till1};
use nom::combinator::{all_consuming, map_opt};
use nom::multi::fold_many0;
use nom::sequence::preceded;

use super::codes::{FAMILIES, PREFIXES};
use crate::hl7::wire::{Delims, integer, pieces, trim};
use crate::wire::Wire;

/// What is measured, and the base unit that [`Unit::factor`] leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum What {
    /// Millilitres.
    Volume,
    /// Milligrams.
    Mass,
    /// International units.
    Units,
    /// Millimoles.
    Moles,
    /// Milliequivalents.
    Equivalents,
    /// Seconds.
    Time,
}

/// A unit: what it measures, per what, and the factor to the base unit, per hour where it is a
/// rate, per kilogram, per square metre or per millilitre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    pub(super) what: What,
    pub(super) factor: f64,
    pub(super) per_hour: bool,
    pub(super) per_kg: bool,
    pub(super) per_m2: bool,
    pub(super) per_ml: bool,
}

impl Unit {
    const fn of(what: What, factor: f64) -> Self {
        Self {
            what,
            factor,
            per_hour: false,
            per_kg: false,
            per_m2: false,
            per_ml: false,
        }
    }

    /// The same but for rounding.
    fn is(self, other: Self) -> bool {
        let alike = Self {
            factor: other.factor,
            ..self
        };
        alike == other && (self.factor / other.factor - 1.0).abs() < 1e-9
    }

    /// Whether it is a volume per time.
    pub(super) const fn is_flow(self) -> bool {
        matches!(self.what, What::Volume) && self.per_hour && !self.per_kg && !self.per_m2
    }

    /// Whether it is an amount of a drug: no volume, no time by itself.
    pub(super) const fn is_amount(self) -> bool {
        !matches!(self.what, What::Volume | What::Time)
    }
}

/// What was made of a field with a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Read<'m> {
    pub(super) unit: Unit,
    /// The unit as UCUM writes it, or its name.
    pub(super) label: Label<'m>,
}

/// How a unit is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Label<'m> {
    /// As on the wire.
    Wire(&'m [u8]),
    /// Prefix and unit of a code.
    Code(&'static str, &'static str),
}

/// Reads a coded field (CWE): both triplets of identifier, text and coding system. None when
/// nothing in it is a known unit, or when two units in it differ.
pub(super) fn unit<'m>(field: &'m [u8], delims: Delims) -> Option<Read<'m>> {
    let mut found: Option<Read<'m>> = None;
    let mut parts = [&b""[..]; 6];
    for (part, piece) in parts.iter_mut().zip(pieces(field, delims.component)) {
        *part = piece;
    }
    let [id, text, system, other_id, other_text, other_system] = parts;
    for (part, system) in [
        (id, system),
        (text, system),
        (other_id, other_system),
        (other_text, other_system),
    ] {
        let Some(read) = read(trim(part), system) else {
            continue;
        };
        match found {
            None => found = Some(read),
            Some(known) if !known.unit.is(read.unit) => return None,
            // UCUM is what people read.
            Some(known) if !is_ucum(known.label) && is_ucum(read.label) => found = Some(read),
            Some(_) => {}
        }
    }
    found
}

fn is_ucum(label: Label<'_>) -> bool {
    matches!(label, Label::Wire(text) if !text.starts_with(b"MDC_"))
}

fn read<'m>(part: &'m [u8], system: &[u8]) -> Option<Read<'m>> {
    if part.is_empty() {
        return None;
    }
    let wire = |unit| Read {
        unit,
        label: Label::Wire(part),
    };
    if let Some(name) = part.strip_prefix(b"MDC_DIM_") {
        return mnemonic(name).map(wire);
    }
    if let Some(code) = integer(part) {
        // A number in another system's triplet may be a code without its partition.
        return by_code(code).filter(|_| system != b"UCUM" || code < PARTITION);
    }
    ucum(part).map(wire)
}

/// First code of the partition of dimensions.
const PARTITION: u32 = 4 << 16;

/// Prefixes are the low five bits of a code.
const PREFIX_BITS: u32 = 32;

fn by_code(code: u32) -> Option<Read<'static>> {
    let code = code.checked_sub(PARTITION).unwrap_or(code);
    let base = code.checked_sub(code.checked_rem(PREFIX_BITS)?)?;
    let at = FAMILIES
        .binary_search_by_key(&base, |(base, _)| *base)
        .ok()?;
    let (_, family) = FAMILIES.get(at)?;
    let (_, prefix, factor) = PREFIXES
        .iter()
        .find(|(bits, ..)| *bits == code.saturating_sub(base))?;
    let unit = ucum(family.as_bytes())?;
    Some(Read {
        unit: Unit {
            factor: unit.factor * factor,
            ..unit
        },
        label: Label::Code(prefix, family),
    })
}

/// UCUM, and what people write instead: an amount, then what it is per.
fn ucum(text: &[u8]) -> Option<Unit> {
    let (_, unit) = all_consuming(expression).parse(text).ok()?;
    Some(unit)
}

fn expression(input: &[u8]) -> Wire<'_, Unit> {
    let (input, amount) = map_opt(atom, amount).parse(input)?;
    let per = preceded(tag("/"), map_opt(atom, denominator));
    fold_many0(per, move || amount, divide).parse(input)
}

fn atom(input: &[u8]) -> Wire<'_, &[u8]> {
    take_till1(|b| b == b'/').parse(input)
}

/// What a unit is divided by.
#[derive(Clone, Copy, Debug)]
enum Per {
    /// Hours.
    Time(f64),
    /// Kilograms.
    Weight(f64),
    Area,
    /// Millilitres.
    Volume(f64),
}

fn divide(unit: Unit, per: Per) -> Unit {
    let (Per::Time(by) | Per::Weight(by) | Per::Volume(by)) = per else {
        return Unit {
            per_m2: true,
            ..unit
        };
    };
    let factor = unit.factor / by;
    match per {
        Per::Time(_) => Unit {
            factor,
            per_hour: true,
            ..unit
        },
        Per::Weight(_) => Unit {
            factor,
            per_kg: true,
            ..unit
        },
        _ => Unit {
            factor,
            per_ml: true,
            ..unit
        },
    }
}

/// Kilograms in a pound.
const POUND_KG: f64 = 0.453_592_37;

fn denominator(text: &[u8]) -> Option<Per> {
    Some(match text {
        b"kg" | b"KG" | b"Kg" => Per::Weight(1.0),
        b"g" => Per::Weight(1e-3),
        b"[lb_av]" | b"lb" | b"LB" => Per::Weight(POUND_KG),
        b"m2" | b"M2" | b"m^2" => Per::Area,
        b"mL" | b"ml" | b"ML" => Per::Volume(1.0),
        b"L" | b"l" => Per::Volume(1e3),
        _ => Per::Time(seconds(text)? / 3600.0),
    })
}

fn seconds(text: &[u8]) -> Option<f64> {
    Some(match text {
        b"s" | b"sec" | b"SEC" => 1.0,
        b"min" | b"MIN" | b"Min" => 60.0,
        b"h" | b"hr" | b"HR" | b"H" | b"hour" => 3600.0,
        b"d" | b"day" | b"DAY" | b"D" => 86400.0,
        _ => return None,
    })
}

/// The unit itself, with its prefix. `M` is mega and `m` milli, but nobody infuses megalitres.
fn amount(text: &[u8]) -> Option<Unit> {
    let (what, factor) = match text {
        b"L" | b"l" => (What::Volume, 1e3),
        b"dL" | b"dl" => (What::Volume, 1e2),
        b"cL" | b"cl" => (What::Volume, 1e1),
        b"mL" | b"ml" | b"ML" | b"cc" => (What::Volume, 1.0),
        b"uL" | b"ul" => (What::Volume, 1e-3),
        b"nL" | b"nl" => (What::Volume, 1e-6),
        b"kg" | b"KG" => (What::Mass, 1e6),
        b"g" | b"G" => (What::Mass, 1e3),
        b"mg" | b"MG" => (What::Mass, 1.0),
        b"ug" | b"mcg" | b"MCG" | b"\xc2\xb5g" | b"\xce\xbcg" | b"\xb5g" => (What::Mass, 1e-3),
        b"ng" | b"NG" => (What::Mass, 1e-6),
        b"pg" => (What::Mass, 1e-9),
        b"[iU]" | b"[IU]" | b"U" | b"u" | b"IU" | b"unit" | b"units" => (What::Units, 1.0),
        b"m[iU]" | b"m[IU]" | b"mU" | b"mIU" | b"munit" => (What::Units, 1e-3),
        b"k[iU]" | b"k[IU]" | b"kU" | b"kIU" => (What::Units, 1e3),
        b"M[iU]" | b"M[IU]" | b"MU" | b"MIU" => (What::Units, 1e6),
        b"mol" => (What::Moles, 1e3),
        b"mmol" => (What::Moles, 1.0),
        b"umol" => (What::Moles, 1e-3),
        b"nmol" => (What::Moles, 1e-6),
        b"eq" | b"Eq" => (What::Equivalents, 1e3),
        b"meq" | b"mEq" => (What::Equivalents, 1.0),
        b"ueq" | b"uEq" => (What::Equivalents, 1e-3),
        _ => (What::Time, seconds(text)?),
    };
    Some(Unit::of(what, factor))
}

/// A code's name without `MDC_DIM_`: `MICRO_G_PER_KG_PER_MIN`.
fn mnemonic(name: &[u8]) -> Option<Unit> {
    let (_, unit) = all_consuming(named).parse(name).ok()?;
    Some(unit)
}

fn named(input: &[u8]) -> Wire<'_, Unit> {
    let (input, factor) = prefix_name(input)?;
    let (input, unit) = amount_name(input)?;
    let start = Unit {
        factor: unit.factor * factor,
        ..unit
    };
    fold_many0(preceded(tag("_PER_"), per_name), move || start, divide).parse(input)
}

fn prefix_name(input: &[u8]) -> Wire<'_, f64> {
    alt((
        tag("X_").map(|_| 1.0),
        tag("KILO_").map(|_| 1e3),
        tag("MEGA_").map(|_| 1e6),
        tag("DECI_").map(|_| 1e-1),
        tag("CENTI_").map(|_| 1e-2),
        tag("MILLI_").map(|_| 1e-3),
        tag("MICRO_").map(|_| 1e-6),
        tag("NANO_").map(|_| 1e-9),
        tag("PICO_").map(|_| 1e-12),
        tag("").map(|_| 1.0),
    ))
    .parse(input)
}

fn amount_name(input: &[u8]) -> Wire<'_, Unit> {
    alt((
        tag("INTL_UNIT").map(|_| Unit::of(What::Units, 1.0)),
        tag("MOLE").map(|_| Unit::of(What::Moles, 1e3)),
        tag("EQUIV").map(|_| Unit::of(What::Equivalents, 1e3)),
        tag("MIN").map(|_| Unit::of(What::Time, 60.0)),
        tag("SEC").map(|_| Unit::of(What::Time, 1.0)),
        tag("HR").map(|_| Unit::of(What::Time, 3600.0)),
        tag("DAY").map(|_| Unit::of(What::Time, 86400.0)),
        tag("L").map(|_| Unit::of(What::Volume, 1e3)),
        tag("G").map(|_| Unit::of(What::Mass, 1e3)),
    ))
    .parse(input)
}

fn per_name(input: &[u8]) -> Wire<'_, Per> {
    alt((
        tag("KG").map(|_| Per::Weight(1.0)),
        tag("LB").map(|_| Per::Weight(POUND_KG)),
        tag("M_SQ").map(|_| Per::Area),
        tag("SQ_M").map(|_| Per::Area),
        tag("ML").map(|_| Per::Volume(1.0)),
        tag("L").map(|_| Per::Volume(1e3)),
        tag("MIN").map(|_| Per::Time(1.0 / 60.0)),
        tag("SEC").map(|_| Per::Time(1.0 / 3600.0)),
        tag("HR").map(|_| Per::Time(1.0)),
        tag("DAY").map(|_| Per::Time(24.0)),
    ))
    .parse(input)
}
