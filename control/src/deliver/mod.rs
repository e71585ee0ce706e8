//! Sinks: the ways from the outbox to receivers. Each is one file behind [`Deliver`], on its own
//! thread, with its own cursor. Those that can take much take protocol events too, from a queue in
//! memory (`bulk`).
//!
//! What becomes of an entry is the same for all: a receiver that is away, refuses us or is told wrong
//! where to look makes entries wait; only what the receiver says it will never take is given up, and
//! counted.

mod alertmanager;
mod bulk;
mod crew;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod member;
mod nats;
mod opensearch;
mod publish;
pub mod respond;
mod secret;
mod syslog;
pub mod test;
mod tls;
mod webhook;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::{Config, Sink};
use crate::error::Error;
use crate::outbox::{Deliver, Entry};
use crate::store::Store;
pub use bulk::{Fan, Lanes};
pub use crew::Crew;

/// Makes a sink. Nothing is sent yet. Without a store it repeats nothing.
///
/// # Errors
/// Which key is wrong, and what to do.
pub fn make(sink: &Sink, store: Option<&Store>) -> Result<Box<dyn Deliver>, Error> {
    let made: Result<Box<dyn Deliver>, String> = match sink {
        Sink::Syslog(config) => syslog::make(config),
        Sink::Webhook(config) => webhook::make(config),
        Sink::Opensearch(config) => opensearch::make(config),
        Sink::Nats(config) => nats::make(config),
        Sink::Alertmanager(config) => alertmanager::make(config, store),
        #[cfg(feature = "kafka")]
        Sink::Kafka(config) => kafka::make(config),
        #[cfg(not(feature = "kafka"))]
        Sink::Kafka(_) => {
            Err("this vitalwire is built without Kafka; build it with --features kafka".to_owned())
        }
    };
    made.map_err(|what| Error::Config(format!("sinks: {}: {what}", sink.name())))
}

/// What the types of the configuration cannot say.
///
/// # Errors
/// Which sink, and what is wrong with it.
pub fn check(config: &Config) -> Result<(), String> {
    let mut names = BTreeSet::new();
    let responses = config
        .responses
        .iter()
        .map(|response| response.name.as_str());
    for name in config.sinks.iter().map(Sink::name).chain(responses) {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            return Err(format!(
                "sinks, responses: the name `{name}` has to be 1 to 64 letters, digits, hyphens, dots or \
                 underscores"
            ));
        }
        if !names.insert(name) {
            return Err(format!(
                "sinks, responses: two are named `{name}`; names tell them apart"
            ));
        }
    }
    if let Some(sink) = config.sinks.iter().find(|sink| sink.select().is_empty()) {
        return Err(format!(
            "sinks: {}: select is empty; leave it out or name something",
            sink.name()
        ));
    }
    let few = config
        .sinks
        .iter()
        .find(|sink| !sink.is_bulk() && !sink.select().events.is_empty());
    if let Some(sink) = few {
        return Err(format!(
            "sinks: {}: a webhook takes no protocol events, which are far too many for it; select them for \
             opensearch, nats, kafka or syslog",
            sink.name()
        ));
    }
    if !names.is_empty() && !config.store.enabled {
        return Err("sinks and responses need the store: set store.enabled to true".to_owned());
    }
    Ok(())
}

/// An entry's line, parsed. The store made it, so that it is JSON.
fn parse(entry: &Entry) -> Result<Value, String> {
    serde_json::from_str(&entry.json).map_err(|error| format!("not JSON: {error}"))
}
