//! Link layers other than Ethernet: loopback, Linux cooked, PPP, PPPoE, Cisco HDLC.

use super::ether;
use super::walk::{Next, Step, Walk};
use crate::decode::DecodeIssue;

/// What Linux cooked captures call the link that a frame came from (ARPHRD).
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

impl Walk<'_, '_> {
    /// An address family in some machine's byte order, then IP.
    pub(super) fn loopback(&mut self) -> Step {
        let &bytes = self.take::<4>("loopback")?;
        // Families are small, so the smaller reading is the right one.
        let family = u32::from_le_bytes(bytes).min(u32::from_be_bytes(bytes));
        match family {
            2 => Ok(Next::Ipv4),
            // Linux, and three BSDs.
            10 | 24 | 28 | 30 => Ok(Next::Ipv6),
            other => Ok(self.other(u16::try_from(other).unwrap_or(u16::MAX))),
        }
    }

    pub(super) fn sll(&mut self) -> Step {
        let &[_, _, h0, h1, _, _, _, _, _, _, _, _, _, _, p0, p1] = self.take("sll")?;
        Ok(cooked([h0, h1], [p0, p1]))
    }

    pub(super) fn sll2(&mut self) -> Step {
        let &[p0, p1, _, _, _, _, _, _, h0, h1, ..] = self.take::<20>("sll2")?;
        Ok(cooked([h0, h1], [p0, p1]))
    }

    /// Address, control, EtherType.
    pub(super) fn chdlc(&mut self) -> Step {
        let &[_, _, t0, t1] = self.take("chdlc")?;
        Ok(Next::Type(u16::from_be_bytes([t0, t1])))
    }

    /// PPPoE session stage, RFC 2516 section 4.
    pub(super) fn pppoe(&mut self) -> Step {
        let &[version, code, s0, s1, l0, l1] = self.take("pppoe")?;
        if version != 0x11 {
            return Err(DecodeIssue::Malformed("pppoe version"));
        }
        if code != 0 {
            return Ok(self.other(ether::PPPOE_SESSION));
        }
        self.ends_after(usize::from(u16::from_be_bytes([l0, l1])));
        self.tunnel("pppoe", u32::from(u16::from_be_bytes([s0, s1])));
        Ok(Next::Ppp)
    }

    /// PPP, RFC 1661 and 1662: address and control may be left out, the protocol may be a byte.
    pub(super) fn ppp(&mut self) -> Step {
        if let [0xff, 0x03, ..] = self.rest() {
            self.skip(2, "ppp")?;
        }
        let &[first] = self.take("ppp")?;
        let protocol = if first & 1 == 1 {
            u16::from(first)
        } else {
            let &[second] = self.take("ppp")?;
            u16::from_be_bytes([first, second])
        };
        match protocol {
            0x0021 => Ok(Next::Ipv4),
            0x0057 => Ok(Next::Ipv6),
            0x0281 | 0x0283 => Ok(Next::Mpls),
            other => Ok(self.other(other)),
        }
    }

    /// MPLS label stack, RFC 3032, and what RFC 4385 says may be behind it.
    pub(super) fn mpls(&mut self) -> Step {
        // A stack is bounded by the frame; the bottom bit ends it.
        let bottom = loop {
            let entry = u32::from_be_bytes(*self.take("mpls")?);
            if entry & 0x100 != 0 {
                break entry;
            }
        };
        self.tunnel("mpls", bottom >> 12);
        let first = self.rest().first().copied().unwrap_or_default();
        match first >> 4 {
            4 => Ok(Next::Ipv4),
            6 => Ok(Next::Ipv6),
            // A control word, unless the frame makes sense without it only.
            0 if self.looks_like_ethernet(4) || !self.looks_like_ethernet(0) => {
                self.skip(4, "mpls control word")?;
                Ok(Next::Ethernet)
            }
            _ if self.looks_like_ethernet(0) => Ok(Next::Ethernet),
            _ => Ok(self.other(ether::MPLS)),
        }
    }

    /// Whether an Ethernet header with a type that we read is this far ahead.
    fn looks_like_ethernet(&self, ahead: usize) -> bool {
        let bytes = self.rest().get(ahead..).unwrap_or_default();
        matches!(
            bytes.first_chunk::<14>(),
            Some(&[.., t0, t1]) if matches!(
                u16::from_be_bytes([t0, t1]),
                ether::IPV4 | ether::IPV6 | ether::ARP | ether::VLAN | ether::VLAN_AD
                    | ether::MPLS
            )
        )
    }
}

/// What follows a Linux cooked header.
const fn cooked(hardware: [u8; 2], protocol: [u8; 2]) -> Next {
    let hardware = u16::from_be_bytes(hardware);
    match u16::from_be_bytes(protocol) {
        // 802.3 frames are told by numbers that are no EtherTypes.
        0x0001 | 0x0004 if matches!(hardware, ARPHRD_ETHER | ARPHRD_LOOPBACK) => Next::Llc,
        kind => Next::Type(kind),
    }
}
