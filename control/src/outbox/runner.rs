//! The thread of a sink: takes what follows its cursor, delivers, acknowledges; waits ever longer
//! while the receiver is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Batch, Counts, Entry, Reader};
use crate::clock::Stopwatch;
use crate::store::Store;

/// A way to a receiver. It delivers in order and need not remember anything.
pub trait Deliver: Send + 'static {
    /// The sink's name in the configuration: it names its cursor.
    fn name(&self) -> &str;

    /// Delivers all of them, in order.
    ///
    /// # Errors
    /// How many were delivered before it failed, why, and whether trying again may help.
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure>;

    /// The most entries at once.
    fn batch_max(&self) -> usize {
        256
    }

    /// Nothing to deliver for a second: a connection may be kept alive, or tested.
    fn idle(&mut self) {}
}

/// Why a batch was not delivered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// How many entries, from the beginning, were delivered all the same.
    pub delivered: usize,
    /// Whether trying again may help. If not, the entry after those delivered is given up.
    pub again: bool,
    /// What went wrong, without the contents of any entry.
    pub why: String,
}

impl Failure {
    /// The receiver is away, or does not take anything at present.
    #[must_use]
    pub const fn later(delivered: usize, why: String) -> Self {
        Self {
            delivered,
            again: true,
            why,
        }
    }

    /// The receiver will never take the entry after those delivered.
    #[must_use]
    pub const fn refused(delivered: usize, why: String) -> Self {
        Self {
            delivered,
            again: false,
            why,
        }
    }
}

/// The first wait after a failure; each further one is twice as long.
const WAIT_MIN: Duration = Duration::from_millis(250);
/// The longest: a receiver that is back has not long to wait for what it missed.
const WAIT_MAX: Duration = Duration::from_secs(15);
/// How long a sink without work sleeps at most.
const IDLE: Duration = Duration::from_secs(1);
/// How often a waiting sink looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// A sink at work.
pub struct Runner {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Starts a sink's thread. The sink has to be [registered](super::register).
///
/// # Errors
/// A thread that the system refuses.
pub fn spawn(store: &Store, sink: impl Deliver) -> std::io::Result<Runner> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut turn = Turn {
        reader: Reader::new(store, sink.name()),
        counts: Arc::clone(store.outbox_counts()),
        sink,
        stop: Arc::clone(&stop),
        failing: None,
    };
    let thread = std::thread::Builder::new()
        .name(format!("sink-{}", turn.reader.sink()))
        .spawn(move || turn.run())?;
    Ok(Runner { stop, thread })
}

impl Runner {
    /// Lets the sink end what it is at, and waits for that. What it has not delivered it goes on
    /// with after the next start.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // A sink that panicked has nothing more to say.
        drop(self.thread.join());
    }
}

struct Turn<D> {
    reader: Reader,
    counts: Arc<Counts>,
    sink: D,
    stop: Arc<AtomicBool>,
    /// How long it waited after the last failure, while it fails.
    failing: Option<Duration>,
}

impl<D: Deliver> Turn<D> {
    fn run(&mut self) {
        while !self.stopping() {
            match self.reader.next(self.sink.batch_max().max(1)) {
                Ok(batch) if batch.entries.is_empty() => self.nothing(&batch),
                Ok(batch) => self.deliver(&batch),
                Err(error) => self.wait(&error.to_string()),
            }
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Nothing for this sink; its cursor passes what is for others.
    fn nothing(&mut self, batch: &Batch) {
        self.ack(batch.upto);
        self.sink.idle();
        self.reader.wait(IDLE);
    }

    fn deliver(&mut self, batch: &Batch) {
        match self.sink.deliver(&batch.entries) {
            Ok(()) => {
                self.went(batch.entries.len());
                self.ack(batch.upto);
            }
            Err(failure) => self.failed(batch, &failure),
        }
    }

    fn failed(&mut self, batch: &Batch, failure: &Failure) {
        let (delivered, _) = batch
            .entries
            .split_at_checked(failure.delivered)
            .unwrap_or((&batch.entries, &[]));
        let mut upto = delivered.last().map(|entry| entry.seq);
        if !delivered.is_empty() {
            self.went(delivered.len());
        }
        if let Some(refused) = batch
            .entries
            .get(failure.delivered)
            .filter(|_| !failure.again)
        {
            self.counts.refused(self.reader.sink());
            let (sink, id, why) = (self.reader.sink(), &refused.id, &failure.why);
            tracing::error!(sink, id, "the receiver will never take this: {why}");
            upto = Some(refused.seq);
        }
        if let Some(upto) = upto {
            self.ack(upto);
        }
        if failure.again {
            self.counts.failed(self.reader.sink(), &failure.why);
            self.wait(&failure.why);
        }
    }

    fn went(&mut self, entries: usize) {
        let entries = u64::try_from(entries).unwrap_or(u64::MAX);
        self.counts.delivered(self.reader.sink(), entries);
        if self.failing.take().is_some() {
            tracing::info!(sink = self.reader.sink(), "delivers again");
        }
    }

    fn ack(&mut self, upto: i64) {
        // Not noted: delivered again after the next start, which a receiver tells by the id.
        if let Err(error) = self.reader.ack(upto) {
            self.wait(&error.to_string());
        }
    }

    /// Says once that it fails, and waits longer each time.
    fn wait(&mut self, why: &str) {
        let sink = self.reader.sink();
        let span = match self.failing {
            None => {
                tracing::warn!(sink, "cannot deliver, entries wait in the outbox: {why}");
                WAIT_MIN
            }
            Some(last) => last.saturating_mul(2).min(WAIT_MAX),
        };
        self.failing = Some(span);
        let since = Stopwatch::start();
        while since.elapsed() < span && !self.stopping() {
            crate::clock::pause(LOOK.min(span));
        }
    }
}

/// Stops all of them at once, and waits for the last.
pub fn stop(runners: Vec<Runner>) {
    for runner in &runners {
        runner.stop.store(true, Ordering::Relaxed);
    }
    for runner in runners {
        runner.stop();
    }
}
