//! What packet time brings: the ends of flows, holes given up, sums of opens.
//!
//! A tick is a whole second that packet time reached; it is the same for every worker and comes
//! before its frame. What is due by then happens here, so a lookup never meets a flow that is
//! over.

use parsers::event::{Direction, Envelope, Event};
use parsers::kinds::{capture, flow as kind};
use parsers::time::Time;
use rules::record::{Key, Phase};

use crate::counters::Count;
use crate::emit::{Lane, Moment};
use crate::flow::expiry::What;
use crate::flow::{Content, Flow, Looks, TcpState};
use crate::inspect::Around;
use crate::pipeline::FlowRecords;
use crate::spread::Tick;
use crate::worker::{SECOND, Worker};

/// Packet time reached a second.
pub(crate) fn tick(worker: &mut Worker, tick: Tick) {
    let from = lengths(worker);
    let now = Time(tick.second.saturating_mul(SECOND));
    let passed = worker.second.replace(tick.second);
    worker.loose_anomalies = 0;
    if tick.step {
        step(worker, tick, passed);
    } else {
        due(worker, tick, now);
    }
    let frame = tick.frame;
    worker
        .opens
        .close(frame, passed.unwrap_or(tick.second), &mut worker.recorder);
    sort(worker, from);
}

/// The clock jumped: nothing that was timed by the old one can be timed by the new one.
fn step(worker: &mut Worker, tick: Tick, passed: Option<i64>) {
    let last = Time(passed.unwrap_or(tick.second).saturating_mul(SECOND));
    end_all(worker, "clock_step", tick.frame, last);
    if let Some(copies) = &mut worker.copies {
        copies.clear();
    }
    if !worker.first {
        return;
    }
    let now = Time(tick.second.saturating_mul(SECOND));
    let envelope = Envelope {
        frame: tick.frame,
        time: now,
        ..Envelope::default()
    };
    let mut event = Event::new(&capture::KIND, Direction::ToServer);
    event.set(capture::EVENT, "clock_step");
    #[expect(clippy::cast_precision_loss, reason = "seconds, far below 2^52")]
    let seconds = tick.second.saturating_sub(passed.unwrap_or(tick.second)) as f64;
    event.set(capture::STEP, seconds);
    worker.recorder.at(timer(tick.frame, 0));
    worker
        .recorder
        .event(Lane::Medical, &envelope, &event, true);
}

fn due(worker: &mut Worker, tick: Tick, now: Time) {
    let mut due = std::mem::take(&mut worker.due);
    worker.table.wheel.due(tick.second, &mut due);
    let moment = Moment {
        frame: tick.frame,
        time: now,
    };
    for (filed, entry) in due.drain(..) {
        worker.recorder.at(timer(tick.frame, entry.first_frame));
        match entry.what {
            What::Idle => {
                if worker.table.is_over(filed, entry, tick.second) {
                    end(worker, entry.slot, "timeout", moment);
                }
            }
            What::Hole => hole(worker, entry, now, moment),
        }
    }
    worker.due = due;
}

/// Gives up a flow's hole whose time has come; looks again in a second while there is one.
fn hole(worker: &mut Worker, entry: crate::flow::expiry::Entry, now: Time, moment: Moment) {
    let Worker {
        table,
        memory,
        recorder,
        protocols,
        ..
    } = worker;
    let Some(flow) = table.get_mut(entry.slot) else {
        return;
    };
    if flow.cold.first_frame != entry.first_frame || flow.looks() != Looks::Yes {
        return;
    }
    recorder.trail = flow.cold.trail;
    let Content::Stream(mut conversation) = flow.take_content() else {
        return;
    };
    let mut around = Around {
        protocols,
        memory,
        recorder,
        moment,
    };
    conversation.tick(now, flow, &mut around);
    if conversation.is_done() {
        conversation.forget(memory);
        return;
    }
    let waits = conversation.waits();
    flow.put_content(Content::Stream(conversation));
    if waits {
        let next = now.secs().saturating_add(1);
        table.wheel.file(next, entry);
    }
}

/// Ends every flow, each as its own timer of this frame.
pub(crate) fn end_all(worker: &mut Worker, reason: &'static str, frame: u64, time: Time) {
    for slot in worker.table.in_order() {
        let first_frame = worker
            .table
            .get(slot)
            .map_or(0, |flow| flow.cold.first_frame);
        worker.recorder.at(timer(frame, first_frame));
        end(worker, slot, reason, Moment { frame, time });
    }
    worker.table.wheel.clear();
}

/// Ends a flow: closes its parser, tells its record.
pub(crate) fn end(worker: &mut Worker, slot: u32, reason: &'static str, moment: Moment) {
    worker.recorder.trail = worker.table.get(slot).and_then(|flow| flow.cold.trail);
    close_content(worker, slot, moment);
    conclude(worker, slot, reason, moment);
    // Another flow may follow within the same frame.
    worker.recorder.trail = None;
}

