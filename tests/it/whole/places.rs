//! What is where: the ids of alerts in the store and at each receiver.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::site::Site;
use super::stream::{ids, messages};

/// What came to a receiver.
#[derive(Default)]
pub(super) struct Came {
    /// Ids of alerts, as often as they came.
    pub(super) alerts: Vec<String>,
    pub(super) heartbeats: usize,
}

impl Came {
    fn add(&mut self, kind: &str, id: &str) {
        match kind {
            "alert" => self.alerts.push(id.to_owned()),
            "heartbeat" => self.heartbeats += 1,
            _ => {}
        }
    }

    pub(super) fn different(&self) -> BTreeSet<String> {
        self.alerts.iter().cloned().collect()
    }
}

/// A receiver's name, and what came to it.
pub(super) type Place = (&'static str, fn(&Site) -> Came);

/// All of them.
pub(super) const RECEIVERS: [Place; 3] = [("rsyslog", siem), ("NATS", bus), ("webhook", hook)];

/// Lines of rsyslog: facility, severity, host, program, kind, CEF.
fn siem(site: &Site) -> Came {
    let mut came = Came::default();
    let text = std::fs::read(&site.siem.out).unwrap_or_default();
    for line in String::from_utf8_lossy(&text).lines() {
        let kind = line.split(' ').nth(4).unwrap_or_default();
        let id = line.split("externalId=").nth(1).unwrap_or_default();
        let id = id.split(' ').next().unwrap_or_default();
        // A receiver that was killed leaves half a line.
        if kind == "heartbeat" || id.len() == 32 {
            came.add(kind, id);
        }
    }
    came
}

fn bus(site: &Site) -> Came {
    let mut came = Came::default();
    for kind in ["alert", "heartbeat"] {
        for id in ids(site.bus.port, &format!("vitalwire.{kind}")) {
            came.add(kind, &id);
        }
    }
    came
}

fn hook(site: &Site) -> Came {
    let mut came = Came::default();
    for message in site.hook.taken() {
        let text = |key: &str| message[key].as_str().unwrap_or_default();
        came.add(text("kind"), text("id"));
    }
    came
}

/// The ids of alerts in the store.
pub(super) fn stored(site: &Site) -> BTreeSet<String> {
    let store = site.store();
    let mut statement = store.prepare("SELECT alert_id FROM alerts").expect("SQL");
    let ids = statement.query_map([], |row| row.get(0)).expect("read");
    ids.collect::<Result<_, _>>().expect("ids")
}

/// Waits until receivers have every alert of the store, and no other.
pub(super) fn everywhere(site: &Site, receivers: &[Place], seconds: u64) {
    let wanted = stored(site);
    for &(name, came) in receivers {
        let since = Instant::now();
        let has = loop {
            let has = came(site);
            if has.different().is_superset(&wanted) {
                break has;
            }
            let missing = wanted.difference(&has.different()).count();
            assert!(
                since.elapsed() < Duration::from_secs(seconds),
                "{missing} of {} alerts never came to {name}\n{}",
                wanted.len(),
                site.log()
            );
            std::thread::sleep(Duration::from_secs(1));
        };
        let different = has.different();
        let (all, once) = (has.alerts.len(), different.len());
        let took = since.elapsed().as_secs();
        println!(
            "{name}: {once} alerts, {} more than once; waited {took} s",
            all - once
        );
        assert_eq!(different, wanted, "{name} has what the store has not");
        // The stream itself leaves out what comes twice.
        assert!(name != "NATS" || all == once, "{} came twice", all - once);
    }
}

/// A field of every heartbeat in the stream.
pub(super) fn heartbeats(site: &Site) -> Vec<Value> {
    let messages = messages(site.bus.port, "vitalwire.heartbeat");
    let parsed = messages.iter().map(|m| serde_json::from_slice(&m.body));
    parsed.collect::<Result<_, _>>().expect("JSON")
}
