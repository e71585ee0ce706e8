//! The thread of a sink: takes what comes next, delivers, acknowledges; waits ever longer while the
//! receiver is away. A sink that panics is made anew after a while: its thread does not end of that.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::alarm::Alarm;
use super::{Batch, Entry, Feed, Told};
use crate::clock::Stopwatch;
use crate::store::Store;

/// A way to a receiver. It delivers in order and need not remember anything.
pub trait Deliver: Send + 'static {
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

/// A way, and how it is made anew when it broke.
pub struct Way {
    /// The way.
    pub sink: Box<dyn Deliver>,
    /// Makes another one like it.
    pub again: Box<dyn FnMut() -> Result<Box<dyn Deliver>, String> + Send>,
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
/// The first wait after a panic.
const PANIC_WAIT: Duration = Duration::from_secs(1);
/// How long a sink without work sleeps at most.
const IDLE: Duration = Duration::from_secs(1);
/// How often a waiting sink looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
/// An entry over which a sink panicked so often, alone, is given up, if the sink works otherwise.
const PANICS_MAX: u32 = 3;
/// The same where nothing shows that it does: some minutes.
const PANICS_MAX_IDLE: u32 = 10;
/// How long a sink that ends still delivers what nobody keeps for it.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How a sink is to go on.
const GO: u8 = 0;
/// It delivers what nobody keeps for it, and ends.
const END: u8 = 1;
/// It ends: another one takes its place.
const YIELD: u8 = 2;

/// A sink at work.
pub struct Runner {
    order: Arc<AtomicU8>,
    thread: JoinHandle<()>,
}

/// Starts a sink's thread, which waits for the end of the one whose place it takes. For a feed from
/// the outbox the sink has to be [registered](super::register).
///
/// # Errors
/// A thread that the system refuses.
pub fn spawn(
    store: &Store,
    feed: impl Feed,
    way: Way,
    before: Option<Runner>,
) -> std::io::Result<Runner> {
    let order = Arc::new(AtomicU8::new(GO));
    let mut turn = Turn {
        alarm: Alarm::new(store, feed.label()),
        feed,
        way,
        order: Arc::clone(&order),
        failing: None,
        at: (0, 0),
        trouble: None,
        broken: false,
        works: false,
    };
    let thread = std::thread::Builder::new()
        .name(format!("sink-{}", turn.feed.sink()))
        .spawn(move || {
            if let Some(before) = before {
                before.leave();
                before.join();
            }
            turn.live();
        })?;
    Ok(Runner { order, thread })
}

impl Runner {
    /// Tells it to end as soon as it has done what it is at.
    pub fn leave(&self) {
        self.order.store(YIELD, Ordering::Relaxed);
    }

    /// Waits for its end.
    pub fn join(self) {
        // One that panicked outside of its work has nothing more to say.
        drop(self.thread.join());
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }
}

/// What a sink that panicked goes through until it delivers as before.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    /// The first entry of the batch at which it panicked.
    at: i64,
    /// How often there, one after the other.
    times: u32,
    /// So many entries are delivered one by one: the others are not to suffer for one.
    singly: usize,
}

struct Turn<F> {
    feed: F,
    way: Way,
    alarm: Alarm,
    order: Arc<AtomicU8>,
    /// How long it waited after the last failure, while it fails.
    failing: Option<Duration>,
    /// What it is at: the first entry, and how many.
    at: (i64, usize),
    trouble: Option<Trouble>,
    /// The sink panicked and has to be made anew.
    broken: bool,
    /// It delivered something since the start, or since an entry was given up.
    works: bool,
}

