//! `stats` and `heartbeat` lines: the sensor speaking of itself.

use std::sync::Arc;
use std::time::Duration;

use dataplane::span::Severity;
use dataplane::telemetry::{Sample, Snapshot};
use parsers::time::Time;
use rules::correlate::{Item, Out};
use rules::eve::Eve;
use serde_json::{Map, Value, json};

use crate::ledger;
use crate::mirror::Change;

/// What stats and heartbeats tell beside the counters.
#[derive(Clone, Debug)]
pub struct About {
    /// What every line shares.
    pub eve: Eve,
    /// Names the site key.
    pub key_id: u32,
    /// Rules that may fire, and rules that lack a list.
    pub rules: (usize, usize),
    /// Rule packs and their versions.
    pub packs: Vec<String>,
}

/// A `stats` line: every counter, what was lost, the key's id, the bounds that were hit.
#[must_use]
pub fn line(about: &About, time: Time, uptime: Duration, snapshot: &Snapshot) -> Arc<Out> {
    let mut stats = Map::new();
    stats.insert("uptime".to_owned(), uptime.as_secs().into());
    for sample in &snapshot.samples {
        insert(&mut stats, sample);
    }
    let ours = json!({
        "key_id": format!("{:08x}", about.key_id),
        "bounds_hit": ledger::bounds_hit(snapshot),
        "rules_armed": about.rules.0,
        "rules_unarmed": about.rules.1,
        "packs": about.packs,
    });
    render(about, time, "stats", &ours, &Value::Object(stats))
}

/// A `heartbeat` line: still here, and whether it sees.
#[must_use]
pub fn heartbeat(about: &About, time: Time, uptime: Duration, blind: Option<&str>) -> Arc<Out> {
    let mut beat = json!({
        "uptime": uptime.as_secs(),
        "version": crate::version::VERSION,
        "ready": blind.is_none(),
    });
    if let (Some(why), Some(object)) = (blind, beat.as_object_mut()) {
        object.insert("reason".to_owned(), why.into());
    }
    let ours = json!({"key_id": format!("{:08x}", about.key_id)});
    render(about, time, "heartbeat", &ours, &beat)
}

/// A `finding` line: something is wrong with the mirror, or no longer.
#[must_use]
pub fn finding(about: &About, time: Time, interface: &str, change: &Change) -> Arc<Out> {
    let mut finding = json!({
        "name": change.name,
        "state": if change.finding.is_some() { "open" } else { "closed" },
        "interface": interface,
    });
    if let (Some(found), Some(object)) = (&change.finding, finding.as_object_mut()) {
        let severity = match found.severity() {
            Severity::Note => "info",
            Severity::Warn => "medium",
            Severity::Fail => "high",
        };
        object.insert("severity".to_owned(), severity.into());
        object.insert("explain".to_owned(), found.to_string().into());
        object.insert("what_to_do".to_owned(), found.fix(interface).into());
    }
    let ours = json!({"key_id": format!("{:08x}", about.key_id)});
    render(about, time, "finding", &ours, &finding)
}

/// `vitalwire_flow_dropped_packets_total{cause="full"}` becomes `flow.dropped_packets.full`.
fn insert(stats: &mut Map<String, Value>, sample: &Sample) {
    let name = sample.name.trim_start_matches("vitalwire_");
    let name = name.trim_end_matches("_total");
    let (stage, what) = name.split_once('_').unwrap_or((name, "count"));
    let mut at = stats;
    let mut last = what;
    let labels = sample.labels.iter().map(|(_, value)| value.as_str());
    let mut parents = vec![stage];
    for label in labels {
        parents.push(last);
        last = label;
    }
    for parent in parents {
        let entry = at
            .entry(parent)
            .or_insert_with(|| Value::Object(Map::new()));
        let Some(object) = entry.as_object_mut() else {
            return;
        };
        at = object;
    }
    at.insert(last.to_owned(), sample.value.into());
}

fn render(about: &About, time: Time, kind: &'static str, ours: &Value, body: &Value) -> Arc<Out> {
    let mut arena = Vec::with_capacity(4096);
    about.eve.open(time, kind, &mut arena);
    about.eve.ours(&mut arena);
    let ours = ours.to_string();
    let inner = ours.trim_start_matches('{');
    arena.push(b',');
    arena.extend_from_slice(inner.as_bytes());
    arena.extend_from_slice(format!(",\"{kind}\":").as_bytes());
    let object = u32::try_from(arena.len()).unwrap_or(u32::MAX);
    arena.extend_from_slice(format!("{body}}}\n").as_bytes());
    let end = u32::try_from(arena.len()).unwrap_or(u32::MAX);
    Arc::new(Out {
        arena,
        items: vec![Item {
            line: 0..end,
            object,
            event_type: kind,
            time,
            alert: None,
        }],
        wanted: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::counter;

    fn about() -> About {
        About {
            eve: Eve {
                host: "sensor-1".to_owned(),
                ..Eve::default()
            },
            key_id: 0xab,
            rules: (3, 1),
            packs: vec!["core 1".to_owned()],
        }
    }

    #[test]
    fn stats_are_one_line_of_json_with_key_and_counters() {
        let snapshot = Snapshot {
            samples: vec![
                counter("vitalwire_capture_frames_total", "Frames.", 7),
                Sample {
                    labels: vec![("cause", "full".to_owned())],
                    ..counter("vitalwire_flow_dropped_packets_total", "Packets.", 2)
                },
            ],
            latencies: Vec::new(),
        };
        let out = line(&about(), Time::new(1, 0), Duration::from_secs(5), &snapshot);
        assert!(out.arena.ends_with(b"}\n"));
        let value: Value = serde_json::from_slice(&out.arena).unwrap();
        assert_eq!(value["event_type"], "stats");
        assert_eq!(value["vitalwire"]["key_id"], "000000ab");
        assert_eq!(value["vitalwire"]["bounds_hit"], 0);
        assert_eq!(value["stats"]["capture"]["frames"], 7);
        assert_eq!(value["stats"]["flow"]["dropped_packets"]["full"], 2);
    }

    #[test]
    fn a_finding_says_what_is_wrong_and_that_it_is_over() {
        let silent = dataplane::span::Finding::SilentVlan {
            vlan: 30,
            last: None,
        };
        for (finding, state) in [(Some(silent), "open"), (None, "closed")] {
            let change = Change {
                name: "silent-vlan",
                finding,
            };
            let out = super::finding(&about(), Time::ZERO, "span0", &change);
            let value: Value = serde_json::from_slice(&out.arena).unwrap();
            assert_eq!(value["event_type"], "finding");
            assert_eq!(value["finding"]["name"], "silent-vlan");
            assert_eq!(value["finding"]["state"], state);
            assert_eq!(value["finding"]["what_to_do"].is_string(), state == "open");
        }
    }

    #[test]
    fn a_heartbeat_says_why_it_is_blind() {
        let out = heartbeat(&about(), Time::ZERO, Duration::ZERO, Some("no frame"));
        let value: Value = serde_json::from_slice(&out.arena).unwrap();
        assert_eq!(value["heartbeat"]["ready"], false);
        assert_eq!(value["heartbeat"]["reason"], "no frame");
    }
}
