//! IP fragments to packets, in a bounded table.
//!
//! Where fragments overlap, the first to arrive wins (IPv4); an IPv6 packet with overlapping
//! fragments is given up whole, as RFC 5722 section 4 wants. A fragment that says the same as what
//! is there already is a duplicate and nothing else. Time is packet time.

mod waiting;

use std::collections::BTreeMap;
use std::net::IpAddr;

use hashbrown::HashMap;
use parsers::event::VLANS_MAX;
use parsers::time::{NANOS_PER_SEC, Time};

use crate::batch::Frame;
use crate::decode::{DecodeIssue, Fragment, Ip, Packet};
pub(crate) use waiting::Header;
use waiting::{Added, State, Waiting};

/// The most packets that wait for fragments. Fragments are rare; an attack must not take memory.
pub(crate) const PACKETS_MAX: usize = 16_384;

/// The most bytes of fragments that wait.
pub(crate) const BYTES_MAX: usize = 16 << 20;

/// The most fragments of a packet: 64 KiB in pieces of 256 bytes, half of what any link makes.
pub(crate) const FRAGMENTS_MAX: u16 = 256;

/// How long a packet waits for its fragments: RFC 791 says 15 s, Linux 30 s, RFC 8200 60 s.
pub(crate) const WAIT_NANOS: i64 = 30 * NANOS_PER_SEC;

/// How long fragments of a packet that is through are taken for duplicates, as a mirror port makes
/// them, and not for another packet of the same number.
const DONE_NANOS: i64 = NANOS_PER_SEC;

/// The most bytes of an IP packet's payload that a fragment's offset can reach.
const PACKET_BYTES_MAX: usize = 65_535;

/// Puts fragments together.
#[derive(Debug, Default)]
pub(crate) struct Defrag {
    table: HashMap<Key, Waiting>,
    /// The keys in the table, by the order in which they came.
    order: BTreeMap<u64, Key>,
    next_order: u64,
    bytes: usize,
    /// The packet given last, whose bytes are not needed any more.
    given: Option<Key>,
    /// Memory of packets that are through, for the next ones.
    spare: Vec<Vec<u8>>,
    pub(crate) counters: Counters,
}

/// What became of fragments: `seen` is the sum of all others and of those still waiting.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counters {
    pub(crate) seen: u64,
    /// Fragments that became part of a whole packet.
    pub(crate) reassembled: u64,
    pub(crate) duplicate: u64,
    pub(crate) overlap: u64,
    pub(crate) malformed: u64,
    /// Cut by the capture, so that they leave holes.
    pub(crate) truncated: u64,
    pub(crate) timeout: u64,
    /// For want of room in the table.
    pub(crate) evicted: u64,
    /// More than [`FRAGMENTS_MAX`] of one packet.
    pub(crate) too_many: u64,
    /// Whole packets made; not part of the sum.
    pub(crate) packets: u64,
    /// Fragments of which only a part was new; not part of the sum.
    pub(crate) overlapping: u64,
}

impl Counters {
    /// Dropped, by cause.
    pub(crate) const fn causes(&self) -> [(&'static str, u64); 7] {
        [
            ("duplicate", self.duplicate),
            ("overlap", self.overlap),
            ("malformed", self.malformed),
            ("truncated", self.truncated),
            ("timeout", self.timeout),
            ("evicted", self.evicted),
            ("too_many", self.too_many),
        ]
    }
}

/// What tells fragments of one packet from others. VLAN and tunnel are part of it, since addresses
/// may mean other hosts there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Key {
    src: IpAddr,
    dest: IpAddr,
    id: u32,
    /// 0 for IPv6, whose number is the packet's alone.
    proto: u8,
    vlan: [u16; VLANS_MAX],
    tunnel: u32,
}

/// A whole packet, as an IP header without options and the payload.
pub(crate) struct Whole<'a> {
    pub(crate) header: Header,
    pub(crate) payload: &'a [u8],
    /// Bytes on the wire, of all its frames.
    pub(crate) wire_len: u32,
    /// Whether the last fragment contradicted others.
    pub(crate) overlapped: bool,
}

