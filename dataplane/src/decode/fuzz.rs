//! The fuzzer's body: no frame may panic, and no span may point outside it.

use crate::batch::{Frame, LinkType};
use crate::decode::{Net, Packet, Span, Transport, checksums_ok, decode};

/// The first two bytes are the link type, the third says how much the capture cut; the rest is the
/// frame.
pub fn fuzz(data: &[u8]) {
    let Some((&[l0, l1, cut], bytes)) = data.split_first_chunk() else {
        return;
    };
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let frame = Frame {
        no: 1,
        len,
        wire_len: len.saturating_add(u32::from(cut)),
        link: LinkType(u16::from_be_bytes([l0, l1])),
        ..Frame::default()
    };
    if let Ok(packet) = decode(&frame, bytes) {
        for span in spans(&packet) {
            let end = u64::from(span.offset).saturating_add(u64::from(span.len));
            assert!(end <= bytes.len() as u64, "{packet:?}");
        }
        assert!(usize::from(packet.vlans) <= packet.vlan.len());
        checksums_ok(bytes, &packet).ok();
    }
}

fn spans(packet: &Packet) -> Vec<Span> {
    match packet.net {
        Net::Other(_) => Vec::new(),
        Net::Arp(span) => vec![span],
        Net::Ip(ip) => {
            let above = match ip.transport {
                Transport::Tcp(tcp) => {
                    assert!(tcp.payload.len <= tcp.wire_len, "{packet:?}");
                    tcp.payload
                }
                Transport::Udp { payload, .. } => payload,
                Transport::Icmp(span) | Transport::Other(span) => span,
                Transport::Fragment(fragment) => fragment.payload,
            };
            vec![ip.header, above]
        }
    }
}
