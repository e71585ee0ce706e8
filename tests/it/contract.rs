//! `eve.json` as other people's scripts read it.

use serde_json::Value;

use crate::support::{self, Run};

fn ward() -> Run {
    let captures = support::captures_below(&support::root().join("pcaps/ward"));
    let run = support::inspect(&captures, &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

fn is_timestamp(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000000+0000"
}

#[test]
fn every_line_is_one_json_object_of_at_most_64_kib() {
    let run = ward();
    assert!(run.eve.ends_with(b"\n"));
    for line in run.eve.split_inclusive(|b| *b == b'\n') {
        assert!(line.len() <= 64 * 1024, "{} bytes", line.len());
    }
    assert!(run.events().iter().all(Value::is_object));
}

#[test]
fn what_eve_knows_is_as_eve_has_it() {
    for event in ward().events() {
        assert!(
            is_timestamp(event["timestamp"].as_str().unwrap_or_default()),
            "{event}"
        );
        let kind = event["event_type"].as_str().expect("a type");
        assert_eq!(event["vitalwire"]["schema"], "1", "{event}");
        if let Some(id) = event["flow_id"].as_u64() {
            assert!(id < 1 << 51, "{event}");
        }
        if ["dicom", "hl7", "pump"].contains(&kind) {
            for key in [
                "src_ip",
                "src_port",
                "dest_ip",
                "dest_port",
                "flow_id",
                "pcap_cnt",
            ] {
                assert!(!event[key].is_null(), "{key} is missing: {event}");
            }
            assert_eq!(event["proto"], "TCP", "{event}");
            assert!(
                ["to_server", "to_client"].contains(&event["direction"].as_str().unwrap_or(""))
            );
            assert!(event[kind].is_object(), "{event}");
            assert!(
                event["community_id"]
                    .as_str()
                    .is_some_and(|id| id.starts_with("1:")),
                "{event}"
            );
        }
    }
}

#[test]
fn an_alert_says_what_it_must() {
    let alerts = ward().of_type("alert");
    assert!(!alerts.is_empty());
    for event in alerts {
        let alert = &event["alert"];
        assert_eq!(alert["action"], "allowed", "{event}");
        for key in ["gid", "signature_id", "rev", "severity"] {
            assert!(alert[key].is_u64(), "{key}: {event}");
        }
        for key in ["signature", "category"] {
            assert!(alert[key].is_string(), "{key}: {event}");
        }
        let techniques = alert.pointer("/metadata/mitre_technique_id");
        assert!(techniques.is_some_and(Value::is_array), "{event}");
        let ours = &event["vitalwire"];
        for key in [
            "slug",
            "alert_id",
            "severity",
            "clinical_impact",
            "tier",
            "explain",
            "what_to_do",
            "first_seen",
            "last_seen",
        ] {
            assert!(ours[key].is_string(), "{key}: {event}");
        }
        assert!(
            ours["count"].is_u64() && ours["do_not_isolate"].is_boolean(),
            "{event}"
        );
        assert!(!ours["coverage"].is_null(), "{event}");
        assert!(
            alert["source"]["ip"].is_string() && alert["target"]["ip"].is_string(),
            "{event}"
        );
        let explain = ours["explain"].as_str().unwrap_or_default();
        assert!(!explain.contains('{'), "a template is left: {explain}");
    }
}

#[test]
fn alert_ids_are_unique_and_the_same_again() {
    let ids = |run: &Run| -> Vec<String> {
        run.of_type("alert")
            .iter()
            .map(|e| e["vitalwire"]["alert_id"].to_string())
            .collect()
    };
    let (once, again) = (ids(&ward()), ids(&ward()));
    assert_eq!(once, again);
    let distinct: std::collections::BTreeSet<_> = once.iter().collect();
    assert_eq!(distinct.len(), once.len());
}

#[test]
fn one_severity_table() {
    for event in ward().of_type("alert") {
        let eve = match event["vitalwire"]["severity"].as_str() {
            Some("critical" | "high") => 1,
            Some("medium") => 2,
            Some("low") => 3,
            Some("info") => 4,
            other => panic!("{other:?}"),
        };
        assert_eq!(event["alert"]["severity"], eve, "{event}");
    }
}

#[test]
fn the_last_line_accounts_for_every_frame() {
    let events = ward().events();
    let stats = events.last().expect("lines");
    assert_eq!(stats["event_type"], "stats");
    assert!(
        stats
            .pointer("/stats/capture/frames")
            .and_then(Value::as_u64)
            .is_some_and(|n| n > 0)
    );
    assert!(stats["vitalwire"]["key_id"].is_string(), "{stats}");
}
