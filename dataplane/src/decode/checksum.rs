//! Checksums, for those who want wrong ones dropped. A mirror of this machine's own traffic has
//! them left to the adapter, so nobody looks unless told to.

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;

use super::proto;
use crate::decode::{Ip, Net, Packet, Span, Transport};

/// Which checksum is wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum WrongChecksum {
    /// Of the IPv4 header.
    Ipv4,
    /// Of TCP.
    Tcp,
    /// Of UDP.
    Udp,
    /// Of ICMP or ICMPv6.
    Icmp,
}

/// Whether the innermost checksums add up. What the capture cut, or what left them out (UDP over
/// IPv4 may), is taken for right. `frame` are the bytes that the packet was read from.
///
/// # Errors
/// The outermost one that is wrong.
pub fn checksums_ok(frame: &[u8], packet: &Packet) -> Result<(), WrongChecksum> {
    let Net::Ip(ip) = &packet.net else {
        return Ok(());
    };
    let header = ip.header.of(frame);
    if ip.src.is_ipv4() && !ipv4_ok(header) {
        return Err(WrongChecksum::Ipv4);
    }
    if packet.truncated {
        return Ok(());
    }
    let (payload, wrong) = match ip.transport {
        Transport::Tcp(tcp) => (tcp.payload, WrongChecksum::Tcp),
        Transport::Udp { payload, .. } => (payload, WrongChecksum::Udp),
        Transport::Icmp { message, .. } => (message, WrongChecksum::Icmp),
        Transport::Sctp { .. } | Transport::Fragment(_) | Transport::Other(_) => return Ok(()),
    };
    let segment = segment(ip, payload).of(frame);
    let left_out = wrong == WrongChecksum::Udp && segment.get(6..8) == Some(&[0, 0]);
    if left_out || transport_ok(ip, segment) {
        Ok(())
    } else {
        Err(wrong)
    }
}

fn ipv4_ok(header: &[u8]) -> bool {
    let words = header.first().map_or(0, |b| usize::from(b & 0x0f));
    let header = header.get(..words.saturating_mul(4)).unwrap_or(header);
    // Padding to even is none here: a header is a multiple of four.
    Sum16BitWords::new().add_slice(header).ones_complement() == 0
}

/// From behind the IP header to the end of the payload.
fn segment(ip: &Ip, payload: Span) -> Span {
    let offset = ip.header.offset.saturating_add(ip.header.len);
    let end = payload.offset.saturating_add(payload.len);
    Span {
        offset,
        len: end.saturating_sub(offset),
    }
}

fn transport_ok(ip: &Ip, segment: &[u8]) -> bool {
    let len = u32::try_from(segment.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    let mut sum = Sum16BitWords::new();
    match (ip.src, ip.dest) {
        // ICMP over IPv4 has no pseudo header.
        (IpAddr::V4(_), IpAddr::V4(_)) if ip.proto == proto::ICMP => {}
        (IpAddr::V4(src), IpAddr::V4(dest)) => {
            sum = sum.add_4bytes(src.octets()).add_4bytes(dest.octets());
            sum = sum.add_4bytes(len).add_2bytes([0, ip.proto]);
        }
        (IpAddr::V6(src), IpAddr::V6(dest)) => {
            sum = sum.add_16bytes(src.octets()).add_16bytes(dest.octets());
            sum = sum.add_4bytes(len).add_2bytes([0, ip.proto]);
        }
        _ => return true,
    }
    sum.add_slice(segment).ones_complement() == 0
}
