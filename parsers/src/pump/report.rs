//! PCD-01 (state) and PCD-10 (events): observations hung on the parts of a device by OBX-4, which
//! is device, subsystem, channel and metric: `1.1.2.4` (IHE DEV TF-2 B.8).

use nom::Parser;
use nom::bytes::complete::tag;
use nom::character::complete::u16;
use nom::combinator::opt;
use nom::sequence::preceded;
use smallvec::SmallVec;

use super::facts::{Facts, Telling, tell};
use super::mdc::{self, Term};
use crate::hl7::message::{Fields, Message};
use crate::kinds::pump as field;
use crate::protocol::Emit;
use crate::wire::Wire;

/// The most parts of devices of one message that are told apart: a rack of sixteen pumps with four
/// channels each. Observations of further parts are passed over.
const PARTS_MAX: usize = 128;

/// Where something is in the device: device, subsystem, channel. 0 is the whole.
type Place = (u16, u16, u16);

/// A part of the device and what is said of it.
struct Part<'m> {
    place: Place,
    /// The place as it is on the wire.
    text: &'m [u8],
    facts: Facts<'m>,
    role: Role,
}

/// What a channel is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Role {
    Unknown,
    /// What the pump delivers now; it holds for the sources beside it.
    Delivery,
    Source,
}

/// What happened, for PCD-10, and where.
#[derive(Clone, Copy)]
struct Happened<'m> {
    name: &'m [u8],
    code: Option<u32>,
    at: Option<Place>,
}

/// Emits an event for each channel.
pub(super) fn report(telling: &Telling<'_>, emit: &mut dyn Emit) {
    let message = telling.message;
    let mut parts: SmallVec<[Part<'_>; 4]> = SmallVec::new();
    let mut happened: Option<Happened<'_>> = None;
    for segment in message.named(*b"OBX") {
        let (place, text) = place(segment.filled(4, 0).unwrap_or_default());
        let Some(part) = part_at(&mut parts, place, text) else {
            continue;
        };
        match part.facts.observe(&segment, message) {
            Some(Term::Delivery) => part.role = Role::Delivery,
            Some(Term::Source) => part.role = Role::Source,
            Some(Term::EventCondition) => happened = condition(&segment, message).or(happened),
            Some(Term::EventSource) => {
                let at = segment.filled(5, 1).map(|text| self::place(text).0);
                happened = happened.map(|h| Happened { at, ..h });
            }
            _ => {}
        }
    }
    let mut shared = Facts::new();
    sender(&mut shared, message);
    for part in parts.iter().filter(|part| is_told(part, &parts)) {
        let mut facts = shared.clone();
        for around in parts.iter().filter(|around| is_around(around, part)) {
            facts.overlay(&around.facts);
        }
        facts.overlay(&part.facts);
        if part.place.2 > 0 {
            facts.text(field::CHANNEL, Some(part.text));
        }
        let here = happened.filter(|h| h.at.is_none_or(|at| contains(at, part.place)));
        facts.text(field::EVENT, here.map(|h| h.name));
        tell(telling, here.map_or("report", action), &facts, emit);
    }
}

/// Without an identifier of the device, the sender is what is known.
fn sender<'m>(facts: &mut Facts<'m>, message: &Message<'m>) {
    let Some(msh) = message.first(*b"MSH") else {
        return;
    };
    let eui = msh
        .filled(3, 2)
        .filter(|_| msh.filled(3, 3) == Some(b"EUI-64"));
    facts.text(field::DEVICE_EUI64, eui);
    facts.text(field::DEVICE, eui.or_else(|| msh.filled(3, 1)));
    if let Some(order) = message.first(*b"OBR") {
        // OBR-2 of an event names the order that it follows from.
        facts.text(field::ORDER, order.filled(2, 1));
    }
}

fn part_at<'p, 'm>(
    parts: &'p mut SmallVec<[Part<'m>; 4]>,
    place: Place,
    text: &'m [u8],
) -> Option<&'p mut Part<'m>> {
    // Observations of one part follow each other: look at the newest first.
    if let Some(at) = parts.iter().rposition(|part| part.place == place) {
        return parts.get_mut(at);
    }
    if parts.len() >= PARTS_MAX {
        return None;
    }
    parts.push(Part {
        place,
        text,
        facts: Facts::new(),
        role: Role::Unknown,
    });
    parts.last_mut()
}

/// A channel is told; a part without channels, itself.
fn is_told(part: &Part<'_>, all: &[Part<'_>]) -> bool {
    let (device, subsystem, channel) = part.place;
    if channel > 0 {
        let beside = |other: &Part<'_>| {
            let (a, b, c) = other.place;
            (a, b) == (device, subsystem) && c > 0 && other.role != Role::Delivery
        };
        return part.role != Role::Delivery || !all.iter().any(beside);
    }
    !all.iter()
        .any(|other| other.place != part.place && contains(part.place, other.place))
}

/// Whether what is said of `around` holds for the part too.
fn is_around(around: &Part<'_>, part: &Part<'_>) -> bool {
    if around.place == part.place {
        return false;
    }
    let ((a, b, _), (x, y, _)) = (around.place, part.place);
    contains(around.place, part.place)
        || (around.role == Role::Delivery && part.role != Role::Delivery && (a, b) == (x, y))
}

/// Whether a place is the same or a part of `whole`.
fn contains(whole: Place, (x, y, z): Place) -> bool {
    match whole {
        (0, _, _) => true,
        (a, 0, 0) => a == x,
        (a, b, 0) => (a, b) == (x, y),
        whole => whole == (x, y, z),
    }
}

/// Device, subsystem and channel of an OBX-4; and their text.
fn place(text: &[u8]) -> (Place, &[u8]) {
    let Ok((rest, place)) = numbers(text) else {
        return ((0, 0, 0), text);
    };
    let used = text.len().saturating_sub(rest.len());
    (place, text.get(..used).unwrap_or(text))
}

fn numbers(input: &[u8]) -> Wire<'_, Place> {
    let next = || opt(preceded(tag("."), u16)).map(Option::unwrap_or_default);
    (u16, next(), next()).parse(input)
}

fn condition<'m>(segment: &Fields<'m>, message: &Message<'m>) -> Option<Happened<'m>> {
    let value = segment.filled(5, 0)?;
    Some(Happened {
        name: mdc::name(value, message.delims)?,
        code: mdc::code(value, message.delims),
        at: None,
    })
}

fn action(happened: Happened<'_>) -> &'static str {
    match happened.code {
        Some(197_288) => "start",
        Some(197_290) => "stop",
        Some(197_292) => "complete",
        _ => "event",
    }
}
