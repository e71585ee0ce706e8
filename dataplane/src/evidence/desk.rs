//! Where a worker is asked for evidence, and answers.

use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use rules::correlate::Wanted;

use super::{Evidence, Keeper, Place};
use crate::counters::{Count, Counts};

/// A worker's rings, who asks for what is in them, and where it goes.
pub(crate) struct Desk {
    pub(crate) keeper: Keeper,
    asked: Receiver<Wanted>,
    out: Sender<Evidence>,
    /// Live, a full queue loses evidence and counts it; reading files the worker waits.
    live: bool,
    /// Frames that were counted already.
    counted: u64,
}

/// A desk, and the end at which it is asked.
pub(crate) fn desk(bytes: usize, out: Sender<Evidence>, live: bool) -> (Desk, Sender<Wanted>) {
    let (ask, asked) = bounded(ASKED_MAX);
    let desk = Desk {
        keeper: Keeper::new(bytes),
        asked,
        out,
        live,
        counted: 0,
    };
    (desk, ask)
}

impl Desk {
    /// Answers what was asked meanwhile.
    pub(crate) fn answer(&mut self, interfaces: &Arc<[String]>, counts: &mut Counts) {
        let all = self.keeper.count();
        counts.add(Count::EvidenceFrames, all.saturating_sub(self.counted));
        self.counted = all;
        while let Ok(wanted) = self.asked.try_recv() {
            self.hand_out(wanted, interfaces, counts);
        }
    }

    /// Answers until nobody can ask any more.
    pub(crate) fn answer_to_the_end(&self, interfaces: &Arc<[String]>, counts: &mut Counts) {
        while let Ok(wanted) = self.asked.recv() {
            self.hand_out(wanted, interfaces, counts);
        }
    }

    fn hand_out(&self, wanted: Wanted, interfaces: &Arc<[String]>, counts: &mut Counts) {
        counts.one(Count::EvidenceWanted);
        let place = Place::of(wanted.trail);
        let frames = self.keeper.gather(place);
        if frames.is_empty() {
            counts.one(Count::EvidenceGone);
            return;
        }
        let evidence = Evidence {
            alert: wanted.alert,
            interfaces: Arc::clone(interfaces),
            frames,
            kept: place.kept,
        };
        let sent = if self.live {
            self.out.try_send(evidence)
        } else {
            let sent = self.out.send(evidence);
            sent.map_err(|error| TrySendError::Disconnected(error.0))
        };
        counts.one(match sent {
            Ok(()) => Count::EvidenceHandled,
            Err(_) => Count::EvidenceFull,
        });
    }
}

/// Alerts that wait for a worker's answer: minutes of the most that the correlator asks for. It
/// never waits for room, since the worker may be waiting for it.
const ASKED_MAX: usize = 4096;
