//! Packet to flow: finds it, begins it, makes room for it.

use parsers::event::Direction;

use crate::batch::Frame;
use crate::counters::Count;
use crate::datagrams::Datagrams;
use crate::decode::{Ip, Packet, Transport, tcp_flags};
use crate::emit::Moment;
use crate::flow::key::Keyed;
use crate::flow::table::Found;
use crate::flow::{Content, Flow};
use crate::inspect::CONVERSATION_BYTES;
use crate::worker::{Worker, bare};
use crate::{anomalies, timers};

impl Worker {
    /// The packet's flow, which was found, or begins.
    pub(crate) fn lookup(
        &mut self,
        found: Found,
        hash: u64,
        keyed: &Keyed,
        frame: &Frame,
        packet: &Packet,
        ip: &Ip,
    ) -> Option<u32> {
        let (slot, across) = match found {
            Found::Flow(slot) => (slot, false),
            Found::AcrossVlans(slot) => (slot, true),
            Found::None => return self.open(hash, keyed, frame, packet, ip),
        };
        if let Transport::Tcp(tcp) = &ip.transport
            && tcp.flags & tcp_flags::SYN != 0
        {
            let flow = self.table.get(slot)?;
            if flow.is_reused_by(tcp, flow.direction(keyed.from_a), frame.now) {
                let moment = Moment {
                    frame: frame.no,
                    time: frame.time,
                };
                timers::end(self, slot, "reuse", moment);
                return self.open(hash, keyed, frame, packet, ip);
            }
        }
        if across {
            self.recorder.counts.one(Count::FlowVlanAsymmetric);
            if self.may_tell() {
                let mut envelope = bare(frame, Some(packet));
                envelope.src.ip = Some(ip.src);
                envelope.dest.ip = Some(ip.dest);
                self.recorder
                    .wire_anomaly(&envelope, &anomalies::VLAN_ASYMMETRIC);
            }
        }
        Some(slot)
    }

    fn open(
        &mut self,
        hash: u64,
        keyed: &Keyed,
        frame: &Frame,
        packet: &Packet,
        ip: &Ip,
    ) -> Option<u32> {
        for _ in 0..EVICTED_AT_ONCE_MAX {
            let looked_into = self.memory.conversations.saturating_mul(CONVERSATION_BYTES);
            if !self.table.is_full(looked_into) {
                break;
            }
            self.evict(frame)?;
        }
        let id = keyed.key.id(self.table.named_vlans(keyed.vlans), frame.no);
        let mut flow = Flow::new(keyed, packet, ip, frame, id);
        let counts = &mut self.recorder.counts;
        counts.one(Count::FlowOpened);
        let mut opens = flow.direction(keyed.from_a) == Direction::ToServer;
        match ip.transport {
            Transport::Tcp(_) if flow.cold.marks.midstream => {
                counts.one(Count::FlowMidstream);
                opens = false;
                if self.midstream {
                    flow.look_soon();
                }
            }
            Transport::Tcp(_) => flow.look_soon(),
            Transport::Udp { .. } => {
                flow.put_content(Content::Datagrams(Box::new(Datagrams::new())));
            }
            _ => opens = false,
        }
        flow.open_counted = opens;
        if opens {
            let mut envelope = flow.envelope(Direction::ToServer, frame.no, frame.time);
            if let Some((src, dest)) = packet.mac {
                (envelope.src.mac, envelope.dest.mac) = (Some(src), Some(dest));
            }
            self.opens.open(&envelope, &mut self.recorder);
        }
        self.table.insert(hash, flow)
    }

    fn evict(&mut self, frame: &Frame) -> Option<()> {
        self.recorder.counts.one(Count::BoundFlows);
        let victim = self.table.victim()?;
        self.recorder.counts.one(Count::FlowEvicted);
        if self.table.get(victim).is_some_and(Flow::is_medical) {
            self.recorder.counts.one(Count::FlowEvictedMedical);
        }
        let moment = Moment {
            frame: frame.no,
            time: frame.time,
        };
        timers::end(self, victim, "evicted", moment);
        Some(())
    }
}

/// Flows ended to make room for one: those that are looked into make more room than it needs, and
/// the bound holds again after a few packets.
const EVICTED_AT_ONCE_MAX: usize = 4;
