//! The control plane and the binary: command line, configuration, outputs, metrics, health.
//!
//! Absent on purpose: packet bytes. Frames and packets stay below this crate.
#![forbid(unsafe_code)]

pub mod api;
pub mod audit_cmd;
pub mod auth;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod deliver;
pub mod desk;
pub mod doctor;
pub mod dpdk;
pub mod engine;
pub mod error;
pub mod evidence;
pub mod fields;
pub mod formats;
pub mod health;
pub mod http;
pub mod inspect;
pub mod inventory;
pub mod ledger;
pub mod live;
pub mod logging;
pub mod lost;
pub mod metrics;
pub mod mirror;
pub mod observed;
pub mod outbox;
pub mod pseudonym;
pub mod pulse;
mod rounds;
pub mod rules_cmd;
pub mod ruleset;
pub mod run;
pub mod sandbox;
pub mod seen;
pub mod service;
mod signals;
pub mod silence;
pub mod sinks;
pub mod site_key;
pub mod stats;
pub mod store;
pub mod summary;
pub mod terminal;
#[cfg(test)]
mod testing;
pub mod users_cmd;
pub mod version;
