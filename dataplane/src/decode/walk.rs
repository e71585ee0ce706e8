//! The walk down a frame: one loop over headers, each of which says what comes next.

use std::net::IpAddr;

use parsers::event::Tunnel;

use crate::batch::{Frame, LinkType};
use crate::decode::{DecodeIssue, Net, Packet, Span};

/// The most headers followed in one frame. A VXLAN in GRE in MPLS in QinQ with IPv6 options has
/// twelve; a frame that is nothing but headers must not cost more than a few microseconds.
pub const LAYERS_MAX: u8 = 32;

/// Where the walk is, and what it has found.
pub(crate) struct Walk<'a, 'p> {
    /// The frame, cut where a header says that the packet ends.
    pub(super) bytes: &'a [u8],
    /// The next header. `at <= bytes.len()`.
    pub(super) at: usize,
    /// Where the headers say that the packet ends; beyond `bytes` if the capture cut it.
    pub(super) end: usize,
    /// Addresses of the last IP header.
    pub(crate) outer: Option<(IpAddr, IpAddr)>,
    /// Whether an IP packet around here was put together from fragments.
    pub(crate) reassembled: bool,
    /// Whether these contradicted each other.
    pub(crate) overlapped: bool,
    /// Written where it will stay: to copy it right after writing it byte by byte stalls.
    pub(crate) packet: &'p mut Packet,
    /// The UDP packet that a tunnel recognised by port alone was found in: what the frame is if
    /// the inside turns out to be something else.
    pub(crate) fallback: Option<Fallback>,
}

/// See [`Walk::fallback`].
#[derive(Clone, Copy)]
pub(crate) struct Fallback {
    packet: Packet,
    end: usize,
    len: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    Ethernet,
    /// By EtherType.
    Type(u16),
    Llc,
    Ppp,
    Ipv4,
    Ipv6,
    /// IPv4 or IPv6, by version.
    AnyIp,
    /// By IP protocol.
    Proto(u8),
    Mpls,
    Nsh,
    /// Nothing: [`Walk::packet`] is complete.
    Done,
}

pub(crate) type Step = Result<Next, DecodeIssue>;

impl<'a, 'p> Walk<'a, 'p> {
    /// A walk from the first header; `packet` is nothing yet.
    pub(crate) fn new(frame: &Frame, bytes: &'a [u8], packet: &'p mut Packet) -> Self {
        let mut walk = Self {
            bytes,
            at: 0,
            end: bytes.len().max(frame.wire_len as usize),
            outer: None,
            reassembled: false,
            overlapped: false,
            packet,
            fallback: None,
        };
        if let Some(tag) = frame.vlan {
            walk.vlan(tag);
        }
        walk
    }

    /// A walk over a reassembled packet, which starts with an IP header. `packet` is what was
    /// found around its fragments.
    pub(crate) fn inside(packet: &'p mut Packet, overlapped: bool, bytes: &'a [u8]) -> Self {
        packet.truncated = false;
        Self {
            bytes,
            at: 0,
            end: bytes.len(),
            outer: None,
            reassembled: true,
            overlapped,
            packet,
            fallback: None,
        }
    }

    /// Follows the headers to the innermost one.
    pub(crate) fn run(&mut self, first: Step) -> Result<(), DecodeIssue> {
        let mut step = first;
        let mut layers = 0_u8;
        loop {
            match step {
                Ok(Next::Done) => {
                    self.packet.truncated = self.end > self.bytes.len();
                    return Ok(());
                }
                Ok(next) if layers < LAYERS_MAX => {
                    layers = layers.saturating_add(1);
                    step = self.header(next);
                }
                Ok(_) => return Err(DecodeIssue::TooDeep),
                Err(issue) => return self.fall_back(issue),
            }
        }
    }

    #[inline]
    fn header(&mut self, next: Next) -> Step {
        match next {
            Next::Ethernet => self.ethernet(),
            Next::Type(kind) => self.by_type(kind),
            Next::Llc => self.llc(),
            Next::Ppp => self.ppp(),
            Next::Ipv4 => self.ipv4(),
            Next::Ipv6 => self.ipv6(),
            Next::AnyIp => self.any_ip(),
            Next::Proto(proto) => self.by_proto(proto),
            Next::Mpls => self.mpls(),
            Next::Nsh => self.nsh(),
            Next::Done => Ok(Next::Done),
        }
    }

