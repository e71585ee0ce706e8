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
    /// When its counts were last made readable, on the monotonic clock.
    told_at: AtomicU64,
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
            told_at: AtomicU64::new(0),
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
    pub(crate) fn new(source: Box<dyn Source>, spread: Spread) -> Self {
        Self {
            source,
            spread,
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
    let mut works: Vec<Work> = Vec::with_capacity(queues.len());
    while !shared.stop.load(Ordering::Relaxed) {
        let rules = shared.rules.load_full();
        works.resize_with(queues.len(), || empty_work(emptied, &rules));
        for work in &mut works {
            if !Arc::ptr_eq(&work.ruleset, &rules) {
                work.ruleset = Arc::clone(&rules);
            }
        }
        let filled = feed.next(&mut works);
        let read_at = monotonic_nanos();
        tell(feed.as_mut(), shared, Some(read_at));
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
            for (queue, mut work) in queues.iter().zip(works.drain(..)) {
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
    tell(feed.as_mut(), shared, None);
    for queue in queues {
        drop(queue.send(Task::End(upto.saturating_add(1), now)));
    }
    errors
}

fn empty_work(emptied: &Receiver<Work>, rules: &Arc<Ruleset>) -> Work {
    emptied
        .try_recv()
        .unwrap_or_else(|_| Work::new(Arc::clone(rules)))
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

/// Makes the reader's progress and counts readable: the counts, of which there are many, once in
/// a while and at the end, where there is no `now`.
fn tell(feed: &mut dyn Feed, shared: &Shared, now: Option<u64>) {
    *shared
        .progress
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = feed.progress();
    let told_at = shared.told_at.load(Ordering::Relaxed);
    if now.is_none_or(|now| told_at == 0 || now.saturating_sub(told_at) >= TELL_NANOS) {
        shared
            .told_at
            .store(now.unwrap_or(told_at).max(1), Ordering::Relaxed);
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

/// The reader's own counts are published this often: making them allocates, and nobody asks more
/// often.
const TELL_NANOS: u64 = 250_000_000;
/// A source that fails this often will not recover.
const ERRORS_MAX: usize = 1000;
