//! The one integration test binary: what the program promises to the people who run it.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test waits for a real process on the machine's own clock"
)]

mod api;
mod canary;
mod cli;
mod community;
mod console;
mod contract;
mod corpus;
mod determinism;
mod dpdk;
mod evidence;
mod inventory;
mod live;
mod metrics_page;
mod mutate;
mod operations;
mod oracle;
mod overload;
mod packs;
mod peers;
mod prometheus;
mod rounds;
mod siem;
mod sinks;
mod store;
mod streams;
mod support;
mod tidy;
mod ways;
mod whole;
