//! Alerts to store.

use std::path::Path;

use parsers::time::Time;
use rules::Severity;
use rules::eve::Eve;
use serde_json::json;

use crate::config::{self, units::Bytes};
use crate::store::queue::Taken;
use crate::store::{Settings, Store};

/// An alert to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Make {
    pub(crate) n: u64,
    pub(crate) secs: i64,
    pub(crate) slug: &'static str,
    pub(crate) category: &'static str,
    pub(crate) severity: Severity,
    pub(crate) src: u32,
    pub(crate) dest: u32,
    /// Whether its devices must not be cut off.
    pub(crate) stays: bool,
}

impl Default for Make {
    fn default() -> Self {
        Self {
            n: 0,
            secs: 1_790_000_000,
            slug: "dicom-cfind-wildcard-mass",
            category: "phi",
            severity: Severity::High,
            src: 0x0a14_010b,
            dest: 0x0a14_020a,
            stays: false,
        }
    }
}

impl Make {
    pub(crate) fn id(&self) -> String {
        format!("{:032x}", self.n)
    }

    pub(in crate::store) fn taken(&self) -> Taken {
        let ip = |n: u32| std::net::Ipv4Addr::from(n).to_string();
        let (src, dest) = (ip(self.src), ip(self.dest));
        let time = Time::new(self.secs, 5_000);
        let mut stamp = Vec::new();
        rules::eve::timestamp(time, &mut stamp);
        let json = json!({
            "timestamp": String::from_utf8_lossy(&stamp),
            "event_type": "alert",
            "host": "sensor-1",
            "flow_id": self.n,
            "vlan": [30],
            "src_ip": src, "src_port": 50000, "dest_ip": dest, "dest_port": 104,
            "proto": "TCP",
            "ether": {"src_mac": "00:00:5e:00:53:01", "dest_mac": "00:00:5e:00:53:02"},
            "app_proto": "dicom",
            "alert": {
                "action": "allowed", "gid": 104, "signature_id": 1_000_021, "rev": 1,
                "signature": "Patient list pulled with a wildcard query",
                "category": self.category, "severity": self.severity.eve(),
                "source": {"ip": src}, "target": {"ip": dest},
            },
            "vitalwire": {
                "schema": "1", "slug": self.slug, "alert_id": self.id(),
                "severity": self.severity.word(), "clinical_impact": "none", "tier": "notify",
                "explain": format!("{src} listed patients on {dest} {} times in 10 minutes", self.n),
                "what_to_do": "Ask the owner.", "do_not_isolate": self.stays,
            },
            "dicom": {"kind": "dimse", "command": "C-FIND-RQ", "calling_ae": "FINDSCU"},
        });
        Taken {
            event_type: "alert",
            time,
            severity: Some(self.severity),
            json: json.to_string().into(),
        }
    }
}

pub(crate) fn config() -> config::Store {
    config::Store {
        queue: Bytes::mib(16),
        ..config::Store::default()
    }
}

pub(crate) fn settings(config: &config::Store) -> Settings {
    Settings::new(config, Eve::default())
}

pub(crate) fn open(dir: &Path) -> Store {
    Store::open(dir, settings(&config()), None).unwrap()
}

/// Stores them, and comes back once they are durable.
pub(crate) fn put(store: &Store, alerts: impl IntoIterator<Item = Make>) {
    for make in alerts {
        store.offer(make.taken(), true);
    }
    store.write(|_| Ok(())).unwrap();
}

/// A number that a query gives.
pub(crate) fn count(store: &Store, sql: &str) -> i64 {
    store
        .read(|conn| Ok(conn.query_row(sql, [], |row| row.get(0))?))
        .unwrap()
}
