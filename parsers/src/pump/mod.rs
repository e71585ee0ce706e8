//! Infusion pumps: what HL7 messages of the IHE Device profiles say of them, as `pump` events.
//!
//! ```text
//! PCD-01  ORU^R01            what a pump reports
//! PCD-03  RGV^O15, RRG^O16   what a pump was ordered to do, and its answer
//! PCD-04  ORU^R40            its alarms
//! PCD-10  ORU^R42            that it started, stopped, completed …
//! ```
//!
//! IHE DEV Technical Framework, volume 2; codes of ISO/IEEE 11073-10101. The message type decides
//! which profile it is: identifiers of profiles differ from vendor to vendor. An event says what
//! the wire carried, never what a pump or a patient did.

mod alarm;
mod codes;
mod dosing;
mod facts;
mod mdc;
mod order;
mod report;
#[cfg(test)]
mod tests;
mod units;

use crate::event::Direction;
use crate::hl7::message::Message;
use crate::hl7::wire::piece;
use crate::protocol::Emit;
use facts::Telling;

/// The profiles whose messages are looked into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Profile {
    /// PCD-01.
    Report,
    /// PCD-03, to the pump.
    Order,
    /// PCD-03, from the pump.
    Answer,
    /// PCD-04.
    Alarm,
    /// PCD-10.
    Event,
}

/// The profile of a message, by its type.
pub(crate) fn profile(message: &Message<'_>) -> Option<Profile> {
    let kind = message.value(*b"MSH", 9, 0)?;
    let part = |n| piece(kind, message.delims.component, n).unwrap_or_default();
    match (part(1), part(2)) {
        (b"RGV", _) => Some(Profile::Order),
        (b"RRG", _) | (b"ACK", b"O15") => Some(Profile::Answer),
        (b"ORU", b"R40") => Some(Profile::Alarm),
        (b"ORU", b"R42") => Some(Profile::Event),
        (b"ORU", b"R01") => Some(Profile::Report),
        _ => None,
    }
}

/// Emits the pump events of a message of a profile.
pub(crate) fn read(
    profile: Profile,
    message: &Message<'_>,
    direction: Direction,
    emit: &mut dyn Emit,
) {
    let telling = |source| Telling {
        message,
        direction,
        source,
    };
    match profile {
        Profile::Order => order::orders(&telling("pcd-03"), emit),
        Profile::Answer => order::response(&telling("pcd-03"), emit),
        Profile::Alarm => alarm::alarms(&telling("pcd-04"), emit),
        Profile::Event if is_of_pump(message) => report::report(&telling("pcd-10"), emit),
        Profile::Report if is_of_pump(message) => report::report(&telling("pcd-01"), emit),
        Profile::Event | Profile::Report => {}
    }
}

/// Whether a message of the profile has a segment that the profile forbids.
pub(crate) fn forbids(profile: Profile, message: &Message<'_>) -> bool {
    profile == Profile::Order
        && message
            .segments()
            .any(|segment| order::FORBIDDEN.contains(&segment.name))
}

/// Results come from laboratories, monitors and pumps alike: a pump's have a pump's terms.
fn is_of_pump(message: &Message<'_>) -> bool {
    // Of most messages one look at the whole is enough.
    message.contains(b"MDC")
        && message.named(*b"OBX").any(|segment| {
            let coded = segment.value(3, 0).unwrap_or_default();
            mdc::is_of_pump(coded, message.delims)
        })
}
