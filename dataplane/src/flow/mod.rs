//! Packets to flows: who talks to whom, since when, and in which state.

pub(crate) mod expiry;
pub(crate) mod key;
pub(crate) mod table;

use std::num::NonZeroU64;

use parsers::event::{Direction, Endpoint, Envelope, FlowFacts, Tunnel};
use parsers::protocol::Spec;
use parsers::time::Time;
use rules::record::Service;

use crate::batch::Frame;
use crate::datagrams::Datagrams;
use crate::decode::{Ip, Packet, Tcp, Transport, tcp_flags};
use crate::inspect::Conversation;
use crate::stream::{Glance, Segment};
use key::{FlowKey, Keyed, Vlans};

/// What one flow takes in the table, its place in the index and in the wheel included.
pub(crate) const FLOW_BYTES: usize = size_of::<Flow>() + size_of::<Cold>() + 16 + 48;

/// One conversation between two endpoints: what every packet reads or writes, in two cache lines.
#[repr(align(64))]
pub(crate) struct Flow {
    pub(crate) key: FlowKey,
    /// Packet time of the newest packet.
    pub(crate) last: Time,
    /// By direction, to the server and to the client: bytes on the wire, and of them payload.
    bytes: [u64; 2],
    payload: [u64; 2],
    packets: [u32; 2],
    /// By direction, once seen.
    vlans: [Option<Vlans>; 2],
    pub(crate) client_is_a: bool,
    pub(crate) tcp: TcpState,
    /// Whether it is one of the opens of the current second.
    pub(crate) open_counted: bool,
    /// Whether its protocol is a medical one.
    medical: bool,
    looks: Looks,
    pub(crate) cold: Box<Cold>,
}

const _: () = assert!(size_of::<Option<Flow>>() == 128);

/// What a flow's beginning and end and its events need.
pub(crate) struct Cold {
    /// Names the flow in every event.
    id: u64,
    pub(crate) first_frame: u64,
    pub(crate) start: Time,
    /// The second under which its end is filed.
    pub(crate) filed: i64,
    pub(crate) marks: Marks,
    /// By direction: packets beyond what 32 bits count, and bytes that were missing.
    carried: [u32; 2],
    gap_bytes: [u64; 2],
    /// Ethernet addresses of client and server.
    macs: [Option<[u8; 6]>; 2],
    tunnel: Option<Box<Tunnel>>,
    interface: u16,
    /// Where its newest frame is kept for evidence.
    pub(crate) trail: Option<NonZeroU64>,
    /// The recognised protocol.
    pub(crate) app: Option<&'static Spec>,
    /// Anomalies told so far.
    pub(crate) anomalies: u8,
    /// The initial sequence number of client and server, once seen.
    pub(crate) isn: [Option<u32>; 2],
    content: Content,
}

/// Whether anything looks into a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Looks {
    /// Nothing, or nothing any more.
    No,
    /// A TCP connection of which no byte has been seen: what looks into it comes with the first.
    /// Scans and floods never bring one.
    Soon,
    /// Something.
    Yes,
}

/// What looks into a flow.
pub(crate) enum Content {
    /// Nothing.
    None,
    /// A TCP stream's.
    Stream(Box<Conversation>),
    /// That of datagrams.
    Datagrams(Box<Datagrams>),
}

/// Where a TCP connection stands; flows of other protocols are always `Open`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TcpState {
    /// Only a SYN was seen.
    Syn,
    /// Data may flow.
    Open,
    /// Over: both FINs, or a reset.
    Closed,
}

/// What was seen of a flow.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Marks {
    pub(crate) midstream: bool,
    pub(crate) syn: bool,
    pub(crate) syn_ack: bool,
    pub(crate) rst: bool,
    pub(crate) fin: [bool; 2],
    pub(crate) gaps: bool,
}

/// What one direction carried.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SideCounts {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) payload: u64,
    pub(crate) gap_bytes: u64,
}

