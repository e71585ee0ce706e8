use std::net::IpAddr;

use etherparse::{PacketBuilder, VlanId};

use super::{DecodeIssue, Net, Packet, Transport, WrongChecksum, checksums_ok, decode};
use crate::batch::{Frame, LinkType};

const SRC_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const DEST_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];
const A6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const B6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

fn frame_of(bytes: &[u8], link: LinkType) -> Frame {
    Frame {
        no: 1,
        len: u32::try_from(bytes.len()).unwrap(),
        wire_len: u32::try_from(bytes.len()).unwrap(),
        link,
        ..Frame::default()
    }
}

fn read(bytes: &[u8]) -> Result<Packet, DecodeIssue> {
    decode(&frame_of(bytes, LinkType::ETHERNET), bytes)
}

fn read_as(link: u16, bytes: &[u8]) -> Packet {
    decode(&frame_of(bytes, LinkType(link)), bytes).unwrap()
}

/// Ethernet with this type and payload.
fn eth(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&DEST_MAC[..], &SRC_MAC, &kind.to_be_bytes(), payload].concat()
}

/// IPv4, TCP 1000 to 104, with this payload.
fn ip_tcp(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4(A, B, 64)
        .tcp(1000, 104, 7, 4096)
        .ack(9)
        .write(&mut out, payload)
        .unwrap();
    out
}

/// IPv4 with this protocol and payload.
fn ip4(proto: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = etherparse::Ipv4Header::new(
        u16::try_from(payload.len()).unwrap(),
        64,
        proto.into(),
        [192, 168, 0, 1],
        [192, 168, 0, 2],
    )
    .unwrap();
    header.header_checksum = header.calc_header_checksum();
    [&header.to_bytes()[..], payload].concat()
}

/// IPv6 with this first next header and payload.
fn ip6(next: u8, payload: &[u8]) -> Vec<u8> {
    let header = etherparse::Ipv6Header {
        payload_length: u16::try_from(payload.len()).unwrap(),
        next_header: next.into(),
        hop_limit: 64,
        source: A6,
        destination: B6,
        ..etherparse::Ipv6Header::default()
    };
    [&header.to_bytes()[..], payload].concat()
}

fn udp(dest: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len() + 8).unwrap();
    let mut out = Vec::new();
    for field in [50_000, dest, len, 0] {
        out.extend_from_slice(&u16::to_be_bytes(field));
    }
    out.extend_from_slice(payload);
    out
}

/// What is at the bottom must be [`ip_tcp`] with this payload; gives the tunnel.
#[track_caller]
fn tcp_inside(packet: &Packet, bytes: &[u8], payload: &[u8]) -> (&'static str, u32) {
    let Net::Ip(ip) = packet.net else {
        panic!("{packet:?}")
    };
    assert_eq!((ip.src, ip.dest), (IpAddr::from(A), IpAddr::from(B)));
    let Transport::Tcp(tcp) = ip.transport else {
        panic!("{packet:?}")
    };
    assert_eq!(
        (tcp.src, tcp.dest, tcp.seq, tcp.ack, tcp.flags, tcp.window),
        (1000, 104, 7, 9, 0x10, 4096)
    );
    assert_eq!(tcp.payload.of(bytes), payload);
    assert_eq!(tcp.wire_len as usize, payload.len());
    assert!(!packet.truncated);
    assert_eq!(checksums_ok(bytes, packet), Ok(()));
    packet.tunnel.map_or(("", 0), |t| (t.kind, t.id))
}

#[track_caller]
fn tunnelled(bytes: &[u8]) -> (&'static str, u32) {
    let packet = read(bytes).unwrap();
    tcp_inside(&packet, bytes, b"inside")
}

#[test]
fn plain_tcp_without_its_padding() {
    let mut bytes = eth(0x0800, &ip_tcp(b"x"));
    bytes.resize(64, 0xee);
    let packet = read(&bytes).unwrap();
    assert_eq!(tcp_inside(&packet, &bytes, b"x"), ("", 0));
    assert_eq!(packet.mac, Some((SRC_MAC, DEST_MAC)));
}

