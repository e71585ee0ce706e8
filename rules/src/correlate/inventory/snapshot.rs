//! The inventory as it is kept across restarts: plain data with a version.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::asset::{Asset, Attribute};
use super::{Inventory, Key};

/// The version of the format: newer ones are refused.
pub const VERSION: u32 = 1;

/// Everything that is known of devices at one moment.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Snapshot {
    /// [`VERSION`] of whoever wrote it.
    pub version: u32,
    /// Packet time then, in nanoseconds since the epoch.
    pub time: i64,
    /// The devices, in the order of their keys.
    pub assets: Vec<Asset>,
}

impl Inventory {
    /// Everything that is known now.
    pub(in crate::correlate) fn snapshot(&self, time: i64) -> Snapshot {
        Snapshot {
            version: VERSION,
            time,
            assets: self.assets().into_iter().cloned().collect(),
        }
    }

    /// Knows what was known before a restart, within its own bounds. Those seen last come last, so
    /// that of too many the longest unseen go.
    pub(in crate::correlate) fn restore(&mut self, snapshot: &Snapshot) {
        let mut assets: Vec<&Asset> = snapshot.assets.iter().collect();
        assets.sort_by_key(|asset| (asset.last_seen, asset.key));
        for asset in assets {
            let mut asset = asset.clone();
            asset.bound();
            let (key, now) = (asset.key, asset.last_seen);
            let ips: Vec<IpAddr> = asset
                .values(Attribute::Address)
                .filter_map(|ip| ip.parse().ok())
                .collect();
            self.stations.restore(key, &ips, asset.router, now);
            if !asset.told {
                self.settle(key, now);
            }
            let table = match asset.is_known() {
                true => &mut self.known,
                false => &mut self.seen,
            };
            table.touch(&key, now, || asset);
        }
    }
}

impl Snapshot {
    /// The device of that key.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Asset> {
        let at = self.assets.binary_search_by_key(&key, |asset| asset.key);
        at.ok().and_then(|at| self.assets.get(at))
    }
}
