//! Ethernet and what may stand between it and a network layer: EtherTypes, LLC, tags.

use super::ether;
use super::walk::{Next, Step, Walk};
use crate::decode::{DecodeIssue, Net, Span};

/// Values up to this are a length (IEEE 802.3, 3.2.6), above it a type.
const LENGTH_MAX: u16 = 1500;

impl Walk<'_, '_> {
    #[inline]
    pub(super) fn ethernet(&mut self) -> Step {
        let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = self.peek("ethernet")?;
        if matches!([d0, d1, d2, d3, d4], [0x01 | 0x03, 0, 0x0c, 0, 0]) && self.isl() {
            return Ok(Next::Ethernet);
        }
        self.skip(14, "ethernet")?;
        self.packet.mac = Some(([s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5]));
        match u16::from_be_bytes([t0, t1]) {
            // What almost every frame is, without going round the loop.
            ether::IPV4 => self.ipv4(),
            field => self.type_or_length(field),
        }
    }

    /// The field behind Ethernet addresses or a tag.
    #[inline]
    pub(super) fn type_or_length(&mut self, field: u16) -> Step {
        if field > LENGTH_MAX {
            return Ok(Next::Type(field));
        }
        self.ends_after(usize::from(field));
        Ok(Next::Llc)
    }

    #[inline]
    pub(super) fn by_type(&mut self, kind: u16) -> Step {
        match kind {
            ether::IPV4 => Ok(Next::Ipv4),
            ether::IPV6 => Ok(Next::Ipv6),
            ether::VLAN | ether::VLAN_AD | ether::VLAN_9100 | ether::VLAN_9200 => self.tag(),
            _ => self.by_rarer_type(kind),
        }
    }

    fn by_rarer_type(&mut self, kind: u16) -> Step {
        match kind {
            ether::ARP => self.arp(),
            ether::MPLS | ether::MPLS_MULTICAST => Ok(Next::Mpls),
            ether::PPPOE_SESSION => self.pppoe(),
            ether::VN_TAG => self.vn_tag(),
            ether::CISCO_META => self.cisco_meta(),
            ether::FABRIC_PATH => {
                self.skip(2, "fabricpath")?;
                Ok(Next::Ethernet)
            }
            ether::PBB => {
                self.skip(4, "pbb")?;
                Ok(Next::Ethernet)
            }
            ether::NSH => Ok(Next::Nsh),
            ether::MACSEC => self.macsec(),
            ether::JUMBO_LLC => Ok(Next::Llc),
            ether::BRIDGED => Ok(Next::Ethernet),
            ether::PPP => Ok(Next::Ppp),
            ether::ARISTA => self.arista(),
            other => Ok(self.other(other)),
        }
    }

    /// 802.1Q, 802.1ad and their forerunners: TCI and the next type.
    #[inline]
    fn tag(&mut self) -> Step {
        let &[c0, c1, t0, t1] = self.take("vlan")?;
        self.vlan(u16::from_be_bytes([c0, c1]));
        self.type_or_length(u16::from_be_bytes([t0, t1]))
    }

    /// IEEE 802.2, with SNAP where it says so.
    pub(super) fn llc(&mut self) -> Step {
        let &[dsap, ssap, control] = self.take("llc")?;
        if [dsap, ssap, control] == [0xaa, 0xaa, 0x03] {
            let &[o0, o1, o2, p0, p1] = self.take("snap")?;
            let kind = u16::from_be_bytes([p0, p1]);
            return match [o0, o1, o2] {
                // RFC 1042, and 802.1H for what has no other encoding.
                [0, 0, 0] | [0, 0, 0xf8] => Ok(Next::Type(kind)),
                _ => Ok(self.other(0xaaaa)),
            };
        }
        match (dsap, ssap) {
            (0x06, 0x06) => Ok(Next::Ipv4),
            _ => Ok(self.other(u16::from_be_bytes([dsap, ssap]))),
        }
    }

    /// Cisco ISL: 26 bytes around a whole Ethernet frame. False if it is no ISL after all.
    fn isl(&mut self) -> bool {
        let Some(&[.., a0, a1, a2, _, _, _, v0, v1, _, _, _, _]) = self.rest().first_chunk::<26>()
        else {
            return false;
        };
        if [a0, a1, a2] != [0xaa, 0xaa, 0x03] || self.skip(26, "isl").is_err() {
            return false;
        }
        self.vlan(u16::from_be_bytes([v0, v1]) >> 1);
        true
    }

    /// VN-Tag (802.1BR): four bytes and the next type.
    fn vn_tag(&mut self) -> Step {
        let &[_, _, _, _, t0, t1] = self.take("vntag")?;
        self.type_or_length(u16::from_be_bytes([t0, t1]))
    }

    /// Cisco MetaData, the security group tag: version, count of options, options, next type.
    fn cisco_meta(&mut self) -> Step {
        let &[_, options] = self.take("cisco metadata")?;
        self.skip(usize::from(options).saturating_mul(4), "cisco metadata")?;
        let &[t0, t1] = self.take("cisco metadata")?;
        self.type_or_length(u16::from_be_bytes([t0, t1]))
    }

    /// MACsec (802.1AE, 9.3): readable only where it protects integrity alone.
    fn macsec(&mut self) -> Step {
        let &[tci, _short_len, _, _, _, _] = self.take("macsec")?;
        let has_channel = tci & 0x20 != 0;
        if has_channel {
            self.skip(8, "macsec")?;
        }
        let encrypted_or_changed = tci & 0x0c != 0;
        if encrypted_or_changed {
            return Ok(self.other(ether::MACSEC));
        }
        let &[t0, t1] = self.take("macsec")?;
        self.type_or_length(u16::from_be_bytes([t0, t1]))
    }

    /// Arista's time stamp between addresses and type: 64 or 48 bits, by version.
    fn arista(&mut self) -> Step {
        let &[s0, s1, _, v1] = self.take("arista")?;
        if [s0, s1] != [0, 1] {
            return Ok(self.other(ether::ARISTA));
        }
        self.skip(if v1 >> 4 == 2 { 6 } else { 8 }, "arista")?;
        let &[t0, t1] = self.take("arista")?;
        self.type_or_length(u16::from_be_bytes([t0, t1]))
    }

    /// ARP: the lengths of its addresses are in its header.
    fn arp(&mut self) -> Step {
        let &[_, _, _, _, hardware, protocol, _, _] = self.peek("arp")?;
        let addresses = usize::from(hardware).saturating_add(usize::from(protocol));
        let len = addresses.saturating_mul(2).saturating_add(8);
        if len > self.rest().len() {
            return Err(DecodeIssue::TooShort("arp"));
        }
        self.ends_after(len);
        self.packet.net = Net::Arp(Span {
            offset: self.position(),
            len: u32::try_from(len).unwrap_or(u32::MAX),
        });
        Ok(Next::Done)
    }
}
