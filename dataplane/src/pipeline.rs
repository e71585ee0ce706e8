//! Starts, watches and stops the threads: reader, workers, correlator.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parsers::phi::Pseudonymizer;
use parsers::time::Time;
use rules::Ruleset;
use rules::correlate::inventory::Snapshot as Inventory;
use rules::correlate::{Correlator, Out, Summary};
use rules::eve::Eve;

use crate::budget::Shares;
use crate::capture::ahead::{Ahead, percent};
use crate::capture::{CaptureError, ReadProgress, Source};
use crate::correlate_thread::{self, Correlate, Output, OutputCounts, Totals};
use crate::counters::{self, Counts, Published};
use crate::evidence::{Evidence, desk};
use crate::inspect::Protocols;
use crate::lanes::lanes;
use crate::merge::Merge;
use crate::reader::{Feed, Reader, Shared, Spreading, Task, Told};
use crate::seat::Seat;
use crate::spread::{Spread, Work};
use crate::telemetry::{self, Latencies, Snapshot};
use crate::worker::Worker;

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
    /// Whether packets that a mirror gave twice are kept, or dropped (counted).
    pub keep_copies: bool,
    /// The site key, for pseudonyms.
    pub site: Pseudonymizer,
    /// What every EVE line shares; interface names are filled in by the source.
    pub eve: Eve,
    /// The devices that were known before a restart.
    pub inventory: Option<Arc<Inventory>>,
    /// Where the frames of alerts' flows go; without it none are kept. Live, a full queue loses
    /// them and that is counted, reading files it blocks.
    pub evidence: Option<Sender<Evidence>>,
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

/// Where frames come from, and who gives them to the workers.
pub enum Sources {
    /// One source. A thread of its own reads it and spreads its frames over the workers.
    Spread(Box<dyn Source>),
    /// One for each worker, which reads it itself. Whoever is behind them gives both directions of
    /// a flow, and all fragments of a packet, to the same one; frames are numbered by their
    /// stamps ([`Clock::by_stamp`](crate::capture::clock::Clock::by_stamp)).
    Steered(Vec<Box<dyn Source>>),
}

/// A pipeline at work.
pub struct Running {
    shared: Arc<Shared>,
    /// Where workers read for themselves, these are the workers.
    readers: Vec<JoinHandle<Vec<CaptureError>>>,
    workers: Vec<JoinHandle<()>>,
    correlator: JoinHandle<Summary>,
    /// Closed when the correlator, which ends last, is through.
    ended: Receiver<()>,
    watch: Watch,
}

/// Everything that counts.
#[derive(Clone)]
struct Watch {
    published: Vec<Arc<Published>>,
    outputs: Vec<Arc<OutputCounts>>,
    totals: Arc<Totals>,
    latencies: Arc<[Arc<Latencies>; 3]>,
}

/// How it ended.
#[derive(Debug)]
pub struct Finished {
    /// What the captures could not give, in order. Empty when all was read.
    pub errors: Vec<CaptureError>,
    /// The last counts.
    pub snapshot: Snapshot,
    /// What was seen and found.
    pub summary: Summary,
}

