//! The correlator's thread: everything in the one order, then out to each output's queue.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam::channel::{Sender, TrySendError};
use parsers::kinds::anomaly;
use rules::correlate::inventory::Snapshot;
use rules::correlate::{CUT_HELP, CUT_NAME, Correlator, Out, Summary, Wanted};
use rules::record::{Batch, Body, Record};

use crate::merge::{Merge, Next};
use crate::telemetry::{Latencies, Sample, monotonic_nanos};
use crate::worker::LOOSE_ANOMALIES_MAX;

/// What is done with records once they are in order.
pub(crate) trait Correlate: Send {
    fn record(&mut self, batch: &Batch, record: &Record, out: &mut Out);
    fn second(&mut self, second: i64, frame: u64, out: &mut Out);
    fn clock_step(&mut self, second: i64, frame: u64, out: &mut Out);
    fn finish(&mut self, out: &mut Out);
    fn samples(&self) -> Vec<Sample>;
    fn summary(&self) -> Summary;
    fn inventory(&self) -> Snapshot;
}

impl Correlate for Correlator {
    fn record(&mut self, batch: &Batch, record: &Record, out: &mut Out) {
        Self::record(self, batch, record, out);
    }

    fn second(&mut self, second: i64, frame: u64, out: &mut Out) {
        Self::second(self, second, frame, out);
    }

    fn clock_step(&mut self, second: i64, frame: u64, out: &mut Out) {
        Self::clock_step(self, second, frame, out);
    }

    fn finish(&mut self, out: &mut Out) {
        Self::finish(self, out);
    }

    fn samples(&self) -> Vec<Sample> {
        let sample = |(name, help, labels, value)| Sample {
            name,
            help,
            counter: true,
            labels,
            value,
        };
        let assets = self.assets().map(|(state, count)| Sample {
            name: "vitalwire_correlator_assets",
            help: "Devices in the inventory: known by what they said or offered, or only seen.",
            counter: false,
            labels: vec![("state", state.to_owned())],
            value: u64::try_from(count).unwrap_or(u64::MAX),
        });
        let counters = self.counters().into_iter().map(sample);
        counters.chain(assets).collect()
    }

    fn summary(&self) -> Summary {
        Self::summary(self)
    }

    fn inventory(&self) -> Snapshot {
        self.snapshot()
    }
}

/// Counts of the thread, read by anybody.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) records: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) lines: AtomicU64,
    pub(crate) unasked: AtomicU64,
    pub(crate) samples: std::sync::Mutex<Vec<Sample>>,
    /// Whether somebody asked for the inventory, and what was given.
    pub(crate) inventory_wanted: AtomicBool,
    pub(crate) inventory: std::sync::Mutex<Option<Snapshot>>,
}

/// An output's queue and what became of its lines.
pub(crate) struct Output {
    pub(crate) queue: Option<Sender<Arc<Out>>>,
    pub(crate) counts: Arc<OutputCounts>,
}

/// Lines of one output.
#[derive(Debug)]
pub(crate) struct OutputCounts {
    pub(crate) name: &'static str,
    pub(crate) seen: AtomicU64,
    pub(crate) handled: AtomicU64,
    pub(crate) full: AtomicU64,
    pub(crate) gone: AtomicU64,
}

/// The thread's own.
pub(crate) struct Thread {
    pub(crate) merge: Merge,
    pub(crate) correlator: Box<dyn Correlate>,
    pub(crate) outputs: Vec<Output>,
    /// Where each worker is asked for evidence, if any is wanted.
    pub(crate) desks: Vec<Sender<Wanted>>,
    pub(crate) live: bool,
    /// When its counts were last made readable because of an alert, on the monotonic clock.
    pub(crate) told_at: u64,
    pub(crate) totals: Arc<Totals>,
    pub(crate) latency: Arc<Latencies>,
}