impl Flow {
    /// The flow that this packet begins.
    pub(crate) fn new(keyed: &Keyed, packet: &Packet, ip: &Ip, frame: &Frame, id: u64) -> Self {
        let from_client = sender_is_client(ip);
        let mut marks = Marks::default();
        let mut tcp = TcpState::Open;
        if let Transport::Tcp(segment) = ip.transport {
            let begins = segment.flags & tcp_flags::SYN != 0;
            marks.midstream = !begins;
            if begins {
                tcp = TcpState::Syn;
            }
        }
        let cold = Cold {
            id,
            first_frame: frame.no,
            start: frame.time,
            filed: i64::MAX,
            marks,
            carried: [0; 2],
            gap_bytes: [0; 2],
            macs: [None; 2],
            tunnel: packet.tunnel.map(Box::new),
            interface: frame.interface,
            trail: None,
            app: None,
            anomalies: 0,
            isn: [None; 2],
            content: Content::None,
        };
        Self {
            key: keyed.key,
            last: frame.now,
            bytes: [0; 2],
            payload: [0; 2],
            packets: [0; 2],
            vlans: [None; 2],
            client_is_a: from_client == keyed.from_a,
            tcp,
            open_counted: false,
            medical: false,
            looks: Looks::No,
            cold: Box::new(cold),
        }
    }

    /// Whether anything looks into it.
    pub(crate) const fn looks(&self) -> Looks {
        self.looks
    }

    /// The first byte will be looked into.
    pub(crate) const fn look_soon(&mut self) {
        self.looks = Looks::Soon;
    }

    /// Lends what looks into it: it is given back, or nothing looks any more.
    pub(crate) fn take_content(&mut self) -> Content {
        if self.looks == Looks::No {
            return Content::None;
        }
        self.looks = Looks::No;
        std::mem::replace(&mut self.cold.content, Content::None)
    }

    pub(crate) fn put_content(&mut self, content: Content) {
        self.looks = Looks::Yes;
        self.cold.content = content;
    }

    /// What one direction carried so far.
    pub(crate) fn side(&self, direction: Direction) -> SideCounts {
        let at = direction.index();
        let of = |counts: &[u64; 2]| counts.get(at).copied().unwrap_or(0);
        let packets = self.packets.get(at).copied().unwrap_or(0);
        let carried = self.cold.carried.get(at).copied().unwrap_or(0);
        SideCounts {
            packets: u64::from(carried) << 32 | u64::from(packets),
            bytes: of(&self.bytes),
            payload: of(&self.payload),
            gap_bytes: of(&self.cold.gap_bytes),
        }
    }

    /// Bytes of a direction are missing.
    pub(crate) fn lost(&mut self, direction: Direction, bytes: u64) {
        self.cold.marks.gaps = true;
        if let Some(gap) = self.cold.gap_bytes.get_mut(direction.index()) {
            *gap = gap.saturating_add(bytes);
        }
    }

    /// Payload came.
    pub(crate) fn carried(&mut self, direction: Direction, bytes: u64) {
        if let Some(payload) = self.payload.get_mut(direction.index()) {
            *payload = payload.saturating_add(bytes);
        }
    }

    pub(crate) fn direction(&self, from_a: bool) -> Direction {
        if from_a == self.client_is_a {
            Direction::ToServer
        } else {
            Direction::ToClient
        }
    }