/// What a fragment led to.
pub(crate) enum Put<'a> {
    /// It waits, or was dropped and counted.
    Nothing,
    /// It says what other fragments contradict, or is impossible.
    Wrong(DecodeIssue),
    /// It was the last one missing.
    Whole(Whole<'a>),
}

impl Defrag {
    /// Takes a fragment. `payload` are the bytes that its span tells of.
    pub(crate) fn put(
        &mut self,
        frame: &Frame,
        packet: &Packet,
        ip: &Ip,
        fragment: &Fragment,
        payload: &[u8],
    ) -> Put<'_> {
        self.counters.seen = self.counters.seen.saturating_add(1);
        if packet.truncated {
            self.counters.truncated = self.counters.truncated.saturating_add(1);
            return Put::Nothing;
        }
        if let Some(what) = impossible(fragment, payload.len(), ip.src.is_ipv6()) {
            self.counters.malformed = self.counters.malformed.saturating_add(1);
            return Put::Wrong(DecodeIssue::Malformed(what));
        }
        self.forget_given();
        let key = Key::of(packet, ip, fragment);
        self.make_room(&key, frame.now, payload.len());
        let spare = &mut self.spare;
        let (order, next_order) = (&mut self.order, &mut self.next_order);
        let waiting = self.table.entry(key).or_insert_with(|| {
            *next_order = next_order.saturating_add(1);
            order.insert(*next_order, key);
            Waiting::new(*next_order, frame.now, ip, spare.pop().unwrap_or_default())
        });
        if waiting.state != State::Waiting {
            let late = match waiting.state {
                State::Refused => &mut self.counters.overlap,
                _ => &mut self.counters.duplicate,
            };
            *late = late.saturating_add(1);
            return Put::Nothing;
        }
        let before = waiting.payload.len();
        let added = waiting.add(ip, fragment, payload);
        self.bytes = self
            .bytes
            .saturating_add(waiting.payload.len().saturating_sub(before));
        match added {
            Added::New { overlaps } if !(overlaps && ip.src.is_ipv6()) => {
                waiting.wire_len = waiting.wire_len.saturating_add(frame.wire_len);
                self.added(key, frame.now, overlaps)
            }
            Added::Duplicate => {
                self.counters.duplicate = self.counters.duplicate.saturating_add(1);
                Put::Nothing
            }
            Added::TooMany => {
                self.counters.too_many = self.counters.too_many.saturating_add(1);
                self.refuse(key, |c| &mut c.too_many);
                Put::Wrong(DecodeIssue::Malformed("ip fragments too many"))
            }
            Added::New { .. } => {
                self.refuse(key, |c| &mut c.overlap);
                Put::Wrong(DecodeIssue::Malformed("ip fragments overlap"))
            }
            Added::Contradiction => {
                self.counters.overlap = self.counters.overlap.saturating_add(1);
                if ip.src.is_ipv6() {
                    self.refuse(key, |c| &mut c.overlap);
                }
                Put::Wrong(DecodeIssue::Malformed("ip fragments overlap"))
            }
        }
    }

    /// Gives up what has waited for too long.
    pub(crate) fn expire(&mut self, now: Time) {
        while let Some((&order, key)) = self.order.first_key_value() {
            let age = self.table.get(key).map_or(i64::MAX, |w| now.since(w.since));
            // A step of the clock backwards is a new epoch.
            if (0..=WAIT_NANOS).contains(&age) {
                return;
            }
            self.remove(order, |c| &mut c.timeout);
        }
    }

    /// Fragments that wait now.
    pub(crate) fn waiting(&self) -> u64 {
        let waiting = self.table.values().filter(|w| w.state == State::Waiting);
        waiting.map(|w| u64::from(w.fragments)).sum()
    }

    /// Takes back the bytes of the packet given last; that it was there stays known for a while.
    fn forget_given(&mut self) {
        let given = self.given.take().and_then(|key| self.table.get_mut(&key));
        if let Some(waiting) = given {
            let payload = std::mem::take(&mut waiting.payload);
            self.recycle(payload);
        }
    }

    fn recycle(&mut self, mut payload: Vec<u8>) {
        self.bytes = self.bytes.saturating_sub(payload.len());
        if self.spare.len() < SPARE_MAX {
            payload.clear();
            self.spare.push(payload);
        }
    }

    fn make_room(&mut self, key: &Key, now: Time, bytes: usize) {
        if let Some(known) = self.table.get(key) {
            let age = now.since(known.since);
            let max = match known.state {
                State::Done => DONE_NANOS,
                _ => WAIT_NANOS,
            };
            if !(0..=max).contains(&age) {
                let order = known.order;
                self.remove(order, |c| &mut c.timeout);
            }
        }
        while self.table.len() >= PACKETS_MAX || self.bytes.saturating_add(bytes) > BYTES_MAX {
            let Some((&oldest, _)) = self.order.first_key_value() else {
                return;
            };
            self.remove(oldest, |c| &mut c.evicted);
        }
    }

    fn remove(&mut self, order: u64, cause: fn(&mut Counters) -> &mut u64) {
        let Some(key) = self.order.remove(&order) else {
            return;
        };
        let Some(waiting) = self.table.remove(&key) else {
            return;
        };
        if waiting.state == State::Waiting {
            let count = cause(&mut self.counters);
            *count = count.saturating_add(u64::from(waiting.fragments));
        }
        self.recycle(waiting.payload);
    }

    /// Gives up a packet, and what comes of it yet.
    fn refuse(&mut self, key: Key, cause: fn(&mut Counters) -> &mut u64) {
        if let Some(waiting) = self.table.get_mut(&key) {
            let count = cause(&mut self.counters);
            *count = count.saturating_add(u64::from(waiting.fragments));
            waiting.have = Vec::new();
            waiting.state = State::Refused;
            let payload = std::mem::take(&mut waiting.payload);
            self.recycle(payload);
        }
    }

    /// Gives the packet if nothing of it is missing any more.
    fn added(&mut self, key: Key, now: Time, overlaps: bool) -> Put<'_> {
        let overlapping = &mut self.counters.overlapping;
        *overlapping = overlapping.saturating_add(u64::from(overlaps));
        let Some(waiting) = self.table.get_mut(&key) else {
            return Put::Nothing;
        };
        let whole = match (waiting.total, waiting.have.as_slice()) {
            (Some(total), &[(0, end)]) if end == total => total as usize,
            _ if overlaps => return Put::Wrong(DecodeIssue::Malformed("ip fragments overlap")),
            _ => return Put::Nothing,
        };
        waiting.state = State::Done;
        waiting.since = now;
        self.given = Some(key);
        let counters = &mut self.counters;
        counters.packets = counters.packets.saturating_add(1);
        counters.reassembled = counters
            .reassembled
            .saturating_add(u64::from(waiting.fragments));
        let header = waiting.header(&key, whole);
        Put::Whole(Whole {
            header,
            payload: waiting.payload.get(..whole).unwrap_or_default(),
            wire_len: waiting.wire_len,
            overlapped: overlaps,
        })
    }
}

/// Buffers kept for later packets.
const SPARE_MAX: usize = 64;

/// What is wrong with a fragment by itself.
fn impossible(fragment: &Fragment, len: usize, v6: bool) -> Option<&'static str> {
    let end = (fragment.offset as usize).saturating_add(len);
    if end > PACKET_BYTES_MAX {
        return Some("ip fragment beyond 64 KiB");
    }
    if len == 0 {
        return Some("ip fragment empty");
    }
    if v6 && fragment.more && !len.is_multiple_of(8) {
        return Some("ip fragment length");
    }
    None
}

impl Key {
    fn of(packet: &Packet, ip: &Ip, fragment: &Fragment) -> Self {
        Self {
            src: ip.src,
            dest: ip.dest,
            id: fragment.id,
            proto: if ip.src.is_ipv6() { 0 } else { ip.proto },
            vlan: packet.vlan,
            tunnel: packet.tunnel.map_or(0, |t| t.id),
        }
    }
}
