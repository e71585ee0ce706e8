//! Bytes to typed events.
//!
//! One folder per protocol, registered in [`PROTOCOLS`]; one catalogue of every kind of event and
//! field in [`kinds`]; protected health information behind [`phi`].
//!
//! Absent on purpose: I/O, clocks, logging, threads, `unsafe`, and allocation for a packet that
//! yields no event.
#![forbid(unsafe_code)]

pub mod catalogue;
pub mod dicom;
pub mod event;
#[doc(hidden)]
pub mod fuzzing;
pub mod hl7;
pub mod json;
pub mod kinds;
pub mod phi;
pub mod protocol;
mod pump;
pub mod recognise;
#[doc(hidden)]
pub mod testing;
pub mod time;
pub mod tls;
pub mod wire;

#[cfg(test)]
mod tests;

use protocol::Spec;

/// Every protocol, in probe order: cheap and certain first. (rustfmt sorts the `mod` lines; this
/// order is ours.)
pub static PROTOCOLS: &[&Spec] = &[
    &hl7::SPEC,
    &dicom::SPEC,
    &tls::SPEC,
    &recognise::SSH,
    &recognise::HTTP,
    &recognise::SMB,
    &recognise::RDP,
    &recognise::TELNET,
    &recognise::FTP,
    &recognise::SMTP,
];
