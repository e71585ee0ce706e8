//! Evidence on the disk: for each alert a pcapng file of the headers of its flow, and a manifest
//! that says what the file is and what it lacks.
//!
//! Both get their names when they are whole, the manifest last: where there is a manifest, there
//! is its file.

mod command;
mod folder;
mod manifest;
mod writer;

pub use command::run;
pub use folder::{Bounds, Counts};
pub use manifest::{Clock, Manifest};
pub use writer::{About, Running, spawn};

/// The name of an alert's pcapng file.
#[must_use]
pub fn pcapng_name(alert_id: &str) -> String {
    format!("{alert_id}.{PCAPNG}")
}

/// The name of an alert's manifest.
#[must_use]
pub fn manifest_name(alert_id: &str) -> String {
    format!("{alert_id}.{MANIFEST}")
}

/// Whether this can be an alert's id: only such files are ever looked at or removed.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

const PCAPNG: &str = "pcapng";
const MANIFEST: &str = "json";
/// As the correlator makes them.
const ID_DIGITS: usize = 32;
