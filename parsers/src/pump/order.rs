//! PCD-03: an infusion order sent to a pump (RGV^O15), and the answers to it (IHE DEV TF-2 3.3).

use super::facts::{Facts, Telling, quantity, tell};
use super::mdc::{Measure, Term};
use super::units::What;
use crate::hl7::message::{Fields, Message};
use crate::kinds::pump as field;
use crate::protocol::Emit;

/// The most orders of one message that become events. A profile's message has one.
const ORDERS_MAX: usize = 64;

/// Segments that an order to a pump must not have (3.3.4.4).
pub(super) const FORBIDDEN: [[u8; 3]; 5] = [*b"RXO", *b"RXE", *b"RXC", *b"NTE", *b"TQ2"];

/// Each RXG is one order or one step of it; what the other segments of its group say holds for all.
pub(super) fn orders(telling: &Telling<'_>, emit: &mut dyn Emit) {
    let message = telling.message;
    let mut told = 0_usize;
    let mut start = 0_usize;
    let total = message.segments().count();
    while start < total && told < ORDERS_MAX {
        // A group reaches from one ORC to the next.
        let behind = message
            .segments()
            .skip(start.saturating_add(1))
            .position(|segment| &segment.name == b"ORC")
            .map_or(total, |at| start.saturating_add(1).saturating_add(at));
        let group = || {
            message
                .segments()
                .skip(start)
                .take(behind.saturating_sub(start))
        };
        let has_order = group().any(|s| matches!(&s.name, b"ORC" | b"RXG"));
        if has_order {
            told = told.saturating_add(order(telling, group, emit));
        }
        start = behind;
    }
}

/// One group; says how many events it made.
fn order<'t, I: Iterator<Item = Fields<'t>>>(
    telling: &Telling<'t>,
    group: impl Fn() -> I,
    emit: &mut dyn Emit,
) -> usize {
    let message = telling.message;
    let mut shared = Facts::new();
    for segment in group() {
        match &segment.name {
            b"ORC" => {
                shared.text(field::ORDER_CONTROL, segment.filled(1, 1));
                shared.text(field::ORDER, segment.filled(2, 1));
            }
            b"RXR" => {
                let route = segment.filled(1, 2).or_else(|| segment.filled(1, 1));
                shared.text(field::ROUTE, route);
            }
            b"TQ1" => shared.measure(Measure::TimeProgrammed, duration(&segment, message)),
            b"OBX" if shared.observe(&segment, message) == Some(Term::Device) => {
                shared.text(field::CHANNEL, segment.filled(4, 0));
            }
            _ => {}
        }
    }
    let mut told = 0_usize;
    for segment in group().filter(|s| &s.name == b"RXG").take(ORDERS_MAX) {
        let mut facts = shared.clone();
        give(&mut facts, &segment, message);
        tell(telling, "program", &facts, emit);
        told = told.saturating_add(1);
    }
    if told == 0 {
        tell(telling, "program", &shared, emit);
        told = 1;
    }
    told
}

/// What to give (RXG).
fn give<'m>(facts: &mut Facts<'m>, segment: &Fields<'m>, message: &Message<'m>) {
    let drug = segment.filled(4, 2).or_else(|| segment.filled(4, 5));
    facts.text(field::DRUG, drug.or_else(|| segment.filled(4, 1)));
    facts.text(field::DRUG_CODE, segment.filled(4, 1));
    facts.measure(Measure::Vtbi, quantity(segment, 5, 7, message));
    if let Some(rate) = quantity(segment, 15, 16, message) {
        // The same two fields hold a rate, a dose rate or a dose: the unit says which.
        let volume = rate.unit.is_none_or(|read| read.unit.what == What::Volume);
        let at = if volume { Measure::Flow } else { Measure::Dose };
        facts.measure(at, Some(rate));
    }
    facts.strength = quantity(segment, 17, 18, message);
    facts.diluent = quantity(segment, 23, 24, message);
}

/// TQ1-13: a number and a unit in one field.
fn duration<'m>(
    segment: &Fields<'m>,
    message: &Message<'m>,
) -> Option<super::dosing::Quantity<'m>> {
    let value = crate::hl7::wire::decimal(segment.filled(13, 1)?)?;
    let delims = message.delims;
    let unit = segment.filled(13, 2)?;
    let separator = delims.subcomponent;
    let inner = crate::hl7::wire::Delims {
        component: separator,
        ..delims
    };
    Some(super::dosing::Quantity {
        value,
        unit: super::units::unit(unit, inner),
    })
}

/// The answer of the pump's side: RRG^O16 for the order, ACK^O15 for its receipt.
pub(super) fn response(telling: &Telling<'_>, emit: &mut dyn Emit) {
    let message = telling.message;
    let mut facts = Facts::new();
    for segment in message.segments() {
        match &segment.name {
            b"MSA" => {
                facts.text(field::RESPONSE, segment.filled(1, 1));
                facts.text(field::ANSWERS, segment.filled(2, 1));
            }
            b"ERR" if facts.known(field::ERROR).is_none() => {
                facts.text(
                    field::ERROR,
                    segment.filled(5, 1).filter(|code| is_piv(code)),
                );
            }
            b"ORC" => {
                facts.text(field::ORDER_CONTROL, segment.filled(1, 1));
                facts.text(field::ORDER, segment.filled(2, 1));
            }
            b"RXG" => give(&mut facts, &segment, message),
            b"OBX" => {
                facts.observe(&segment, message);
            }
            _ => {}
        }
    }
    tell(telling, "response", &facts, emit);
}

/// Application errors of the profile are 9001 to 9020.
fn is_piv(code: &[u8]) -> bool {
    matches!(crate::hl7::wire::integer(code), Some(9001..=9020))
}