    /// The VLAN ids that packets of `a`, or of `b`, carry.
    pub(crate) fn vlans(&self, from_a: bool) -> Option<Vlans> {
        let [to_server, to_client] = self.vlans;
        match self.direction(from_a) {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }

    /// Whether a SYN begins another connection with the same ports: this one is over, or has been
    /// silent for long, or never began.
    pub(crate) fn is_reused_by(&self, segment: &Tcp, direction: Direction, now: Time) -> bool {
        const QUIET_NANOS: i64 = 60 * parsers::time::NANOS_PER_SEC;
        let opens = segment.flags & (tcp_flags::SYN | tcp_flags::ACK) == tcp_flags::SYN;
        let [isn, _] = self.cold.isn;
        let same = direction == Direction::ToServer && isn == Some(segment.seq);
        // Nobody repeats a SYN once both sides have said goodbye.
        let parted = self.cold.marks.fin == [true; 2];
        if !opens || (same && !parted) {
            return false;
        }
        self.tcp == TcpState::Closed
            || (self.tcp == TcpState::Syn && direction == Direction::ToServer)
            || now.since(self.last) > QUIET_NANOS
    }

    /// Counts a packet, and takes from it what the flow did not know.
    pub(crate) fn count(
        &mut self,
        direction: Direction,
        keyed: &Keyed,
        packet: &Packet,
        frame: &Frame,
    ) {
        self.last = self.last.max(frame.now);
        let at = direction.index();
        if let Some(bytes) = self.bytes.get_mut(at) {
            *bytes = bytes.saturating_add(frame.wire_len.into());
        }
        let Some(packets) = self.packets.get_mut(at) else {
            return;
        };
        *packets = packets.wrapping_add(1);
        if *packets == 0
            && let Some(carried) = self.cold.carried.get_mut(at)
        {
            *carried = carried.saturating_add(1);
        }
        if *packets == 1 {
            self.meet(direction, keyed, packet);
        }
    }

    /// Takes from a direction's first packet what the flow did not know.
    fn meet(&mut self, direction: Direction, keyed: &Keyed, packet: &Packet) {
        if let Some(vlans) = self.vlans.get_mut(direction.index()) {
            *vlans = Some(keyed.vlans);
        }
        if let Some((src, dest)) = packet.mac {
            let [client, server] = &mut self.cold.macs;
            let (from, to) = match direction {
                Direction::ToServer => (client, server),
                Direction::ToClient => (server, client),
            };
            *from = Some(src);
            to.get_or_insert(dest);
        }
    }

    /// Follows the connection's state; says whether it ended with this segment.
    pub(crate) fn follow(&mut self, segment: &Tcp, direction: Direction) -> bool {
        const CHANGES: u8 = tcp_flags::RST | tcp_flags::SYN | tcp_flags::FIN;
        if segment.flags & CHANGES == 0 && self.tcp != TcpState::Syn {
            return false;
        }
        let has = |flag: u8| segment.flags & flag != 0;
        let before = self.tcp;
        let marks = &mut self.cold.marks;
        if has(tcp_flags::RST) {
            marks.rst = true;
            self.tcp = TcpState::Closed;
        } else if has(tcp_flags::SYN) {
            if let Some(isn) = self.cold.isn.get_mut(direction.index()) {
                isn.get_or_insert(segment.seq);
            }
            if has(tcp_flags::ACK) {
                marks.syn_ack = true;
                if direction == Direction::ToClient && self.tcp == TcpState::Syn {
                    self.tcp = TcpState::Open;
                }
            } else if direction == Direction::ToServer {
                marks.syn = true;
            }
        } else if self.tcp == TcpState::Syn {
            self.tcp = TcpState::Open;
        }
        if has(tcp_flags::FIN) {
            if let Some(fin) = marks.fin.get_mut(direction.index()) {
                *fin = true;
            }
            if marks.fin == [true; 2] {
                self.tcp = TcpState::Closed;
            }
        }
        before != TcpState::Closed && self.tcp == TcpState::Closed
    }

    /// Whether only one direction has been seen.
    pub(crate) fn is_one_sided(&self) -> bool {
        self.bytes.contains(&0)
    }

    /// Its protocol is known.
    pub(crate) const fn recognise(&mut self, spec: &'static Spec) {
        self.cold.app = Some(spec);
        self.medical = spec.medical;
    }

    pub(crate) const fn is_medical(&self) -> bool {
        self.medical
    }

    /// Packets of both directions; beyond 32 bits it begins anew.
    pub(crate) const fn packets(&self) -> u32 {
        let [to_server, to_client] = self.packets;
        to_server.wrapping_add(to_client)
    }

    /// Takes a segment in which there is nothing to look into: see [`Stream::glance`].
    ///
    /// [`Stream::glance`]: crate::stream::Stream::glance
    #[inline]
    pub(crate) fn glance(&mut self, direction: Direction, segment: &Segment<'_>) -> Glance {
        match &mut self.cold.content {
            Content::Stream(conversation) if self.looks == Looks::Yes => {
                conversation.glance(direction, segment)
            }
            _ => Glance::Look,
        }
    }

    /// The service that its server offers.
    pub(crate) fn service(&self, frame: u64) -> Service {
        let [_, server] = self.endpoints();
        Service {
            frame,
            proto: self.key.proto(),
            port: server.port.unwrap_or(0),
            app: self.cold.app.map_or("", |spec| spec.name),
            ..Service::default()
        }
    }

    /// The same with what it carried, once it is over; nothing if it was never answered.
    pub(crate) fn served(&self, frame: u64) -> Option<Service> {
        let [to_server, to_client] = self.payload;
        let has_ports = matches!(self.key.proto(), expiry::TCP | expiry::UDP);
        let carried = to_server.saturating_add(to_client) > 0;
        (has_ports && carried && !self.is_one_sided()).then(|| Service {
            flows: 1,
            bytes_to_server: to_server,
            bytes_to_client: to_client,
            ..self.service(frame)
        })
    }

    /// Client and server: addresses and ports.
    pub(crate) fn endpoints(&self) -> [Endpoint; 2] {
        let [a, b] = self.key.ends();
        let (client, server) = if self.client_is_a { (a, b) } else { (b, a) };
        let has_ports = matches!(self.key.proto(), expiry::TCP | expiry::UDP | expiry::SCTP);
        let [client_mac, server_mac] = self.cold.macs;
        let side = |(ip, port), mac| Endpoint {
            ip: Some(ip),
            port: has_ports.then_some(port),
            mac,
        };
        [side(client, client_mac), side(server, server_mac)]
    }

    /// Of ICMP, what stands for ports, the client's first.
    fn icmp(&self) -> Option<[u16; 2]> {
        let is_icmp = matches!(self.key.proto(), expiry::ICMP | expiry::ICMPV6);
        let [(_, a), (_, b)] = self.key.ends();
        is_icmp.then_some(if self.client_is_a { [a, b] } else { [b, a] })
    }

    /// Where and when an event of this flow happened.
    pub(crate) fn envelope(&self, direction: Direction, frame: u64, time: Time) -> Envelope {
        let [client, server] = self.endpoints();
        let (src, dest) = match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        };
        let icmp = self.icmp().map(|[client, server]| match direction {
            Direction::ToServer => [client, server],
            Direction::ToClient => [server, client],
        });
        let [to_server, to_client] = self.vlans;
        let vlan = match direction {
            Direction::ToServer => to_server.or(to_client),
            Direction::ToClient => to_client.or(to_server),
        };
        let vlan = vlan.unwrap_or_default();
        let vlans = vlan.iter().filter(|id| **id != 0).count();
        Envelope {
            frame,
            time,
            interface: self.cold.interface,
            vlan,
            vlans: u8::try_from(vlans).unwrap_or(0),
            src,
            dest,
            proto: Some(self.key.proto()),
            icmp,
            direction: Some(direction),
            tunnel: self.cold.tunnel.as_deref().copied(),
            flow: Some(self.facts()),
        }
    }

