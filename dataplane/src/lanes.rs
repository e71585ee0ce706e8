//! Two bounded lanes from each worker to the correlator: medical and alerts, and bulk.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};
use parsers::time::Time;
use rules::Ruleset;
use rules::record::{Batch, Key, Phase};

use crate::counters::{Count, Counts};
use crate::emit::{Pen, Recorder};
use crate::spread::{Tick, Work};

/// What one work made of one lane.
pub(crate) struct Message {
    pub(crate) batch: Batch,
    /// Nothing before this place in the order will come on this lane any more.
    pub(crate) bound: Key,
    /// Seconds that packet time reached; on the medical lane only.
    pub(crate) ticks: Vec<Tick>,
    /// When the reader had the frames, for latency figures only.
    pub(crate) read_at: u64,
}

/// The correlator's end of a lane.
pub(crate) struct LaneEnd {
    pub(crate) messages: Receiver<Message>,
    /// Emptied buffers go back here.
    pub(crate) back: Sender<Pen>,
    /// Which worker, for telling its ticks apart from another's.
    pub(crate) worker: usize,
}

/// A worker's end of its two lanes.
pub(crate) struct Lanes {
    medical: Sender<Message>,
    bulk: Sender<Message>,
    back: Receiver<Pen>,
    live: bool,
    /// Ticks of messages that were shed.
    ticks: Vec<Tick>,
    /// When the frames were read of which the correlator was told last.
    told: u64,
}

/// Both ends.
pub(crate) fn lanes(depth: usize, live: bool, worker: usize) -> (Lanes, [LaneEnd; 2]) {
    let (medical, from_medical) = bounded(depth.max(1));
    let (bulk, from_bulk) = bounded(depth.max(1));
    let (give, back) = bounded(depth.saturating_add(1).saturating_mul(2));
    let end = |messages| LaneEnd {
        messages,
        back: give.clone(),
        worker,
    };
    let ends = [end(from_medical), end(from_bulk)];
    (
        Lanes {
            medical,
            bulk,
            back,
            live,
            ticks: Vec::new(),
            told: 0,
        },
        ends,
    )
}

impl Lanes {
    /// Sends what a work made: a message on the medical lane, then one on the bulk lane; live, not
    /// always if it made nothing.
    ///
    /// Reading files both block, and nothing can wait for itself: every work goes to every worker,
    /// in one order, and makes one message on each lane. When the correlator waits for the n-th
    /// message of a lane it has taken all messages before the n-th of every lane. So the worker of
    /// that lane is not blocked by a message before the n-th, nor is any other worker, so each of
    /// them takes works up to the n-th; so the reader is not blocked before it has handed out the
    /// n-th work; so the message comes.
    pub(crate) fn send(&mut self, recorder: &mut Recorder, work: &Work) {
        self.ticks.extend_from_slice(&work.ticks);
        let nothing = self.ticks.is_empty() && recorder.is_empty();
        if self.live && nothing && work.read_at.saturating_sub(self.told) < SILENT_NANOS {
            return;
        }
        self.told = work.read_at;
        // An idle poll's tick comes before a frame that is yet to come: its timers are complete.
        let next = work.dispatched_upto.saturating_add(1);
        let idle = work.ticks.last().is_some_and(|tick| tick.frame >= next);
        let bound = Key {
            frame: next,
            phase: if idle { Phase::Frame } else { Phase::Timer },
            first_frame: 0,
            sub: 0,
        };
        self.send_upto(recorder, &work.ruleset, bound, work.now, work.read_at);
    }

    /// Sends everything, the last time.
    pub(crate) fn finish(&mut self, recorder: &mut Recorder, now: Time) {
        let bound = Key {
            frame: u64::MAX,
            phase: Phase::Frame,
            first_frame: u64::MAX,
            sub: u32::MAX,
        };
        let ruleset = Arc::clone(&recorder.ruleset);
        self.live = false;
        self.send_upto(recorder, &ruleset, bound, now, 0);
    }

    fn send_upto(
        &mut self,
        recorder: &mut Recorder,
        ruleset: &Arc<Ruleset>,
        bound: Key,
        now: Time,
        read_at: u64,
    ) {
        let interfaces = Arc::clone(recorder.interfaces());
        let message = |pen: &mut Pen, ticks: Vec<Tick>| {
            let empty = self.back.try_recv().unwrap_or_default();
            let full = std::mem::replace(pen, empty);
            Message {
                batch: Batch {
                    ruleset: Arc::clone(ruleset),
                    interfaces: Arc::clone(&interfaces),
                    records: full.records,
                    arena: full.arena,
                    fields: full.fields,
                    watermark: bound.frame.saturating_sub(1),
                    now,
                },
                bound,
                ticks,
                read_at,
            }
        };
        let medical = message(&mut recorder.medical, std::mem::take(&mut self.ticks));
        let bulk = message(&mut recorder.bulk, Vec::new());
        let counts = &mut recorder.counts;
        let seen = medical.batch.records.len() as u64;
        counts.add(Count::LaneMedicalSeen, seen);
        match self.send_medical(medical) {
            Ok(()) => counts.add(Count::LaneMedicalHandled, seen),
            Err(message) => {
                counts.add(Count::LaneMedicalFull, seen);
                self.ticks = message.ticks;
            }
        }
        let seen = bulk.batch.records.len() as u64;
        let shed = !self.send_bulk(bulk);
        shed_or_not(counts, seen, shed);
    }

    fn send_medical(&self, message: Message) -> Result<(), Box<Message>> {
        if self.live {
            match self.medical.send_timeout(message, MEDICAL_WAIT) {
                Ok(()) => Ok(()),
                Err(SendTimeoutError::Timeout(m) | SendTimeoutError::Disconnected(m)) => {
                    Err(Box::new(m))
                }
            }
        } else {
            self.medical
                .send(message)
                .map_err(|error| Box::new(error.0))
        }
    }

    fn send_bulk(&self, message: Message) -> bool {
        if self.live {
            match self.bulk.try_send(message) {
                Ok(()) => true,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
            }
        } else {
            self.bulk.send(message).is_ok()
        }
    }
}

fn shed_or_not(counts: &mut Counts, seen: u64, shed: bool) {
    counts.add(Count::LaneBulkSeen, seen);
    let count = if shed {
        Count::LaneBulkFull
    } else {
        Count::LaneBulkHandled
    };
    counts.add(count, seen);
}

/// Live, works of which nothing came are told of no more often than this: each telling may wake the
/// correlator. While frames come, others' records wait no longer for the word that nothing comes before
/// them; when they stop coming, as long as the correlator waits for any worker that is silent.
const SILENT_NANOS: u64 = 1_000_000;

/// Live, a worker waits this long for room on the medical lane before it sheds: less than the
/// capture's ring holds.
const MEDICAL_WAIT: Duration = Duration::from_millis(5);