#[test]
fn vlans_of_the_outer_frame_outermost_first() {
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2(SRC_MAC, DEST_MAC)
        .double_vlan(VlanId::try_new(5).unwrap(), VlanId::try_new(6).unwrap())
        .ipv4(A, B, 64)
        .tcp(1000, 104, 7, 4096)
        .ack(9)
        .write(&mut bytes, b"x")
        .unwrap();
    let frame = Frame {
        vlan: Some(0x6004),
        ..frame_of(&bytes, LinkType::ETHERNET)
    };
    let packet = decode(&frame, &bytes).unwrap();
    assert_eq!((packet.vlan, packet.vlans), ([4, 5, 6], 3));
    tcp_inside(&packet, &bytes, b"x");
}

#[test]
fn a_priority_tag_is_no_vlan() {
    let bytes = eth(0x8100, &[&[0xe0, 0, 8, 0], &ip_tcp(b"x")[..]].concat());
    assert_eq!(read(&bytes).unwrap().vlans, 0);
}

#[test]
fn link_types() {
    let ip = ip_tcp(b"x");
    let heads: [(u16, &[u8]); 14] = [
        (0, &[2, 0, 0, 0]),
        (0, &[0, 0, 0, 2]),
        (108, &[0, 0, 0, 2]),
        (12, &[]),
        (14, &[]),
        (101, &[]),
        (228, &[]),
        (9, &[0xff, 3, 0, 0x21]),
        (9, &[0x21]),
        (50, &[0xff, 3, 0, 0x21]),
        (104, &[0x0f, 0, 8, 0]),
        (113, &[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0]),
        (
            276,
            &[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0],
        ),
        (1, &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]),
    ];
    for (link, head) in heads {
        let bytes = [head, &ip].concat();
        let packet = read_as(link, &bytes);
        tcp_inside(&packet, &bytes, b"x");
    }
    let issue = decode(&frame_of(&ip, LinkType(105)), &ip).unwrap_err();
    assert_eq!(issue, DecodeIssue::LinkType(105));
}

#[test]
fn llc_and_snap() {
    let ip = ip_tcp(b"inside");
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip[..]].concat();
    let mut bytes = eth(u16::try_from(snap.len()).unwrap(), &snap);
    bytes.extend_from_slice(&[0; 9]);
    assert_eq!(tunnelled(&bytes), ("", 0));
    let stp = eth(38, &[0x42, 0x42, 3, 0, 0, 0, 0]);
    assert!(matches!(read(&stp).unwrap().net, Net::Other(0x4242)));
}

#[test]
fn tags_of_switches() {
    let ip = ip_tcp(b"inside");
    let inner = eth(0x0800, &ip);
    let cases: [(u16, Vec<u8>); 7] = [
        (0x8926, [&[0, 1, 0, 0, 8, 0], &ip[..]].concat()),
        (0x8909, [&[1, 1, 0, 1, 0, 5, 8, 0], &ip[..]].concat()),
        (0x8903, [&[0, 0x20], &inner[..]].concat()),
        (0x88e7, [&[0, 0, 0, 9], &inner[..]].concat()),
        (
            0xd28b,
            [&[0, 1, 0, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 8, 0], &ip[..]].concat(),
        ),
        (
            0xd28b,
            [&[0, 1, 1, 0x20, 1, 2, 3, 4, 5, 6, 8, 0], &ip[..]].concat(),
        ),
        (0x88e5, [&[0, 0, 0, 0, 0, 1, 8, 0], &ip[..]].concat()),
    ];
    for (kind, payload) in cases {
        assert_eq!(tunnelled(&eth(kind, &payload)), ("", 0), "{kind:#06x}");
    }
    let encrypted = eth(0x88e5, &[0x0c, 0, 0, 0, 0, 1, 9, 9, 9]);
    assert!(matches!(read(&encrypted).unwrap().net, Net::Other(0x88e5)));
}

