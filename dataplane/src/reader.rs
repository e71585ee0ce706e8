//! Reads a source: frames from it, through the spread, to whoever works on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use crossbeam::channel::Receiver;
use parsers::time::Time;
use rules::Ruleset;

use crate::capture::{Batch, CaptureError, Fill, Losses, ReadProgress, Source};
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
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Sight {
    Blind,
    #[default]
    Seeing,
}

/// What readers share with whoever watches them.
pub(crate) struct Shared {
    pub(crate) stop: AtomicBool,
    /// No source gives frames any more, though each could.
    pub(crate) silent: AtomicBool,
    pub(crate) rules: ArcSwap<Ruleset>,
    /// What each reader tells.
    pub(crate) told: Vec<Told>,
}

/// What one reader tells.
#[derive(Default)]
pub(crate) struct Told {
    progress: Mutex<ReadProgress>,
    samples: Mutex<Vec<Sample>>,
    view: Mutex<View>,
    /// When the counts were last made readable, on the monotonic clock.
    at: AtomicU64,
    worst: Mutex<Worst>,
}

/// What a source sees.
#[derive(Default)]
struct View {
    /// Why it is blind, as it says itself.
    blind: Option<String>,
    /// As it was last told.
    sight: Sight,
}

/// The most frames lost within one second: a mean over hours hides the second that mattered.
#[derive(Default)]
struct Worst {
    second: i64,
    lost: u64,
    most: u64,
}

impl Shared {
    pub(crate) fn new(ruleset: Arc<Ruleset>, readers: usize) -> Self {
        Self {
            stop: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            rules: ArcSwap::new(ruleset),
            told: std::iter::repeat_with(Told::default)
                .take(readers)
                .collect(),
        }
    }
}

impl Told {
    pub(crate) fn progress(&self) -> ReadProgress {
        *lock(&self.progress)
    }

    pub(crate) fn samples(&self) -> Vec<Sample> {
        lock(&self.samples).clone()
    }

    pub(crate) fn blind(&self) -> Option<String> {
        lock(&self.view).blind.clone()
    }

    /// Makes a reader's counts readable.
    fn publish(&self, feed: &mut dyn Feed) {
        let mut samples = feed.samples();
        samples.push(Sample {
            name: "vitalwire_capture_worst_second_dropped_frames",
            help: "The most frames that the capture lost within one second.",
            counter: false,
            labels: Vec::new(),
            value: lock(&self.worst).most,
        });
        *lock(&self.samples) = samples;
    }

    /// The capture lost so many frames more, as it says at this time.
    fn lost(&self, frames: u64, now: Time) {
        let mut worst = lock(&self.worst);
        if worst.second != now.secs() {
            (worst.second, worst.lost) = (now.secs(), 0);
        }
        worst.lost = worst.lost.saturating_add(frames);
        worst.most = worst.most.max(worst.lost);
    }

    /// Makes a reader's progress and counts readable: the counts, of which there are many, once in
    /// a while and at the end, where there is no `now`.
    fn tell(&self, feed: &mut dyn Feed, now: Option<u64>) {
        *lock(&self.progress) = feed.progress();
        let at = self.at.load(Ordering::Relaxed);
        if now.is_none_or(|now| at == 0 || now.saturating_sub(at) >= TELL_NANOS) {
            self.at.store(now.unwrap_or(at).max(1), Ordering::Relaxed);
            self.publish(feed);
        }
    }

    /// Makes readable why the source is blind; says if it, or silence, changed what can be seen.
    fn look(&self, feed: &dyn Feed, silent: bool) -> Option<Sight> {
        let mut view = lock(&self.view);
        let blind = feed.blind();
        if view.blind.as_deref() != blind {
            view.blind = blind.map(str::to_owned);
        }
        let sight = if blind.is_some() || silent {
            Sight::Blind
        } else {
            Sight::Seeing
        };
        let before = std::mem::replace(&mut view.sight, sight);
        (before != sight).then_some(sight)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        if self.batch.read_at == 0 {
            self.batch.read_at = monotonic_nanos();
        }
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
        let mut samples = self.spread.counters().samples(losses);
        samples.extend(self.source.samples());
        samples
    }
}

