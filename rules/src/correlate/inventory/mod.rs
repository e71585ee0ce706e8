//! The inventory: which devices there are, what each said of itself, and with whom it talks.
//!
//! A device is known by its Ethernet address and VLAN, or by its address where only a router's
//! Ethernet address was seen ([`Key`]). What is known comes from events alone and is the same in
//! every run over the same traffic. Devices that said or offered something are kept apart from
//! those that were only seen, so that no flood of addresses drives them out; both are bounded.

mod asset;
mod evidence;
mod key;
mod list;
mod oui;
mod snapshot;
mod stations;
mod tell;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use parsers::event::{Endpoint, Envelope};

pub use asset::{Asset, Attribute, Fact, Peer};
pub use key::{Key, Mac, NoKey, read_mac};
pub use list::{Contact, List, Listed, role_set};
pub use oui::{is_local, vendor};
pub use snapshot::{Snapshot, VERSION};
pub use view::{FIELDS, Field, Take, View, field};

use super::recent::Recent;
use asset::{Learnt, Moment};
use stations::{Place, Stations};
pub(crate) use view::Sides;

/// What is known of devices, bounded.
#[derive(Debug)]
pub(super) struct Inventory {
    stations: Stations,
    /// Devices that said or offered something.
    known: Recent<Key, Asset>,
    /// Devices that were only seen.
    seen: Recent<Key, Asset>,
    /// Devices that no event has told of yet, by when one is due.
    settling: BTreeSet<(i64, Key)>,
    settling_max: usize,
    /// What is new of devices that have been told of.
    news: Vec<News>,
    /// Changes told in the second that runs.
    changes: (i64, u32),
    /// Values and peers that found no room.
    cut: u64,
    /// Events that were not told, so that one device cannot fill the file.
    untold: u64,
}

/// Something new of a device.
#[derive(Debug)]
struct News {
    key: Key,
    attribute: Attribute,
    value: Box<str>,
    previous: Option<Box<str>>,
    source: &'static str,
}

impl Default for Inventory {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Inventory {
    /// With room for so many devices that said something, and twice as many that were only seen.
    pub(super) fn new(max: usize) -> Self {
        let seen = max.saturating_mul(2);
        Self {
            stations: Stations::new(max.saturating_add(seen)),
            known: Recent::new(max),
            seen: Recent::new(seen),
            settling: BTreeSet::new(),
            settling_max: seen,
            news: Vec::new(),
            changes: (0, 0),
            cut: 0,
            untold: 0,
        }
    }

    /// Devices that made room for others.
    pub(super) const fn evicted(&self) -> u64 {
        self.known.evicted.saturating_add(self.seen.evicted)
    }

    /// Values, peers and events that found no room.
    pub(super) const fn cut(&self) -> u64 {
        self.cut.saturating_add(self.untold)
    }

    /// How many devices are known: that said or offered something, and that were only seen.
    pub(super) fn counts(&self) -> [usize; 2] {
        [self.known.len(), self.seen.len()]
    }

    /// All devices, in the order of their keys.
    pub(super) fn assets(&self) -> Vec<&Asset> {
        let all = self.known.values().chain(self.seen.values());
        let mut all: Vec<&Asset> = all.collect();
        all.sort_unstable_by_key(|asset| asset.key);
        all
    }

    /// Every value of an attribute, each with the addresses that it was told of.
    pub(super) fn by_value(&self, attribute: Attribute) -> BTreeMap<String, BTreeSet<IpAddr>> {
        let mut found: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
        for asset in self.known.values() {
            for fact in asset.facts(attribute) {
                let of = found.entry(fact.value.to_string()).or_default();
                of.extend(fact.ip);
            }
        }
        found
    }

    /// What the device at one end of an event is known by, or would be.
    fn key(&self, envelope: &Envelope, end: &Endpoint) -> Option<Key> {
        self.stations.find(&place(envelope, end, false))
    }

    fn get(&self, key: &Key) -> Option<&Asset> {
        let known = self.known.get(key).or_else(|| self.seen.get(key));
        known.map(|(_, asset)| asset)
    }

    fn get_mut(&mut self, key: &Key, now: i64) -> Option<&mut Asset> {
        match self.known.again(key, now) {
            Some(asset) => Some(asset),
            None => self.seen.again(key, now),
        }
    }

