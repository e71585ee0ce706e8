//! What waits for the writer. It is bounded by bytes, and what happens when the disk stalls is policy:
//! live, nobody upstream waits. The milder alerts may fill three quarters of the queue, severe ones
//! all of it; what finds no room is counted, logged, and in eve.json all the same. Reading files, the
//! reader waits and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parsers::time::Time;
use rules::Severity;

use super::change::Change;
use super::counts::Counts;
use super::error::Error;
use crate::clock;

/// A line that the store keeps.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) event_type: &'static str,
    pub(super) time: Time,
    /// Of an alert.
    pub(super) severity: Option<Severity>,
    /// Without line feed.
    pub(super) json: Box<str>,
}

/// Something to do within a transaction; what it gives is called once that is durable. It says
/// whether it succeeded: if not, what it wrote is undone.
pub(super) type Job = Box<dyn FnOnce(&Change<'_>) -> (Result<(), Error>, Reply) + Send>;

/// Tells whoever asked.
pub(super) type Reply = Box<dyn FnOnce(Option<Error>) + Send>;

/// What the writer does.
pub(super) enum Item {
    /// Stores a line.
    Line(Taken),
    /// Does what somebody waits for.
    Job(Job),
    /// Somebody found that the file of this generation is damaged.
    Damaged(u64, String),
    /// Writes what waits, and ends.
    Stop,
}

/// The most that waits, whatever its size: small lines cost room too.
const ITEMS_MAX: usize = 65_536;
/// How long somebody who asks for a change waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a reader of files sleeps before it looks again whether there is room.
const LOOK: Duration = Duration::from_millis(2);

/// The end that is written to.
#[derive(Clone)]
pub(super) struct Queue {
    items: Sender<Item>,
    waiting: Arc<AtomicU64>,
    bytes_max: u64,
    closing: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

/// The end that is read.
pub(super) struct Waiting {
    items: Receiver<Item>,
    bytes: Arc<AtomicU64>,
}

pub(super) fn queue(bytes_max: u64, counts: &Arc<Counts>) -> (Queue, Waiting) {
    let (send, items) = bounded(ITEMS_MAX);
    let bytes = Arc::new(AtomicU64::new(0));
    let queue = Queue {
        items: send,
        waiting: Arc::clone(&bytes),
        bytes_max,
        closing: Arc::default(),
        counts: Arc::clone(counts),
    };
    (queue, Waiting { items, bytes })
}

impl Queue {
    /// Adds a line, or loses it and counts that.
    pub(super) fn offer(&self, taken: Taken, wait: bool) {
        let severity = taken.severity;
        let size = size(&taken);
        let limit = match severity {
            Some(Severity::High | Severity::Critical) => self.bytes_max,
            _ => self.bytes_max.wrapping_div(4).saturating_mul(3),
        };
        while self.waiting.load(Ordering::Relaxed).saturating_add(size) > limit {
            if !wait || self.closing.load(Ordering::Relaxed) {
                return self.counts.lost(severity);
            }
            clock::pause(LOOK);
        }
        self.waiting.fetch_add(size, Ordering::Relaxed);
        let sent = if wait {
            self.items.send(Item::Line(taken)).is_ok()
        } else {
            self.items.try_send(Item::Line(taken)).is_ok()
        };
        if !sent {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            self.counts.lost(severity);
        }
    }

    /// Adds something that somebody waits for.
    pub(super) fn ask(&self, item: Item) -> Result<(), Error> {
        self.items
            .send_timeout(item, PATIENCE)
            .map_err(|_| Error::Unwritten)
    }

    /// From now on nobody waits for room.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Waiting {
    /// The next one, if one comes within that time.
    pub(super) fn next(&self, within: Duration) -> Result<Item, RecvTimeoutError> {
        self.items.recv_timeout(within)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// A line is written, or given up.
    pub(super) fn done(&self, taken: &Taken) {
        self.bytes.fetch_sub(size(taken), Ordering::Relaxed);
    }
}

fn size(taken: &Taken) -> u64 {
    let overhead = size_of::<Item>();
    u64::try_from(taken.json.len().saturating_add(overhead)).unwrap_or(u64::MAX)
}