impl Thread {
    /// Runs until all lanes have ended.
    pub(crate) fn run(mut self) -> Summary {
        let mut out = Out::default();
        let mut handed = Handed::default();
        let mut loose = 0_u32;
        let live = self.live;
        loop {
            match self.merge.next() {
                Next::Record {
                    batch,
                    record,
                    worker,
                    late,
                } => {
                    add(&self.totals.records, 1);
                    add(&self.totals.late, late.into());
                    loose = loose.saturating_add(is_loose(record).into());
                    if loose > LOOSE_ANOMALIES_MAX && is_loose(record) {
                        add(&self.totals.cut, 1);
                    } else {
                        self.correlator.record(batch, record, &mut out);
                        ask(&mut out, self.desks.get(worker), &self.totals.unasked);
                    }
                }
                Next::Second(tick) => {
                    loose = 0;
                    if tick.step {
                        self.correlator
                            .clock_step(tick.second, tick.frame, &mut out);
                    } else {
                        self.correlator.second(tick.second, tick.frame, &mut out);
                    }
                    self.tell(tick.second);
                    self.give_inventory();
                }
                Next::Taken(read_at) if read_at > 0 => {
                    self.latency.since(read_at, monotonic_nanos());
                }
                Next::Taken(_) => {}
                Next::Idle if is_due(live, &out, handed.at) => {
                    self.hand_on(&mut out, &mut handed);
                }
                Next::Idle => {}
                Next::Quiet => self.hand_on(&mut out, &mut handed),
                Next::End => break,
            }
            if out.arena.len() >= OUT_BYTES {
                self.hand_on(&mut out, &mut handed);
            }
        }
        self.correlator.finish(&mut out);
        self.tell(0);
        self.hand_on(&mut out, &mut handed);
        self.correlator.summary()
    }

    /// Hands finished lines on.
    fn hand_on(&mut self, out: &mut Out, handed: &mut Handed) {
        if out.items.is_empty() {
            return;
        }
        add(&self.totals.lines, out.items.len() as u64);
        if self.live && out.items.iter().any(|item| item.alert.is_some()) {
            self.tell_of_alerts();
        }
        let full = Arc::new(std::mem::replace(out, handed.room()));
        send(&full, &mut self.outputs, self.live);
        handed.remember(full);
    }

    /// An alert is counted when it is told, not at the next second: unless there are many.
    fn tell_of_alerts(&mut self) {
        let now = monotonic_nanos();
        if now.saturating_sub(self.told_at) >= TELL_NANOS {
            self.told_at = now;
            self.publish();
        }
    }

    /// Gives the inventory to whoever asked: a copy, so that writing it holds nobody up.
    fn give_inventory(&self) {
        if self.totals.inventory_wanted.swap(false, Ordering::Relaxed) {
            let given = self.totals.inventory.lock();
            *given.unwrap_or_else(std::sync::PoisonError::into_inner) =
                Some(self.correlator.inventory());
        }
    }

    /// Makes the correlator's own counts readable: not for every second of a capture that is read
    /// much faster than it was made.
    fn tell(&self, second: i64) {
        if self.live || second.rem_euclid(TELL_SECS) == 0 {
            self.publish();
        }
    }

    fn publish(&self) {
        let samples = self.correlator.samples();
        let mut told = self
            .totals
            .samples
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *told = samples;
    }
}

/// Whether lines are handed on though there may be more at once: waking the outputs for a few lines
/// costs more than the lines. Live, alerts do not wait, and nothing waits for long.
fn is_due(live: bool, out: &Out, handed_at: u64) -> bool {
    if !live {
        return out.arena.len() >= IDLE_BYTES;
    }
    out.items.iter().any(|item| item.alert.is_some())
        || monotonic_nanos().saturating_sub(handed_at) >= HOLD_NANOS
}

/// Asks the worker of a record for the evidence of its alerts. Never waits: the worker may be
/// waiting for room on its lane.
fn ask(out: &mut Out, desk: Option<&Sender<Wanted>>, unasked: &AtomicU64) {
    for wanted in out.wanted.drain(..) {
        let asked = desk.is_some_and(|desk| desk.try_send(wanted).is_ok());
        add(unasked, u64::from(!asked));
    }
}

/// An anomaly without a flow: their number within a second is bounded here once more, over all
/// workers together and in order, so that what is written never depends on how many there are.
fn is_loose(record: &Record) -> bool {
    let Body::Event(event) = &record.body else {
        return false;
    };
    event.kind == anomaly::KIND.id && record.envelope.flow.is_none()
}

/// What was handed on, oldest first: once every output has let go of it, its room is used again.
#[derive(Default)]
struct Handed {
    pieces: VecDeque<Arc<Out>>,
    /// When the last one was, on the monotonic clock.
    at: u64,
}

impl Handed {
    /// Room for more lines.
    fn room(&mut self) -> Out {
        let Some(oldest) = self.pieces.pop_front() else {
            return Out::default();
        };
        match Arc::try_unwrap(oldest) {
            Ok(mut out) => {
                out.arena.clear();
                out.items.clear();
                out
            }
            Err(held) => {
                self.pieces.push_front(held);
                Out::default()
            }
        }
    }

