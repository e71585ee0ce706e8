//! Events to send: of recorded traffic, and what the store tells of itself.

use std::path::{Path, PathBuf};

use make::capture::{Capture, START_NS};
use make::frame::{arp_request, host, ip_frame, ip_packet};
use serde_json::{Value, json};

use crate::support;

/// Every event of the shipped captures: alerts, protocol events, flows, assets; and of a capture with what
/// they have none of.
pub fn recorded() -> Vec<Value> {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let mut captures = support::captures_below(&support::root().join("pcaps"));
    captures.push(announcements(dir.path()));
    let run = support::inspect(&captures, &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.events()
}

/// A host that announces itself by ARP, and a router that knows a better way.
fn announcements(dir: &Path) -> PathBuf {
    let (one, two) = (host("10.20.1.11"), host("10.20.2.10"));
    let redirect = [5, 1, 0, 0, 10, 20, 0, 2, 0x45, 0, 0, 20];
    let mut capture = Capture::new();
    capture.push(START_NS, arp_request(one, one));
    let packet = ip_packet(two, one, 1, &redirect);
    capture.push(START_NS + 1, ip_frame(two, one, &[], &packet));
    let path = dir.join("announcements.pcap");
    std::fs::write(&path, capture.pcap()).expect("written");
    path
}

fn line(kind: &str, body: &Value) -> Value {
    json!({
        "timestamp": "2026-11-21T21:38:11.087399+0000", "event_type": kind, "host": "sensor-1",
        "vitalwire": {"schema": "1", "sensor_id": "sensor-1", "site": "North"}, kind: body,
    })
}

/// What somebody did to an alert, as sinks are told that keep it under its id.
pub fn worked_on(alert: &Value) -> [Value; 3] {
    let told = |action: &str, status: &str, revision: u64| {
        let mut line = alert.clone();
        line["vitalwire"]["action"] = action.into();
        line["vitalwire"]["status"] = status.into();
        line["vitalwire"]["revision"] = revision.into();
        line
    };
    let mut closed = told("close", "closed", 4);
    closed["vitalwire"]["verdict"] = "false".into();
    let mut commented = told("update", "acknowledged", 3);
    commented["vitalwire"]["comments"] = 1.into();
    [told("acknowledge", "acknowledged", 2), commented, closed]
}

/// One of each that the appliance tells of itself.
pub fn own() -> Vec<Value> {
    let incident = |action: &str, status: &str, verdict: Option<&str>| {
        let mut body = json!({
            "id": "00112233445566778899aabbccddeeff", "number": 7, "action": action, "revision": 3,
            "status": status, "title": "Patient list pulled", "category": "phi",
            "slug": "dicom-cfind-wildcard-mass", "severity": "high", "clinical_impact": "likely",
            "tier": "page", "actor": "10.20.9.66", "victim": "10.20.2.10", "count": 12,
            "first_seen": "2026-11-21T21:30:00.000000+0000",
            "last_seen": "2026-11-21T21:38:11.087399+0000",
        });
        if let Some(verdict) = verdict {
            body["verdict"] = verdict.into();
        }
        line("incident", &body)
    };
    vec![
        incident("create", "open", None),
        incident("update", "open", None),
        incident("acknowledge", "acknowledged", None),
        incident("close", "closed", Some("true")),
        incident("close", "closed", Some("benign")),
        incident("close", "closed", Some("false")),
        incident("close", "closed", Some("duplicate")),
        incident("close", "closed", Some("test")),
        line(
            "finding",
            &json!({"name": "tag-one-way", "state": "open", "interface": "span0",
                "severity": "medium", "explain": "a tag in one direction only",
                "what_to_do": "on the switch: keep tags in both directions"}),
        ),
        line(
            "finding",
            &json!({"name": "tag-one-way", "state": "closed", "interface": "span0"}),
        ),
        line(
            "heartbeat",
            &json!({"uptime": 60, "version": "0.1.0", "ready": true}),
        ),
        line(
            "heartbeat",
            &json!({"uptime": 60, "version": "0.1.0", "ready": false, "reason": "no link"}),
        ),
        line(
            "audit",
            &json!({"seq": 1, "time": "2026-11-21T21:38:11.087399+0000", "actor": "user:alice",
                "action": "incident.close", "object": "incident:0011", "detail": {"verdict": "true"},
                "prev": "00", "hash": "ab"}),
        ),
        line(
            "test",
            &json!({"id": "test-1", "explain": "Somebody asked for it."}),
        ),
    ]
}
