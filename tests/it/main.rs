//! The one integration test binary: what the program promises to the people who run it.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "real processes live in machine time, and some have no condition to wait on"
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
mod support;
mod tidy;
