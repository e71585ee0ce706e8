//! The embedded store: alerts, incidents, findings, the audit log, and the outbox, in one
//! SQLite file. Protocol events do not enter it.
//!
//! One thread writes, in transactions of what came meanwhile; others read at the same time, each from
//! its own snapshot. Whoever writes goes through [`Store::write`], which comes back once it is
//! durable. Alerts come through [`Intake`], which waits for nobody. Reading is for threads that may
//! wait for the disk: from handlers of requests by `spawn_blocking`.

#![expect(
    clippy::result_large_err,
    reason = "rusqlite's error, in its own closures; far from the packet path"
)]

mod alerts;
pub mod audit;
mod audit_trim;
mod bell;
mod change;
mod counts;
pub mod device_lists;
mod error;
pub(crate) mod findings;
pub mod hold;
pub mod incidents;
mod intake;
mod migrate;
mod opening;
pub mod precision;
pub mod preview;
pub mod query;
mod queue;
mod readers;
mod retention;
pub mod rule_versions;
pub mod suppressions;
#[cfg(test)]
pub(crate) mod tests;
mod tokens;
mod upkeep;
pub mod uploads;
pub mod views;
pub mod words;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Sender, bounded};
use dataplane::telemetry::{Latency, Sample};
use rules::correlate::Out;
use rules::eve::Eve;
use rusqlite::Connection;
use tokio::sync::watch;

pub use change::Change;
pub use counts::Counts;
pub use error::Error;
pub use intake::Intake;
pub use opening::{FILE, read_only, to_copy};
pub use words::{Status, Verdict};

use crate::clock::Stopwatch;
use crate::config;
use crate::outbox;
use bell::Bell;
use queue::{Item, Queue, Reply, Taken};
use readers::Readers;
use writer::Writer;

/// How the store behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What every line shares that the store makes itself.
    eve: Eve,
    max_bytes: u64,
    queue_bytes: u64,
    /// In microseconds.
    incident_window: i64,
    keep: Keep,
    outbox: outbox::Bounds,
    tell_after: Duration,
}

/// For how long things are kept, in microseconds; 0 for ever.
#[derive(Clone, Copy, Debug)]
struct Keep {
    /// By severity, the mildest first.
    alerts: [i64; 5],
    incidents: i64,
    audit: i64,
}

impl Keep {
    fn of(&self, severity: i64) -> i64 {
        words::at(&self.alerts, severity).unwrap_or(0)
    }
}

impl Settings {
    /// As configured.
    #[must_use]
    pub fn new(config: &config::Store, eve: Eve) -> Self {
        let micros =
            |span: config::units::Span| i64::try_from(span.0.as_micros()).unwrap_or(i64::MAX);
        let keep = &config.keep;
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Self {
            eve,
            max_bytes: config.max_size.0,
            queue_bytes: config.queue.0,
            incident_window: micros(config.incidents.window),
            keep: Keep {
                alerts: [keep.info, keep.low, keep.medium, keep.high, keep.critical].map(micros),
                incidents: micros(keep.incidents),
                audit: micros(keep.audit),
            },
            outbox: outbox::Bounds {
                entries: count(config.outbox.entries),
                bytes: count(config.outbox.bytes.0),
            },
            tell_after: config.outbox.tell_after.0,
        }
    }
}

/// The store. Clones are the same one.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    queue: Queue,
    readers: Readers,
    counts: Arc<Counts>,
    outbox: Arc<outbox::Counts>,
    bell: Arc<Bell>,
    sinks: Arc<outbox::Sinks>,
    tell_after: Duration,
    thread: Mutex<Option<JoinHandle<()>>>,
    path: PathBuf,
    /// Keeps other programs out for as long as this one is open.
    _lock: std::fs::File,
}