impl<F: Feed> Turn<F> {
    /// Works until it is told to end, whatever happens.
    fn live(&mut self) {
        // What the sink itself holds is thrown away; what is ours are counts and times.
        while catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
            self.panicked();
        }
    }

    fn run(&mut self) {
        let mut ending = None;
        while !self.is_over(&mut ending) {
            if let Err(why) = self.mend() {
                self.alarm.failed(&why);
                self.wait(&why);
                continue;
            }
            let max = match self.trouble {
                Some(trouble) if trouble.singly > 0 => 1,
                _ => self.way.sink.batch_max().max(1),
            };
            match self.feed.next(max) {
                Ok(batch) if batch.entries.is_empty() => self.nothing(&batch),
                Ok(batch) => self.deliver(&batch),
                Err(error) => self.wait(&error),
            }
        }
    }

    fn stopping(&self) -> bool {
        self.order.load(Ordering::Relaxed) != GO
    }

    fn is_over(&self, ending: &mut Option<Stopwatch>) -> bool {
        match self.order.load(Ordering::Relaxed) {
            GO => false,
            END if self.feed.owes() && self.failing.is_none() => {
                ending.get_or_insert_with(Stopwatch::start).elapsed() > LAST_WORDS
            }
            _ => true,
        }
    }

    fn mend(&mut self) -> Result<(), String> {
        if self.broken {
            self.way.sink = (self.way.again)()?;
            self.broken = false;
        }
        Ok(())
    }

    /// Nothing for this sink; its cursor passes what is for others.
    fn nothing(&mut self, batch: &Batch) {
        self.at = (0, 0);
        self.ack(batch.upto);
        self.way.sink.idle();
        self.past(usize::MAX);
        if !self.stopping() {
            self.feed.wait(IDLE);
        }
    }

    fn deliver(&mut self, batch: &Batch) {
        let first = batch.entries.first().map_or(0, |entry| entry.seq);
        self.at = (first, batch.entries.len());
        let tries = if self.works {
            PANICS_MAX
        } else {
            PANICS_MAX_IDLE
        };
        let hopeless = |trouble: Trouble| trouble.at == first && trouble.times >= tries;
        if self.trouble.is_some_and(hopeless) {
            self.works = false;
            let why = "each time that it was tried vitalwire itself failed; please report that";
            return self.failed(batch, &Failure::refused(0, why.to_owned()));
        }
        match self.way.sink.deliver(&batch.entries) {
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
            self.feed.tell(Told::Refused);
            let (sink, id, why) = (self.feed.sink(), &refused.id, &failure.why);
            tracing::error!(sink, id, "the receiver will never take this: {why}");
            upto = Some(refused.seq);
            self.past(1);
        }
        self.alarm.failed(&failure.why);
        if let Some(upto) = upto {
            self.ack(upto);
        }
        if failure.again {
            self.feed.tell(Told::Failed(&failure.why));
            self.wait(&failure.why);
        }
    }

    fn went(&mut self, entries: usize) {
        let count = u64::try_from(entries).unwrap_or(u64::MAX);
        self.feed.tell(Told::Delivered(count));
        self.works = true;
        self.alarm.delivered();
        if self.failing.take().is_some() {
            tracing::info!(sink = self.feed.sink(), "delivers again");
        }
        self.past(entries);
    }

    /// So many entries are behind it: perhaps what it panicked over too.
    fn past(&mut self, entries: usize) {
        if let Some(trouble) = &mut self.trouble {
            trouble.singly = trouble.singly.saturating_sub(entries);
        }
        if self.trouble.is_none_or(|trouble| trouble.singly == 0) {
            self.trouble = None;
            self.alarm.works();
        }
    }

    /// Says so, and lets some time pass.
    fn panicked(&mut self) {
        let (at, entries) = self.at;
        let before = self.trouble.map_or(0, |trouble| trouble.singly);
        let there = self.trouble.filter(|trouble| trouble.at == at);
        let times = there.map_or(0, |trouble| trouble.times).saturating_add(1);
        let trouble = Trouble {
            at,
            times,
            singly: before.max(entries),
        };
        let wait = PANIC_WAIT
            .saturating_mul(1 << (times - 1).min(6))
            .min(WAIT_MAX);
        (self.trouble, self.broken) = (Some(trouble), true);
        self.feed.tell(Told::Panicked);
        let sink = self.feed.sink();
        tracing::error!(
            sink,
            "the sink's thread panicked; it is started anew in {wait:?}"
        );
        self.alarm.panicked();
        self.rest(wait);
    }

    fn ack(&mut self, upto: i64) {
        // Not noted: delivered again after the next start, which a receiver tells by the id.
        if let Err(error) = self.feed.ack(upto) {
            self.wait(&error);
        }
    }

    /// Says once that it fails, and waits longer each time.
    fn wait(&mut self, why: &str) {
        let sink = self.feed.sink();
        let span = match self.failing {
            None => {
                tracing::warn!(sink, "cannot deliver, entries wait: {why}");
                WAIT_MIN
            }
            Some(last) => last.saturating_mul(2).min(WAIT_MAX),
        };
        self.failing = Some(span);
        self.rest(span);
    }

    /// So long, or until it is to stop.
    fn rest(&self, span: Duration) {
        let since = Stopwatch::start();
        while since.elapsed() < span && !self.stopping() {
            crate::clock::pause(LOOK.min(span));
        }
    }
}

/// Stops all of them at once, and waits for the last. What is in the outbox is gone on with after the
/// next start.
pub fn stop(runners: Vec<Runner>) {
    for runner in &runners {
        runner.order.store(END, Ordering::Relaxed);
    }
    for runner in runners {
        runner.join();
    }
}
