//! Frames to events: capture, decode, flows, streams, workers.
//!
//! ```text
//! source ─► spread ─► worker 0..N: decode ─ flow ─ stream ─ parse ─ match ─► lanes ─► correlator
//! ```
//!
//! Absent on purpose: YAML, HTTP, an async runtime, and any clock but the packets' own.

pub mod batch;
pub mod capture;
pub mod decode;
mod defrag;
pub mod pipeline;
pub mod spread;
pub mod telemetry;
