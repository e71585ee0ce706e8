//! PCD-04: alarms of pumps (ORU^R40, IHE DEV TF-2 3.4). Each alarm is one OBR and the observations
//! behind it, each of them one facet.

use super::facts::{Facts, Telling, tell};
use super::mdc::{self, Term};
use crate::hl7::message::{Fields, Message};
use crate::hl7::wire::pieces;
use crate::kinds::pump as field;
use crate::protocol::Emit;

/// The most alarms of one message that become events.
const ALARMS_MAX: usize = 64;

/// An alarm that is being gathered.
struct Alarm<'m> {
    facts: Facts<'m>,
    /// Its event was there.
    begun: bool,
    /// Where it comes from is no pump.
    foreign: bool,
}

impl<'m> Alarm<'m> {
    fn new(message: &Message<'m>) -> Self {
        let mut facts = Facts::new();
        if let Some(msh) = message.first(*b"MSH") {
            let eui = msh
                .filled(3, 2)
                .filter(|_| msh.filled(3, 3) == Some(b"EUI-64"));
            facts.text(field::DEVICE_EUI64, eui);
            facts.text(field::DEVICE, eui.or_else(|| msh.filled(3, 1)));
        }
        Self {
            facts,
            begun: false,
            foreign: false,
        }
    }
}

/// Emits an event for each alarm of a pump.
pub(super) fn alarms(telling: &Telling<'_>, emit: &mut dyn Emit) {
    let message = telling.message;
    let mut told = 0_usize;
    let mut alarm = Alarm::new(message);
    for segment in message.segments() {
        let ends = match &segment.name {
            b"OBR" => true,
            b"OBX" => alarm.begun && is_event(&segment, message),
            _ => false,
        };
        if ends {
            told = told.saturating_add(finish(telling, &alarm, emit));
            alarm = Alarm::new(message);
        }
        if told >= ALARMS_MAX {
            return;
        }
        if &segment.name == b"OBX" {
            facet(&mut alarm, &segment, message);
        }
    }
    finish(telling, &alarm, emit);
}

fn is_event(segment: &Fields<'_>, message: &Message<'_>) -> bool {
    mdc::observed(segment, message.delims) == Some(Term::Alarm)
}

fn facet<'m>(alarm: &mut Alarm<'m>, segment: &Fields<'m>, message: &Message<'m>) {
    let delims = message.delims;
    if segment.filled(18, 0).is_some() {
        alarm.facts.device(segment, message.delims);
    }
    match alarm.facts.observe(segment, message) {
        Some(Term::Alarm) => {
            alarm.begun = true;
            let value = segment.filled(5, 0).unwrap_or_default();
            alarm
                .facts
                .text(field::ALARM_CODE, mdc::name(value, delims));
            alarm.facts.text(field::ALARM_TEXT, segment.filled(5, 9));
            alarm.foreign |= mdc::code(value, delims).is_some_and(|code| code >> 16 != EVENTS);
            flags(alarm, segment, message);
        }
        Some(Term::AlarmSource) => {
            let value = segment.filled(5, 0).unwrap_or_default();
            let name = mdc::name(value, delims);
            alarm.facts.text(field::DEVICE_TYPE, name);
            let device = name.is_some_and(|n| n.starts_with(b"MDC_DEV_"));
            let pump = name.is_some_and(|n| n.starts_with(b"MDC_DEV_PUMP_"));
            let code = mdc::code(value, delims);
            alarm.foreign |= (device && !pump) || code.is_some_and(|c| !PUMPS.contains(&c));
        }
        _ => {}
    }
}

/// The partition of events; alarms of a physiological limit have the measure's code instead.
const EVENTS: u32 = 3;

/// Codes of pumps and their parts, private ones of a known make included.
const PUMPS: std::ops::RangeInclusive<u32> = 69_984..=70_099;

/// OBX-8 has the kind of alarm and its priority as abnormal flags.
fn flags<'m>(alarm: &mut Alarm<'m>, segment: &Fields<'m>, message: &Message<'m>) {
    let whole = segment.field(8).unwrap_or_default();
    for flag in pieces(whole, message.delims.repetition) {
        match flag {
            b"SP" | b"ST" | b"SA" => alarm.facts.text(field::ALARM_TYPE, Some(flag)),
            b"PN" | b"PL" | b"PM" | b"PH" => alarm.facts.text(field::ALARM_PRIORITY, Some(flag)),
            _ => {}
        }
    }
}

/// Emits the alarm, if it is one and of a pump; says how many events that made.
fn finish<'m>(telling: &Telling<'m>, alarm: &Alarm<'m>, emit: &mut dyn Emit) -> usize {
    if !alarm.begun || alarm.foreign {
        return 0;
    }
    let ended = matches!(
        alarm.facts.known(field::ALARM_PHASE),
        Some(b"end" | b"stop" | b"reset")
    );
    tell(
        telling,
        if ended { "alarm_end" } else { "alarm" },
        &alarm.facts,
        emit,
    );
    1
}
