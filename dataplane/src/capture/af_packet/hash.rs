//! What the fanout program computes, said again: to know where a frame should have gone.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use crate::decode::{DecodeIssue, Ip, Net, Packet, Transport};

/// A symmetric hash of the innermost addresses and ports under a random key, so that nobody outside
/// can aim at one worker. `bpf/fanout.bpf.c` has the same, word for word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash {
    pub(super) key: [u64; 2],
}

impl Hash {
    /// With a new key.
    pub(super) fn new() -> Self {
        let random = |n: u64| RandomState::new().hash_one(n);
        Self {
            key: [random(0), random(1)],
        }
    }

    /// Of a packet that is no fragment, and the frame that it came in.
    pub(super) fn of(&self, packet: &Result<Packet, DecodeIssue>, bytes: &[u8]) -> u32 {
        match packet {
            Ok(Packet {
                net: Net::Ip(ip), ..
            }) => self.flow(ip),
            Ok(Packet { mac, .. }) => self.sender(mac.map(|(src, _)| src)),
            Err(_) => self.sender(bytes.get(6..).and_then(|rest| rest.first_chunk().copied())),
        }
    }

    fn flow(&self, ip: &Ip) -> u32 {
        let (src_port, dest_port) = match ip.transport {
            Transport::Tcp(tcp) => (tcp.src, tcp.dest),
            Transport::Udp { src, dest, .. } => (src, dest),
            _ => (0, 0),
        };
        // The sum makes both directions the same.
        let ends = self
            .end_point(ip.src, src_port)
            .wrapping_add(self.end_point(ip.dest, dest_port));
        let [_, key] = self.key;
        upper(mix(mix(key, ends), u64::from(ip.proto)))
    }

    fn sender(&self, mac: Option<[u8; 6]>) -> u32 {
        let [a, b, c, d, e, f] = mac.unwrap_or_default();
        let [_, key] = self.key;
        let sender = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
        upper(mix(mix(key, sender), NO_PROTOCOL))
    }

    fn end_point(&self, ip: IpAddr, port: u16) -> u64 {
        let [key, _] = self.key;
        let (first, second) = words(ip);
        mix(mix(mix(key, first), second), u64::from(port))
    }
}

/// An address as the program has it: words as the machine reads them.
fn words(ip: IpAddr) -> (u64, u64) {
    match ip {
        IpAddr::V4(ip) => (0, u64::from(u32::from_ne_bytes(ip.octets()))),
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = ip.octets();
            (
                u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
                u64::from_ne_bytes([i, j, k, l, m, n, o, p]),
            )
        }
    }
}

const fn mix(hash: u64, word: u64) -> u64 {
    let hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 32)
}

fn upper(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(u32::MAX)
}

/// Stands for the protocol where there is none; no protocol has this number.
const NO_PROTOCOL: u64 = 0x100;