/// Starts the threads. Each output is a bounded queue of finished lines; live, a full one loses
/// lines and counts them, reading files it blocks.
///
/// # Errors
/// A thread that the system refuses.
pub fn start(
    mut settings: Settings,
    sources: Sources,
    ruleset: Arc<Ruleset>,
    outputs: Vec<(&'static str, Sender<Arc<Out>>)>,
) -> std::io::Result<Running> {
    let spreading = |source, workers, checksums| -> Box<dyn Feed> {
        let spread = Spread::new(workers).with_checksums(checksums);
        Box::new(Spreading::new(source, spread))
    };
    let feeds = match sources {
        // One worker decodes what another thread reads for it.
        Sources::Spread(source) if settings.workers <= 1 => {
            let ahead = Ahead::start(source, depth(&settings), settings.live)?;
            Feeds::Steered(vec![spreading(Box::new(ahead), 1, settings.checksums)])
        }
        Sources::Spread(source) => {
            let workers = settings.workers.max(1);
            Feeds::Spread(spreading(source, workers, settings.checksums))
        }
        Sources::Steered(sources) => {
            settings.workers = sources.len();
            let own = |source| spreading(source, 1, settings.checksums);
            Feeds::Steered(sources.into_iter().map(own).collect())
        }
    };
    let mut correlator = Correlator::new(
        settings.eve.clone(),
        settings.site.clone(),
        rules::correlate::Config::default(),
    );
    if let Some(inventory) = &settings.inventory {
        correlator.restore(inventory);
    }
    let parts = Parts {
        feeds,
        correlator: Box::new(correlator),
        protocols: parsers::PROTOCOLS,
    };
    start_with(&settings, parts, ruleset, outputs)
}

/// What tests put in the place of the real thing.
pub(crate) struct Parts {
    pub(crate) feeds: Feeds,
    pub(crate) correlator: Box<dyn Correlate>,
    pub(crate) protocols: Protocols,
}

/// What hands out works: one for all workers, or one for each.
pub(crate) enum Feeds {
    Spread(Box<dyn Feed>),
    Steered(Vec<Box<dyn Feed>>),
}

pub(crate) fn start_with(
    settings: &Settings,
    parts: Parts,
    ruleset: Arc<Ruleset>,
    outputs: Vec<(&'static str, Sender<Arc<Out>>)>,
) -> std::io::Result<Running> {
    let outputs: Vec<Output> = outputs.into_iter().map(output).collect();
    let names = ["read_to_worker", "worker_batch", "read_to_correlator"];
    let mut watch = Watch {
        published: Vec::new(),
        outputs: outputs.iter().map(|o| Arc::clone(&o.counts)).collect(),
        totals: Arc::default(),
        latencies: Arc::new(names.map(|name| Arc::new(Latencies::new(name)))),
    };
    let depth = depth(settings);
    let count = settings.workers.max(1);
    let (give_back, emptied) = bounded(depth.saturating_add(2).saturating_mul(count));
    let (mut seats, mut ends, mut desks) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..count {
        let (lanes, both) = lanes(depth, settings.live, at);
        ends.extend(both);
        let published = Arc::new(Published::default());
        watch.published.push(Arc::clone(&published));
        let mut worker = Worker::new(settings, parts.protocols, at == 0, Arc::clone(&ruleset));
        if let Some(out) = &settings.evidence {
            let bytes = Shares::of(settings.memory_bytes, count).evidence_bytes;
            let (own, ask) = desk(bytes, out.clone(), settings.live);
            worker.evidence = Some(own);
            desks.push(ask);
        }
        seats.push(Seat {
            worker,
            lanes,
            give_back: give_back.clone(),
            published,
            latencies: Arc::clone(&watch.latencies),
            upto: 0,
            now: Time::ZERO,
        });
    }
    let steered = matches!(parts.feeds, Feeds::Steered(_));
    let thread = correlate_thread::Thread {
        merge: Merge::new(ends, patience(settings), steered),
        correlator: parts.correlator,
        outputs,
        desks,
        live: settings.live,
        told_at: 0,
        totals: Arc::clone(&watch.totals),
        latency: {
            let [_, _, to_correlator] = watch.latencies.as_ref();
            Arc::clone(to_correlator)
        },
    };
    let readers = match &parts.feeds {
        Feeds::Spread(_) => 1,
        Feeds::Steered(feeds) => feeds.len(),
    };
    let shared = Arc::new(Shared::new(ruleset, readers));
    let (at_work, ended) = bounded(0);
    let correlator = named(&shared, "correlator".to_owned(), move || {
        let _at_work: Sender<()> = at_work;
        thread.run()
    })?;
    let (readers, workers) = match parts.feeds {
        Feeds::Spread(feed) => one_reader(settings, feed, &shared, seats, emptied)?,
        Feeds::Steered(feeds) => (own_readers(feeds, &shared, seats, depth)?, Vec::new()),
    };
    Ok(Running {
        shared,
        readers,
        workers,
        correlator,
        ended,
        watch,
    })
}

/// Those that read.
type Readers = Vec<JoinHandle<Vec<CaptureError>>>;

/// One thread reads and hands out, the workers take from their queues.
fn one_reader(
    settings: &Settings,
    feed: Box<dyn Feed>,
    shared: &Arc<Shared>,
    seats: Vec<Seat>,
    emptied: Receiver<Work>,
) -> std::io::Result<(Readers, Vec<JoinHandle<()>>)> {
    let depth = depth(settings);
    let reader = Reader::new(feed, Arc::clone(shared), 0, seats.len(), emptied);
    let (mut queues, mut workers) = (Vec::new(), Vec::new());
    for (at, seat) in seats.into_iter().enumerate() {
        let (queue, tasks) = bounded(depth);
        queues.push(queue);
        let run = move || seat.run(&tasks);
        workers.push(named(shared, format!("worker-{at}"), run)?);
    }
    let live = settings.live;
    let give = move |worker: usize, mut task: Task| {
        if let Some(queue) = queues.get(worker) {
            if let (Task::Work(work, _), true) = (&mut task, live) {
                work.backlog = work.backlog.max(percent(queue.len(), queue.capacity()));
            }
            // That a worker is gone is told at the end.
            drop(queue.send(task));
        }
    };
    let reader = named(shared, "reader".to_owned(), move || reader.run(give))?;
    Ok((vec![reader], workers))
}

/// Each worker reads for itself: nothing waits in a queue.
fn own_readers(
    feeds: Vec<Box<dyn Feed>>,
    shared: &Arc<Shared>,
    seats: Vec<Seat>,
    depth: usize,
) -> std::io::Result<Readers> {
    let mut readers = Vec::new();
    for (at, (feed, mut seat)) in feeds.into_iter().zip(seats).enumerate() {
        let (give_back, emptied) = bounded(depth);
        seat.give_back = give_back;
        let reader = Reader::new(feed, Arc::clone(shared), at, 1, emptied);
        let run = move || {
            let errors = reader.run(|_, task| seat.task(task));
            seat.leave();
            errors
        };
        readers.push(named(shared, format!("worker-{at}"), run)?);
    }
    Ok(readers)
}

/// Batches that a queue holds. Live, depth is patience with bursts. Reading files a queue that is
/// full loses nothing, and more in flight than this only drives frames out of the cache before
/// anybody has looked at them.
fn depth(settings: &Settings) -> usize {
    let most = if settings.live {
        usize::MAX
    } else {
        FILE_DEPTH_MAX
    };
    settings.queue_depth.clamp(1, most)
}

/// See [`depth`]; `benches/README.md` has the figures.
const FILE_DEPTH_MAX: usize = 8;

fn output((name, queue): (&'static str, Sender<Arc<Out>>)) -> Output {
    Output {
        queue: Some(queue),
        counts: Arc::new(OutputCounts::new(name)),
    }
}

fn patience(settings: &Settings) -> Option<Duration> {
    settings
        .live
        .then(|| Duration::from_millis(settings.lag_max_ms.max(1)))
}

fn named<T: Send + 'static>(
    shared: &Arc<Shared>,
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    let alarm = Alarm(Arc::clone(shared));
    std::thread::Builder::new().name(name).spawn(move || {
        let _alarm = alarm;
        run()
    })
}

/// Stops all that is read when the thread that has it dies: to end, and to be started again, is better
/// than to go on with a part of it unseen.
struct Alarm(Arc<Shared>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// What a thread gives at its end; that it died is one more error.
fn end<T: Default>(thread: JoinHandle<T>, errors: &mut Vec<CaptureError>) -> T {
    let name = thread.thread().name().unwrap_or_default().to_owned();
    thread.join().unwrap_or_else(|_| {
        errors.push(CaptureError::Died(name));
        T::default()
    })
}

impl Running {
    /// Asks the reader to stop; everything already read is still processed and written.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// Replaces the rules: each batch read from now on is matched with the new ones.
    pub fn swap_rules(&self, ruleset: Arc<Ruleset>) {
        self.shared.rules.store(ruleset);
    }

    /// The counts now; costs the pipeline nothing.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.watch.snapshot(&self.shared)
    }

    /// Asks for the devices that are known now: they are given within a second of packet time.
    pub fn ask_inventory(&self) {
        let wanted = &self.watch.totals.inventory_wanted;
        wanted.store(true, Ordering::Relaxed);
    }

    /// The devices, once they were given.
    #[must_use]
    pub fn take_inventory(&self) -> Option<Inventory> {
        let given = self.watch.totals.inventory.lock();
        given.unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How far the source got.
    #[must_use]
    pub fn progress(&self) -> ReadProgress {
        let told = self.shared.told.iter().map(Told::progress);
        told.fold(ReadProgress::default(), ReadProgress::plus)
    }

    /// Whether nothing comes although it could: whoever waits too long for frames says so. It is told
    /// as a source is that sees nothing, once.
    pub fn set_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Ordering::Relaxed);
    }

    /// Why the source is blind at present, or nothing.
    #[must_use]
    pub fn blind(&self) -> Option<String> {
        self.shared.told.iter().find_map(Told::blind)
    }

    /// Waits, at most so long, until everything has been read and processed; says whether it has.
    #[must_use]
    pub fn ends_within(&self, most: Duration) -> bool {
        self.ended.recv_timeout(most) == Err(RecvTimeoutError::Disconnected)
    }

    /// Waits for the end and closes the outputs' queues.
    #[must_use]
    pub fn wait(self) -> Finished {
        let mut errors = Vec::new();
        for reader in self.readers {
            let told = end(reader, &mut errors);
            errors.extend(told);
        }
        for worker in self.workers {
            end(worker, &mut errors);
        }
        let summary = end(self.correlator, &mut errors);
        Finished {
            errors,
            snapshot: self.watch.snapshot(&self.shared),
            summary,
        }
    }
}

impl Watch {
    fn snapshot(&self, shared: &Shared) -> Snapshot {
        let mut sum = Counts::default();
        for published in &self.published {
            published.add_to(&mut sum);
        }
        let mut samples = Vec::new();
        for told in &shared.told {
            telemetry::add_up(&mut samples, told.samples());
        }
        samples.extend(counters::samples(&sum));
        samples.extend(self.totals.told());
        let correlator = self.totals.samples.lock();
        samples.extend(correlator.unwrap_or_else(PoisonError::into_inner).clone());
        samples.extend(self.outputs.iter().flat_map(|output| output.told()));
        Snapshot {
            samples,
            latencies: self.latencies.iter().map(|stage| stage.read()).collect(),
        }
    }
}