    fn facts(&self) -> FlowFacts {
        let cold = &self.cold;
        FlowFacts {
            id: cold.id,
            first_frame: cold.first_frame,
            start: cold.start,
            app: cold.app.map_or("", |spec| spec.name),
            midstream: cold.marks.midstream,
            one_sided: self.is_one_sided(),
            gaps: cold.marks.gaps,
        }
    }
}

/// Whether the sender of a flow's first packet opened it. Midstream the port decides: that of a
/// server is registered, or at least the lower one.
fn sender_is_client(ip: &Ip) -> bool {
    match ip.transport {
        Transport::Tcp(tcp) if tcp.flags & tcp_flags::SYN != 0 => tcp.flags & tcp_flags::ACK == 0,
        Transport::Tcp(tcp) => match (is_service(tcp.src), is_service(tcp.dest)) {
            (false, true) => true,
            (true, false) => false,
            _ => tcp.src >= tcp.dest,
        },
        Transport::Udp { src, dest, .. } => is_service(dest) || !is_service(src),
        _ => true,
    }
}

/// Whether servers listen there: the well-known ports, and those of DICOM and MLLP above them.
const fn is_service(port: u16) -> bool {
    port < 1024 || matches!(port, 2575 | 2761 | 2762 | 3200 | 6661 | 11_112)
}
