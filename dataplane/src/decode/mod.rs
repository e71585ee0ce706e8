//! Frame to packet: every header down to the innermost transport, outer ones as attributes.

mod checksum;
mod ether;
mod ethernet;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod ip;
mod link;
mod plain;
mod proto;
mod transport;
mod tunnel;
mod walk;

use std::net::IpAddr;

pub use checksum::{WrongChecksum, checksums_ok};
#[cfg(any(test, fuzzing))]
pub use fuzz::fuzz;
pub use walk::LAYERS_MAX;

use walk::{Next, Walk};

use crate::batch::Frame;

use parsers::event::{Tunnel, VLANS_MAX};

/// Reads a frame down to its innermost transport.
///
/// # Errors
/// What is wrong with it. A header above IP that only the capture cut is no error: the packet is
/// then given without it.
#[inline]
pub fn decode(frame: &Frame, bytes: &[u8]) -> Result<Packet, DecodeIssue> {
    let mut place = Ok(Packet::NOTHING);
    decode_into(frame, bytes, &mut place);
    place
}

/// As [`decode`], into the place where the packet will stay.
#[inline]
pub(crate) fn decode_into(frame: &Frame, bytes: &[u8], place: &mut Result<Packet, DecodeIssue>) {
    #[cfg(test)]
    assert_ne!(
        bytes.get(..6),
        Some(&crate::tests::FAULTY_MAC[..]),
        "as told"
    );
    if !plain::read(frame, bytes, place) {
        walk_into(frame, bytes, place);
    }
}

/// Header after header.
fn walk_into(frame: &Frame, bytes: &[u8], place: &mut Result<Packet, DecodeIssue>) {
    *place = Ok(Packet::NOTHING);
    let Ok(packet) = place else { return };
    let mut walk = Walk::new(frame, bytes, packet);
    let first = walk.link(frame.link);
    if let Err(issue) = walk.run(first) {
        *place = Err(issue);
    }
}

/// Reads a packet that was put together from fragments; `around` is any of these.
pub(crate) fn decode_reassembled(
    around: &Packet,
    overlapped: bool,
    bytes: &[u8],
) -> Result<Packet, DecodeIssue> {
    let mut packet = *around;
    Walk::inside(&mut packet, overlapped, bytes)
        .run(Ok(Next::AnyIp))
        .map(|()| packet)
}

/// What a frame carries, as offsets into it: plain data that may cross to a worker.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Innermost Ethernet addresses (source, destination).
    pub mac: Option<([u8; 6], [u8; 6])>,
    /// VLAN ids, outermost first, of the outer frame.
    pub vlan: [u16; VLANS_MAX],
    /// How many of them.
    pub vlans: u8,
    /// The innermost tunnel taken off.
    pub tunnel: Option<Tunnel>,
    /// Innermost network layer and what is above it.
    pub net: Net,
    /// Whether the capture cut the frame short of what its headers announce.
    pub truncated: bool,
}

impl Packet {
    /// Before a header was read.
    pub(crate) const NOTHING: Self = Self {
        mac: None,
        vlan: [0; VLANS_MAX],
        vlans: 0,
        tunnel: None,
        net: Net::Other(0),
        truncated: false,
    };
}

/// The innermost network layer.
#[derive(Clone, Copy, Debug)]
pub enum Net {
    /// IPv4 or IPv6.
    Ip(Ip),
    /// ARP: where its bytes are.
    Arp(Span),
    /// Something we do not read, by EtherType or LLC.
    Other(u16),
}

/// Where bytes are in the frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Span {
    /// From the frame's first byte.
    pub offset: u32,
    /// How many.
    pub len: u32,
}

impl Span {
    /// The bytes that it tells of; none if the frame is another one.
    #[inline]
    #[must_use]
    pub fn of(self, frame: &[u8]) -> &[u8] {
        let from = self.offset as usize;
        frame
            .get(from..from.saturating_add(self.len as usize))
            .unwrap_or_default()
    }
}

/// An IP packet.
#[derive(Clone, Copy, Debug)]
pub struct Ip {
    /// Sender.
    pub src: IpAddr,
    /// Receiver.
    pub dest: IpAddr,
    /// Upper protocol, behind IPv6 extension headers.
    pub proto: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Identification; 0 in IPv6.
    pub ident: u16,
    /// What is above.
    pub transport: Transport,
    /// Whether it, or a packet around it, was put together from fragments.
    pub reassembled: bool,
    /// Whether the fragment that completed it contradicted others: a way around inspection.
    pub overlapped: bool,
    /// Its header, with options or extension headers: what is above begins behind it.
    pub header: Span,
}

/// The transport layer.
#[derive(Clone, Copy, Debug)]
pub enum Transport {
    /// TCP.
    Tcp(Tcp),
    /// UDP.
    Udp {
        /// Sender's port.
        src: u16,
        /// Receiver's port.
        dest: u16,
        /// Checksum, as it came.
        checksum: u16,
        /// The datagram's payload.
        payload: Span,
    },
    /// ICMP or ICMPv6.
    Icmp {
        /// What stands for ports: see [`parsers::event::Envelope::icmp`].
        pair: [u16; 2],
        /// The whole message.
        message: Span,
    },
    /// SCTP.
    Sctp {
        /// Sender's port.
        src: u16,
        /// Receiver's port.
        dest: u16,
        /// The whole packet.
        message: Span,
    },
    /// A fragment that waits for the others; the spread stage puts them together.
    Fragment(Fragment),
    /// Another protocol, or a header that was cut off.
    Other(Span),
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct Tcp {
    /// Sender's port.
    pub src: u16,
    /// Receiver's port.
    pub dest: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// CWR ECE URG ACK PSH RST SYN FIN, RFC 9293 3.1.
    pub flags: u8,
    /// Advertised window, unscaled.
    pub window: u16,
    /// Checksum, as it came.
    pub checksum: u16,
    /// The payload that was captured.
    pub payload: Span,
    /// Payload bytes that the headers announce; more than captured if the frame is truncated.
    pub wire_len: u32,
}

/// A fragment of an IP packet.
#[derive(Clone, Copy, Debug)]
pub struct Fragment {
    /// Identification.
    pub id: u32,
    /// Offset of its payload in the whole, bytes.
    pub offset: u32,
    /// Whether more follow.
    pub more: bool,
    /// Its payload.
    pub payload: Span,
}

/// TCP flag bits, RFC 9293 3.1.
pub mod tcp_flags {
    /// No more data from sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// Acknowledgment is significant.
    pub const ACK: u8 = 0x10;
    /// Urgent pointer is significant.
    pub const URG: u8 = 0x20;
}

/// Why a frame could not be read to its end; each is an anomaly and a counter.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DecodeIssue {
    /// The frame ends inside a header.
    TooShort(&'static str),
    /// A header's own length or version makes no sense.
    Malformed(&'static str),
    /// More encapsulations than we follow.
    TooDeep,
    /// A link type that we do not read.
    LinkType(u16),
    /// This program's fault, and not the frame's.
    Fault,
}

impl DecodeIssue {
    /// What is wrong, as a counter's label.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::Malformed(_) => "malformed",
            Self::TooDeep => "too_deep",
            Self::LinkType(_) => "link_type",
            Self::Fault => "fault",
        }
    }

    /// In which header, or empty.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::TooShort(header) | Self::Malformed(header) => header,
            Self::TooDeep | Self::LinkType(_) | Self::Fault => "",
        }
    }
}

#[cfg(test)]
mod tests;
