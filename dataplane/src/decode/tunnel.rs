//! Tunnels: GRE with ERSPAN in it, and those in UDP datagrams, which only a port tells of.

use super::ether;
use super::walk::{Next, Step, Walk};
use crate::decode::{DecodeIssue, Net};

/// UDP ports of tunnels.
mod port {
    pub(super) const TEREDO: u16 = 3544;
    pub(super) const VXLAN: u16 = 4789;
    pub(super) const VXLAN_GPE: u16 = 4790;
    pub(super) const GENEVE: u16 = 6081;
    pub(super) const MPLS: u16 = 6635;
    /// What Linux took for VXLAN before the port was assigned.
    pub(super) const VXLAN_LINUX: u16 = 8472;
    /// HP's encapsulated remote mirroring.
    pub(super) const HP_ERM: u16 = 7932;
    pub(super) const TZSP: u16 = 37008;
}

/// GRE flag bits, RFC 2784, 2890 and 2637.
mod gre {
    pub(super) const CHECKSUM: u16 = 0x8000;
    pub(super) const ROUTING: u16 = 0x4000;
    pub(super) const KEY: u16 = 0x2000;
    pub(super) const SEQUENCE: u16 = 0x1000;
    pub(super) const ACKNOWLEDGMENT: u16 = 0x0080;
    pub(super) const VERSION: u16 = 0x0007;
}

impl Walk<'_, '_> {
    pub(super) fn gre(&mut self) -> Step {
        let &[f0, f1, t0, t1] = self.take("gre")?;
        let flags = u16::from_be_bytes([f0, f1]);
        let kind = u16::from_be_bytes([t0, t1]);
        let id = match flags & gre::VERSION {
            0 => self.gre_0(flags)?,
            1 => self.gre_1(flags)?,
            _ => return Err(DecodeIssue::Malformed("gre version")),
        };
        match kind {
            ether::ERSPAN if flags & gre::SEQUENCE == 0 => {
                self.tunnel("erspan1", 0);
                Ok(Next::Ethernet)
            }
            ether::ERSPAN => self.erspan_2(),
            ether::ERSPAN_3 => self.erspan_3(),
            _ => {
                self.tunnel("gre", id);
                self.gre_payload(kind)
            }
        }
    }

    fn gre_payload(&mut self, kind: u16) -> Step {
        if kind == ether::CISCO_META {
            // Here, unlike in Ethernet, the type of what follows comes first.
            let &[t0, t1, _, options] = self.take("cisco metadata")?;
            self.skip(usize::from(options).saturating_mul(4), "cisco metadata")?;
            return Ok(Next::Type(u16::from_be_bytes([t0, t1])));
        }
        if kind == ether::WCCP {
            // The second version has a redirect header of four bytes, whose first nibble is none
            // of an IP packet's.
            let first = self.rest().first().copied().unwrap_or_default();
            if !matches!(first >> 4, 4 | 6) {
                self.skip(4, "wccp")?;
            }
            return Ok(Next::AnyIp);
        }
        Ok(Next::Type(kind))
    }

    fn gre_0(&mut self, flags: u16) -> Result<u32, DecodeIssue> {
        if flags & (gre::CHECKSUM | gre::ROUTING) != 0 {
            self.skip(4, "gre")?;
        }
        let key = self.gre_key(flags)?;
        if flags & gre::SEQUENCE != 0 {
            self.skip(4, "gre")?;
        }
        if flags & gre::ROUTING != 0 {
            self.gre_routes()?;
        }
        Ok(key)
    }

    /// PPTP's: the key is a length and the call's number.
    fn gre_1(&mut self, flags: u16) -> Result<u32, DecodeIssue> {
        let key = self.gre_key(flags)? & 0xffff;
        if flags & gre::SEQUENCE != 0 {
            self.skip(4, "gre")?;
        }
        if flags & gre::ACKNOWLEDGMENT != 0 {
            self.skip(4, "gre")?;
        }
        Ok(key)
    }

    fn gre_key(&mut self, flags: u16) -> Result<u32, DecodeIssue> {
        if flags & gre::KEY == 0 {
            return Ok(0);
        }
        Ok(u32::from_be_bytes(*self.take("gre")?))
    }

