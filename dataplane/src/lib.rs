//! Frames to events: capture, decode, flows, streams, workers.
//!
//! ```text
//! source ─► spread ─► worker 0..N: decode ─ flow ─ stream ─ parse ─ match ─► lanes ─► correlator
//! ```
//!
//! Absent on purpose: YAML, HTTP, an async runtime, and any clock but the packets' own.

pub mod anomalies;
pub mod batch;
pub mod budget;
pub mod capture;
mod content;
mod copies;
mod correlate_thread;
pub mod counters;
mod datagrams;
pub mod decode;
mod defrag;
pub mod emit;
pub mod evidence;
mod flow;
mod inspect;
mod known;
mod lanes;
mod link;
mod lookup;
mod merge;
mod opens;
pub mod pipeline;
mod prefetch;
mod reader;
mod seat;
mod shed;
pub mod span;
pub mod spread;
mod stream;
pub mod telemetry;
mod timers;
mod worker;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use stream::fuzz as fuzz_stream;

#[cfg(test)]
mod tests;
