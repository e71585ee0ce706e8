//! Starts, watches and stops the threads: reader, workers, correlator.

use std::sync::Arc;

use crossbeam::channel::Sender;
use parsers::phi::Pseudonymizer;
use rules::Ruleset;
use rules::correlate::Out;
use rules::eve::Eve;

use crate::capture::{CaptureError, ReadProgress, Source};
use crate::telemetry::Snapshot;

/// How to run. Plain data; `control` fills it from the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Worker threads, at least 1.
    pub workers: usize,
    /// Whether the source is live: then a full queue sheds, and a slow worker is waited for at
    /// most [`Self::lag_max_ms`]. Of files nothing is shed: a full queue blocks.
    pub live: bool,
    /// How long the correlator waits for a slow worker, live.
    pub lag_max_ms: u64,
    /// Batches that a queue holds, each way.
    pub queue_depth: usize,
    /// Bytes that all bounded tables and buffers together may take.
    pub memory_bytes: u64,
    /// Which flows are written as `flow` events.
    pub flow_records: FlowRecords,
    /// Whether the VLAN stack is part of a flow's key.
    pub vlan_in_key: VlanInKey,
    /// Whether to pick up TCP connections whose beginning was not seen.
    pub midstream: bool,
    /// Whether wrong checksums drop a packet (counted), or are not looked at.
    pub checksums: bool,
    /// The site key, for pseudonyms.
    pub site: Pseudonymizer,
    /// What every EVE line shares; interface names are filled in by the source.
    pub eve: Eve,
}

/// Which flows are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FlowRecords {
    /// Those of recognised medical protocols.
    #[default]
    Medical,
    /// Every one.
    All,
    /// None.
    Off,
}

/// Whether the VLAN stack is part of a flow's key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum VlanInKey {
    /// Unless an address pair is seen tagged in one direction only.
    #[default]
    Auto,
    /// Always.
    Yes,
    /// Never.
    No,
}

/// A pipeline at work.
pub struct Running {}

/// How it ended.
#[derive(Debug)]
pub struct Finished {
    /// What the captures could not give, in order. Empty when all was read.
    pub errors: Vec<CaptureError>,
    /// The last counts.
    pub snapshot: Snapshot,
}

/// Starts the threads. Each output is a bounded queue of finished lines; live, a full one loses
/// lines and counts them, reading files it blocks.
///
/// # Errors
/// A thread that the system refuses.
pub fn start(
    _settings: Settings,
    _source: Box<dyn Source>,
    _ruleset: Arc<Ruleset>,
    _outputs: Vec<(&'static str, Sender<Arc<Out>>)>,
) -> std::io::Result<Running> {
    Ok(Running {})
}

impl Running {
    /// Asks the reader to stop; everything already read is still processed and written.
    pub fn stop(&self) {}

    /// Replaces the rules: each batch read from now on is matched with the new ones.
    pub fn swap_rules(&self, _ruleset: Arc<Ruleset>) {}

    /// The counts now; costs the pipeline nothing.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::default()
    }

    /// How far the source got.
    #[must_use]
    pub fn progress(&self) -> ReadProgress {
        ReadProgress::default()
    }

    /// Whether every thread has ended by itself.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        true
    }

    /// Waits for the end and closes the outputs' queues.
    #[must_use]
    pub fn wait(self) -> Finished {
        Finished {
            errors: Vec::new(),
            snapshot: Snapshot::default(),
        }
    }
}
