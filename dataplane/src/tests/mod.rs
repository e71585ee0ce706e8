//! The packet path: streams against plain bytes, flows over time, the same output however many
//! workers there are.

mod frames;
mod pipeline;
mod protocol;
mod stream;
mod worker;