    fn remember(&mut self, out: Arc<Out>) {
        self.at = monotonic_nanos();
        if self.pieces.len() < HANDED_MAX {
            self.pieces.push_back(out);
        }
    }
}

/// Gives finished lines to every output. Live, a full queue loses them; reading files it blocks.
fn send(out: &Arc<Out>, outputs: &mut [Output], live: bool) {
    let lines = out.items.len() as u64;
    for output in outputs {
        let counts = &output.counts;
        add(&counts.seen, lines);
        let Some(queue) = &output.queue else {
            add(&counts.gone, lines);
            continue;
        };
        let sent = if live {
            queue.try_send(Arc::clone(out))
        } else {
            let sent = queue.send(Arc::clone(out));
            sent.map_err(|error| TrySendError::Disconnected(error.0))
        };
        match sent {
            Ok(()) => add(&counts.handled, lines),
            Err(TrySendError::Full(_)) => add(&counts.full, lines),
            Err(TrySendError::Disconnected(_)) => {
                add(&counts.gone, lines);
                output.queue = None;
            }
        }
    }
}

/// These numbers have one writer.
pub(crate) fn add(slot: &AtomicU64, by: u64) {
    if by > 0 {
        let value = slot.load(Ordering::Relaxed).wrapping_add(by);
        slot.store(value, Ordering::Relaxed);
    }
}

/// Reading files, the correlator's counts are published each time so many seconds have passed.
const TELL_SECS: i64 = 64;
/// Live, alerts make them readable this often at most: making them allocates.
const TELL_NANOS: u64 = 100_000_000;
/// Pieces whose room is used again: as many as a slow output's queue may hold some of.
const HANDED_MAX: usize = 8;
/// Lines are handed on in pieces of about this size.
const OUT_BYTES: usize = 256 * 1024;
/// Live, lines that are no alerts are gathered for so long.
const HOLD_NANOS: u64 = 10_000_000;
/// Reading files, so many bytes of lines are worth waking the outputs for.
const IDLE_BYTES: usize = 32 * 1024;

impl OutputCounts {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            seen: AtomicU64::new(0),
            handled: AtomicU64::new(0),
            full: AtomicU64::new(0),
            gone: AtomicU64::new(0),
        }
    }

    pub(crate) fn told(&self) -> Vec<Sample> {
        let sample = |name, help, cause: Option<&str>, value: &AtomicU64| {
            let mut labels = vec![("output", self.name.to_owned())];
            labels.extend(cause.map(|cause| ("cause", cause.to_owned())));
            counter(name, help, labels, value)
        };
        vec![
            sample(
                "vitalwire_output_seen_lines_total",
                "lines made for an output",
                None,
                &self.seen,
            ),
            sample(
                "vitalwire_output_handled_lines_total",
                "lines that an output's queue took",
                None,
                &self.handled,
            ),
            sample(
                "vitalwire_output_dropped_lines_total",
                "lines that an output lost",
                Some("full"),
                &self.full,
            ),
            sample(
                "vitalwire_output_dropped_lines_total",
                "lines that an output lost",
                Some("gone"),
                &self.gone,
            ),
        ]
    }
}

impl Totals {
    pub(crate) fn told(&self) -> Vec<Sample> {
        let sample = |name, help, value| counter(name, help, Vec::new(), value);
        vec![
            sample(
                "vitalwire_correlator_merged_records_total",
                "records put in order",
                &self.records,
            ),
            sample(
                "vitalwire_correlator_late_records_total",
                "records that came after later ones were told",
                &self.late,
            ),
            sample(
                "vitalwire_correlator_cut_anomalies_total",
                "anomalies without a flow beyond the bound of a second",
                &self.cut,
            ),
            sample(
                "vitalwire_correlator_handed_lines_total",
                "lines handed to the outputs",
                &self.lines,
            ),
            counter(
                CUT_NAME,
                CUT_HELP,
                vec![("bound", "asked".to_owned())],
                &self.unasked,
            ),
        ]
    }
}

fn counter(
    name: &'static str,
    help: &'static str,
    labels: Vec<(&'static str, String)>,
    value: &AtomicU64,
) -> Sample {
    Sample {
        name,
        help,
        counter: true,
        labels,
        value: value.load(Ordering::Relaxed),
    }
}