    /// What the frame is if what was taken for a tunnel is none.
    fn fall_back(&mut self, issue: DecodeIssue) -> Result<(), DecodeIssue> {
        match (issue, self.fallback) {
            (DecodeIssue::TooDeep, _) | (_, None) => Err(issue),
            (_, Some(fallback)) => {
                *self.packet = fallback.packet;
                self.packet.truncated = fallback.end > fallback.len;
                Ok(())
            }
        }
    }

    /// Remembers the packet as it is now, before a tunnel is followed that only a port told of.
    pub(crate) const fn remember(&mut self) {
        self.fallback = Some(Fallback {
            packet: *self.packet,
            end: self.end,
            len: self.bytes.len(),
        });
    }

    /// The link types that we read.
    #[inline]
    pub(crate) fn link(&mut self, link: LinkType) -> Step {
        match link {
            LinkType::ETHERNET => Ok(Next::Ethernet),
            // 12 and 14 are what BSDs call raw IP; some programs write them into files.
            LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | LinkType(12 | 14) => Ok(Next::AnyIp),
            LinkType::NULL | LinkType::LOOP => self.loopback(),
            LinkType::SLL => self.sll(),
            LinkType::SLL2 => self.sll2(),
            LinkType::PPP | LinkType::PPP_HDLC => Ok(Next::Ppp),
            LinkType::PPP_ETHER => Ok(Next::Type(super::ether::PPPOE_SESSION)),
            LinkType::CHDLC => self.chdlc(),
            LinkType(other) => Err(DecodeIssue::LinkType(other)),
        }
    }

    /// What is left.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The fixed part of the next header, not consumed.
    #[inline]
    pub(crate) fn peek<const N: usize>(
        &self,
        header: &'static str,
    ) -> Result<&'a [u8; N], DecodeIssue> {
        self.rest()
            .first_chunk()
            .ok_or(DecodeIssue::TooShort(header))
    }

    /// Consumes the fixed part of the next header.
    #[inline]
    pub(crate) fn take<const N: usize>(
        &mut self,
        header: &'static str,
    ) -> Result<&'a [u8; N], DecodeIssue> {
        let bytes = self.peek(header)?;
        self.at = self.at.saturating_add(N);
        Ok(bytes)
    }

    /// Consumes this many bytes.
    #[inline]
    pub(crate) fn skip(&mut self, bytes: usize, header: &'static str) -> Result<(), DecodeIssue> {
        if bytes > self.rest().len() {
            return Err(DecodeIssue::TooShort(header));
        }
        self.at = self.at.saturating_add(bytes);
        Ok(())
    }

    /// A header says that this many bytes follow: what is behind them is padding.
    #[inline]
    pub(crate) fn ends_after(&mut self, bytes: usize) {
        self.end = self.at.saturating_add(bytes);
        if let Some(inside) = self.bytes.get(..self.end) {
            self.bytes = inside;
        }
    }

    /// How many bytes the headers announce from here on.
    #[inline]
    pub(crate) const fn announced(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// Whether the capture cut what the headers announce.
    #[inline]
    pub(crate) const fn is_cut(&self) -> bool {
        self.end > self.bytes.len()
    }

    /// Where the walk is, from the frame's first byte.
    #[inline]
    pub(crate) fn position(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    /// What is left, as a span.
    #[inline]
    pub(crate) fn span(&self) -> Span {
        Span {
            offset: self.position(),
            len: u32::try_from(self.rest().len()).unwrap_or(u32::MAX),
        }
    }

    /// A VLAN tag. Kept are those of the outer frame; priority tags (VLAN 0) name none.
    pub(crate) fn vlan(&mut self, tag: u16) {
        let id = tag & 0x0fff;
        if id == 0 || self.packet.tunnel.is_some() {
            return;
        }
        let place = usize::from(self.packet.vlans);
        if let Some(slot) = self.packet.vlan.get_mut(place) {
            *slot = id;
            self.packet.vlans = self.packet.vlans.saturating_add(1);
        }
    }

    /// A tunnel starts here.
    pub(crate) fn tunnel(&mut self, kind: &'static str, id: u32) {
        let depth = self.packet.tunnel.map_or(0, |t| t.depth);
        self.packet.tunnel = Some(Tunnel {
            kind,
            id,
            src: self.outer.map(|o| o.0),
            dest: self.outer.map(|o| o.1),
            depth: depth.saturating_add(1),
        });
    }

    /// Nothing that we read further.
    pub(crate) const fn other(&mut self, kind: u16) -> Next {
        self.packet.net = Net::Other(kind);
        Next::Done
    }
}
