//! One worker: the packet path in a straight line. Nothing here is shared with another worker.

use std::sync::Arc;

use parsers::event::{Direction, Endpoint, Envelope, Event};
use parsers::kinds::capture;
use parsers::time::{NANOS_PER_SEC, Time};
use rules::Ruleset;
use rules::record::{Body, Key, Phase};

use crate::batch::{Block, Frame};
use crate::budget::Shares;
use crate::copies::Copies;
use crate::counters::Count;
use crate::decode::{DecodeIssue, Ip, Net, Packet, Span, Transport, tcp_flags};
use crate::emit::{Lane, Moment, Recorder};
use crate::evidence::Desk;
use crate::flow::expiry::{Entry, ICMP, ICMPV6};
use crate::flow::table::Table;
use crate::inspect::Protocols;
use crate::known::{Ahead, Known};
use crate::link::{arp_event, icmp_event, icmp_header};
use crate::opens::Opens;
use crate::pipeline::{FlowRecords, Settings};
use crate::reader::Sight;
use crate::shed::Shed;
use crate::spread::{Item, Work};
use crate::stream::{Glance, Memory, Segment};
use crate::{anomalies, timers};

/// Everything that one worker has.
pub(crate) struct Worker {
    pub(crate) table: Table,
    pub(crate) opens: Opens,
    pub(crate) memory: Memory,
    pub(crate) recorder: Recorder,
    pub(crate) protocols: Protocols,
    pub(crate) flow_records: FlowRecords,
    /// The first worker tells what concerns them all.
    pub(crate) first: bool,
    /// The second that packet time reached last.
    pub(crate) second: Option<i64>,
    pub(crate) due: Vec<(i64, Entry)>,
    pub(crate) midstream: bool,
    /// What is left out while it is behind.
    pub(crate) shed: Shed,
    /// The second of packet time at which that was last told.
    shed_told: Option<i64>,
    /// Nothing where packets that were mirrored twice are wanted twice.
    pub(crate) copies: Option<Copies>,
    /// Nothing where nobody wants evidence.
    pub(crate) evidence: Option<Desk>,
    vlan_in_key: crate::pipeline::VlanInKey,
    shares: Shares,
    /// Anomalies without a flow told in this second.
    pub(crate) loose_anomalies: u32,
    /// Where in the work it is, so that after a fault it can go on behind it.
    item: usize,
    tick: usize,
    /// Whether it is at a tick: then a fault costs no frame.
    ticking: bool,
    ahead: Ahead,
}

impl Worker {
    pub(crate) fn new(
        settings: &Settings,
        protocols: Protocols,
        first: bool,
        ruleset: Arc<Ruleset>,
    ) -> Self {
        let shares = Shares::of(settings.memory_bytes, settings.workers);
        Self {
            table: Table::new(shares.flow_bytes, settings.vlan_in_key),
            opens: Opens::new(shares.open_pairs),
            memory: Memory::new(shares.out_of_order_bytes, shares.parser_bytes),
            recorder: Recorder::new(settings.eve.clone(), settings.site.clone(), ruleset),
            protocols,
            flow_records: settings.flow_records,
            first,
            second: None,
            due: Vec::new(),
            midstream: settings.midstream,
            shed: Shed::Nothing,
            shed_told: None,
            copies: (!settings.keep_copies).then(Copies::new),
            evidence: None,
            vlan_in_key: settings.vlan_in_key,
            shares,
            loose_anomalies: 0,
            item: 0,
            tick: 0,
            ticking: false,
            ahead: Ahead::default(),
        }
    }

    /// Begins a work.
    pub(crate) fn begin(&mut self, work: &Work) {
        (self.item, self.tick) = (0, 0);
        self.ahead.begin(0);
        if !Arc::ptr_eq(&self.recorder.ruleset, &work.ruleset) {
            self.recorder.ruleset = Arc::clone(&work.ruleset);
        }
        let counts = &mut self.recorder.counts;
        counts.add(Count::WorkerSeen, work.items.len() as u64);
        let before = self.shed;
        self.shed = before.next(work.backlog);
        if before != self.shed {
            // Traffic may have ended: that it caught up is told all the same.
            let first = work.items.first();
            let frame = first.map_or(work.dispatched_upto, |item| item.frame.no);
            self.shedding(frame, work.now);
        }
    }

    /// Tells, once a second at most, that it leaves something out, or nothing any more.
    fn shedding(&mut self, frame: u64, now: Time) {
        let caught_up = self.shed == Shed::Nothing;
        if !caught_up && self.shed_told == Some(now.secs()) {
            return;
        }
        self.shed_told = Some(now.secs());
        let word = if caught_up { "caught_up" } else { "shedding" };
        self.tell_of_the_watching(word, frame, now);
    }

