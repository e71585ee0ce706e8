//! Every kind of event, declared once.
//!
//! The parsers' kinds are here beside those that the data plane (`flow`, `arp`, `icmp`, `anomaly`,
//! `capture`) and the correlator (`opens`, `asset`) make. See [`crate::catalogue`].

pub mod anomaly;
pub mod arp;
pub mod asset;
pub mod capture;
pub mod dicom;
pub mod envelope;
pub mod flow;
pub mod hl7;
pub mod icmp;
pub mod opens;
pub mod pump;
pub mod tls;

use crate::catalogue::Kind;

/// Every kind; a kind's id is its place here.
pub static ALL: &[&Kind] = &[
    &flow::KIND,
    &opens::KIND,
    &arp::KIND,
    &icmp::KIND,
    &anomaly::KIND,
    &capture::KIND,
    &asset::KIND,
    &dicom::KIND,
    &hl7::KIND,
    &pump::KIND,
    &tls::KIND,
];

/// The kind of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.name == name)
}