#[test]
fn isl_around_ethernet() {
    let inner = eth(0x0800, &ip_tcp(b"inside"));
    let mut bytes = vec![1, 0, 0x0c, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 100];
    bytes.extend_from_slice(&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0, 14, 0, 0, 0, 0]);
    bytes.extend_from_slice(&inner);
    assert_eq!(tunnelled(&bytes), ("", 0));
    assert_eq!(read(&bytes).unwrap().vlan[0], 7);
}

#[test]
fn mpls_with_ip_and_with_ethernet() {
    let ip = ip_tcp(b"inside");
    let stack = [0, 1, 0x00, 64, 0, 2, 0x11, 64];
    let bottom = [0, 2, 0x11, 64];
    let inner = eth(0x0800, &ip);
    for payload in [
        [&stack, &ip[..]].concat(),
        [&bottom, &inner[..]].concat(),
        [&bottom, &[0, 0, 0, 1], &inner[..]].concat(),
    ] {
        assert_eq!(tunnelled(&eth(0x8847, &payload)), ("mpls", 0x21));
    }
}

#[test]
fn pppoe_session() {
    let ip = ip_tcp(b"inside");
    let len = u8::try_from(ip.len() + 2).unwrap();
    let bytes = eth(
        0x8864,
        &[&[0x11, 0, 0, 7, 0, len, 0, 0x21], &ip[..]].concat(),
    );
    assert_eq!(tunnelled(&bytes), ("pppoe", 7));
}

#[test]
fn gre_in_all_its_forms() {
    let ip = ip_tcp(b"inside");
    let inner = eth(0x0800, &ip);
    let ppp = [&[0xff, 3, 0, 0x21], &ip[..]].concat();
    let cases: [(&[u8], &[u8], &str, u32); 9] = [
        (&[0, 0, 8, 0], &ip, "gre", 0),
        (
            &[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1],
            &ip,
            "gre",
            9,
        ),
        (&[0x20, 0, 0x65, 0x58, 0, 0, 0, 9], &inner, "gre", 9),
        (
            &[0x30, 0x81, 0x88, 0x0b, 0, 60, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0],
            &ppp,
            "gre",
            5,
        ),
        (&[0, 0, 0x88, 0xbe], &inner, "erspan1", 0),
        (
            &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 3, 0, 0, 0, 0],
            &inner,
            "erspan2",
            3,
        ),
        (
            &[
                0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
            &inner,
            "erspan3",
            4,
        ),
        (
            &[
                0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9,
                9, 9, 9, 9,
            ],
            &inner,
            "erspan3",
            4,
        ),
        (&[0, 0, 0x89, 0x09, 8, 0, 1, 1, 0, 1, 0, 0], &ip, "gre", 0),
    ];
    for (head, payload, kind, id) in cases {
        let gre = [head, payload].concat();
        assert_eq!(tunnelled(&eth(0x0800, &ip4(47, &gre))), (kind, id));
    }
}

#[test]
fn ip_in_ip() {
    let ip = ip_tcp(b"inside");
    let inner = eth(0x0800, &ip);
    assert_eq!(tunnelled(&eth(0x0800, &ip4(4, &ip))).0, "ipip");
    assert_eq!(tunnelled(&eth(0x86dd, &ip6(4, &ip))).0, "4in6");
    assert_eq!(tunnelled(&eth(0x0800, &ip4(41, &ip6(4, &ip)))).0, "4in6");
    let ether_ip = [&[0x30, 0], &inner[..]].concat();
    assert_eq!(tunnelled(&eth(0x0800, &ip4(97, &ether_ip))).0, "etherip");
    let mpls = [&[0, 2, 0x11, 64], &ip[..]].concat();
    assert_eq!(tunnelled(&eth(0x0800, &ip4(137, &mpls))).0, "mpls");
}

