//! What looks into a flow is taken out of it for as long as it looks, and put back if it wants
//! more.

use parsers::event::Direction;

use crate::counters::Count;
use crate::emit::{Moment, Recorder};
use crate::flow::expiry::{Entry, What};
use crate::flow::{Content, Flow, Looks};
use crate::inspect::{Around, Conversation};
use crate::shed::Shed;
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
            shed,
            ..
        } = self;
        let Some(flow) = table.get_mut(slot) else {
            return;
        };
        if flow.looks() == Looks::No
            || (flow.looks() == Looks::Soon && brings_nothing(flow, direction, &segment))
        {
            return;
        }
        if leaves_out(*shed, flow, segment.payload, recorder) {
            segment.payload = &[];
        }
        segment.one_sided = flow.is_one_sided();
        let soon = flow.looks() == Looks::Soon;
        let mut conversation = match flow.take_content() {
            Content::Stream(conversation) => conversation,
            _ if soon => Box::new(Conversation::new(flow.cold.marks.midstream, memory)),
            _ => return,
        };
        let waited = conversation.waits();
        let mut around = Around {
            protocols,
            memory,
            recorder,
            moment,
        };
        if soon {
            conversation.begin(segment.now, flow, &mut around);
        }
        let outcome = conversation.push(direction, &segment, flow, &mut around);
        if segment.wire_len > 0 {
            recorder
                .counts
                .add(Count::StreamBytes, segment.wire_len.into());
            count(outcome, recorder);
        }
        if conversation.is_done() {
            conversation.forget(memory);
            return;
        }
        let waits = conversation.waits();
        flow.put_content(Content::Stream(conversation));
        if waits && !waited {
            let entry = Entry {
                first_frame: flow.cold.first_frame,
                slot,
                what: What::Hole,
            };
            table
                .wheel
                .file(segment.now.secs().saturating_add(2), entry);
        }
    }

    /// Counts a segment that was skipped at a glance.
    pub(crate) fn skipped(&mut self, segment: &Segment<'_>) {
        if segment.wire_len > 0 {
            let counts = &mut self.recorder.counts;
            counts.add(Count::StreamBytes, segment.wire_len.into());
            count(Outcome::Skipped, &mut self.recorder);
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
            shed,
            ..
        } = self;
        let Some(flow) = table.get_mut(slot) else {
            return;
        };
        if flow.looks() == Looks::No || leaves_out(*shed, flow, payload, recorder) {
            return;
        }
        let Content::Datagrams(mut datagrams) = flow.take_content() else {
            return;
        };
        let mut around = Around {
            protocols,
            memory,
            recorder,
            moment,
        };
        if datagrams.push(direction, payload, flow, &mut around) {
            flow.put_content(Content::Datagrams(datagrams));
        }
    }

    /// The connection is over: its parser is told now, its record is made a little later.
    pub(crate) fn closed(&mut self, slot: u32, moment: Moment) {
        let reset = self.table.get(slot).is_some_and(|flow| flow.cold.marks.rst);
        if reset {
            timers::close_content(self, slot, moment);
        }
        self.table.hurry(slot);
    }
}

/// Whether payload is not looked into because the worker is behind.
#[inline]
fn leaves_out(shed: Shed, flow: &Flow, payload: &[u8], recorder: &mut Recorder) -> bool {
    if shed == Shed::Nothing {
        return false;
    }
    let what = shed.leaves_out(flow.cold.app);
    if let Some(what) = what {
        recorder.counts.add(what, payload.len() as u64);
    }
    what.is_some()
}

/// Whether a segment says nothing of a connection of which no byte was seen: it has none, it does
/// not end it, and it acknowledges none.
fn brings_nothing(flow: &Flow, direction: Direction, segment: &Segment<'_>) -> bool {
    let peer = flow.cold.isn.get(direction.other().index()).copied();
    let acknowledges = match (segment.ack, peer.flatten()) {
        (Some(ack), Some(isn)) => ack != isn.wrapping_add(1),
        _ => false,
    };
    segment.wire_len == 0 && !segment.fin && !acknowledges
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
