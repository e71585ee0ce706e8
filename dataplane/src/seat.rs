//! A worker's thread: takes works, does them, sends what came of them, survives its own faults.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender};
use parsers::time::Time;

use crate::counters::Published;
use crate::lanes::Lanes;
use crate::reader::Task;
use crate::spread::Work;
use crate::telemetry::{Latencies, monotonic_nanos};
use crate::worker::Worker;

/// What a worker's thread is given beside the worker.
pub(crate) struct Seat {
    pub(crate) tasks: Receiver<Task>,
    pub(crate) lanes: Lanes,
    /// Where emptied works go.
    pub(crate) give_back: Sender<Work>,
    pub(crate) published: Arc<Published>,
    pub(crate) latencies: Arc<[Arc<Latencies>; 3]>,
}

impl Seat {
    /// Works until the reader ends.
    pub(crate) fn run(mut self, mut worker: Worker) {
        let (mut upto, mut now) = (0_u64, Time::ZERO);
        while let Ok(task) = self.tasks.recv() {
            match task {
                Task::Work(work, names) => {
                    worker.recorder.set_interfaces(&names);
                    (upto, now) = (work.dispatched_upto, work.now);
                    self.work(&mut worker, work);
                }
                Task::Lost(frames) => worker.lost(frames, upto, now),
                Task::Sight(sight) => worker.sight(sight, upto, now),
                Task::End(frame, now) => {
                    // What a fault here loses has already been counted, flow by flow.
                    let end = AssertUnwindSafe(|| worker.end(frame, now));
                    drop(catch_unwind(end));
                    self.lanes.finish(&mut worker.recorder, now);
                    self.published.publish(&worker.recorder.counts);
                    return;
                }
            }
        }
    }

    fn work(&mut self, worker: &mut Worker, mut work: Work) {
        let began = monotonic_nanos();
        worker.begin(&work);
        // Each fault costs one frame and the worker's flows; the rest of the work is done.
        while catch_unwind(AssertUnwindSafe(|| worker.go_on(&work))).is_err() {
            worker.restart(&work);
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