#[test]
fn tunnels_in_udp() {
    let ip = ip_tcp(b"inside");
    let inner = eth(0x0800, &ip);
    type Case<'a> = (u16, &'a [u8], &'a [u8], &'a str, u32);
    let cases: [Case<'_>; 9] = [
        (4789, &[8, 0, 0, 0, 0, 0, 9, 0], &inner, "vxlan", 9),
        (8472, &[8, 1, 2, 3, 0, 0, 9, 4], &inner, "vxlan", 9),
        (4790, &[0x0c, 0, 0, 1, 0, 0, 9, 0], &ip, "vxlan_gpe", 9),
        (
            4790,
            &[0x0c, 0, 0, 4, 0, 0, 9, 0, 0, 2, 1, 3, 0, 0, 0, 1],
            &inner,
            "vxlan_gpe",
            9,
        ),
        (6081, &[0, 0, 0x65, 0x58, 0, 0, 9, 0], &inner, "geneve", 9),
        (
            6081,
            &[1, 0, 8, 0, 0, 0, 9, 0, 1, 2, 3, 4],
            &ip,
            "geneve",
            9,
        ),
        (6635, &[0, 2, 0x11, 64], &ip, "mpls", 0x21),
        (37008, &[1, 0, 0, 1, 10, 1, 0xc8, 0, 1], &inner, "tzsp", 0),
        (7932, &[0; 12], &inner, "hp_erm", 0),
    ];
    for (port, head, payload, kind, id) in cases {
        let bytes = eth(0x0800, &ip4(17, &udp(port, &[head, payload].concat())));
        assert_eq!(tunnelled(&bytes), (kind, id), "{port}");
        let tunnel = read(&bytes).unwrap().tunnel.unwrap();
        assert_eq!(tunnel.src, Some(IpAddr::from([192, 168, 0, 1])));
        assert_eq!(tunnel.depth, 1);
    }
    let mut inside = ip6(4, &ip);
    inside[8..12].copy_from_slice(&[0x20, 1, 0, 0]);
    for head in [
        &[][..],
        &[0, 0, 1, 2, 3, 4, 5, 6],
        &[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0],
    ] {
        let teredo = eth(0x0800, &ip4(17, &udp(3544, &[head, &inside].concat())));
        assert_eq!(tunnelled(&teredo).0, "4in6");
        assert_eq!(read(&teredo).unwrap().tunnel.unwrap().depth, 2);
    }
}

#[test]
fn a_tunnels_port_alone_is_no_tunnel() {
    for port in [4789, 4790, 6081, 6635, 37008, 3544, 7932] {
        for payload in [
            &b"no tunnel at all, only a datagram on its port"[..],
            &[8; 40],
            &[0; 40],
        ] {
            let bytes = eth(0x0800, &ip4(17, &udp(port, payload)));
            let packet = read(&bytes).unwrap();
            let Net::Ip(ip) = packet.net else {
                continue; // what is inside Ethernet of zeros is LLC, which is readable
            };
            let Transport::Udp {
                dest,
                payload: span,
                ..
            } = ip.transport
            else {
                panic!("{ip:?}")
            };
            assert_eq!((dest, span.of(&bytes)), (port, payload));
            assert_eq!(packet.tunnel, None);
        }
    }
}

#[test]
fn too_many_headers_are_refused() {
    let mut bytes = ip_tcp(b"inside");
    for _ in 0..40 {
        bytes = ip4(4, &bytes);
    }
    assert_eq!(
        read(&eth(0x0800, &bytes)).unwrap_err(),
        DecodeIssue::TooDeep
    );
}

