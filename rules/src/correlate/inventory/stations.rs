//! Whose packets an Ethernet address sends: its own, or as a router those of others.

use std::net::IpAddr;

use parsers::time::NANOS_PER_SEC;
use smallvec::SmallVec;

use super::super::recent::Recent;
use super::key::{Key, Mac};
use crate::program::{is_multicast, is_public};

/// Who sent or received something, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) vlan: u16,
    pub(super) mac: Option<Mac>,
    pub(super) ip: Option<IpAddr>,
    /// Whether the device itself says that the address is its own, by ARP.
    pub(super) own: bool,
}

/// What a place came to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// The device; none where there is nothing to know one by.
    pub(super) key: Option<Key>,
    /// The Ethernet address that is a router's, as this showed: what was taken for its own belongs to
    /// the addresses that it carried.
    pub(super) turned: Option<Key>,
    pub(super) carried: Vec<IpAddr>,
    /// A device, and what was taken for another one and is this: an address behind a router, or the
    /// same Ethernet address without its tag.
    pub(super) absorbs: SmallVec<[(Key, Key); 2]>,
}

#[derive(Debug, Default)]
pub(super) struct Station {
    /// Addresses that it claimed by ARP.
    own: SmallVec<[IpAddr; 2]>,
    /// Addresses that its packets carried, without a claim.
    carried: SmallVec<[IpAddr; CARRIED_MAX]>,
    router: bool,
}

/// So many addresses that an Ethernet address carries and never claims by ARP make it a router's:
/// a host with several addresses claims them, and a router's customers never speak ARP through it.
pub(super) const CARRIED_MAX: usize = 4;
/// Who used an address this recently has it still, unless another claims it by ARP.
const HELD_NS: i64 = 600 * NANOS_PER_SEC;
/// Addresses that one host claims: a server of many services has some dozens.
const OWN_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Stations {
    by_mac: Recent<(u16, Mac), Station>,
    /// The VLAN in which an Ethernet address was seen with a tag.
    tagged: Recent<Mac, u16>,
    /// Who was last seen with an address on its own wire.
    by_ip: Recent<IpAddr, Key>,
}

impl Stations {
    pub(super) fn new(max: usize) -> Self {
        Self {
            by_mac: Recent::new(max),
            tagged: Recent::new(max),
            by_ip: Recent::new(max),
        }
    }

    /// The device at a place; what is seen there is remembered.
    pub(super) fn see(&mut self, place: &Place, now: i64) -> Found {
        let ip = place.ip.filter(|ip| names_a_host(*ip));
        let Some(mac) = place.mac.filter(|mac| is_of_one(*mac)) else {
            return Found {
                key: ip.and_then(|ip| self.routed(ip)),
                ..Found::default()
            };
        };
        let (vlan, untagged) = self.vlan(place.vlan, mac, now);
        let wire = (vlan, mac);
        let key = Key::Mac { vlan, mac };
        let mut absorbs = SmallVec::new();
        absorbs.extend(untagged.map(|untagged| (key, untagged)));
        let begun = || Station {
            router: is_virtual_router(mac),
            ..Station::default()
        };
        let station = self.by_mac.touch(&wire, now, begun);
        let Some(ip) = ip else {
            return Found {
                key: Some(key),
                absorbs,
                ..Found::default()
            };
        };
        let turned = station.carries(ip, place.own);
        if !station.is_at_home(ip) {
            let carried = if turned {
                station.carried.to_vec()
            } else {
                Vec::new()
            };
            for ip in &carried {
                self.leave(*ip, key);
            }
            return Found {
                key: self.routed(ip),
                turned: turned.then_some(key),
                carried,
                absorbs,
            };
        }
        let held = self.by_ip.get(&ip).map(|(last, key)| (last, *key));
        if let Some((last, holder)) = held
            && holder != key
            && !place.own
            && now.saturating_sub(last) < HELD_NS
            && self.weight(&holder) < self.weight(&key)
        {
            return Found {
                key: Some(holder),
                absorbs,
                ..Found::default()
            };
        }
        absorbs.extend(held.is_none().then_some((key, Key::Ip(ip))));
        *self.by_ip.touch(&ip, now, || key) = key;
        Found {
            key: Some(key),
            turned: None,
            carried: Vec::new(),
            absorbs,
        }
    }

