//! Frames: hosts, IP packets, Ethernet around them, fragments, other link layers.

use std::net::IpAddr;

use etherparse::{
    IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, PacketBuilder,
    TcpHeader,
};

use crate::capture::LinkType;

/// The EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// The EtherType of ARP.
pub const ARP: u16 = 0x0806;
/// The EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// The address of everybody.
pub const BROADCAST: [u8; 6] = [0xff; 6];

const ETHERNET: usize = 14;
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;

/// A machine: one MAC and one IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its Ethernet address.
    pub mac: [u8; 6],
    /// Its IP address.
    pub ip: IpAddr,
}

/// A machine and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The machine.
    pub host: Host,
    /// The TCP or UDP port.
    pub port: u16,
}

/// The host with this address, with a locally administered MAC made from the address.
pub fn host(ip: &str) -> Host {
    let ip: IpAddr = ip
        .parse()
        .unwrap_or_else(|_| panic!("not an IP address: {ip}"));
    let tail = match ip {
        IpAddr::V4(v4) => v4.octets(),
        IpAddr::V6(v6) => {
            let o = v6.octets();
            [o[12], o[13], o[14], o[15]]
        }
    };
    Host {
        mac: [0x02, 0, tail[0], tail[1], tail[2], tail[3]],
        ip,
    }
}

impl Host {
    /// This host with another MAC, such as that of the gateway that it is behind.
    pub fn mac(self, mac: [u8; 6]) -> Self {
        Self { mac, ..self }
    }

    /// A port of this host.
    pub fn port(self, port: u16) -> Endpoint {
        Endpoint { host: self, port }
    }

    /// The address as IPv4 octets.
    ///
    /// # Panics
    /// When the host has an IPv6 address.
    pub fn v4(self) -> [u8; 4] {
        match self.ip {
            IpAddr::V4(ip) => ip.octets(),
            IpAddr::V6(ip) => panic!("{ip} is not IPv4"),
        }
    }
}

/// One VLAN tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vlan {
    /// `8100` (customer), `88a8` (service) or what else stands there.
    pub ethertype: u16,
    /// The VLAN id, 0–4095.
    pub id: u16,
}

/// A customer tag.
pub fn vlan(id: u16) -> Vlan {
    Vlan {
        ethertype: 0x8100,
        id,
    }
}