    /// Source routes (RFC 1701), each with its length, up to an empty one.
    fn gre_routes(&mut self) -> Result<(), DecodeIssue> {
        // Bounded by the frame: each entry consumes its header.
        loop {
            let &[_, _, _, len] = self.take("gre")?;
            if len == 0 {
                return Ok(());
            }
            self.skip(usize::from(len), "gre")?;
        }
    }

    /// draft-foschiano-erspan, type II: eight bytes.
    fn erspan_2(&mut self) -> Step {
        let &[_, _, s0, s1, _, _, _, _] = self.take("erspan")?;
        self.tunnel("erspan2", session([s0, s1]));
        Ok(Next::Ethernet)
    }

    /// Type III: twelve bytes, and eight more where the last bit says so.
    fn erspan_3(&mut self) -> Step {
        let &[_, _, s0, s1, _, _, _, _, _, _, p0, p1] = self.take("erspan")?;
        if p1 & 1 == 1 {
            self.skip(8, "erspan")?;
        }
        self.tunnel("erspan3", session([s0, s1]));
        let frame_type = (p0 >> 2) & 0x1f;
        match frame_type {
            2 => Ok(Next::AnyIp),
            _ => Ok(Next::Ethernet),
        }
    }

    /// RFC 3378: two bytes, then Ethernet.
    pub(super) fn ether_ip(&mut self) -> Step {
        self.skip(2, "etherip")?;
        self.tunnel("etherip", 0);
        Ok(Next::Ethernet)
    }

    /// A datagram on a tunnel's port is followed if it looks like one; if what it carries then
    /// cannot be read, it was an ordinary datagram.
    #[inline]
    pub(super) fn udp_tunnel(&mut self, src: u16, dest: u16) -> Step {
        match dest {
            port::VXLAN | port::VXLAN_LINUX => self.try_tunnel(Self::vxlan),
            port::VXLAN_GPE => self.try_tunnel(Self::vxlan_gpe),
            port::GENEVE => self.try_tunnel(Self::geneve),
            port::MPLS => self.try_tunnel(|walk| {
                walk.mpls_plausible()?;
                Ok(Next::Mpls)
            }),
            port::HP_ERM => self.try_tunnel(|walk| {
                walk.skip(12, "hp_erm")?;
                walk.tunnel("hp_erm", 0);
                Ok(Next::Ethernet)
            }),
            port::TZSP => self.try_tunnel(Self::tzsp),
            port::TEREDO => self.try_tunnel(Self::teredo),
            _ if src == port::TEREDO => self.try_tunnel(Self::teredo),
            _ => Ok(Next::Done),
        }
    }

    #[cold]
    fn try_tunnel(&mut self, header: fn(&mut Self) -> Step) -> Step {
        let (bytes, at, end) = (self.bytes, self.at, self.end);
        let (outer, fallback, packet) = (self.outer, self.fallback, *self.packet);
        self.remember();
        match header(self) {
            Err(_) => {
                (self.bytes, self.at, self.end) = (bytes, at, end);
                (self.outer, self.fallback, *self.packet) = (outer, fallback, packet);
                Ok(Next::Done)
            }
            step => step,
        }
    }

    /// RFC 7348: flags, of which one says that there is an identifier.
    fn vxlan(&mut self) -> Step {
        let &[flags, _, _, _, v0, v1, v2, _] = self.take("vxlan")?;
        if flags & 0x08 == 0 {
            return Err(DecodeIssue::Malformed("vxlan flags"));
        }
        self.tunnel("vxlan", u32::from_be_bytes([0, v0, v1, v2]));
        Ok(Next::Ethernet)
    }

    /// draft-ietf-nvo3-vxlan-gpe: as VXLAN, but it says what it carries.
    fn vxlan_gpe(&mut self) -> Step {
        let &[flags, _, _, next, v0, v1, v2, _] = self.take("vxlan_gpe")?;
        if flags & 0x08 == 0 {
            return Err(DecodeIssue::Malformed("vxlan flags"));
        }
        self.tunnel("vxlan_gpe", u32::from_be_bytes([0, v0, v1, v2]));
        if flags & 0x04 == 0 {
            return Ok(Next::Ethernet);
        }
        carried(next).ok_or(DecodeIssue::Malformed("vxlan_gpe protocol"))
    }