    /// A device was seen at one end of an event.
    fn see(&mut self, place: &Place, at: Moment) -> Option<Key> {
        let found = self.stations.see(place, at.time);
        if let Some(router) = found.turned {
            self.turned(router, &found.carried, at);
        }
        for (into, was) in found.absorbs {
            self.absorb(into, was, at);
        }
        let key = found.key?;
        if self.get_mut(&key, at.time).is_none() {
            self.seen.touch(&key, at.time, || Asset::new(key, at));
            self.settle(key, at.time);
        }
        let asset = self.get_mut(&key, at.time)?;
        asset.seen(at);
        if let Some(ip) = place.ip.filter(|ip| asset.ip != Some(*ip)) {
            // People know a device by the address that routers carry.
            if asset.ip.is_none() || !is_link_local(ip) {
                asset.ip = Some(ip);
            }
            let source = if place.own { "arp.src_ip" } else { "src_ip" };
            self.learn(key, (Attribute::Address, &ip.to_string(), source), at);
        }
        Some(key)
    }

    /// An Ethernet address shows to be a router's: what it carried belongs to others.
    fn turned(&mut self, key: Key, carried: &[IpAddr], at: Moment) {
        let Some(router) = self.get_mut(&key, at.time) else {
            return;
        };
        router.router = true;
        let parts: Vec<Asset> = carried.iter().map(|ip| router.part(*ip)).collect();
        router.ip = router.ip.filter(|ip| !carried.contains(ip));
        router.peers.clear();
        self.learn(key, (Attribute::Router, "yes", "src_ip"), at);
        for part in parts {
            let outside = part.ip.is_none_or(crate::program::is_public);
            if !part.facts.is_empty() && !outside {
                self.place(part, at);
            }
        }
    }

    /// What was known under another key is known of this device.
    fn absorb(&mut self, key: Key, was: Key, at: Moment) {
        let other = self.known.remove(&was);
        let Some(other) = other.or_else(|| self.seen.remove(&was)) else {
            return;
        };
        match self.get_mut(&key, at.time) {
            Some(asset) => asset.absorb(other),
            None => {
                let told = false; // not under this name
                self.place(Asset { key, told, ..other }, at);
            }
        }
        self.promote(key, at.time);
    }

    /// A device that became known in another way than by being seen.
    fn place(&mut self, asset: Asset, at: Moment) {
        let key = asset.key;
        if let Some(there) = self.get_mut(&key, at.time) {
            there.absorb(asset);
        } else {
            if !asset.told {
                self.settle(key, at.time);
            }
            self.seen.touch(&key, at.time, || asset);
        }
        self.promote(key, at.time);
    }

    /// A device is to be told of once it has been watched for some seconds.
    fn settle(&mut self, key: Key, now: i64) {
        if self.settling.len() < self.settling_max {
            let due = now.saturating_add(tell::SETTLE_NS);
            self.settling.insert((due, key));
        } else {
            self.untold = self.untold.saturating_add(1);
        }
    }

    /// Something is told of a device: attribute, value, and the field that told.
    fn learn(
        &mut self,
        key: Key,
        (attribute, value, source): (Attribute, &str, &'static str),
        at: Moment,
    ) {
        let Some(asset) = self.get_mut(&key, at.time) else {
            return;
        };
        let ip = asset.ip;
        let (told, was_known) = (asset.told, asset.is_known());
        match asset.learn(attribute, value, source, ip, at) {
            Learnt::Old => {}
            Learnt::Cut => self.cut = self.cut.saturating_add(1),
            Learnt::New(previous) => {
                if told {
                    self.news.push(News {
                        key,
                        attribute,
                        value: value.into(),
                        previous,
                        source,
                    });
                }
                if !was_known {
                    self.promote(key, at.time);
                }
            }
        }
    }

    /// Keeps a device that said something apart from those that were only seen.
    fn promote(&mut self, key: Key, now: i64) {
        let says = self.seen.get(&key).is_some_and(|(_, a)| a.is_known());
        if says && let Some(asset) = self.seen.remove(&key) {
            self.known.touch(&key, now, || asset);
        }
    }

    /// Packet time jumped: what was to be told later is told next.
    pub(super) fn clock_step(&mut self) {
        let settling = std::mem::take(&mut self.settling);
        self.settling = settling
            .into_iter()
            .map(|(_, key)| (i64::MIN, key))
            .collect();
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// One end of an event.
fn place(envelope: &Envelope, end: &Endpoint, own: bool) -> Place {
    let [vlan, ..] = envelope.vlan;
    Place {
        vlan: if envelope.vlans == 0 { 0 } else { vlan },
        mac: end.mac,
        ip: end.ip,
        own,
    }
}
