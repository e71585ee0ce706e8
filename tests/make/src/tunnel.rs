//! Tunnels: each takes a whole Ethernet frame and gives a whole Ethernet frame.

use crate::frame::{Host, ethernet, ip_frame, ip_packet, udp_packet};

const ETHERNET: usize = 14;
const GRE: u8 = 47;

/// What a frame is wrapped in.
#[derive(Clone, Debug)]
pub enum Tunnel {
    /// VXLAN (RFC 7348): Ethernet in UDP 4789.
    Vxlan(Host, Host, u32),
    /// Geneve (RFC 8926) without options: Ethernet in UDP 6081.
    Geneve(Host, Host, u32),
    /// TaZmen Sniffer Protocol, version 1: Ethernet in UDP 37008.
    Tzsp(Host, Host),
    /// GRE (RFC 2784) carrying the IP packet.
    Gre(Host, Host),
    /// GRE carrying the Ethernet frame (protocol 6558), with this key.
    GreBridged(Host, Host, u32),
    /// ERSPAN type I: GRE without a sequence number and no ERSPAN header.
    Erspan1(Host, Host),
    /// ERSPAN type II with this session id.
    Erspan2(Host, Host, u16),
    /// ERSPAN type III with this session id.
    Erspan3(Host, Host, u16),
    /// IPv4 or IPv6 in IPv4.
    IpInIp(Host, Host),
    /// MPLS labels between Ethernet and IP, outermost first.
    Mpls(Vec<u32>),
    /// PPPoE session with this id.
    Pppoe(u16),
}

impl Tunnel {
    /// Wraps an untagged Ethernet frame that carries IP.
    pub fn wrap(&self, frame: &[u8]) -> Vec<u8> {
        match self {
            Self::Vxlan(from, to, vni) => {
                let mut body = vec![0x08, 0, 0, 0];
                body.extend_from_slice(&(vni << 8).to_be_bytes());
                in_udp(*from, *to, 4789, body, frame)
            }
            Self::Geneve(from, to, vni) => {
                let mut body = vec![0, 0, 0x65, 0x58];
                body.extend_from_slice(&(vni << 8).to_be_bytes());
                in_udp(*from, *to, 6081, body, frame)
            }
            Self::Tzsp(from, to) => {
                // A received packet of Ethernet; the end of the tags.
                let body = vec![1, 0, 0, 1, 1];
                in_udp(*from, *to, 37_008, body, frame)
            }
            Self::Gre(from, to) => {
                let head = [&[0, 0], &frame[12..14]].concat();
                in_ip(*from, *to, GRE, head, &frame[ETHERNET..])
            }
            Self::GreBridged(from, to, key) => {
                let head = [&[0x20, 0, 0x65, 0x58][..], &key.to_be_bytes()].concat();
                in_ip(*from, *to, GRE, head, frame)
            }
            Self::Erspan1(from, to) => in_ip(*from, *to, GRE, vec![0, 0, 0x88, 0xbe], frame),
            Self::Erspan2(from, to, session) => in_ip(*from, *to, GRE, erspan2(*session), frame),
            Self::Erspan3(from, to, session) => in_ip(*from, *to, GRE, erspan3(*session), frame),
            Self::IpInIp(from, to) => {
                let protocol = if frame[ETHERNET] >> 4 == 6 { 41 } else { 4 };
                in_ip(*from, *to, protocol, Vec::new(), &frame[ETHERNET..])
            }
            Self::Mpls(labels) => mpls(frame, labels),
            Self::Pppoe(session) => pppoe(frame, *session),
        }
    }
}

fn in_udp(from: Host, to: Host, port: u16, mut head: Vec<u8>, inner: &[u8]) -> Vec<u8> {
    head.extend_from_slice(inner);
    ip_frame(
        from,
        to,
        &[],
        &udp_packet(from.port(49_152), to.port(port), &head),
    )
}

fn in_ip(from: Host, to: Host, protocol: u8, mut head: Vec<u8>, inner: &[u8]) -> Vec<u8> {
    head.extend_from_slice(inner);
    ip_frame(from, to, &[], &ip_packet(from, to, protocol, &head))
}

/// GRE with a sequence number, then version 1 and the session.
fn erspan2(session: u16) -> Vec<u8> {
    let mut out = vec![0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0];
    out.extend_from_slice(&(session & 0x3ff).to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out
}

/// GRE with a sequence number, then version 2, the session, a timestamp and an Ethernet frame type.
fn erspan3(session: u16) -> Vec<u8> {
    let mut out = vec![0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0];
    out.extend_from_slice(&(session & 0x3ff).to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    out
}

fn mpls(frame: &[u8], labels: &[u32]) -> Vec<u8> {
    let mut body = Vec::new();
    for (n, label) in labels.iter().enumerate() {
        let bottom = u32::from(n + 1 == labels.len());
        body.extend_from_slice(&(label << 12 | bottom << 8 | 64).to_be_bytes());
    }
    body.extend_from_slice(&frame[ETHERNET..]);
    again(frame, 0x8847, &body)
}

fn pppoe(frame: &[u8], session: u16) -> Vec<u8> {
    let packet = &frame[ETHERNET..];
    let protocol: u16 = if packet[0] >> 4 == 6 { 0x0057 } else { 0x0021 };
    let mut body = vec![0x11, 0];
    body.extend_from_slice(&session.to_be_bytes());
    body.extend_from_slice(&((packet.len() + 2) as u16).to_be_bytes());
    body.extend_from_slice(&protocol.to_be_bytes());
    body.extend_from_slice(packet);
    again(frame, 0x8864, &body)
}

/// The Ethernet addresses of `frame` around another body.
fn again(frame: &[u8], ethertype: u16, body: &[u8]) -> Vec<u8> {
    let mut to = [0; 6];
    let mut from = [0; 6];
    to.copy_from_slice(&frame[..6]);
    from.copy_from_slice(&frame[6..12]);
    ethernet(from, to, &[], ethertype, body)
}