    /// RFC 8300: a network service header says its length and what it carries.
    pub(super) fn nsh(&mut self) -> Step {
        let &[_, len, _, next] = self.take("nsh")?;
        let words = usize::from(len & 0x3f);
        let behind = words
            .checked_sub(1)
            .ok_or(DecodeIssue::Malformed("nsh length"))?;
        self.skip(behind.saturating_mul(4), "nsh")?;
        match carried(next) {
            Some(next) => Ok(next),
            None => Ok(self.other(ether::NSH)),
        }
    }

    /// RFC 8926.
    fn geneve(&mut self) -> Step {
        let &[version_len, _, t0, t1, v0, v1, v2, _] = self.take("geneve")?;
        if version_len >> 6 != 0 {
            return Err(DecodeIssue::Malformed("geneve version"));
        }
        let options = usize::from(version_len & 0x3f).saturating_mul(4);
        self.skip(options, "geneve")?;
        self.tunnel("geneve", u32::from_be_bytes([0, v0, v1, v2]));
        Ok(Next::Type(u16::from_be_bytes([t0, t1])))
    }

    /// RFC 7510; a stack has its bottom within the frame.
    fn mpls_plausible(&self) -> Result<(), DecodeIssue> {
        let (entries, _) = self.rest().as_chunks::<4>();
        let bottom = entries.iter().any(|[_, _, third, _]| third & 1 == 1);
        bottom.then_some(()).ok_or(DecodeIssue::TooShort("mpls"))
    }

    /// TaZmen Sniffer Protocol: version, type, what it carries, tagged fields up to an end mark.
    fn tzsp(&mut self) -> Step {
        let &[version, kind, p0, p1] = self.take("tzsp")?;
        let carries_ethernet = [p0, p1] == [0, 1];
        if version != 1 || kind > 1 || !carries_ethernet {
            return Err(DecodeIssue::Malformed("tzsp"));
        }
        // Bounded by the frame: each tag consumes at least a byte.
        loop {
            let &[tag] = self.take("tzsp")?;
            match tag {
                0 => {}
                1 => break,
                _ => {
                    let &[len] = self.take("tzsp")?;
                    self.skip(usize::from(len), "tzsp")?;
                }
            }
        }
        self.tunnel("tzsp", 0);
        Ok(Next::Ethernet)
    }

    /// RFC 4380 section 5.1.1: perhaps authentication, perhaps the origin, then IPv6.
    fn teredo(&mut self) -> Step {
        if let [0, 1, ..] = self.rest() {
            let &[_, _, id_len, auth_len] = self.take("teredo")?;
            let fields = usize::from(id_len).saturating_add(usize::from(auth_len));
            self.skip(fields.saturating_add(9), "teredo")?;
        }
        if let [0, 0, ..] = self.rest() {
            self.skip(8, "teredo")?;
        }
        if !is_teredo(self.peek("teredo")?) {
            return Err(DecodeIssue::Malformed("teredo"));
        }
        self.tunnel("teredo", 0);
        Ok(Next::Ipv6)
    }

    /// An authentication header gave the real protocol of an IPv4 packet.
    pub(super) fn now_proto(&mut self, proto: u8) {
        let position = self.position();
        if let Net::Ip(ip) = &mut self.packet.net {
            ip.proto = proto;
            ip.header.len = position.saturating_sub(ip.header.offset);
        }
    }
}

/// Whether an IPv6 header has a side in Teredo's prefix, or is one of the solicitations that come
/// before a host has such an address.
fn is_teredo(header: &[u8; 40]) -> bool {
    let [version, ..] = *header;
    let (_, addresses) = header.split_at(8);
    let (src, dest) = addresses.split_at(16);
    version >> 4 == 6
        && (matches!(src, [0x20, 0x01, 0, 0, ..] | [0xfe, 0x80, ..])
            || matches!(dest, [0x20, 0x01, 0, 0, ..]))
}

fn session(bytes: [u8; 2]) -> u32 {
    u32::from(u16::from_be_bytes(bytes) & 0x03ff)
}

/// What VXLAN-GPE and NSH number alike.
const fn carried(next: u8) -> Option<Next> {
    match next {
        1 => Some(Next::Ipv4),
        2 => Some(Next::Ipv6),
        3 => Some(Next::Ethernet),
        4 => Some(Next::Nsh),
        5 => Some(Next::Mpls),
        _ => None,
    }
}
