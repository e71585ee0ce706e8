//! What the throughput program and the criterion benches share.

pub mod baseline;
pub mod captures;
pub mod conversation;
pub mod memory;
pub mod messages;
pub mod pipeline;
pub mod preloaded;