/// An Ethernet frame with any number of VLAN tags.
pub fn ethernet(
    from: [u8; 6],
    to: [u8; 6],
    tags: &[Vlan],
    ethertype: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(ETHERNET + 4 * tags.len() + payload.len());
    out.extend_from_slice(&to);
    out.extend_from_slice(&from);
    for tag in tags {
        out.extend_from_slice(&tag.ethertype.to_be_bytes());
        out.extend_from_slice(&tag.id.to_be_bytes());
    }
    out.extend_from_slice(&ethertype.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// An Ethernet frame around an IP packet.
pub fn ip_frame(from: Host, to: Host, tags: &[Vlan], packet: &[u8]) -> Vec<u8> {
    let ethertype = if packet[0] >> 4 == 6 { IPV6 } else { IPV4 };
    ethernet(from.mac, to.mac, tags, ethertype, packet)
}

/// IP headers from one host to another; `id` is the IPv4 identification.
fn ip_headers(from: Host, to: Host, id: u16) -> IpHeaders {
    match (from.ip, to.ip) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut header =
                Ipv4Header::new(0, 64, IpNumber::UDP, source.octets(), destination.octets())
                    .unwrap_or_default();
            header.identification = id;
            IpHeaders::Ipv4(header, Default::default())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => IpHeaders::Ipv6(
            Ipv6Header {
                traffic_class: 0,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: 0,
                next_header: IpNumber::UDP,
                hop_limit: 64,
                source: source.octets(),
                destination: destination.octets(),
            },
            Default::default(),
        ),
        _ => panic!("{} and {} are of different versions", from.ip, to.ip),
    }
}

/// An IP packet with a TCP segment; ports come from the header, lengths and checksums are set.
pub fn tcp_packet(from: Host, to: Host, id: u16, header: TcpHeader, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ip(ip_headers(from, to, id))
        .tcp_header(header)
        .write(&mut out, payload)
        .expect("a segment fits an IP packet");
    out
}

/// An IP packet with a UDP datagram.
pub fn udp_packet(from: Endpoint, to: Endpoint, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ip(ip_headers(from.host, to.host, 1))
        .udp(from.port, to.port)
        .write(&mut out, payload)
        .expect("a datagram fits an IP packet");
    out
}

/// An IPv4 or IPv6 packet of any protocol.
pub fn ip_packet(from: Host, to: Host, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ip(ip_headers(from, to, 1))
        .write(&mut out, IpNumber(protocol), payload)
        .expect("the payload fits an IP packet");
    out
}

/// An Ethernet frame with a UDP datagram.
pub fn udp(from: Endpoint, to: Endpoint, payload: &[u8]) -> Vec<u8> {
    ip_frame(from.host, to.host, &[], &udp_packet(from, to, payload))
}

/// An Ethernet frame with an IPv4 echo request, or its reply.
pub fn ping(from: Host, to: Host, sequence: u16, reply: bool) -> Vec<u8> {
    let builder = PacketBuilder::ip(ip_headers(from, to, sequence));
    let step = if reply {
        builder.icmpv4_echo_reply(1, sequence)
    } else {
        builder.icmpv4_echo_request(1, sequence)
    };
    let mut out = Vec::new();
    step.write(&mut out, &[0x61; 32])
        .expect("a ping fits an IP packet");
    ip_frame(from, to, &[], &out)
}

/// An ICMP "destination unreachable" (type 3) about a packet.
pub fn unreachable(from: Host, to: Host, code: u8, about: &[u8]) -> Vec<u8> {
    let mut body = vec![3, code, 0, 0, 0, 0, 0, 0];
    body.extend_from_slice(&about[..about.len().min(IPV4_HEADER + 8)]);
    let sum = checksum(&body).to_be_bytes();
    body[2..4].copy_from_slice(&sum);
    ip_frame(from, to, &[], &ip_packet(from, to, 1, &body))
}

/// An ARP request: who has `wanted`?
pub fn arp_request(from: Host, wanted: Host) -> Vec<u8> {
    ethernet(
        from.mac,
        BROADCAST,
        &[],
        ARP,
        &arp(
            1,
            from,
            Host {
                mac: [0; 6],
                ..wanted
            },
        ),
    )
}

/// An ARP reply: `from` says that it has its IP address at its MAC.
pub fn arp_reply(from: Host, to: Host) -> Vec<u8> {
    ethernet(from.mac, to.mac, &[], ARP, &arp(2, from, to))
}

fn arp(operation: u8, from: Host, to: Host) -> Vec<u8> {
    let mut out = vec![0, 1, 8, 0, 6, 4, 0, operation];
    out.extend_from_slice(&from.mac);
    out.extend_from_slice(&from.v4());
    out.extend_from_slice(&to.mac);
    out.extend_from_slice(&to.v4());
    out.resize(46, 0); // shortest Ethernet payload
    out
}

/// The Internet checksum.
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Cuts an untagged IPv4 frame into fragments of at most `mtu` bytes of IP.
pub fn fragment_v4(frame: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let (link, packet) = frame.split_at(ETHERNET);
    let (mut header, payload) =
        Ipv4Header::from_slice(packet).expect("the frame holds an IPv4 packet");
    let step = (mtu - IPV4_HEADER) / 8 * 8;
    let count = payload.len().div_ceil(step).max(1);
    let mut out = Vec::new();
    for (n, part) in payload.chunks(step).enumerate() {
        header.fragment_offset = IpFragOffset::try_new((n * step / 8) as u16).unwrap_or_default();
        header.more_fragments = n + 1 < count;
        header.dont_fragment = false;
        header.total_len = (IPV4_HEADER + part.len()) as u16;
        header.header_checksum = header.calc_header_checksum();
        let mut bytes = link.to_vec();
        bytes.extend_from_slice(&header.to_bytes());
        bytes.extend_from_slice(part);
        out.push(bytes);
    }
    out
}

/// Cuts an untagged IPv6 frame without extension headers into fragments of at most `mtu` bytes.
pub fn fragment_v6(frame: &[u8], mtu: usize, id: u32) -> Vec<Vec<u8>> {
    let (head, payload) = frame.split_at(ETHERNET + IPV6_HEADER);
    let step = (mtu - IPV6_HEADER - 8) / 8 * 8;
    let count = payload.len().div_ceil(step).max(1);
    let mut out = Vec::new();
    for (n, part) in payload.chunks(step).enumerate() {
        let more = u16::from(n + 1 < count);
        let mut bytes = head.to_vec();
        let length = (part.len() + 8) as u16;
        bytes[ETHERNET + 4..ETHERNET + 6].copy_from_slice(&length.to_be_bytes());
        bytes[ETHERNET + 6] = 44;
        bytes.extend_from_slice(&[head[ETHERNET + 6], 0]);
        bytes.extend_from_slice(&((n * step) as u16 | more).to_be_bytes());
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(part);
        out.push(bytes);
    }
    out
}

/// Gives an Ethernet frame another link layer; tags stay where that layer can carry them.
pub fn relink(frame: &[u8], link: LinkType) -> Vec<u8> {
    let (ethertype, payload) = (&frame[12..14], &frame[ETHERNET..]);
    let source = &frame[6..12];
    let mut out = match link {
        LinkType::Ethernet => return frame.to_vec(),
        LinkType::Raw => Vec::new(),
        LinkType::Null if ethertype == IPV6.to_be_bytes() => vec![30, 0, 0, 0],
        LinkType::Null => vec![2, 0, 0, 0],
        LinkType::Sll => vec![0, 0, 0, 1, 0, 6],
        LinkType::Sll2 => [ethertype, &[0, 0, 0, 0, 0, 2, 0, 1, 0, 6]].concat(),
    };
    match link {
        LinkType::Sll => out.extend_from_slice(&[source, &[0, 0], ethertype].concat()),
        LinkType::Sll2 => out.extend_from_slice(&[source, &[0, 0]].concat()),
        _ => {}
    }
    out.extend_from_slice(payload);
    out
}
