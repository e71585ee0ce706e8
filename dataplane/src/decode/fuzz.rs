//! The fuzzer's body: no frame may panic, no span may point outside it, and the short way gives what
//! the walk gives.

use crate::batch::{Frame, LinkType};
use crate::decode::{DecodeIssue, Net, Packet, Span, Transport, checksums_ok, decode, walk_into};

/// The first two bytes are the link type, the third says how much the capture cut, and whether it
/// took a tag off; the rest is the frame.
pub fn fuzz(data: &[u8]) {
    let Some((&[l0, l1, cut], bytes)) = data.split_first_chunk() else {
        return;
    };
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let frame = Frame {
        no: 1,
        len,
        wire_len: len.saturating_add(u32::from(cut)),
        vlan: (cut & 1 == 1).then_some(cut.into()),
        link: LinkType(u16::from_be_bytes([l0, l1])),
        ..Frame::default()
    };
    let mut walked = Err(DecodeIssue::TooDeep);
    walk_into(&frame, bytes, &mut walked);
    let decoded = decode(&frame, bytes);
    assert_eq!(format!("{decoded:?}"), format!("{walked:?}"));
    if let Ok(packet) = decoded {
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
                Transport::Icmp { message, .. } | Transport::Sctp { message, .. } => message,
                Transport::Other(span) => span,
                Transport::Fragment(fragment) => fragment.payload,
            };
            vec![ip.header, above]
        }
    }
}
