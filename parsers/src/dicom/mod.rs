//! DICOM over TCP: the upper layer (PS3.8), DIMSE messages (PS3.7) and their datasets (PS3.5).
//!
//! Limits: an association PDU of 64 KiB, a command set of 8 KiB, 512 bytes of a kept value, 32
//! levels of sequences. Nothing else is held: pixel data and other long values are skipped where
//! they are. Deflated datasets are named, not read; DICOM over TLS is [`crate::tls`].

pub mod anomalies;
mod association;
mod attributes;
mod charset;
mod dataset;
mod dimse;
mod elements;
mod items;
mod levels;
mod negotiation;
mod pdata;
mod peek;
mod pixels;
mod query;
mod resync;
mod sample;
mod state;
mod status;
mod uids;
mod values;
mod wire;

#[cfg(test)]
mod tests;

use crate::kinds;
use crate::protocol::{Spec, Transport};

/// DICOM.
pub static SPEC: Spec = Spec {
    name: "dicom",
    transport: Transport::Tcp,
    kinds: &[&kinds::dicom::KIND],
    anomalies: anomalies::ALL,
    medical: true,
    each_side: false,
    probe: resync::probe,
    open: Some(|open| Box::new(state::Connection::new(open))),
    sample: sample::SAMPLE,
};