#[test]
fn ipv6_extension_headers() {
    let mut tcp = Vec::new();
    PacketBuilder::ipv6(A6, B6, 64)
        .tcp(1000, 104, 7, 4096)
        .write(&mut tcp, b"x")
        .unwrap();
    let tcp = tcp.split_off(40);
    let hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let dest = [43, 0, 1, 4, 0, 0, 0, 0];
    let route = [51, 0, 4, 0, 0, 0, 0, 0];
    let ah = [
        44, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let atomic = [6, 0, 0, 0, 0, 0, 0, 1];
    let payload = [&hop[..], &dest, &route, &ah, &atomic, &tcp].concat();
    let bytes = eth(0x86dd, &ip6(0, &payload));
    let packet = read(&bytes).unwrap();
    let Net::Ip(ip) = packet.net else { panic!() };
    assert_eq!((ip.proto, ip.header.len), (6, 40 + 56));
    assert!(matches!(ip.transport, Transport::Tcp(t) if t.payload.of(&bytes) == b"x"));
    assert_eq!(checksums_ok(&bytes, &packet), Ok(()));
    let endless = eth(0x86dd, &ip6(60, &[60, 0, 1, 4, 0, 0, 0, 0].repeat(40)));
    assert_eq!(read(&endless).unwrap_err(), DecodeIssue::TooDeep);
}

#[test]
fn lengths_left_to_the_adapter() {
    let mut ip = ip_tcp(&[7; 3000]);
    ip[2..4].copy_from_slice(&[0, 0]);
    let bytes = eth(0x0800, &ip);
    let packet = read(&bytes).unwrap();
    let Net::Ip(ip) = packet.net else { panic!() };
    assert!(
        matches!(ip.transport, Transport::Tcp(t) if t.wire_len == 3000 && t.payload.len == 3000)
    );
}

#[test]
fn a_cut_frame_says_what_is_missing() {
    let bytes = eth(0x0800, &ip_tcp(&[7; 100]));
    let cut = &bytes[..bytes.len() - 40];
    let frame = Frame {
        wire_len: u32::try_from(bytes.len()).unwrap(),
        ..frame_of(cut, LinkType::ETHERNET)
    };
    let packet = decode(&frame, cut).unwrap();
    assert!(packet.truncated);
    let Net::Ip(ip) = packet.net else { panic!() };
    assert!(matches!(ip.transport, Transport::Tcp(t) if t.wire_len == 100 && t.payload.len == 60));
}

#[test]
fn every_prefix_is_too_short_or_truncated() {
    let inner = eth(0x0800, &ip_tcp(b"inside"));
    let vxlan = udp(4789, &[&[8, 0, 0, 0, 0, 0, 9, 0], &inner[..]].concat());
    let hop = [&[17, 0, 1, 4, 0, 0, 0, 0], &vxlan[..]].concat();
    let gre = [&[0x20, 0, 0x65, 0x58, 0, 0, 0, 9], &inner[..]].concat();
    for whole in [
        eth(0x0800, &ip_tcp(b"inside")),
        eth(0x0800, &ip4(17, &vxlan)),
        eth(0x86dd, &ip6(0, &hop)),
        eth(0x8100, &[&[0, 5, 8, 0], &ip4(47, &gre)[..]].concat()),
        eth(0x8847, &[&[0, 2, 0x11, 64], &inner[..]].concat()),
    ] {
        for len in 0..whole.len() {
            let cut = &whole[..len];
            let frame = Frame {
                wire_len: u32::try_from(whole.len()).unwrap(),
                ..frame_of(cut, LinkType::ETHERNET)
            };
            match decode(&frame, cut) {
                Ok(packet) => assert!(packet.truncated, "{len}"),
                Err(issue) => assert!(matches!(issue, DecodeIssue::TooShort(_)), "{len} {issue:?}"),
            }
        }
    }
}

#[test]
fn lies_about_lengths_are_malformed() {
    let good = eth(0x0800, &ip_tcp(b"x"));
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        read(&bytes)
    };
    let malformed = |what| Err(DecodeIssue::Malformed(what));
    assert_eq!(with(14, 0x55).map(drop), malformed("ipv4 version"));
    assert_eq!(with(14, 0x44).map(drop), malformed("ipv4 header length"));
    assert_eq!(with(17, 19).map(drop), malformed("ipv4 total length"));
    assert_eq!(with(46, 0x40).map(drop), malformed("tcp header length"));
    assert_eq!(with(46, 0xf0).map(drop), Err(DecodeIssue::TooShort("tcp")));
    let mut lie = ip4(17, &udp(53, b"four"));
    lie[25] = 40;
    assert_eq!(read(&eth(0x0800, &lie)).map(drop), malformed("udp length"));
}

