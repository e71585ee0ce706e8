//! The devices that are known, as answers, pages and responses see them: what the correlator learnt,
//! joined with the hospital's list. It is made anew when either changes, and written nowhere: what
//! outlives a restart is the inventory's file, and the list.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rules::correlate::inventory::{Asset, Attribute, Key, List, Listed, Snapshot};

/// The devices, shared by whoever learns of changes and whoever asks.
#[derive(Debug, Default)]
pub struct Devices(Mutex<Arc<Now>>);

/// The devices at one moment.
#[derive(Debug, Default)]
pub struct Now {
    snapshot: Arc<Snapshot>,
    list: Arc<List>,
    /// Of each device, its place in the list.
    entries: Vec<Option<usize>>,
    /// The devices that an address was seen with, those that have it now first.
    by_ip: HashMap<IpAddr, Vec<usize>>,
}

/// A device with its entry in the list.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What was learnt.
    pub asset: &'a Asset,
    /// What the list says.
    pub listed: Option<&'a Listed>,
}

impl Devices {
    /// Of what is known at the start.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, list: Arc<List>) -> Self {
        Self(Mutex::new(Arc::new(Now::new(snapshot, list))))
    }

    /// The devices as they are now.
    #[must_use]
    pub fn now(&self) -> Arc<Now> {
        let now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&now)
    }

    /// More was learnt.
    pub fn learn(&self, snapshot: Arc<Snapshot>) {
        self.set(Now::new(snapshot, Arc::clone(&self.now().list)));
    }

    /// Another list is in force.
    pub fn list(&self, list: Arc<List>) {
        self.set(Now::new(Arc::clone(&self.now().snapshot), list));
    }

    fn set(&self, fresh: Now) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = Arc::new(fresh);
    }
}

impl Now {
    /// Joins both.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, list: Arc<List>) -> Self {
        let places: HashMap<u64, usize> = list
            .devices
            .iter()
            .enumerate()
            .map(|(at, device)| (device.line, at))
            .collect();
        let entry = |asset: &Asset| {
            let listed = list.find(asset.mac(), asset.ip, Some(asset))?;
            places.get(&listed.line).copied()
        };
        let entries = snapshot.assets.iter().map(entry).collect();
        let by_ip = by_ip(&snapshot.assets);
        Self {
            entries,
            by_ip,
            snapshot,
            list,
        }
    }

    /// The hospital's list.
    #[must_use]
    pub fn listed(&self) -> &List {
        &self.list
    }

    /// All devices, in the order of their keys.
    pub fn all(&self) -> impl Iterator<Item = Known<'_>> {
        let assets = self.snapshot.assets.iter().zip(&self.entries);
        assets.map(|(asset, entry)| self.known(asset, *entry))
    }

    /// The device of a key.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<Known<'_>> {
        let asset = self.snapshot.get(key)?;
        let at = self.snapshot.assets.binary_search_by_key(&key, |a| a.key);
        let entry = self.entries.get(at.ok()?).copied().flatten();
        Some(self.known(asset, entry))
    }

    /// The devices that an address was seen with, those that have it now first.
    pub fn at(&self, ip: IpAddr) -> impl Iterator<Item = Known<'_>> {
        let places = self.by_ip.get(&ip).into_iter().flatten();
        places.filter_map(|at| {
            let asset = self.snapshot.assets.get(*at)?;
            Some(self.known(asset, self.entries.get(*at).copied().flatten()))
        })
    }

    /// What the list says of an address: of the device that has it now, else of the address itself.
    #[must_use]
    pub fn entry(&self, ip: IpAddr) -> Option<&Listed> {
        match self.at(ip).find(|known| known.asset.ip == Some(ip)) {
            Some(known) => known.listed,
            None => self.list.find(None, Some(ip), None),
        }
    }

    /// What the hospital calls the device that has an address.
    #[must_use]
    pub fn name(&self, ip: IpAddr) -> Option<&str> {
        let name = self.entry(ip)?.name.as_str();
        Some(name).filter(|name| !name.is_empty())
    }

    /// Devices of the list that were never seen.
    pub fn unseen(&self) -> impl Iterator<Item = &Listed> {
        let seen: BTreeSet<usize> = self.entries.iter().flatten().copied().collect();
        let all = self.list.devices.iter().enumerate();
        all.filter(move |(at, _)| !seen.contains(at))
            .map(|(_, listed)| listed)
    }

    fn known<'a>(&'a self, asset: &'a Asset, entry: Option<usize>) -> Known<'a> {
        Known {
            asset,
            listed: entry.and_then(|at| self.list.devices.get(at)),
        }
    }
}

fn by_ip(assets: &[Asset]) -> HashMap<IpAddr, Vec<usize>> {
    let mut found: HashMap<IpAddr, Vec<usize>> = HashMap::new();
    for (at, asset) in assets.iter().enumerate() {
        let once = asset.values(Attribute::Address).map(str::parse);
        let addresses: BTreeSet<IpAddr> = once.filter_map(Result::ok).chain(asset.ip).collect();
        for ip in addresses {
            let of = found.entry(ip).or_default();
            match asset.ip == Some(ip) {
                true => of.insert(0, at),
                false => of.push(at),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory;
    use crate::testing;

    fn now(list: &str) -> Now {
        let list = inventory::parse("l.csv", list, Default::default()).unwrap();
        Now::new(Arc::new(testing::inventory()), list.list)
    }

    #[test]
    fn what_was_learnt_and_what_is_listed_are_one() {
        let now =
            now("name,role,ip,mac\nCT 1,modality,,00:09:fb:01:01:01\nPACS,archive,10.0.0.9,\n");
        let ct = now.get("mac-0009fb010101-30".parse().unwrap()).unwrap();
        assert_eq!(ct.listed.unwrap().name, "CT 1");
        assert_eq!(now.name([10, 0, 0, 1].into()), Some("CT 1"));
        assert_eq!(now.name([10, 0, 0, 9].into()), Some("PACS"), "never seen");
        let unseen: Vec<&str> = now.unseen().map(|listed| listed.name.as_str()).collect();
        assert_eq!(unseen, ["PACS"]);
    }

    #[test]
    fn an_address_leads_to_whoever_has_it_now_and_then_to_whoever_had_it() {
        let now = now("name,ip\n");
        let keys = |ip: [u8; 4]| -> Vec<String> {
            let found = now.at(ip.into());
            found.map(|known| known.asset.key.to_string()).collect()
        };
        assert_eq!(
            keys([10, 0, 0, 2]),
            ["mac-020000000002-30", "mac-0009fb010101-30"]
        );
        assert_eq!(keys([10, 0, 0, 3]), [""; 0]);
        assert_eq!(now.name([10, 0, 0, 2].into()), None);
    }
}