    /// Does a work, or what is left of it: each tick before its frame.
    pub(crate) fn go_on(&mut self, work: &Work) {
        while let Some(item) = work.items.get(self.item) {
            self.ticks(work, item.frame.no);
            // Past it at once: a fault costs one frame, wherever it happens.
            let at = self.item;
            self.item = at.saturating_add(1);
            let copies = self.copies.as_ref();
            let known = self.ahead.of(work, at, &self.table, copies);
            self.frame(item, known.as_ref(), &work.blocks);
        }
        self.ticks(work, u64::MAX);
        let forgotten = self
            .copies
            .as_mut()
            .map(|copies| std::mem::take(&mut copies.forgotten));
        let Memory { hits, .. } = &mut self.memory;
        let [together, alone, kept] = std::mem::take(hits);
        let counts = &mut self.recorder.counts;
        counts.add(Count::BoundOutOfOrder, together);
        counts.add(Count::BoundFlowOutOfOrder, alone);
        counts.add(Count::BoundParserBytes, kept);
        counts.add(Count::BoundCopies, forgotten.unwrap_or(0));
    }

    #[inline]
    fn ticks(&mut self, work: &Work, upto: u64) {
        let next = work.ticks.get(self.tick);
        if next.is_some_and(|tick| tick.frame <= upto) {
            self.due_ticks(work, upto);
        }
    }

    fn due_ticks(&mut self, work: &Work, upto: u64) {
        while let Some(tick) = work.ticks.get(self.tick).filter(|tick| tick.frame <= upto) {
            self.tick = self.tick.saturating_add(1);
            self.ticking = true;
            timers::tick(self, *tick);
            self.ticking = false;
        }
    }

    /// Goes on empty after a fault: what was known of flows may be half changed. The frame that
    /// it happened at is lost.
    pub(crate) fn restart(&mut self, work: &mut Work) {
        self.table = Table::new(self.shares.flow_bytes, self.vlan_in_key);
        self.opens = Opens::new(self.shares.open_pairs);
        self.memory = Memory::new(self.shares.out_of_order_bytes, self.shares.parser_bytes);
        self.recorder.counts.one(Count::Panics);
        let mut envelope = Envelope {
            time: work.now,
            ..Envelope::default()
        };
        if !std::mem::take(&mut self.ticking) {
            self.item = self.item.saturating_sub(1);
            if let Some(lost) = work.items.remove(self.ahead.fault(self.item)) {
                self.recorder.counts.one(Count::WorkerPanicked);
                envelope = bare(&lost.frame, None);
            }
        }
        self.ahead.begin(self.item);
        let next = work.items.get(self.item);
        let next = next.map_or(work.dispatched_upto, |item| item.frame.no);
        self.recorder.at(key(next));
        self.recorder
            .wire_anomaly(&envelope, &anomalies::WORKER_RESTARTED);
    }

    fn frame(&mut self, item: &Item, known: Option<&Known>, blocks: &[Block]) {
        let frame = &item.frame;
        self.recorder
            .counts
            .add(Count::WorkerBytes, frame.wire_len.into());
        self.recorder.at(key(frame.no));
        let packet = match &item.packet {
            Ok(packet) => packet,
            Err(issue) => {
                self.recorder.counts.one(Count::WorkerUndecoded);
                self.keep(frame, frame.bytes(blocks), 0, ETHERNET_BYTES);
                self.undecoded(frame, *issue);
                return;
            }
        };
        let bytes = frame.bytes(blocks);
        match &packet.net {
            Net::Ip(ip) => {
                if let Some(known) = known {
                    self.ip(frame, packet, ip, known, bytes);
                }
            }
            Net::Arp(span) => {
                self.keep(frame, bytes, span.offset, ARP_BYTES);
                self.arp(frame, packet, part(bytes, *span));
            }
            Net::Other(_) => self.recorder.counts.one(Count::NotIp),
        }
        self.recorder.counts.one(Count::WorkerHandled);
    }

    /// Keeps a frame of no TCP or UDP flow for evidence: so many bytes from an offset on are headers.
    fn keep(&mut self, frame: &Frame, bytes: &[u8], offset: u32, more: usize) {
        let Some(desk) = &mut self.evidence else {
            return;
        };
        let until = (offset as usize).saturating_add(more).min(bytes.len());
        let header = bytes.get(..until).unwrap_or(bytes);
        self.recorder.trail = desk.keeper.keep_loose(frame, header);
    }

