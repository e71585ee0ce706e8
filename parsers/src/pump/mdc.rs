//! The terms of ISO/IEEE 11073-10101 that pump messages use, and what becomes of each.
//!
//! A term comes as code (`157784`) and name (`MDC_FLOW_FLUID_PUMP`). Products agree on neither: the
//! code counts where it is known, else the name.

use super::codes::{EVENTS, TERMS};
use crate::catalogue::FieldIx;
use crate::hl7::message::Fields;
use crate::hl7::wire::{Delims, integer, piece};

/// What an observation is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Term {
    /// A pump, or a part of it that is no channel.
    Device,
    /// The channel that has what the pump delivers now, from whatever source.
    Delivery,
    /// A channel that has what is programmed for one source.
    Source,
    /// A text field of the event.
    Text(FieldIx),
    /// A field of the event whose value is a code with a text.
    Coded(FieldIx),
    /// A number with a unit.
    Measured(Measure),
    /// Manufacturer and model.
    Model,
    /// Which event a PCD-10 message tells.
    EventCondition,
    /// Of which part of the device.
    EventSource,
    /// Which alarm a PCD-04 message tells.
    Alarm,
    /// Of which kind of device.
    AlarmSource,
    /// A term of pumps that no field has.
    Other,
}

/// What is measured or set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Measure {
    Flow,
    FlowCurrent,
    Dose,
    DrugFlow,
    Bolus,
    Vtbi,
    VtbiRemaining,
    Delivered,
    DeliveredTotal,
    TimeRemaining,
    TimeProgrammed,
    Concentration,
    Weight,
    Surface,
    PcaDoseLimit,
    PcaVolumeLimit,
    PcaPeriod,
    PcaDosesPerHour,
    PcaLockout,
}

impl Measure {
    /// How many there are.
    pub(super) const COUNT: usize = Self::PcaLockout as usize + 1;
}

/// The term that a coded field names.
pub(super) fn term(coded: &[u8], delims: Delims) -> Option<Term> {
    let part = |n| piece(coded, delims.component, n).unwrap_or_default();
    [1, 4].into_iter().find_map(|n| {
        let code = integer(part(n)).and_then(by_code);
        code.or_else(|| by_name(part(n.saturating_add(1))))
            .or_else(|| by_name(part(n)))
    })
}

fn by_code(code: u32) -> Option<Term> {
    let at = TERMS.binary_search_by_key(&code, |(code, ..)| *code).ok()?;
    TERMS.get(at).map(|(.., term)| *term)
}

fn by_name(name: &[u8]) -> Option<Term> {
    if !name.starts_with(b"MDC_") {
        return None;
    }
    let known = TERMS.iter().find(|(_, known, _)| known.as_bytes() == name);
    match known {
        Some((.., term)) => Some(*term),
        None if name.starts_with(b"MDC_DEV_PUMP_") => Some(Term::Device),
        None if name.starts_with(b"MDC_PUMP_") => Some(Term::Other),
        None => None,
    }
}

/// The name of a coded value: that on the wire, else that of its code, else what is there.
pub(super) fn name(coded: &[u8], delims: Delims) -> Option<&[u8]> {
    let part = |n| piece(coded, delims.component, n).unwrap_or_default();
    let named = [2, 1, 5, 4]
        .into_iter()
        .map(part)
        .find(|p| p.starts_with(b"MDC"));
    named
        .or_else(|| integer(part(1)).and_then(name_of))
        .or_else(|| [2, 1].into_iter().map(part).find(|p| !p.is_empty()))
}

fn name_of(code: u32) -> Option<&'static [u8]> {
    let event = EVENTS.binary_search_by_key(&code, |(code, _)| *code);
    if let Some((_, name)) = event.ok().and_then(|at| EVENTS.get(at)) {
        return Some(name.as_bytes());
    }
    let at = TERMS.binary_search_by_key(&code, |(code, ..)| *code).ok()?;
    TERMS.get(at).map(|(_, name, _)| name.as_bytes())
}

/// The code of a coded value, also where only its name is there.
pub(super) fn code(coded: &[u8], delims: Delims) -> Option<u32> {
    let part = |n| piece(coded, delims.component, n).unwrap_or_default();
    integer(part(1)).or_else(|| {
        let names = [part(2), part(1)];
        let event = EVENTS
            .iter()
            .find(|(_, name)| names.contains(&name.as_bytes()));
        let term = || {
            TERMS
                .iter()
                .find(|(_, name, _)| names.contains(&name.as_bytes()))
        };
        event
            .map(|(code, _)| *code)
            .or_else(|| term().map(|(code, ..)| *code))
    })
}

/// Whether a coded field names something that only pumps have.
pub(super) fn is_of_pump(coded: &[u8], delims: Delims) -> bool {
    match term(coded, delims) {
        None | Some(Term::Measured(Measure::Weight | Measure::Surface)) => false,
        Some(Term::Device | Term::Delivery | Term::Source | Term::Measured(_)) => true,
        Some(_) => memchr::memmem::find(coded, b"PUMP").is_some(),
    }
}

/// What an observation is about, from OBX-3.
pub(super) fn observed(segment: &Fields<'_>, delims: Delims) -> Option<Term> {
    term(segment.value(3, 0)?, delims)
}

#[cfg(test)]
pub(super) fn tables_are_sorted() -> bool {
    TERMS.is_sorted_by_key(|(code, ..)| *code) && EVENTS.is_sorted_by_key(|(code, _)| *code)
}
