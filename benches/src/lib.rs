//! What the throughput program and the criterion benches share.

pub mod baseline;
pub mod memory;
pub mod pipeline;
