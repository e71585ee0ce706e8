//! What nine frames of ten are, in one step: TCP over IPv4 over Ethernet, with a VLAN tag or
//! without, whole and in one piece. Of anything else the walk takes header after header; of these
//! it would give the same.

use std::net::{IpAddr, Ipv4Addr};

use parsers::event::VLANS_MAX;

use super::transport::{TCP_HEAD, tcp_header};
use super::{DecodeIssue, Ip, Net, Packet, Span, Tcp, Transport, proto};
use crate::batch::{Frame, LinkType};

/// An IPv4 header without options, as its first byte says it.
const IPV4_PLAIN: u8 = 0x45;
/// Its length.
const HEAD: usize = 20;

/// Writes the packet, if the frame is such a one; says whether it is. One function with one copy, so
/// that the packet is written where it stays and not moved there.
pub(super) fn read(frame: &Frame, bytes: &[u8], place: &mut Result<Packet, DecodeIssue>) -> bool {
    match packet(frame, bytes) {
        Some(packet) => *place = Ok(packet),
        None => return false,
    }
    true
}

#[inline]
fn packet(frame: &Frame, bytes: &[u8]) -> Option<Packet> {
    if frame.link != LinkType::ETHERNET {
        return None;
    }
    let (&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1], rest) =
        bytes.split_first_chunk()?;
    // What may be a frame in Cisco's ISL.
    if matches!([d0, d1, d2, d3, d4], [0x01 | 0x03, 0, 0x0c, 0, 0]) {
        return None;
    }
    let mut tags = Tags::default();
    if let Some(tag) = frame.vlan {
        tags.add(tag);
    }
    let (at, rest) = match [t0, t1] {
        [0x08, 0x00] => (14, rest),
        [0x81, 0x00] => {
            let (&[c0, c1, 0x08, 0x00], rest) = rest.split_first_chunk()? else {
                return None;
            };
            tags.add(u16::from_be_bytes([c0, c1]));
            (18, rest)
        }
        _ => return None,
    };
    let net = ipv4(at, rest)?;
    Some(Packet {
        mac: Some(([s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5])),
        vlan: tags.ids,
        vlans: tags.count,
        tunnel: None,
        net: Net::Ip(net),
        truncated: false,
    })
}

/// VLAN ids; priority tags (VLAN 0) name none.
#[derive(Default)]
struct Tags {
    ids: [u16; VLANS_MAX],
    count: u8,
}

impl Tags {
    #[inline]
    fn add(&mut self, tag: u16) {
        let id = tag & 0x0fff;
        if id != 0
            && let Some(slot) = self.ids.get_mut(usize::from(self.count))
        {
            *slot = id;
            self.count = self.count.saturating_add(1);
        }
    }
}

/// `bytes` are those from the header on, which is at `at` in the frame.
#[inline]
fn ipv4(at: u32, bytes: &[u8]) -> Option<Ip> {
    let &[
        IPV4_PLAIN,
        _,
        l0,
        l1,
        i0,
        i1,
        f0,
        f1,
        ttl,
        proto::TCP,
        _,
        _,
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        b2,
        b3,
    ] = bytes.first_chunk::<HEAD>()?
    else {
        return None;
    };
    // More fragments, or the offset of one.
    if u16::from_be_bytes([f0, f1]) & 0x3fff != 0 {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    let segment = bytes.get(HEAD..total)?;
    Some(Ip {
        src: IpAddr::V4(Ipv4Addr::new(a0, a1, a2, a3)),
        dest: IpAddr::V4(Ipv4Addr::new(b0, b1, b2, b3)),
        proto: proto::TCP,
        ttl,
        ident: u16::from_be_bytes([i0, i1]),
        transport: Transport::Tcp(tcp(at.saturating_add(20), segment)?),
        reassembled: false,
        overlapped: false,
        header: Span {
            offset: at,
            len: 20,
        },
    })
}

/// `bytes` are the whole segment, which is at `at` in the frame.
#[inline]
fn tcp(at: u32, bytes: &[u8]) -> Option<Tcp> {
    let (head, tcp) = tcp_header(bytes.first_chunk()?);
    if head < TCP_HEAD || head > bytes.len() {
        return None;
    }
    let (head, whole) = (u32::try_from(head).ok()?, u32::try_from(bytes.len()).ok()?);
    let payload = whole.saturating_sub(head);
    Some(Tcp {
        payload: Span {
            offset: at.saturating_add(head),
            len: payload,
        },
        wire_len: payload,
        ..tcp
    })
}
