//! A TCP conversation: what two ends say, as segments, and the trouble they meet on the way.

use etherparse::TcpHeader;

use crate::capture::{Capture, Frame, MICROSECOND, START_NS};
use crate::frame::{Endpoint, Vlan, fragment_v4, ip_frame, tcp_packet};
use crate::tunnel::Tunnel;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The end that connects.
    Client,
    /// The end that listens.
    Server,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// One TCP segment, before it becomes a frame.
#[derive(Clone, Debug)]
pub struct Segment {
    /// When it is seen.
    pub time_ns: u64,
    /// Who sends it.
    pub side: Side,
    /// Its sequence number.
    pub seq: u32,
    /// What it acknowledges, if it does.
    pub ack: Option<u32>,
    /// `S`, `F`, `R`, `P` in any combination.
    pub flags: &'static str,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// What a repeated range holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// The same bytes, as an honest retransmission does.
    Same,
    /// This byte throughout, as an evasion does.
    Filled(u8),
}

/// Builds one TCP conversation, step by step, each step later than the one before.
#[derive(Clone, Debug)]
pub struct Conversation {
    client: Endpoint,
    server: Endpoint,
    tags: Vec<Vlan>,
    tunnels: Vec<Tunnel>,
    mtu: Option<usize>,
    mss: usize,
    gap_ns: u64,
    now_ns: u64,
    next: [u32; 2],
    segments: Vec<Segment>,
}

impl Conversation {
    /// A conversation that starts at [`START_NS`], with 200 µs between segments of up to 1460
    /// bytes.
    pub fn new(client: Endpoint, server: Endpoint) -> Self {
        // Any fixed numbers do; made from the ports, they differ between conversations.
        let isn = u32::from(client.port) << 12 | u32::from(server.port);
        Self {
            client,
            server,
            tags: Vec::new(),
            tunnels: Vec::new(),
            mtu: None,
            mss: 1460,
            gap_ns: 200 * MICROSECOND,
            now_ns: START_NS,
            next: [isn, isn ^ 0x5555_5555],
            segments: Vec::new(),
        }
    }

    /// Sets the time of the next segment.
    pub fn at(mut self, time_ns: u64) -> Self {
        self.now_ns = time_ns;
        self
    }

    /// Sets the most that one segment carries.
    pub fn mss(mut self, mss: usize) -> Self {
        self.mss = mss;
        self
    }

    /// Sets the time between segments.
    pub fn gap_ns(mut self, gap_ns: u64) -> Self {
        self.gap_ns = gap_ns;
        self
    }

    /// Sets the initial sequence numbers, for instance to see them wrap.
    pub fn sequence(mut self, client: u32, server: u32) -> Self {
        self.next = [client, server];
        self
    }

    /// Tags every frame, outermost tag first.
    pub fn vlans(mut self, tags: &[Vlan]) -> Self {
        self.tags = tags.to_vec();
        self
    }

    /// Puts every frame into a tunnel; a second call puts that tunnel into another.
    pub fn tunnel(mut self, tunnel: Tunnel) -> Self {
        self.tunnels.push(tunnel);
        self
    }

    /// Cuts every IPv4 packet into fragments of at most `mtu` bytes (before any tunnel).
    pub fn fragment(mut self, mtu: usize) -> Self {
        self.mtu = Some(mtu);
        self
    }

    /// The time of the next segment.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Lets time pass.
    pub fn wait(&mut self, ns: u64) -> &mut Self {
        self.now_ns += ns;
        self
    }

    /// Lets time pass until this moment, if it is not past already.
    pub fn wait_until(&mut self, time_ns: u64) -> &mut Self {
        self.now_ns = self.now_ns.max(time_ns);
        self
    }

    /// SYN, SYN-ACK, ACK.
    pub fn open(&mut self) -> &mut Self {
        self.segment(Side::Client, false, "S", &[]);
        self.segment(Side::Server, true, "S", &[]);
        self.segment(Side::Client, true, "", &[])
    }

    /// A connection attempt that is refused: SYN, then RST from the server.
    pub fn refused(&mut self) -> &mut Self {
        self.segment(Side::Client, false, "S", &[]);
        self.segment(Side::Server, true, "R", &[])
    }

    /// A SYN that nobody answers.
    pub fn unanswered(&mut self) -> &mut Self {
        self.segment(Side::Client, false, "S", &[])
    }

    /// The client sends; the server acknowledges every second segment and the last.
    pub fn client(&mut self, bytes: &[u8]) -> &mut Self {
        self.send(Side::Client, bytes)
    }

    /// The server sends.
    pub fn server(&mut self, bytes: &[u8]) -> &mut Self {
        self.send(Side::Server, bytes)
    }

    /// One end sends; the other acknowledges every second segment and the last.
    pub fn send(&mut self, side: Side, bytes: &[u8]) -> &mut Self {
        let count = bytes.len().div_ceil(self.mss);
        for (n, part) in bytes.chunks(self.mss).enumerate() {
            let last = n + 1 == count;
            self.segment(side, true, if last { "P" } else { "" }, part);
            if last || n % 2 == 1 {
                self.segment(side.other(), true, "", &[]);
            }
        }
        self
    }

    /// FIN from the client, FIN from the server, last ACK.
    pub fn close(&mut self) -> &mut Self {
        self.segment(Side::Client, true, "F", &[]);
        self.segment(Side::Server, true, "F", &[]);
        self.segment(Side::Client, true, "", &[])
    }

    /// One end resets the connection.
    pub fn reset(&mut self, side: Side) -> &mut Self {
        self.segment(side, true, "R", &[])
    }