    /// The device at a place, without remembering anything.
    pub(super) fn find(&self, place: &Place) -> Option<Key> {
        let ip = place.ip.filter(|ip| names_a_host(*ip));
        let Some(mac) = place.mac.filter(|mac| is_of_one(*mac)) else {
            return ip.and_then(|ip| self.routed(ip));
        };
        let vlan = match self.tagged.get(&mac) {
            Some((_, vlan)) if place.vlan == 0 => *vlan,
            _ => place.vlan,
        };
        let station = self.by_mac.get(&(vlan, mac)).map(|(_, s)| s);
        match ip {
            Some(ip) if station.is_some_and(|s| !s.is_at_home(ip)) => self.routed(ip),
            _ => Some(Key::Mac { vlan, mac }),
        }
    }

    /// The VLAN of an Ethernet address. A mirror may tag one direction only, so that what comes
    /// without a tag is in the VLAN in which the address was seen with one; what was known of it
    /// without a tag is to be absorbed.
    fn vlan(&mut self, vlan: u16, mac: Mac, now: i64) -> (u16, Option<Key>) {
        if vlan == 0 {
            let tagged = self.tagged.again(&mac, now);
            return (tagged.map_or(0, |tagged| *tagged), None);
        }
        let before = self.tagged.get(&mac).is_some();
        *self.tagged.touch(&mac, now, || vlan) = vlan;
        let station = self.by_mac.remove(&(0, mac)).filter(|_| !before);
        let Some(station) = station else {
            return (vlan, None);
        };
        let (old, new) = (Key::Mac { vlan: 0, mac }, Key::Mac { vlan, mac });
        for ip in station.own.iter().chain(&station.carried) {
            if self.by_ip.get(ip).is_some_and(|(_, key)| *key == old) {
                *self.by_ip.touch(ip, now, || new) = new;
            }
        }
        self.by_mac.touch(&(vlan, mac), now, || station);
        (vlan, Some(old))
    }

    /// As it was before a restart.
    pub(super) fn restore(&mut self, key: Key, ips: &[IpAddr], router: bool, now: i64) {
        let Key::Mac { vlan, mac } = key else {
            return;
        };
        if vlan != 0 {
            self.tagged.touch(&mac, now, || vlan);
        }
        let station = self.by_mac.touch(&(vlan, mac), now, Station::default);
        station.router = router;
        if router {
            station.own = ips.iter().copied().take(OWN_MAX).collect();
        } else {
            station.carried = ips.iter().copied().take(CARRIED_MAX - 1).collect();
        }
        for ip in ips {
            *self.by_ip.touch(ip, now, || key) = key;
        }
    }

    /// The device of an address that came through a router, or without an Ethernet address.
    fn routed(&self, ip: IpAddr) -> Option<Key> {
        match self.by_ip.get(&ip) {
            Some((_, key)) => Some(*key),
            // The Internet's hosts are nobody's devices.
            None => (!is_public(ip)).then_some(Key::Ip(ip)),
        }
    }

    /// How many addresses it goes by: of two that use the same one, the one with more passes on
    /// the other's packets.
    fn weight(&self, key: &Key) -> usize {
        let Key::Mac { vlan, mac } = key else {
            return usize::MAX;
        };
        let station = self.by_mac.get(&(*vlan, *mac));
        station.map_or(0, |(_, s)| s.own.len().saturating_add(s.carried.len()))
    }

    fn leave(&mut self, ip: IpAddr, key: Key) {
        if self.by_ip.get(&ip).is_some_and(|(_, held)| *held == key) {
            self.by_ip.remove(&ip);
        }
    }
}

impl Station {
    /// Whether a router's packets with this address are its own.
    fn is_at_home(&self, ip: IpAddr) -> bool {
        !self.router || self.own.contains(&ip)
    }

    /// Remembers that it sent as this address. True if that showed it to be a router.
    fn carries(&mut self, ip: IpAddr, own: bool) -> bool {
        if own {
            self.carried.retain(|known| *known != ip);
            if !self.own.contains(&ip) && self.own.len() < OWN_MAX {
                self.own.push(ip);
            }
            return false;
        }
        if self.router || self.own.contains(&ip) || self.carried.iter().any(|k| same_net(*k, ip)) {
            return false;
        }
        self.carried.push(ip);
        let is_in = |public: bool| self.carried.iter().any(|ip| is_public(*ip) == public);
        let both = is_in(true) && (is_in(false) || !self.own.is_empty());
        self.router = self.carried.len() >= CARRIED_MAX || both;
        self.router
    }
}

