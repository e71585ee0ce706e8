//! All lanes into the one order.

use std::collections::VecDeque;
use std::time::Duration;

use crossbeam::channel::{RecvTimeoutError, TryRecvError};
use rules::record::{Batch, Key, Phase, Record};

use crate::emit::Pen;
use crate::lanes::{LaneEnd, Message};
use crate::spread::Tick;

/// What comes next in the order of everything.
pub(crate) enum Next<'a> {
    /// A record, and the batch that it is of. `late` when something after it was told already.
    Record {
        batch: &'a Batch,
        record: &'a Record,
        /// Whose it is.
        worker: usize,
        late: bool,
    },
    /// Packet time reached a second; everything before it has been told.
    Second(Tick),
    /// Nothing at hand: a good moment to let go of what is finished, if that is much.
    Idle,
    /// Nothing came for a while: the last moment to let go of it.
    Quiet,
    /// A message was taken; when its frames were read.
    Taken(u64),
    /// All lanes have ended.
    End,
}

/// Merges lanes by the keys of their records, never by arrival.
pub(crate) struct Merge {
    lanes: Vec<Lane>,
    ticks: VecDeque<Tick>,
    seen: Seen,
    last: Key,
    /// How long a lane is waited for while others have something; for ever when reading files.
    patience: Option<Duration>,
    told_idle: bool,
    told_quiet: bool,
    spent: Option<usize>,
}

/// Which ticks are known, so that each second is told once.
enum Seen {
    /// Every worker tells the same ones: how many each has told, and how many there were.
    Same { told: Vec<usize>, seen: usize },
    /// Each worker has a clock of its own: the second that the first of them has reached.
    Own { second: Option<i64> },
}

impl Seen {
    /// Whether a worker's next tick is news.
    fn is_new(&mut self, worker: usize, tick: &Tick) -> bool {
        match self {
            Self::Same { told, seen } => {
                let Some(told) = told.get_mut(worker) else {
                    return false;
                };
                *told = told.saturating_add(1);
                let new = *told > *seen;
                *seen = (*seen).max(*told);
                new
            }
            Self::Own { second } => {
                let new = second.is_none_or(|known| tick.second > known || tick.step);
                if new {
                    *second = Some(tick.second);
                }
                new
            }
        }
    }
}

struct Lane {
    end: LaneEnd,
    message: Option<Message>,
    at: usize,
    bound: Key,
    ended: bool,
    /// Waited for in vain: the others go on without it until it speaks.
    late: bool,
}

impl Lane {
    fn record(&self) -> Option<&Record> {
        self.message.as_ref()?.batch.records.get(self.at)
    }

    /// Nothing before this comes on this lane.
    fn next(&self) -> Key {
        self.record().map_or(self.bound, |record| record.key)
    }
}

impl Merge {
    pub(crate) fn new(ends: Vec<LaneEnd>, patience: Option<Duration>, steered: bool) -> Self {
        let workers = ends.iter().map(|end| end.worker).max().unwrap_or(0);
        let lane = |end| Lane {
            end,
            message: None,
            at: 0,
            bound: Key::default(),
            ended: false,
            late: false,
        };
        Self {
            lanes: ends.into_iter().map(lane).collect(),
            ticks: VecDeque::new(),
            seen: if steered {
                Seen::Own { second: None }
            } else {
                Seen::Same {
                    told: vec![0; workers.saturating_add(1)],
                    seen: 0,
                }
            },
            last: Key::default(),
            patience,
            told_idle: false,
            told_quiet: false,
            spent: None,
        }
    }