impl Store {
    /// Opens the store in a directory, and starts its thread. `echo` gets the lines that the store
    /// makes itself, of incidents and of the audit log.
    ///
    /// # Errors
    /// A directory that cannot be used, a store that another program writes or a newer one wrote. A
    /// damaged store is none: it is set aside, and a fresh one begun.
    pub fn open(
        dir: &Path,
        settings: Settings,
        echo: Option<Sender<Arc<Out>>>,
    ) -> Result<Self, Error> {
        let lock = opening::lock(dir)?;
        let path = dir.join(FILE);
        let opened = opening::open(&path)?;
        let counts = Arc::new(Counts::default());
        let (queue, waiting) = queue::queue(settings.queue_bytes, &counts);
        let generation = Arc::new(AtomicU64::new(0));
        let tell_after = settings.tell_after;
        let mut writer = Writer {
            path: path.clone(),
            conn: opened.conn,
            settings,
            waiting,
            counts: Arc::clone(&counts),
            outbox: Arc::default(),
            generation: Arc::clone(&generation),
            bell: Arc::new(Bell::new()),
            echo,
            group: writer::Group::default(),
            upkeep: upkeep::Upkeep::default(),
            since_upkeep: Stopwatch::start(),
            failing: false,
            sinks: Arc::default(),
        };
        let sinks = Arc::clone(&writer.sinks);
        if let Some((aside, why)) = opened.aside {
            writer.begun_anew(&aside, &why)?;
        }
        let (outbox, bell) = (Arc::clone(&writer.outbox), Arc::clone(&writer.bell));
        let thread = spawn("store", move || writer.run())?;
        if opened.unchecked {
            check_beside(&path, &queue)?;
        }
        Ok(Self(Arc::new(Inner {
            queue,
            readers: Readers::new(path.clone(), generation),
            counts,
            outbox,
            bell,
            sinks,
            tell_after,
            thread: Mutex::new(Some(thread)),
            path,
            _lock: lock,
        })))
    }

    /// Changes something, as a whole or not at all, and comes back once that is durable.
    ///
    /// # Errors
    /// What `act` says; a store that cannot be written.
    pub fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Change<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (tell, told) = bounded(1);
        let job = move |change: &Change<'_>| {
            let (value, outcome) = match act(change) {
                Ok(value) => (Some(value), Ok(())),
                Err(error) => (None, Err(error)),
            };
            let reply: Reply = Box::new(move |error| {
                // Fails only when nobody waits any more.
                drop(tell.send(value.ok_or_else(|| error.unwrap_or(Error::Unwritten))));
            });
            (outcome, reply)
        };
        self.0.queue.ask(Item::Job(Box::new(job)))?;
        told.recv().unwrap_or(Err(Error::Unwritten))
    }

    /// Reads, in the calling thread.
    ///
    /// # Errors
    /// What `act` says; no free connection, or a question that takes too long.
    pub fn read<T>(&self, act: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let generation = self.0.readers.generation();
        let outcome = self.0.readers.read(act);
        if let Err(error) = &outcome
            && error.is_damage()
        {
            let damaged = Item::Damaged(generation, error.to_string());
            self.0.queue.ask(damaged)?;
        }
        outcome
    }

    /// Takes a line, or counts it as lost.
    fn offer(&self, taken: Taken, wait: bool) {
        self.0.queue.offer(taken, wait);
    }

    /// Until something was written, at most so long.
    pub fn wait(&self, at_most: Duration) {
        self.0.bell.wait(at_most);
    }

    /// Changes each time that something was written.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.bell.watch()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What the store counts.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// What the outbox counts.
    #[must_use]
    pub fn outbox_counts(&self) -> &Arc<outbox::Counts> {
        &self.0.outbox
    }

    /// The sinks that are registered.
    pub(crate) fn sinks(&self) -> &Arc<outbox::Sinks> {
        &self.0.sinks
    }

    /// How long a sink may fail before it is a finding.
    pub(crate) fn tell_after(&self) -> Duration {
        self.0.tell_after
    }

    /// For Prometheus.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = self.0.counts.samples(self.0.queue.bytes());
        samples.extend(self.0.outbox.samples());
        samples
    }

    /// How long transactions take.
    #[must_use]
    pub fn latency(&self) -> Latency {
        self.0.counts.latency.read()
    }

    /// Writes what waits, and ends the thread. Nothing can be written afterwards.
    pub fn close(&self) {
        self.0.queue.close();
        let mut thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(thread) = thread.take() else {
            return;
        };
        // Fails only when the thread is gone.
        drop(self.0.queue.ask(Item::Stop));
        drop(thread.join());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            drop(self.queue.ask(Item::Stop));
            drop(thread.join());
        }
    }
}

/// Checks a large store while it is in use.
fn check_beside(path: &Path, queue: &Queue) -> Result<(), Error> {
    let (path, queue) = (path.to_path_buf(), queue.clone());
    let check = move || {
        let outcome = read_only(&path).and_then(|mut conn| opening::check(&mut conn, None));
        match outcome {
            Err(error) if error.is_damage() => {
                // The writer is gone only when everything ends.
                drop(queue.ask(Item::Damaged(0, error.to_string())));
            }
            Err(error) => tracing::warn!(%error, "the store could not be checked"),
            Ok(_) => tracing::debug!("the store is whole"),
        }
    };
    spawn("store-check", check).map(drop)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|error| Error::Files(format!("thread {name}: {error}")))
}
