//! The key of a flow: canonical, so that both directions have the same.

use std::hash::Hasher;
use std::net::IpAddr;

use parsers::event::VLANS_MAX;

use crate::decode::{Ip, Packet, Transport};

/// VLAN ids of a frame, outermost first; unused places are 0, which no tag of a LAN has.
pub(crate) type Vlans = [u16; VLANS_MAX];

/// Who talks to whom: the lower endpoint is `a`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FlowKey {
    /// The endpoint that sorts first.
    pub(crate) a: (IpAddr, u16),
    /// The other.
    pub(crate) b: (IpAddr, u16),
    /// IP protocol.
    pub(crate) proto: u8,
    /// The innermost tunnel's id; 0 without one.
    pub(crate) tunnel: u32,
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
            Transport::Udp { src, dest, .. } => (src, dest),
            _ => (0, 0),
        };
        let (src, dest) = ((ip.src, src_port), (ip.dest, dest_port));
        let from_a = src <= dest;
        let (a, b) = if from_a { (src, dest) } else { (dest, src) };
        let mut vlans = Vlans::default();
        for (to, from) in vlans.iter_mut().zip(packet.vlan).take(packet.vlans.into()) {
            *to = from;
        }
        Self {
            key: FlowKey {
                a,
                b,
                proto: ip.proto,
                tunnel: packet.tunnel.map_or(0, |tunnel| tunnel.id),
            },
            from_a,
            vlans,
        }
    }
}

impl FlowKey {
    /// The key as a few words, which hash faster than its parts.
    #[inline]
    pub(super) const fn words(&self) -> (u128, u128, u64, u32) {
        let [(a, a_port), (b, b_port)] = [self.a, self.b];
        let ports = (a_port as u64) << 24 | (b_port as u64) << 8 | self.proto as u64;
        (bits(a), bits(b), ports, self.tunnel)
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
        for (ip, port) in [self.a, self.b] {
            match ip {
                IpAddr::V4(v4) => hash.write(&v4.octets()),
                IpAddr::V6(v6) => hash.write(&v6.octets()),
            }
            hash.write(&port.to_be_bytes());
        }
        hash.write(&[self.proto]);
        hash.write(&self.tunnel.to_be_bytes());
    }
}

const fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_bits() as u128,
        IpAddr::V6(v6) => v6.to_bits(),
    }
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
