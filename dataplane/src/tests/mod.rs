//! The packet path: streams against plain bytes, flows over time, the same output however many
//! workers there are.

mod captures;
mod frames;
mod pipeline;
mod protocol;
mod speed;
mod stream;
mod worker;
