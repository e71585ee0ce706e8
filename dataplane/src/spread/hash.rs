//! Which worker a packet goes to: the same for both directions of a flow.

use std::hash::BuildHasher;
use std::net::IpAddr;

use hashbrown::DefaultHashBuilder;

use crate::decode::{DecodeIssue, Ip, Net, Packet, Transport};

/// A symmetric hash of the innermost addresses and ports under a random key, so that nobody
/// outside can aim at one worker. VLANs and tunnels are left out: the two directions of a flow may
/// come tagged differently.
#[derive(Clone, Debug)]
pub struct FlowHash {
    key: DefaultHashBuilder,
    workers: u64,
}

impl FlowHash {
    /// A hash with a new random key, over `workers` (at least one).
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            key: DefaultHashBuilder::default(),
            workers: u64::try_from(workers).unwrap_or(1).max(1),
        }
    }

    /// The worker for a packet. What is below IP goes by its sender; what cannot be read, by where
    /// senders' addresses usually are.
    #[inline]
    #[must_use]
    pub fn worker(&self, packet: &Result<Packet, DecodeIssue>, bytes: &[u8]) -> usize {
        if self.workers == 1 {
            return 0;
        }
        let hash = match packet {
            Ok(Packet {
                net: Net::Ip(ip), ..
            }) => self.flow(ip),
            Ok(Packet { mac, .. }) => self.key.hash_one(mac.map(|(src, _)| src)),
            Err(_) => self.key.hash_one(bytes.get(6..12)),
        };
        // The upper bits of the product: uniform for any number of workers.
        let worker = (u128::from(hash) * u128::from(self.workers)) >> 64;
        usize::try_from(worker).unwrap_or(0)
    }

    #[inline]
    fn flow(&self, ip: &Ip) -> u64 {
        let (src_port, dest_port) = match ip.transport {
            Transport::Tcp(tcp) => (tcp.src, tcp.dest),
            Transport::Udp { src, dest, .. } => (src, dest),
            _ => (0, 0),
        };
        let src = (bits(ip.src), src_port);
        let dest = (bits(ip.dest), dest_port);
        let (low, high) = if src <= dest {
            (src, dest)
        } else {
            (dest, src)
        };
        let ports = (u64::from(low.1) << 24) | (u64::from(high.1) << 8) | u64::from(ip.proto);
        self.key.hash_one((low.0, high.0, ports))
    }
}

#[inline]
const fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits() as u128,
        IpAddr::V6(ip) => ip.to_bits(),
    }
}
