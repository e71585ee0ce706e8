//! HL7 v2 over MLLP: framing, message templates, pump messages.

mod message;
pub mod pump;
mod session;

pub use message::{Head, ack, body, message, patient};
pub use session::Link;

/// An MLLP block: start byte, the message, end byte and carriage return.
pub fn mllp(message: &str) -> Vec<u8> {
    let mut out = vec![0x0b];
    out.extend_from_slice(message.as_bytes());
    out.extend_from_slice(&[0x1c, 0x0d]);
    out
}
