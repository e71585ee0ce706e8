//! The key of a flow: canonical, so that both directions have the same.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use parsers::event::VLANS_MAX;

use crate::decode::{Ip, Packet, Transport};

/// VLAN ids of a frame, outermost first; unused places are 0, which no tag of a LAN has.
pub(crate) type Vlans = [u16; VLANS_MAX];

/// Who talks to whom: the lower endpoint is `a`. Kept as words, which compare and hash faster than
/// addresses do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FlowKey {
    /// The endpoint that sorts first.
    a: [u64; 2],
    /// The other.
    b: [u64; 2],
    /// From the top: the port of `a`, that of `b`, whether they are IPv6, the IP protocol.
    rest: u64,
    /// The innermost tunnel's id; 0 without one.
    tunnel: u32,
}

/// A packet's key, and where it stands in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed {
    /// The key.
    pub(crate) key: FlowKey,
    /// Whether the sender is `a`.
    pub(crate) from_a: bool,
    /// The frame's VLAN ids.
    pub(crate) vlans: Vlans,
}

impl Keyed {
    /// Of an IP packet.
    pub(crate) fn of(packet: &Packet, ip: &Ip) -> Self {
        let (src_port, dest_port) = match ip.transport {
            Transport::Tcp(tcp) => (tcp.src, tcp.dest),
            Transport::Udp { src, dest, .. } | Transport::Sctp { src, dest, .. } => (src, dest),
            // Question and answer are a flow, as they are in other tools.
            Transport::Icmp {
                pair: [from, to], ..
            } => (from, to),
            _ => (0, 0),
        };
        let (src, dest) = ((bits(ip.src), src_port), (bits(ip.dest), dest_port));
        let from_a = src <= dest;
        let ((a, a_port), (b, b_port)) = if from_a { (src, dest) } else { (dest, src) };
        let ports = u64::from(a_port) << 40 | u64::from(b_port) << 24;
        let mut vlans = Vlans::default();
        for (to, from) in vlans.iter_mut().zip(packet.vlan).take(packet.vlans.into()) {
            *to = from;
        }
        Self {
            key: FlowKey {
                a,
                b,
                rest: ports | u64::from(ip.src.is_ipv6()) << IPV6_BIT | u64::from(ip.proto),
                tunnel: packet.tunnel.map_or(0, |tunnel| tunnel.id),
            },
            from_a,
            vlans,
        }
    }
}

impl FlowKey {
    /// What is hashed to find it.
    #[inline]
    pub(super) const fn words(&self) -> (u128, u128, u64, u32) {
        (whole(self.a), whole(self.b), self.rest, self.tunnel)
    }

    /// IP protocol.
    pub(crate) const fn proto(&self) -> u8 {
        let [proto, ..] = self.rest.to_le_bytes();
        proto
    }

    /// Both endpoints, `a` first.
    pub(crate) fn ends(&self) -> [(IpAddr, u16); 2] {
        let [_, _, _, b_low, b_high, a_low, a_high, _] = self.rest.to_le_bytes();
        [
            (self.address(self.a), u16::from_le_bytes([a_low, a_high])),
            (self.address(self.b), u16::from_le_bytes([b_low, b_high])),
        ]
    }

    fn address(&self, words: [u64; 2]) -> IpAddr {
        let bits = whole(words);
        match u32::try_from(bits) {
            Ok(v4) if self.rest >> IPV6_BIT & 1 == 0 => Ipv4Addr::from_bits(v4).into(),
            _ => Ipv6Addr::from_bits(bits).into(),
        }
    }

    /// Names a flow: the same on every machine and at every run, below 2^51 so that no JSON reader
    /// rounds it.
    pub(crate) fn id(&self, vlans: Option<Vlans>, first_frame: u64) -> u64 {
        let mut hash = Fnv(FNV_OFFSET);
        self.hash_into(&mut hash);
        if let Some(vlans) = vlans {
            vlans.iter().for_each(|vlan| hash.write_u64((*vlan).into()));
        }
        hash.write_u64(first_frame);
        // The high bits of FNV-1a are the better mixed ones.
        let folded = hash.finish() ^ (hash.finish() >> 29);
        folded.wrapping_mul(FNV_PRIME) >> 13
    }

    fn hash_into(&self, hash: &mut Fnv) {
        for (ip, port) in self.ends() {
            match ip {
                IpAddr::V4(v4) => hash.write(&v4.octets()),
                IpAddr::V6(v6) => hash.write(&v6.octets()),
            }
            hash.write(&port.to_be_bytes());
        }
        hash.write(&[self.proto()]);
        hash.write(&self.tunnel.to_be_bytes());
    }
}

/// Where a key says of which family its addresses are.
const IPV6_BIT: u32 = 8;

/// An address as words, the higher one first.
#[inline]
const fn bits(ip: IpAddr) -> [u64; 2] {
    match ip {
        IpAddr::V4(v4) => [0, v4.to_bits() as u64],
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h, low @ ..] = v6.octets();
            [
                u64::from_be_bytes([a, b, c, d, e, f, g, h]),
                u64::from_be_bytes(low),
            ]
        }
    }
}

const fn whole([high, low]: [u64; 2]) -> u128 {
    (high as u128) << 64 | low as u128
}

/// FNV-1a, 64 bits: unkeyed, the same everywhere.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.write(&value.to_be_bytes());
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