    /// What comes next. Waits for it.
    pub(crate) fn next(&mut self) -> Next<'_> {
        self.recycle();
        loop {
            if self.lanes.iter().any(|lane| lane.late)
                && let Some(read_at) = self.listen_to_the_late()
            {
                return Next::Taken(read_at);
            }
            let Some((at, bound)) = self.lowest() else {
                return self.ticks.pop_front().map_or(Next::End, Next::Second);
            };
            let due = |tick: &&Tick| tick_key(tick) < bound;
            if self.ticks.front().filter(due).is_some()
                && let Some(tick) = self.ticks.pop_front()
            {
                return Next::Second(tick);
            }
            if self
                .lanes
                .get(at)
                .is_some_and(|lane| lane.record().is_some())
            {
                return self.take(at);
            }
            match self.receive(at) {
                Received::Message(read_at) => {
                    (self.told_idle, self.told_quiet) = (false, false);
                    return Next::Taken(read_at);
                }
                Received::Nothing => {}
                Received::Idle => return Next::Idle,
                Received::Quiet => return Next::Quiet,
            }
        }
    }

    /// The lane that can have the next record.
    fn lowest(&self) -> Option<(usize, Key)> {
        let open =
            |(_, lane): &(usize, &Lane)| lane.record().is_some() || !(lane.ended || lane.late);
        let lanes = self.lanes.iter().enumerate().filter(open);
        let lowest = lanes.map(|(at, lane)| (lane.next(), at)).min();
        match lowest {
            Some((key, at)) => Some((at, key)),
            // Only late ones are left.
            None => {
                let at = self.lanes.iter().position(|lane| !lane.ended)?;
                Some((at, self.lanes.get(at)?.next()))
            }
        }
    }

    fn take(&mut self, at: usize) -> Next<'_> {
        let Some(lane) = self.lanes.get_mut(at) else {
            return Next::Idle;
        };
        let place = lane.at;
        lane.at = place.saturating_add(1);
        let Some(message) = &lane.message else {
            return Next::Idle;
        };
        let Some(record) = message.batch.records.get(place) else {
            return Next::Idle;
        };
        if lane.at >= message.batch.records.len() {
            self.spent = Some(at);
        }
        // Two idle seconds may both come before the same frame: their timers are not late.
        let late = record.key < self.last && record.key.phase == Phase::Frame;
        self.last = self.last.max(record.key);
        Next::Record {
            batch: &message.batch,
            record,
            worker: lane.end.worker,
            late,
        }
    }

    /// Gives the buffers of a message whose last record has been told back to its worker.
    fn recycle(&mut self) {
        if let Some(lane) = self.spent.take().and_then(|at| self.lanes.get_mut(at))
            && let Some(message) = lane.message.take()
        {
            lane.recycle(message);
        }
    }

    fn receive(&mut self, at: usize) -> Received {
        let waiting = self.lanes.iter().any(|lane| lane.record().is_some());
        let (told_idle, told_quiet) = (self.told_idle, self.told_quiet);
        let Some(lane) = self.lanes.get_mut(at) else {
            return Received::Nothing;
        };
        match lane.end.messages.try_recv() {
            Ok(message) => return self.received(at, message),
            Err(TryRecvError::Disconnected) => {
                lane.ended = true;
                return Received::Nothing;
            }
            Err(TryRecvError::Empty) if !told_idle => {
                self.told_idle = true;
                return Received::Idle;
            }
            Err(TryRecvError::Empty) => {}
        }
        let received = match self.patience {
            _ if !told_quiet => lane.end.messages.recv_timeout(QUIET),
            None => lane.end.messages.recv().map_err(Into::into),
            Some(patience) => lane.end.messages.recv_timeout(patience),
        };
        match received {
            Ok(message) => return self.received(at, message),
            Err(RecvTimeoutError::Disconnected) => lane.ended = true,
            Err(RecvTimeoutError::Timeout) if !told_quiet => {
                self.told_quiet = true;
                return Received::Quiet;
            }
            Err(RecvTimeoutError::Timeout) => {
                lane.late = waiting;
                self.listen_to_the_others();
            }
        }
        Received::Nothing
    }

    fn received(&mut self, at: usize, message: Message) -> Received {
        let Some(lane) = self.lanes.get_mut(at) else {
            return Received::Nothing;
        };
        lane.bound = lane.bound.max(message.bound);
        lane.late = false;
        lane.at = 0;
        for tick in &message.ticks {
            if self.seen.is_new(lane.end.worker, tick) {
                self.ticks.push_back(*tick);
            }
        }
        let read_at = message.read_at;
        if message.batch.records.is_empty() {
            lane.recycle(message);
        } else {
            lane.message = Some(message);
        }
        Received::Message(read_at)
    }

    fn listen_to_the_late(&mut self) -> Option<u64> {
        let late = |lane: &Lane| lane.late && lane.record().is_none();
        self.poll(late)
    }

    /// While one lane is waited for, another may have got something to tell.
    fn listen_to_the_others(&mut self) {
        self.poll(|lane| !lane.ended && lane.record().is_none());
    }

    fn poll(&mut self, which: impl Fn(&Lane) -> bool) -> Option<u64> {
        let mut any = None;
        for at in 0..self.lanes.len() {
            let Some(lane) = self.lanes.get_mut(at).filter(|lane| which(lane)) else {
                continue;
            };
            match lane.end.messages.try_recv() {
                Ok(message) => {
                    if let Received::Message(read_at) = self.received(at, message) {
                        any = Some(read_at);
                    }
                }
                Err(TryRecvError::Disconnected) => lane.ended = true,
                Err(TryRecvError::Empty) => {}
            }
        }
        any
    }
}

impl Lane {
    fn recycle(&self, message: Message) {
        let batch = message.batch;
        if batch.arena.capacity() > ARENA_KEPT_MAX {
            return;
        }
        let mut pen = Pen {
            arena: batch.arena,
            fields: batch.fields,
            records: batch.records,
        };
        pen.clear();
        // A worker that has enough of them lets this one go.
        drop(self.end.back.try_send(pen));
    }
}

enum Received {
    Message(u64),
    Nothing,
    Idle,
    Quiet,
}

/// Behind the timers of the frame that brought the second, before the frame itself.
const fn tick_key(tick: &Tick) -> Key {
    Key {
        frame: tick.frame,
        phase: Phase::Timer,
        first_frame: u64::MAX,
        sub: u32::MAX,
    }
}

/// A capture that is still being written may bring nothing for hours: what is finished is let go
/// of after this long.
const QUIET: Duration = Duration::from_millis(20);
/// A buffer that one burst made larger than this is not kept.
const ARENA_KEPT_MAX: usize = 4 << 20;