    fn undecoded(&mut self, frame: &Frame, issue: DecodeIssue) {
        if issue == DecodeIssue::Fault {
            self.recorder.counts.one(Count::Panics);
        }
        if self.may_tell() {
            let envelope = bare(frame, None);
            self.recorder
                .wire_anomaly(&envelope, anomalies::of_issue(issue));
        }
    }

    /// Anomalies without a flow are bounded by the second. The bound holds once more over all
    /// workers together, in the order of everything, so that it does not depend on their number.
    pub(crate) fn may_tell(&mut self) -> bool {
        self.loose_anomalies = self.loose_anomalies.saturating_add(1);
        let may = self.loose_anomalies <= LOOSE_ANOMALIES_MAX;
        if !may {
            self.recorder.counts.one(Count::DecodeAnomaliesCut);
        }
        may
    }

    fn arp(&mut self, frame: &Frame, packet: &Packet, bytes: &[u8]) {
        self.recorder.counts.one(Count::Arp);
        if let Some(told) = arp_event(bytes, packet.mac.map(|(src, _)| src)) {
            let mut envelope = bare(frame, Some(packet));
            envelope.src.ip = Some(told.src);
            envelope.dest.ip = Some(told.dest);
            self.recorder
                .event(Lane::Bulk, &envelope, &told.event, told.written);
        }
    }

    /// The flow of a packet that a mirror did not give before.
    #[inline]
    fn flow_of(&mut self, frame: &Frame, packet: &Packet, ip: &Ip, known: &Known) -> Option<u32> {
        self.recorder.counts.one(Count::FlowSeen);
        let (keyed, hash) = (&known.keyed, known.hash);
        let found = self.table.find(hash, keyed);
        if let Some(copies) = &mut self.copies
            && copies.is_copy(known.print, frame.time, frame.now)
        {
            self.recorder.counts.one(Count::FlowCopies);
            return None;
        }
        let slot = self.lookup(found, hash, keyed, frame, packet, ip);
        let count = match slot {
            Some(_) => Count::FlowHandled,
            None => Count::FlowFull,
        };
        self.recorder.counts.one(count);
        slot
    }

    fn ip(&mut self, frame: &Frame, packet: &Packet, ip: &Ip, known: &Known, bytes: &[u8]) {
        let Some(slot) = self.flow_of(frame, packet, ip, known) else {
            return;
        };
        let keyed = &known.keyed;
        let Some(flow) = self.table.get_mut(slot) else {
            return;
        };
        let direction = flow.direction(keyed.from_a);
        flow.count(direction, keyed, packet, frame);
        if flow.open_counted && direction == Direction::ToClient {
            flow.open_counted = false;
            let refused =
                matches!(ip.transport, Transport::Tcp(tcp) if tcp.flags & tcp_flags::RST != 0);
            let service = flow.service(frame.no);
            self.opens.answer(ip.dest, ip.src, service, refused);
        }
        let moment = Moment {
            frame: frame.no,
            time: frame.time,
        };
        match &ip.transport {
            Transport::Tcp(tcp) => {
                let closes = flow.follow(tcp, direction);
                let payload = part(bytes, tcp.payload);
                flow.carried(direction, tcp.wire_len.into());
                let segment = Segment {
                    seq: tcp.seq,
                    ack: (tcp.flags & tcp_flags::ACK != 0).then_some(tcp.ack),
                    payload,
                    wire_len: tcp.wire_len.max(u32::try_from(payload.len()).unwrap_or(0)),
                    syn: tcp.flags & tcp_flags::SYN != 0,
                    fin: tcp.flags & tcp_flags::FIN != 0,
                    now: frame.now,
                    one_sided: false,
                };
                let glance = match tcp.flags & CHANGES {
                    0 => flow.glance(direction, &segment),
                    _ => Glance::Look,
                };
                if let Some(desk) = &mut self.evidence {
                    let header = before(bytes, tcp.payload);
                    let bulk = glance == Glance::Bulk;
                    self.recorder.trail = desk.keeper.keep(flow, frame, header, bulk);
                }
                match glance {
                    Glance::Look => self.segment(slot, direction, segment, moment),
                    Glance::Bulk => self.skipped(&segment),
                    Glance::Empty => {}
                }
                if closes {
                    self.closed(slot, moment);
                }
            }
            Transport::Udp { payload, .. } => {
                if let Some(desk) = &mut self.evidence {
                    let header = before(bytes, *payload);
                    self.recorder.trail = desk.keeper.keep(flow, frame, header, false);
                }
                let payload = part(bytes, *payload);
                flow.carried(direction, payload.len() as u64);
                self.datagram(slot, direction, payload, moment);
            }
            Transport::Icmp { message, .. } if matches!(ip.proto, ICMP | ICMPV6) => {
                let envelope = flow.envelope(direction, frame.no, frame.time);
                self.icmp(frame, &envelope, ip.proto, *message, bytes);
            }
            _ => {}
        }
    }

