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
use crate::telemetry::{Sample, monotonic_nanos};

/// What goes to a worker.
pub(crate) enum Task {
    /// Frames, and the names of the interfaces that they came from.
    Work(Work, Arc<[String]>),
    /// Frames that the capture lost by now, since the last such word.
    Lost(u64),
    /// Whether the source is blind from now on, or sees again.
    Sight(Sight),
    /// Nothing more, at this frame and time.
    End(u64, Time),
}

/// Whether the source can see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sight {
    Blind,
    Seeing,
}

/// What the reader shares with whoever watches it.
pub(crate) struct Shared {
    pub(crate) stop: AtomicBool,
    pub(crate) rules: ArcSwap<Ruleset>,
    pub(crate) progress: Mutex<ReadProgress>,
    pub(crate) samples: Mutex<Vec<Sample>>,
    /// Why the source is blind, if it is.
    pub(crate) blind: Mutex<Option<String>>,
    pub(crate) batches: AtomicU64,
    pub(crate) errors: AtomicU64,
}

impl Shared {
    pub(crate) fn new(ruleset: Arc<Ruleset>) -> Self {
        Self {
            stop: AtomicBool::new(false),
            rules: ArcSwap::new(ruleset),
            progress: Mutex::default(),
            samples: Mutex::default(),
            blind: Mutex::default(),
            batches: AtomicU64::new(0),
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
    /// Why nothing can come at present.
    fn blind(&self) -> Option<&str> {
        None
    }
    fn progress(&self) -> ReadProgress;
    fn interfaces(&self) -> &[String];
    /// What it counts.
    fn samples(&mut self) -> Vec<Sample>;
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

    fn blind(&self) -> Option<&str> {
        self.source.blind()
    }

    fn progress(&self) -> ReadProgress {
        self.source.progress()
    }

    fn interfaces(&self) -> &[String] {
        self.source.interfaces()
    }

    fn samples(&mut self) -> Vec<Sample> {
        let losses = self.source.losses();
        self.spread.counters().samples(losses)
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
    let mut names: Arc<[String]> = Arc::default();
    while !shared.stop.load(Ordering::Relaxed) {
        let rules = shared.rules.load_full();
        let mut works: Vec<Work> = queues.iter().map(|_| empty_work(emptied, &rules)).collect();
        let filled = feed.next(&mut works);
        let read_at = monotonic_nanos();
        tell(feed.as_mut(), shared, false);
        if names.len() != feed.interfaces().len() {
            names = feed.interfaces().into();
        }
        if let Some(work) = works.first() {
            (upto, now) = (work.dispatched_upto, work.now);
        }
        if works
            .iter()
            .any(|work| !work.items.is_empty() || !work.ticks.is_empty())
        {
            for (queue, mut work) in queues.iter().zip(works) {
                work.read_at = read_at;
                // A worker that is gone has been counted as a panic.
                drop(queue.send(Task::Work(work, Arc::clone(&names))));
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
        if let Some(sight) = look(feed.as_ref(), shared)
            && let Some(queue) = queues.first()
        {
            drop(queue.send(Task::Sight(sight)));
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
    tell(feed.as_mut(), shared, true);
    for queue in queues {
        drop(queue.send(Task::End(upto.saturating_add(1), now)));
    }
    errors
}

fn empty_work(emptied: &Receiver<Work>, rules: &Arc<Ruleset>) -> Work {
    let mut work = emptied
        .try_recv()
        .unwrap_or_else(|_| Work::new(Arc::clone(rules)));
    if !Arc::ptr_eq(&work.ruleset, rules) {
        work.ruleset = Arc::clone(rules);
    }
    work
}

/// Makes readable why the source is blind; says if that changed.
fn look(feed: &dyn Feed, shared: &Shared) -> Option<Sight> {
    let mut told = shared.blind.lock().unwrap_or_else(PoisonError::into_inner);
    let now = feed.blind();
    if told.as_deref() == now {
        return None;
    }
    let (was, is) = (told.is_some(), now.is_some());
    *told = now.map(str::to_owned);
    match (was, is) {
        (false, true) => Some(Sight::Blind),
        (true, false) => Some(Sight::Seeing),
        _ => None, // blind for another reason
    }
}

/// Makes the reader's progress and counts readable.
fn tell(feed: &mut dyn Feed, shared: &Shared, last: bool) {
    add(&shared.batches, 1);
    *shared
        .progress
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = feed.progress();
    if last || shared.batches.load(Ordering::Relaxed) % TELL_BATCHES == 1 {
        publish(feed, shared);
    }
}

/// Makes the reader's counts readable.
pub(crate) fn publish(feed: &mut dyn Feed, shared: &Shared) {
    let samples = feed.samples();
    *shared
        .samples
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = samples;
}

/// The reader's own counts are published once in so many batches.
const TELL_BATCHES: u64 = 16;
/// A source that fails this often will not recover.
const ERRORS_MAX: usize = 1000;