#[test]
fn arp_is_where_it_says() {
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[7; 20]].concat();
    let mut bytes = eth(0x0806, &arp);
    bytes.resize(60, 0);
    let packet = read(&bytes).unwrap();
    assert!(matches!(packet.net, Net::Arp(span) if span.of(&bytes) == arp));
    assert_eq!(
        read(&bytes[..30]).map(drop),
        Err(DecodeIssue::TooShort("arp"))
    );
}

#[test]
fn icmp_errors_make_no_flow() {
    let quoted = [&[3, 1, 0, 0, 0, 0, 0, 0], &ip_tcp(b"x")[..]].concat();
    let bytes = eth(0x0800, &ip4(1, &quoted));
    let Net::Ip(ip) = read(&bytes).unwrap().net else {
        panic!()
    };
    assert!(matches!(ip.transport, Transport::Icmp { message: m, .. } if m.of(&bytes) == quoted));
}

#[test]
fn wrong_checksums_are_told_apart() {
    let good = eth(0x0800, &ip_tcp(b"four"));
    let with = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        checksums_ok(&bytes, &read(&bytes).unwrap())
    };
    assert_eq!(with(22), Err(WrongChecksum::Ipv4));
    assert_eq!(with(good.len() - 1), Err(WrongChecksum::Tcp));
    let bytes = eth(0x0800, &ip4(17, &udp(53, b"none")));
    assert_eq!(checksums_ok(&bytes, &read(&bytes).unwrap()), Ok(()));
}

/// A poor fuzzer that runs everywhere: every kind of frame bent at random.
#[test]
fn bent_frames_point_nowhere_outside() {
    let inner = eth(0x0800, &ip_tcp(b"inside"));
    let over_udp = |port, head: &[u8]| {
        let body = [head, &inner[..]].concat();
        eth(0x0800, &ip4(17, &udp(port, &body)))
    };
    let whole = [
        inner.clone(),
        [&inner[..], &[0; 9]].concat(),
        eth(0x8100, &[&[0x60, 5, 8, 0], &ip_tcp(b"inside")[..]].concat()),
        eth(
            0x86dd,
            &ip6(
                0,
                &[
                    &[44, 0, 1, 4, 0, 0, 0, 0],
                    &[17, 0, 0, 1, 0, 0, 0, 1],
                    &udp(53, &inner)[..],
                ]
                .concat(),
            ),
        ),
        over_udp(4789, &[8, 0, 0, 0, 0, 0, 9, 0]),
        over_udp(6081, &[1, 0, 0x65, 0x58, 0, 0, 9, 0, 0, 0, 0, 0]),
        eth(
            0x0800,
            &ip4(
                47,
                &[
                    &[0xb0, 0, 0x65, 0x58, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1],
                    &inner[..],
                ]
                .concat(),
            ),
        ),
        eth(0x8847, &[&[0, 2, 0x11, 64], &inner[..]].concat()),
        eth(
            60,
            &[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip_tcp(b"inside")[..]].concat(),
        ),
    ];
    let mut random = 1_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap()
    };
    for good in whole {
        for _ in 0..20_000 {
            let mut bad = [&[0, 1, 0][..], &good].concat();
            for _ in 0..next() % 6 {
                let at = next() % bad.len();
                bad[at] = u8::try_from(next() % 256).unwrap();
            }
            bad.truncate(next() % (bad.len() * 2));
            super::fuzz(&bad);
        }
    }
}
