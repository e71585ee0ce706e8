//! The packet path: streams against plain bytes, flows over time, the same output however many
//! workers there are.
#![expect(clippy::cast_possible_truncation, reason = "what tests make is small")]

mod died;
mod frames;
mod ledger;
mod pipeline;
mod protocol;
mod shed;
mod speed;
mod stream;
mod worker;

pub(crate) use protocol::{FAULTY, FAULTY_MAC};