/// One reader.
pub(crate) struct Reader {
    feed: Box<dyn Feed>,
    shared: Arc<Shared>,
    /// Which of the readers.
    at: usize,
    /// How many workers it reads for.
    workers: usize,
    /// Emptied works come back here.
    emptied: Receiver<Work>,
}

impl Reader {
    /// Of a feed, for so many workers.
    pub(crate) fn new(
        mut feed: Box<dyn Feed>,
        shared: Arc<Shared>,
        at: usize,
        workers: usize,
        emptied: Receiver<Work>,
    ) -> Self {
        // Every counter is there from the beginning, at zero: so Prometheus wants it.
        if let Some(told) = shared.told.get(at) {
            told.publish(feed.as_mut());
        }
        Self {
            feed,
            shared,
            at,
            workers,
            emptied,
        }
    }

    /// Reads until the source ends or somebody says stop; gives each task to the worker that it is
    /// for.
    pub(crate) fn run(mut self, mut give: impl FnMut(usize, Task)) -> Vec<CaptureError> {
        let shared = Arc::clone(&self.shared);
        let Some(told) = shared.told.get(self.at) else {
            return Vec::new();
        };
        let mut errors = Vec::new();
        let (mut upto, mut now) = (0_u64, Time::ZERO);
        let mut lost = 0_u64;
        let mut names: Arc<[String]> = Arc::default();
        let mut works: Vec<Work> = Vec::with_capacity(self.workers);
        while !shared.stop.load(Ordering::Relaxed) {
            self.empty_works(&mut works);
            let filled = self.feed.next(&mut works);
            told.tell(self.feed.as_mut(), Some(monotonic_nanos()));
            if names.len() != self.feed.interfaces().len() {
                names = self.feed.interfaces().into();
            }
            let before = upto;
            if let Some(work) = works.first() {
                (upto, now) = (work.dispatched_upto, work.now);
            }
            if upto > before || works.iter().any(|work| !work.ticks.is_empty()) {
                for (worker, work) in works.drain(..).enumerate() {
                    give(worker, Task::Work(work, Arc::clone(&names)));
                }
            }
            let all = self.feed.losses().dropped();
            if all > lost {
                let more = all.saturating_sub(lost);
                told.lost(more, now);
                give(0, Task::Lost(more));
                lost = all;
            }
            let silent = shared.silent.load(Ordering::Relaxed);
            if let Some(sight) = told.look(self.feed.as_ref(), silent)
                && self.at == 0
            {
                give(0, Task::Sight(sight));
            }
            match filled {
                Ok(Fill::More) => {}
                Ok(Fill::End) => break,
                Err(error) => {
                    errors.push(error);
                    if errors.len() >= ERRORS_MAX {
                        break;
                    }
                }
            }
        }
        told.tell(self.feed.as_mut(), None);
        for worker in 0..self.workers {
            give(worker, Task::End(upto.saturating_add(1), now));
        }
        errors
    }

    /// A work for each worker, with the rules of now.
    fn empty_works(&self, works: &mut Vec<Work>) {
        let rules = self.shared.rules.load_full();
        works.resize_with(self.workers, || {
            let emptied = self.emptied.try_recv();
            emptied.unwrap_or_else(|_| Work::new(Arc::clone(&rules)))
        });
        for work in works {
            if !Arc::ptr_eq(&work.ruleset, &rules) {
                work.ruleset = Arc::clone(&rules);
            }
        }
    }
}

/// The reader's own counts are published this often: making them allocates, and nobody asks more
/// often.
const TELL_NANOS: u64 = 250_000_000;
/// A source that fails this often will not recover.
const ERRORS_MAX: usize = 1000;
