//! Which Ethernet address last spoke for an IP address, by ARP.

use std::net::IpAddr;

use super::config::BINDING_NS;
use super::recent::Recent;
use crate::record::Owned;

#[derive(Debug)]
pub(super) struct Bindings {
    known: Recent<(u16, IpAddr), [u8; 6]>,
    /// Times that an address changed hands.
    pub(super) changed: u64,
}

/// The sender of an ARP message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) vlan: u16,
    pub(super) ip: IpAddr,
    pub(super) mac: [u8; 6],
    /// Whether others write it down: a reply, or a gratuitous request.
    pub(super) tells: bool,
}

impl Claim {
    /// None for a probe (sender 0.0.0.0, RFC 5227 1.1), which claims nothing.
    pub(super) fn new(vlan: u16, ip: &Owned, mac: &Owned, tells: bool) -> Option<Self> {
        let (Owned::Ip(ip), Owned::Mac(mac)) = (ip, mac) else {
            return None;
        };
        (!ip.is_unspecified()).then_some(Self {
            vlan,
            ip: *ip,
            mac: *mac,
            tells,
        })
    }
}

impl Bindings {
    pub(super) fn new(max: usize) -> Self {
        Self {
            known: Recent::new(max),
            changed: 0,
        }
    }

    /// Writes the claim down. Gives the Ethernet address that held the IP address until now, if it
    /// is another one that spoke for it within the last minute.
    pub(super) fn claim(&mut self, claim: Claim, now: i64) -> Option<[u8; 6]> {
        let key = (claim.vlan, claim.ip);
        let before = self.known.get(&key).map(|(last, mac)| (last, *mac));
        *self.known.touch(&key, now, || claim.mac) = claim.mac;
        let (last, mac) = before?;
        let taken = mac != claim.mac && now.saturating_sub(last) <= BINDING_NS;
        if !taken || !claim.tells {
            return None;
        }
        self.changed = self.changed.saturating_add(1);
        Some(mac)
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.known.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(vlan: u16, mac: u8) -> Claim {
        let ip = Owned::Ip([10, 20, 0, 1].into());
        Claim::new(vlan, &ip, &Owned::Mac([mac; 6]), true).unwrap()
    }

    #[test]
    fn tells_who_held_the_address_within_a_minute() {
        let mut bindings = Bindings::new(8);
        assert_eq!(bindings.claim(claim(1, 0xaa), 0), None);
        assert_eq!(bindings.claim(claim(1, 0xaa), 5), None);
        assert_eq!(bindings.claim(claim(2, 0xbb), 6), None, "another VLAN");
        assert_eq!(bindings.claim(claim(1, 0xbb), 7), Some([0xaa; 6]));
        let late = 8 + BINDING_NS;
        assert_eq!(bindings.claim(claim(1, 0xaa), late), None, "moved long ago");
    }

    #[test]
    fn a_probe_claims_nothing() {
        let none = Owned::Ip([0, 0, 0, 0].into());
        assert!(Claim::new(0, &none, &Owned::Mac([1; 6]), true).is_none());
    }
}
