//! What looks into a flow is taken out of it for as long as it looks, and put back if it wants
//! more.

use parsers::event::Direction;

use crate::counters::Count;
use crate::emit::{Moment, Recorder};
use crate::flow::Content;
use crate::flow::expiry::{Entry, What};
use crate::inspect::Around;
use crate::stream::{Outcome, Segment};
use crate::timers;
use crate::worker::Worker;

impl Worker {
    pub(crate) fn segment(
        &mut self,
        slot: u32,
        direction: Direction,
        mut segment: Segment<'_>,
        moment: Moment,
    ) {
        let Self {
            table,
            memory,
            recorder,
            protocols,
            ..
        } = self;
        let Some(flow) = table.get_mut(slot) else {
            return;
        };
        let Content::Stream(_) = flow.content else {
            return;
        };
        segment.one_sided = flow.is_one_sided();
        let Content::Stream(mut conversation) = std::mem::replace(&mut flow.content, Content::None)
        else {
            return;
        };
        let waited = conversation.waits();
        let mut around = Around {
            protocols,
            memory,
            recorder,
            moment,
        };
        let outcome = conversation.push(direction, &segment, flow, &mut around);
        if segment.wire_len > 0 {
            count(outcome, recorder);
        }
        if conversation.is_done() {
            conversation.forget(memory);
            return;
        }
        let waits = conversation.waits();
        flow.content = Content::Stream(conversation);
        if waits && !waited {
            let entry = Entry {
                first_frame: flow.first_frame,
                slot,
                what: What::Hole,
            };
            table
                .wheel
                .file(segment.now.secs().saturating_add(2), entry);
        }
    }

    pub(crate) fn datagram(
        &mut self,
        slot: u32,
        direction: Direction,
        payload: &[u8],
        moment: Moment,
    ) {
        let Self {
            table,
            memory,
            recorder,
            protocols,
            ..
        } = self;
        let Some(flow) = table.get_mut(slot) else {
            return;
        };
        let Content::Datagrams(_) = flow.content else {
            return;
        };
        let Content::Datagrams(mut datagrams) = std::mem::replace(&mut flow.content, Content::None)
        else {
            return;
        };
        let mut around = Around {
            protocols,
            memory,
            recorder,
            moment,
        };
        if datagrams.push(direction, payload, flow, &mut around) {
            flow.content = Content::Datagrams(datagrams);
        }
    }

    /// The connection is over: its parser is told now, its record is made a little later.
    pub(crate) fn closed(&mut self, slot: u32, moment: Moment) {
        let reset = self.table.get(slot).is_some_and(|flow| flow.marks.rst);
        if reset {
            timers::close_content(self, slot, moment);
        }
        self.table.hurry(slot);
    }
}

fn count(outcome: Outcome, recorder: &mut Recorder) {
    let counts = &mut recorder.counts;
    counts.one(Count::StreamSeen);
    match outcome {
        Outcome::Handed => counts.one(Count::StreamHandled),
        Outcome::Skipped => {
            counts.one(Count::StreamHandled);
            counts.one(Count::StreamSkipped);
        }
        Outcome::OutOfOrder => {
            counts.one(Count::StreamHandled);
            counts.one(Count::StreamOutOfOrder);
        }
        Outcome::Duplicate => counts.one(Count::StreamDuplicate),
        Outcome::Outside => counts.one(Count::StreamOutside),
    }
}
