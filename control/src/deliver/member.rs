//! What a sink and a response have in common: a name, what they take, and how they are made.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::{make, respond};
use crate::config::{Config, Response, Sink};
use crate::error::Error;
use crate::inventory::Devices;
use crate::outbox::{Deliver, Kind};
use crate::store::Store;

/// A sink or a response, as it is configured.
#[derive(Clone)]
pub(super) enum Member {
    Sink(Sink),
    Response(Response),
}

/// A member has a thread for what is kept for it, and one for protocol events.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Part {
    Kept,
    Events,
}

/// What a member is made of: its configuration, and the files that it names, which may be changed
/// while their names stay.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stamp {
    config: Value,
    files: Vec<Option<File>>,
}

/// Which file it is, and when it was changed: inode, seconds, nanoseconds.
type File = (u64, i64, i64);

impl Member {
    pub(super) fn all(config: &Config) -> Vec<Self> {
        let sinks = config.sinks.iter().cloned().map(Self::Sink);
        let responses = config.responses.iter().cloned().map(Self::Response);
        sinks.chain(responses).collect()
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Sink(sink) => sink.name(),
            Self::Response(response) => &response.name,
        }
    }

    /// What is kept in the store for it.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        match self {
            Self::Sink(sink) => {
                let mut kinds = sink.select().kinds.clone();
                if sink.keeps_state() && kinds.contains(&Kind::Alert) {
                    kinds.push(Kind::Triage);
                }
                kinds
            }
            Self::Response(_) => respond::SELECT.to_vec(),
        }
    }

    /// Protocol events that it takes.
    pub(super) fn events(&self) -> Vec<&'static str> {
        match self {
            Self::Sink(sink) => sink.select().events.clone(),
            Self::Response(_) => Vec::new(),
        }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        let kept = (!self.kinds().is_empty()).then_some(Part::Kept);
        let events = (!self.events().is_empty()).then_some(Part::Events);
        kept.into_iter().chain(events)
    }

    pub(super) fn make(
        &self,
        store: &Store,
        devices: &Arc<Devices>,
        state_dir: &Path,
    ) -> Result<Box<dyn Deliver>, Error> {
        match self {
            Self::Sink(sink) => make(sink, Some(store)),
            Self::Response(response) => {
                let made = respond::make(response, store, devices, state_dir);
                made.map_err(|what| Error::Config(format!("responses: {}: {what}", response.name)))
            }
        }
    }

    pub(super) fn stamp(&self) -> Stamp {
        let config = match self {
            Self::Sink(sink) => serde_json::to_value(sink),
            Self::Response(response) => serde_json::to_value(response),
        };
        let config = config.unwrap_or_default();
        let mut files = Vec::new();
        look(&config, &mut files);
        Stamp { config, files }
    }
}

/// The files that keys name: secrets, certificates.
fn look(value: &Value, files: &mut Vec<Option<File>>) {
    let Some(object) = value.as_object() else {
        return;
    };
    for (key, value) in object {
        let names = key.ends_with("_file") || matches!(key.as_str(), "ca" | "certificate" | "key");
        match value {
            Value::String(path) if names => {
                let meta = std::fs::metadata(path).ok();
                files.push(meta.map(|meta| (meta.ino(), meta.mtime(), meta.mtime_nsec())));
            }
            _ => look(value, files),
        }
    }
}
