//! The reader's thread: frames from the source, through the spread, to the workers' queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use crossbeam::channel::{Receiver, Sender};
use parsers::time::Time;
use rules::Ruleset;

use crate::capture::{Batch, CaptureError, Fill, Losses, ReadProgress, Source};
use crate::correlate_thread::add;
use crate::spread::{Spread, Work};
use crate::telemetry::monotonic_nanos;

/// What goes to a worker.
pub(crate) enum Task {
    /// Frames.
    Work(Work),
    /// Frames that the capture lost by now, since the last such word.
    Lost(u64),
    /// Nothing more, at this frame and time.
    End(u64, Time),
}

/// What the reader shares with whoever watches it.
pub(crate) struct Shared {
    pub(crate) stop: AtomicBool,
    pub(crate) rules: ArcSwap<Ruleset>,
    pub(crate) progress: Mutex<ReadProgress>,
    pub(crate) interfaces: Mutex<Vec<String>>,
    pub(crate) frames: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) lost_kernel: AtomicU64,
    pub(crate) lost_interface: AtomicU64,
    pub(crate) errors: AtomicU64,
}

impl Shared {
    pub(crate) fn new(ruleset: Arc<Ruleset>) -> Self {
        Self {
            stop: AtomicBool::new(false),
            rules: ArcSwap::new(ruleset),
            progress: Mutex::default(),
            interfaces: Mutex::default(),
            frames: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            received: AtomicU64::new(0),
            lost_kernel: AtomicU64::new(0),
            lost_interface: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        }
    }
}

/// Whatever hands out works, one for each worker, all of the same frames: in the program a source
/// and the spread.
pub(crate) trait Feed: Send {
    /// Makes the next works.
    fn next(&mut self, works: &mut [Work]) -> Result<Fill, CaptureError>;
    /// What the capture lost so far.
    fn losses(&mut self) -> Losses;
    fn progress(&self) -> ReadProgress;
    fn interfaces(&self) -> &[String];
}

/// A source and the spread behind it.
pub(crate) struct Spreading {
    source: Box<dyn Source>,
    spread: Spread,
    batch: Batch,
}

impl Spreading {
    pub(crate) fn new(source: Box<dyn Source>, workers: usize) -> Self {
        Self {
            source,
            spread: Spread::new(workers),
            batch: Batch::default(),
        }
    }
}

impl Feed for Spreading {
    fn next(&mut self, works: &mut [Work]) -> Result<Fill, CaptureError> {
        self.batch.clear();
        let filled = self.source.fill(&mut self.batch);
        self.spread.spread(&mut self.batch, works);
        filled
    }

    fn losses(&mut self) -> Losses {
        self.source.losses()
    }

    fn progress(&self) -> ReadProgress {
        self.source.progress()
    }

    fn interfaces(&self) -> &[String] {
        self.source.interfaces()
    }
}

/// Reads until the source ends or somebody says stop. Emptied works come back from the workers.
pub(crate) fn run(
    mut feed: Box<dyn Feed>,
    shared: &Shared,
    queues: &[Sender<Task>],
    emptied: &Receiver<Work>,
) -> Vec<CaptureError> {
    let mut errors = Vec::new();
    let mut lost = 0_u64;
    let (mut upto, mut now) = (0_u64, Time::ZERO);
    while !shared.stop.load(Ordering::Relaxed) {
        let rules = shared.rules.load_full();
        let mut works: Vec<Work> = queues
            .iter()
            .map(|_| empty_work(emptied, &rules))
            .collect();
        let filled = feed.next(&mut works);
        let read_at = monotonic_nanos();
        tell(feed.as_mut(), shared, &works);
        if let Some(work) = works.first() {
            (upto, now) = (work.dispatched_upto, work.now);
        }
        if works.iter().any(|work| !work.items.is_empty() || !work.ticks.is_empty()) {
            for (queue, mut work) in queues.iter().zip(works) {
                work.read_at = read_at;
                // A worker that is gone has been counted as a panic.
                drop(queue.send(Task::Work(work)));
            }
        }
        let losses = feed.losses();
        let all = losses.kernel.saturating_add(losses.interface);
        if all > lost
            && let Some(queue) = queues.first()
        {
            drop(queue.send(Task::Lost(all.saturating_sub(lost))));
            lost = all;
        }
        match filled {
            Ok(Fill::More) => {}
            Ok(Fill::End) => break,
            Err(error) => {
                errors.push(error);
                add(&shared.errors, 1);
                if errors.len() >= ERRORS_MAX {
                    break;
                }
            }
        }
    }
    for queue in queues {
        drop(queue.send(Task::End(upto.saturating_add(1), now)));
    }
    errors
}

fn empty_work(emptied: &Receiver<Work>, rules: &Arc<Ruleset>) -> Work {
    let mut work = emptied.try_recv().unwrap_or_else(|_| Work::new(Arc::clone(rules)));
    if !Arc::ptr_eq(&work.ruleset, rules) {
        work.ruleset = Arc::clone(rules);
    }
    work
}

fn tell(feed: &mut dyn Feed, shared: &Shared, works: &[Work]) {
    let frames: usize = works.iter().map(|work| work.items.len()).sum();
    add(&shared.frames, frames as u64);
    add(&shared.batches, 1);
    let losses = feed.losses();
    shared.received.store(losses.received, Ordering::Relaxed);
    shared.lost_kernel.store(losses.kernel, Ordering::Relaxed);
    shared.lost_interface.store(losses.interface, Ordering::Relaxed);
    *shared.progress.lock().unwrap_or_else(PoisonError::into_inner) = feed.progress();
    let mut names = shared.interfaces.lock().unwrap_or_else(PoisonError::into_inner);
    if names.len() != feed.interfaces().len() {
        *names = feed.interfaces().to_vec();
    }
}

/// A source that fails this often will not recover.
const ERRORS_MAX: usize = 1000;
