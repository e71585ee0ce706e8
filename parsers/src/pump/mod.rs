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

use memchr::memmem;

use crate::event::Direction;
use crate::hl7::message::Message;
use crate::protocol::Emit;
use facts::Telling;

/// Emits the pump events of a message, if it is one of the profiles.
pub(crate) fn read(message: &Message<'_>, direction: Direction, emit: &mut dyn Emit) {
    let part = |n| message.value(*b"MSH", 9, n).unwrap_or_default();
    let telling = |source| Telling {
        message,
        direction,
        source,
    };
    match (part(1), part(2)) {
        (b"RGV", _) => order::orders(&telling("pcd-03"), emit),
        (b"RRG", _) | (b"ACK", b"O15") => order::response(&telling("pcd-03"), emit),
        (b"ORU", b"R40") => alarm::alarms(&telling("pcd-04"), emit),
        (b"ORU", b"R42") if is_of_pump(message) => report::report(&telling("pcd-10"), emit),
        (b"ORU", b"R01") if is_of_pump(message) => report::report(&telling("pcd-01"), emit),
        _ => {}
    }
}

/// Whether an order to a pump has a segment that its profile forbids.
pub(crate) fn forbids(message: &Message<'_>) -> bool {
    message.value(*b"MSH", 9, 1) == Some(b"RGV")
        && message
            .segments()
            .any(|segment| order::FORBIDDEN.contains(&segment.name))
}

/// Results come from laboratories, monitors and pumps alike: a pump's have a pump's terms.
fn is_of_pump(message: &Message<'_>) -> bool {
    message.named(*b"OBX").any(|segment| {
        let coded = segment.value(3, 0).unwrap_or_default();
        memmem::find(coded, b"MDC").is_some() && mdc::is_of_pump(coded, message.delims)
    })
}