/// The same address, or an IPv6 address of the same network: a host takes many of those.
fn same_net(a: IpAddr, b: IpAddr) -> bool {
    match (a, b) {
        (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() >> 64 == b.to_bits() >> 64,
        _ => a == b,
    }
}

fn names_a_host(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_loopback() && !is_multicast(ip)
}

/// An address of VRRP (RFC 9568 7.3): several routers share it, and no host has it.
const fn is_virtual_router(mac: Mac) -> bool {
    matches!(mac, [0x00, 0x00, 0x5e, 0x00, 1 | 2, _])
}

/// Not a group's, and not zero.
fn is_of_one(mac: Mac) -> bool {
    let [first, ..] = mac;
    first & 1 == 0 && mac != [0; 6]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = [0, 1, 2, 3, 4, 5];

    fn at(ip: [u8; 4], own: bool) -> Place {
        Place {
            vlan: 0,
            mac: Some(MAC),
            ip: Some(ip.into()),
            own,
        }
    }

    const HOST: Key = Key::Mac { vlan: 0, mac: MAC };

    #[test]
    fn many_unclaimed_addresses_make_a_router_and_claimed_ones_do_not() {
        let mut stations = Stations::new(16);
        for last in 1..40 {
            let found = stations.see(&at([10, 0, 0, last], true), 0);
            assert_eq!(found.key, Some(HOST));
        }
        let mut stations = Stations::new(16);
        stations.see(&at([10, 0, 9, 1], true), 0);
        for last in 1..4 {
            let found = stations.see(&at([10, 0, 0, last], false), 0);
            assert_eq!((found.key, found.carried), (Some(HOST), Vec::new()));
        }
        let found = stations.see(&at([10, 0, 0, 4], false), 0);
        assert_eq!(found.key, Some(Key::Ip([10, 0, 0, 4].into())));
        assert_eq!(found.carried.len(), 4);
        let own = stations.see(&at([10, 0, 9, 1], false), 0);
        assert_eq!(own.key, Some(HOST), "its own address stays its own");
        assert_eq!(
            stations.find(&at([10, 0, 0, 2], false)),
            Some(Key::Ip([10, 0, 0, 2].into()))
        );
    }

    #[test]
    fn who_carries_the_internet_is_a_router_and_the_internet_is_no_device() {
        let mut stations = Stations::new(16);
        stations.see(&at([10, 0, 0, 1], false), 0);
        let found = stations.see(&at([8, 8, 8, 8], false), 0);
        assert_eq!(found.key, None);
        assert_eq!(found.carried.len(), 2);
    }

    #[test]
    fn an_address_seen_on_its_own_wire_is_that_device_behind_the_router_too() {
        let mut stations = Stations::new(16);
        let mut direct = at([10, 0, 0, 7], false);
        direct.mac = Some([2; 6]);
        direct.vlan = 30;
        let host = Key::Mac {
            vlan: 30,
            mac: [2; 6],
        };
        assert_eq!(stations.see(&direct, 0).key, Some(host));
        for last in 1..8 {
            stations.see(&at([10, 0, 0, last], false), 0);
        }
        assert_eq!(stations.see(&at([10, 0, 0, 7], false), 0).key, Some(host));
    }

    #[test]
    fn a_device_without_its_tag_is_the_same_device() {
        let mut stations = Stations::new(16);
        let untagged = at([10, 0, 0, 1], false);
        assert_eq!(stations.see(&untagged, 0).key, Some(HOST));
        let tagged = Place {
            vlan: 30,
            ..untagged
        };
        let in_30 = Key::Mac { vlan: 30, mac: MAC };
        let found = stations.see(&tagged, 1);
        assert_eq!(
            (found.key, &found.absorbs[..]),
            (Some(in_30), &[(in_30, HOST)][..])
        );
        let found = stations.see(&untagged, 2);
        assert_eq!((found.key, found.absorbs.len()), (Some(in_30), 0));
        assert_eq!(stations.find(&untagged), Some(in_30));
    }

    #[test]
    fn a_virtual_router_is_one_from_its_first_packet_on() {
        let mut stations = Stations::new(16);
        let mut place = at([10, 0, 0, 9], false);
        place.mac = Some([0, 0, 0x5e, 0, 1, 7]);
        let found = stations.see(&place, 0);
        assert_eq!(found.key, Some(Key::Ip([10, 0, 0, 9].into())));
    }

    #[test]
    fn groups_and_nobody_are_no_devices() {
        let mut stations = Stations::new(16);
        let mut place = at([224, 0, 0, 1], false);
        place.mac = Some([1, 0, 0x5e, 0, 0, 1]);
        assert_eq!(stations.see(&place, 0), Found::default());
        place = at([0, 0, 0, 0], false);
        place.mac = None;
        assert_eq!(stations.see(&place, 0), Found::default());
    }
}
