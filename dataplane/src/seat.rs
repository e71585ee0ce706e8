//! A worker's thread: takes works, does them, sends what came of them, survives its own faults.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use parsers::time::Time;

use crate::counters::{Count, Published};
use crate::lanes::Lanes;
use crate::reader::Task;
use crate::spread::Work;
use crate::telemetry::{Latencies, monotonic_nanos};
use crate::worker::Worker;

/// A worker and what it needs to be given tasks.
pub(crate) struct Seat {
    pub(crate) worker: Worker,
    pub(crate) lanes: Lanes,
    /// Where emptied works go.
    pub(crate) give_back: Sender<Work>,
    pub(crate) published: Arc<Published>,
    pub(crate) latencies: Arc<[Arc<Latencies>; 3]>,
    /// How far it got.
    pub(crate) upto: u64,
    pub(crate) now: Time,
}

impl Seat {
    /// Works until the reader ends.
    pub(crate) fn run(mut self, tasks: &Receiver<Task>) {
        loop {
            match tasks.recv_timeout(IDLE) {
                Ok(task) => self.task(task),
                Err(RecvTimeoutError::Timeout) => self.answer(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.leave();
    }

    /// Answers what was asked for evidence.
    fn answer(&mut self) {
        if let Some(desk) = &mut self.worker.evidence {
            let recorder = &mut self.worker.recorder;
            let interfaces = Arc::clone(recorder.interfaces());
            desk.answer(&interfaces, &mut recorder.counts);
        }
    }

    /// The last alerts are told when every lane has ended, and want evidence too.
    pub(crate) fn leave(self) {
        let Self {
            mut worker,
            lanes,
            published,
            ..
        } = self;
        drop(lanes);
        let recorder = &mut worker.recorder;
        let interfaces = Arc::clone(recorder.interfaces());
        if let Some(desk) = &worker.evidence {
            desk.answer_to_the_end(&interfaces, &mut recorder.counts);
            published.publish(&recorder.counts);
        }
    }

    /// Does one task.
    pub(crate) fn task(&mut self, task: Task) {
        match task {
            Task::Work(work, names) => {
                self.worker.recorder.set_interfaces(&names);
                (self.upto, self.now) = (work.dispatched_upto, work.now);
                self.work(work);
            }
            Task::Lost(frames) => self.worker.lost(frames, self.upto, self.now),
            Task::Sight(sight) => self.worker.sight(sight, self.upto, self.now),
            Task::End(frame, now) => {
                // What a fault here loses has already been counted, flow by flow.
                let end = AssertUnwindSafe(|| self.worker.end(frame, now));
                if catch_unwind(end).is_err() {
                    self.worker.recorder.counts.one(Count::Panics);
                }
                self.lanes.finish(&mut self.worker.recorder, now);
                self.published.publish(&self.worker.recorder.counts);
            }
        }
        self.answer();
    }

    fn work(&mut self, mut work: Work) {
        let began = monotonic_nanos();
        let worker = &mut self.worker;
        worker.begin(&work);
        // Each fault costs one frame and the worker's flows; the rest of the work is done.
        while catch_unwind(AssertUnwindSafe(|| worker.go_on(&work))).is_err() {
            worker.restart(&mut work);
        }
        self.lanes.send(&mut worker.recorder, &work);
        let done = monotonic_nanos();
        let [to_worker, batch, _] = self.latencies.as_ref();
        to_worker.since(work.read_at, began);
        batch.since(began, done);
        self.published.publish(&worker.recorder.counts);
        work.clear();
        // The reader makes new ones when none came back.
        drop(self.give_back.try_send(work));
    }
}

/// A worker without work looks this often whether it was asked something.
const IDLE: Duration = Duration::from_millis(250);