fn conclude(worker: &mut Worker, slot: u32, reason: &'static str, moment: Moment) {
    let Some(flow) = worker.table.remove(slot) else {
        return;
    };
    worker.recorder.counts.one(Count::FlowEnded);
    let envelope = flow.envelope(Direction::ToServer, moment.frame, moment.time);
    if let Some(service) = flow.served(moment.frame) {
        let first_frame = flow.cold.first_frame;
        let Worker {
            opens, recorder, ..
        } = worker;
        opens.end(&envelope, first_frame, service, recorder);
    }
    let written = match worker.flow_records {
        FlowRecords::All => true,
        FlowRecords::Medical => flow.is_medical(),
        FlowRecords::Off => false,
    };
    if !written && !worker.recorder.ruleset.watches(kind::KIND.id) {
        return;
    }
    let [mut start, mut end] = [Vec::new(), Vec::new()];
    rules::eve::timestamp(flow.cold.start, &mut start);
    rules::eve::timestamp(flow.last, &mut end);
    let event = record(&flow, reason, [&start, &end]);
    worker
        .recorder
        .event(Lane::Bulk, &envelope, &event, written);
}

/// Closes what looks into a flow, if anything still does.
pub(crate) fn close_content(worker: &mut Worker, slot: u32, moment: Moment) {
    let Worker {
        table,
        memory,
        recorder,
        protocols,
        ..
    } = worker;
    let Some(flow) = table.get_mut(slot) else {
        return;
    };
    let mut around = Around {
        protocols,
        memory,
        recorder,
        moment,
    };
    match flow.take_content() {
        Content::Stream(mut conversation) => conversation.close(flow, &mut around),
        Content::Datagrams(mut datagrams) => datagrams.close(flow, &mut around),
        Content::None => {}
    }
}

fn record<'a>(flow: &Flow, reason: &'static str, [start, end]: [&'a [u8]; 2]) -> Event<'a> {
    let mut event = Event::new(&kind::KIND, Direction::ToServer);
    let [client, server] = [Direction::ToServer, Direction::ToClient].map(|d| flow.side(d));
    let marks = &flow.cold.marks;
    event.set(kind::PKTS_TOSERVER, client.packets);
    event.set(kind::PKTS_TOCLIENT, server.packets);
    event.set(kind::BYTES_TOSERVER, client.bytes);
    event.set(kind::BYTES_TOCLIENT, server.bytes);
    event.set(kind::START, start);
    event.set(kind::END, end);
    event.set(
        kind::AGE,
        flow.last
            .secs()
            .saturating_sub(flow.cold.start.secs())
            .max(0),
    );
    event.set(kind::STATE, state(flow));
    let reason = match (reason, flow.tcp) {
        ("timeout" | "shutdown" | "reuse", TcpState::Closed) if marks.rst => "rst",
        ("timeout" | "shutdown" | "reuse", TcpState::Closed) => "fin",
        _ => reason,
    };
    event.set(kind::REASON, reason);
    event.set(kind::APP, flow.cold.app.map_or("unknown", |spec| spec.name));
    event.set(kind::MEDICAL, flow.is_medical());
    event.set(kind::MIDSTREAM, marks.midstream);
    event.set(kind::ONE_SIDED, flow.is_one_sided());
    if flow.key.proto() == crate::flow::expiry::TCP {
        event.set(kind::SYN, marks.syn);
        event.set(kind::SYN_ACK, marks.syn_ack);
        event.set(kind::RST, marks.rst);
        event.set(kind::GAP_BYTES_TOSERVER, client.gap_bytes);
        event.set(kind::GAP_BYTES_TOCLIENT, server.gap_bytes);
    }
    event.set(kind::PAYLOAD_TOSERVER, client.payload);
    event.set(kind::PAYLOAD_TOCLIENT, server.payload);
    event
}

fn state(flow: &Flow) -> &'static str {
    match flow.tcp {
        TcpState::Closed => "closed",
        TcpState::Open if !flow.is_one_sided() || flow.cold.marks.midstream => "established",
        _ => "new",
    }
}

const fn timer(frame: u64, first_frame: u64) -> Key {
    Key {
        frame,
        phase: Phase::Timer,
        first_frame,
        sub: 0,
    }
}

fn lengths(worker: &Worker) -> (usize, usize) {
    let recorder = &worker.recorder;
    (recorder.medical.records.len(), recorder.bulk.records.len())
}

/// Puts the records made since into the order of their keys: timers fire in order of the flows'
/// first frames, the sums of opens among them.
pub(crate) fn sort(worker: &mut Worker, (medical, bulk): (usize, usize)) {
    let recorder = &mut worker.recorder;
    for (pen, from) in [(&mut recorder.medical, medical), (&mut recorder.bulk, bulk)] {
        if let Some(new) = pen.records.get_mut(from..) {
            new.sort_by_key(|record| record.key);
        }
    }
}
