//! Sinks: the ways from the outbox to receivers. Each is one file behind [`Deliver`], on its own
//! thread, with its own cursor.
//!
//! What becomes of an entry is the same for all: a receiver that is away, refuses us or is told wrong
//! where to look makes entries wait; only what the receiver says it will never take is given up, and
//! counted.

mod alertmanager;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod nats;
mod opensearch;
pub mod respond;
mod secret;
mod syslog;
pub mod test;
mod tls;
mod webhook;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::config::{Config, Sink};
use crate::error::Error;
use crate::inventory::Devices;
use crate::outbox::{self, Deliver, Entry, Failure, Runner};
use crate::store::Store;

impl Deliver for Box<dyn Deliver> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        (**self).deliver(batch)
    }

    fn batch_max(&self) -> usize {
        (**self).batch_max()
    }

    fn idle(&mut self) {
        (**self).idle();
    }
}

/// Starts what is configured. The store learns which sinks there are; of one that is no more it
/// forgets the cursor. Responses ask `devices` what must not be touched.
///
/// # Errors
/// A sink that cannot be made as it is configured.
pub fn start(store: &Store, config: &Config, devices: &Arc<Devices>) -> Result<Vec<Runner>, Error> {
    let sinks = config.sinks.iter().map(|sink| make(sink, Some(store)));
    let responses = config.responses.iter().map(|response| {
        let made = respond::make(response, store, devices, &config.state_dir);
        made.map_err(|what| Error::Config(format!("responses: {}: {what}", response.name)))
    });
    let all = sinks.chain(responses).collect::<Result<Vec<_>, _>>()?;
    let sinks = config.sinks.iter();
    let sinks = sinks.map(|sink| (sink.name().to_owned(), sink.select().to_vec()));
    let responses = config.responses.iter();
    let responses = responses.map(|response| (response.name.clone(), respond::SELECT.to_vec()));
    outbox::register(store, sinks.chain(responses).collect())?;
    all.into_iter()
        .map(|sink| outbox::spawn(store, sink))
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Failed(format!("sinks: {error}")))
}

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
    if !names.is_empty() && !config.store.enabled {
        return Err("sinks and responses need the store: set store.enabled to true".to_owned());
    }
    Ok(())
}

/// An entry's line, parsed. The store made it, so that it is JSON.
fn parse(entry: &Entry) -> Result<Value, String> {
    serde_json::from_str(&entry.json).map_err(|error| format!("not JSON: {error}"))
}