    fn icmp(&mut self, frame: &Frame, envelope: &Envelope, proto: u8, message: Span, bytes: &[u8]) {
        let inside = part(bytes, message);
        self.keep(frame, bytes, message.offset, icmp_header(proto, inside));
        let direction = envelope.direction.unwrap_or(Direction::ToServer);
        if let Some((event, written)) = icmp_event(proto, inside, direction) {
            self.recorder.event(Lane::Bulk, envelope, &event, written);
        }
    }

    /// Frames that the capture lost, as far as it says. Told by one worker for all.
    pub(crate) fn lost(&mut self, frames: u64, frame: u64, now: Time) {
        let envelope = self.of_the_watching(frame, now);
        self.recorder
            .body(Lane::Medical, envelope, Body::Loss(frames));
        let mut event = Event::new(&capture::KIND, Direction::ToServer);
        event.set(capture::EVENT, "drops");
        event.set(capture::DROPPED, frames);
        self.recorder.event(Lane::Medical, &envelope, &event, true);
    }

    /// The source went blind, or sees again. Told by one worker for all.
    pub(crate) fn sight(&mut self, sight: Sight, frame: u64, now: Time) {
        let word = match sight {
            Sight::Blind => "blind",
            Sight::Seeing => "seeing",
        };
        self.tell_of_the_watching(word, frame, now);
    }

    fn tell_of_the_watching(&mut self, word: &str, frame: u64, now: Time) {
        let envelope = self.of_the_watching(frame, now);
        let mut event = Event::new(&capture::KIND, Direction::ToServer);
        event.set(capture::EVENT, word);
        self.recorder.event(Lane::Medical, &envelope, &event, true);
    }

    /// What happens to the watching itself comes behind whatever the frame brought.
    fn of_the_watching(&mut self, frame: u64, time: Time) -> Envelope {
        self.recorder.at(Key {
            frame,
            phase: Phase::Frame,
            first_frame: 0,
            sub: LOSS_SUB,
        });
        Envelope {
            frame,
            time,
            ..Envelope::default()
        }
    }

    /// Nothing will come any more: all flows end.
    pub(crate) fn end(&mut self, frame: u64, now: Time) {
        let second = now.secs();
        timers::end_all(self, "shutdown", frame, now);
        self.opens.close(frame, second, &mut self.recorder);
        timers::sort(self, (0, 0));
    }
}

const fn key(frame: u64) -> Key {
    Key {
        frame,
        phase: Phase::Frame,
        first_frame: 0,
        sub: 0,
    }
}

/// A frame's bytes.
fn part(bytes: &[u8], span: Span) -> &[u8] {
    let from = span.offset as usize;
    let until = from.saturating_add(span.len as usize).min(bytes.len());
    bytes.get(from..until).unwrap_or_default()
}

/// What comes before a part: every header, if it is a payload.
fn before(bytes: &[u8], span: Span) -> &[u8] {
    bytes.get(..span.offset as usize).unwrap_or_default()
}

/// The envelope of a frame without a flow.
pub(crate) fn bare(frame: &Frame, packet: Option<&Packet>) -> Envelope {
    let mac = packet.and_then(|packet| packet.mac);
    let side = |mac| Endpoint {
        mac,
        ..Endpoint::default()
    };
    Envelope {
        frame: frame.no,
        time: frame.time,
        interface: frame.interface,
        vlan: packet.map(|packet| packet.vlan).unwrap_or_default(),
        vlans: packet.map_or(0, |packet| packet.vlans),
        src: side(mac.map(|(src, _)| src)),
        dest: side(mac.map(|(_, dest)| dest)),
        tunnel: packet.and_then(|packet| packet.tunnel),
        ..Envelope::default()
    }
}

/// Anomalies without a flow in one second: enough to see what is wrong with a port.
pub(crate) const LOOSE_ANOMALIES_MAX: u32 = 32;
/// Behind whatever the frame itself brought.
const LOSS_SUB: u32 = 1 << 31;
/// An ARP message of Ethernet and IPv4.
const ARP_BYTES: usize = 28;
/// Addresses and type of a frame of which nothing else is known.
const ETHERNET_BYTES: usize = 14;
/// One second of packet time.
pub(crate) const SECOND: i64 = NANOS_PER_SEC;
/// A segment with one of these says more than its payload.
const CHANGES: u8 = tcp_flags::RST | tcp_flags::SYN | tcp_flags::FIN;
