//! The one integration test binary: what the program promises to the people who run it.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests wait for the processes that they start, by the machine's clock"
)]

mod canary;
mod cli;
mod contract;
mod corpus;
mod determinism;
mod live;
mod mutate;
mod oracle;
mod packs;
mod peers;
mod streams;
mod support;
mod tidy;