    /// Adds one segment as it is and moves time and sequence numbers on.
    pub fn segment(
        &mut self,
        side: Side,
        ack: bool,
        flags: &'static str,
        payload: &[u8],
    ) -> &mut Self {
        let (own, peer) = (side as usize, side.other() as usize);
        self.segments.push(Segment {
            time_ns: self.now_ns,
            side,
            seq: self.next[own],
            ack: ack.then_some(self.next[peer]),
            flags,
            payload: payload.to_vec(),
        });
        let counted = u32::from(flags.contains('S')) + u32::from(flags.contains('F'));
        self.next[own] = self.next[own].wrapping_add(payload.len() as u32 + counted);
        self.now_ns += self.gap_ns;
        self
    }

    /// The segments so far, for changes that no method here makes.
    pub fn segments_mut(&mut self) -> &mut Vec<Segment> {
        &mut self.segments
    }

    /// The place of the `n`th segment (from 0) with payload of one side.
    ///
    /// # Panics
    /// When there is no such segment.
    fn place(&self, side: Side, n: usize) -> usize {
        let mut seen = self.segments.iter().enumerate();
        seen.by_ref()
            .filter(|(_, s)| s.side == side && !s.payload.is_empty())
            .nth(n)
            .map(|(place, _)| place)
            .expect("the conversation has that many data segments")
    }

    /// Loses a data segment between the ends and the capture: it never appears.
    pub fn lose(&mut self, side: Side, n: usize) -> &mut Self {
        let place = self.place(side, n);
        self.segments.remove(place);
        self
    }

    /// Lets data segment `n` arrive after the one behind it.
    pub fn swap(&mut self, side: Side, n: usize) -> &mut Self {
        let (a, b) = (self.place(side, n), self.place(side, n + 1));
        let (early, late) = (self.segments[a].time_ns, self.segments[b].time_ns);
        self.segments[a].time_ns = late;
        self.segments[b].time_ns = early;
        self.segments.swap(a, b);
        self
    }

    /// Repeats data segment `n` right after itself.
    pub fn retransmit(&mut self, side: Side, n: usize) -> &mut Self {
        let place = self.place(side, n);
        let mut again = self.segments[place].clone();
        again.time_ns += MICROSECOND;
        self.segments.insert(place + 1, again);
        self
    }

    /// Before data segment `n`, repeats the last `back` bytes of the segment before it, and the
    /// whole of segment `n` with them: honest, or filled with a byte.
    pub fn overlap(&mut self, side: Side, n: usize, back: usize, kind: Overlap) -> &mut Self {
        let (before, place) = (self.place(side, n - 1), self.place(side, n));
        let old = &self.segments[before].payload;
        let mut payload = old[old.len() - back..].to_vec();
        payload.extend_from_slice(&self.segments[place].payload);
        if let Overlap::Filled(byte) = kind {
            payload.fill(byte);
        }
        let mut extra = self.segments[place].clone();
        extra.seq = extra.seq.wrapping_sub(back as u32);
        extra.payload = payload;
        extra.time_ns -= MICROSECOND;
        self.segments.insert(place, extra);
        self
    }

    /// Forgets the handshake, as a capture does that began later.
    pub fn midstream(&mut self) -> &mut Self {
        let first = self.segments.iter().position(|s| !s.payload.is_empty());
        self.segments.drain(..first.unwrap_or(0));
        self
    }

    /// Keeps what one side sent, as a tap of one direction does.
    pub fn one_sided(&mut self, side: Side) -> &mut Self {
        self.segments.retain(|s| s.side == side);
        self
    }

    /// The frames of the conversation, in order.
    pub fn frames(&self) -> Vec<Frame> {
        let mut out = Vec::new();
        for (n, segment) in self.segments.iter().enumerate() {
            for bytes in self.render(n, segment) {
                out.push(Frame::new(segment.time_ns, bytes));
            }
        }
        out
    }

    /// The frames since the last call; the conversation goes on.
    pub fn take(&mut self) -> Vec<Frame> {
        let frames = self.frames();
        self.segments.clear();
        frames
    }

    /// A capture with nothing but this conversation.
    pub fn capture(&self) -> Capture {
        Capture {
            frames: self.frames(),
        }
    }

    fn render(&self, n: usize, segment: &Segment) -> Vec<Vec<u8>> {
        let (from, to) = match segment.side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        };
        let mut header = TcpHeader::new(from.port, to.port, segment.seq, 64_240);
        header.syn = segment.flags.contains('S');
        header.fin = segment.flags.contains('F');
        header.rst = segment.flags.contains('R');
        header.psh = segment.flags.contains('P');
        header.ack = segment.ack.is_some();
        header.acknowledgment_number = segment.ack.unwrap_or(0);
        let packet = tcp_packet(from.host, to.host, n as u16, header, &segment.payload);
        let frame = ip_frame(from.host, to.host, &self.tags, &packet);
        let pieces = match self.mtu {
            Some(mtu) if packet.len() > mtu => fragment_v4(&frame, mtu),
            _ => vec![frame],
        };
        pieces.into_iter().map(|piece| self.wrap(piece)).collect()
    }

    fn wrap(&self, frame: Vec<u8>) -> Vec<u8> {
        self.tunnels
            .iter()
            .fold(frame, |inner, tunnel| tunnel.wrap(&inner))
    }
}

impl IntoIterator for Conversation {
    type Item = Frame;
    type IntoIter = std::vec::IntoIter<Frame>;

    fn into_iter(self) -> Self::IntoIter {
        self.frames().into_iter()
    }
}
