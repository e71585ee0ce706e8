//! Packets to flows: who talks to whom, since when, and in which state.

pub(crate) mod expiry;
pub(crate) mod key;
pub(crate) mod table;

use parsers::event::{Direction, Endpoint, Envelope, FlowFacts, Tunnel};
use parsers::protocol::Spec;
use parsers::time::Time;

use crate::batch::Frame;
use crate::datagrams::Datagrams;
use crate::decode::{Ip, Packet, Tcp, Transport, tcp_flags};
use crate::inspect::Conversation;
use key::{FlowKey, Keyed, Vlans};

/// What one flow takes in the table, its place in the index and in the wheel included.
pub(crate) const FLOW_BYTES: usize = size_of::<Flow>() + 48;

/// One conversation between two endpoints.
pub(crate) struct Flow {
    pub(crate) key: FlowKey,
    /// Names the flow in every event.
    pub(crate) id: u64,
    pub(crate) first_frame: u64,
    pub(crate) start: Time,
    /// Packet time of the newest packet.
    pub(crate) last: Time,
    /// The second under which its end is filed.
    pub(crate) filed: i64,
    pub(crate) client_is_a: bool,
    pub(crate) tcp: TcpState,
    pub(crate) marks: Marks,
    /// By direction: to the server, to the client.
    pub(crate) sides: [SideCounts; 2],
    /// Ethernet addresses of client and server.
    macs: [Option<[u8; 6]>; 2],
    /// By direction, once seen.
    vlans: [Option<Vlans>; 2],
    tunnel: Option<Box<Tunnel>>,
    interface: u16,
    /// The recognised protocol.
    pub(crate) app: Option<&'static Spec>,
    /// Anomalies told so far.
    pub(crate) anomalies: u8,
    /// The client's initial sequence number.
    isn: u32,
    pub(crate) content: Content,
}

/// What is looked into.
pub(crate) enum Content {
    /// Nothing, or nothing any more.
    None,
    /// A TCP stream.
    Stream(Box<Conversation>),
    /// Datagrams.
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
    /// Whether it is one of the opens of the current second.
    pub(crate) open_counted: bool,
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
        let (mut tcp, mut isn) = (TcpState::Open, 0);
        if let Transport::Tcp(segment) = ip.transport {
            let begins = segment.flags & tcp_flags::SYN != 0;
            marks.midstream = !begins;
            isn = segment.seq;
            if begins {
                tcp = TcpState::Syn;
            }
        }
        Self {
            key: keyed.key,
            id,
            first_frame: frame.no,
            start: frame.time,
            last: frame.now,
            filed: i64::MAX,
            client_is_a: from_client == keyed.from_a,
            tcp,
            marks,
            sides: [SideCounts::default(); 2],
            macs: [None; 2],
            vlans: [None; 2],
            tunnel: packet.tunnel.map(Box::new),
            interface: frame.interface,
            app: None,
            anomalies: 0,
            isn,
            content: Content::None,
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
        let same = direction == Direction::ToServer && self.marks.syn && segment.seq == self.isn;
        // Nobody repeats a SYN once both sides have said goodbye.
        let parted = self.marks.fin == [true; 2];
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
        if let Some(side) = self.sides.get_mut(at) {
            side.packets = side.packets.saturating_add(1);
            side.bytes = side.bytes.saturating_add(frame.wire_len.into());
            if side.packets > 1 {
                return;
            }
        }
        if let Some(vlans) = self.vlans.get_mut(at) {
            *vlans = Some(keyed.vlans);
        }
        if let Some((src, dest)) = packet.mac {
            let [client, server] = &mut self.macs;
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
        let has = |flag: u8| segment.flags & flag != 0;
        let before = self.tcp;
        if has(tcp_flags::RST) {
            self.marks.rst = true;
            self.tcp = TcpState::Closed;
        } else if has(tcp_flags::SYN) {
            if has(tcp_flags::ACK) {
                self.marks.syn_ack = true;
                if direction == Direction::ToClient && self.tcp == TcpState::Syn {
                    self.tcp = TcpState::Open;
                }
            } else if direction == Direction::ToServer {
                self.marks.syn = true;
            }
        } else if self.tcp == TcpState::Syn {
            self.tcp = TcpState::Open;
        }
        if has(tcp_flags::FIN) {
            if let Some(fin) = self.marks.fin.get_mut(direction.index()) {
                *fin = true;
            }
            if self.marks.fin == [true; 2] {
                self.tcp = TcpState::Closed;
            }
        }
        before != TcpState::Closed && self.tcp == TcpState::Closed
    }

    /// Whether only one direction has been seen.
    pub(crate) fn is_one_sided(&self) -> bool {
        self.sides.iter().any(|side| side.packets == 0)
    }

    pub(crate) fn is_medical(&self) -> bool {
        self.app.is_some_and(|spec| spec.medical)
    }

    /// Client and server: addresses and ports.
    pub(crate) fn endpoints(&self) -> [Endpoint; 2] {
        let (client, server) = if self.client_is_a {
            (self.key.a, self.key.b)
        } else {
            (self.key.b, self.key.a)
        };
        let has_ports = matches!(self.key.proto, expiry::TCP | expiry::UDP);
        let [client_mac, server_mac] = self.macs;
        let side = |(ip, port), mac| Endpoint {
            ip: Some(ip),
            port: has_ports.then_some(port),
            mac,
        };
        [side(client, client_mac), side(server, server_mac)]
    }

    /// Where and when an event of this flow happened.
    pub(crate) fn envelope(&self, direction: Direction, frame: u64, time: Time) -> Envelope {
        let [client, server] = self.endpoints();
        let (src, dest) = match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        };
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
            interface: self.interface,
            vlan,
            vlans: u8::try_from(vlans).unwrap_or(0),
            src,
            dest,
            proto: Some(self.key.proto),
            direction: Some(direction),
            tunnel: self.tunnel.as_deref().copied(),
            flow: Some(self.facts()),
        }
    }

    fn facts(&self) -> FlowFacts {
        FlowFacts {
            id: self.id,
            first_frame: self.first_frame,
            start: self.start,
            app: self.app.map_or("", |spec| spec.name),
            midstream: self.marks.midstream,
            one_sided: self.is_one_sided(),
            gaps: self.marks.gaps,
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
