//! What real peers say they did, against what was seen of them in their recording.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::support;

pub(crate) type Counts = BTreeMap<String, u64>;

/// A recording and what its peers say they did.
fn ward(name: &str) -> (PathBuf, Value) {
    let dir = support::root().join("pcaps/ward");
    let said = std::fs::read(dir.join(format!("{name}.peers.json"))).expect("what peers did");
    (
        dir.join(format!("{name}.pcap")),
        serde_json::from_slice(&said).expect("JSON"),
    )
}

pub(crate) fn said(peers: &Value, what: &str) -> Counts {
    let totals = peers["totals"][what].as_object().expect("totals");
    totals
        .iter()
        .map(|(key, n)| (key.clone(), n.as_u64().expect("a count")))
        .collect()
}

pub(crate) fn count(events: &[Value], name: impl Fn(&Value) -> Option<String>) -> Counts {
    let mut counts = Counts::new();
    for key in events.iter().filter_map(name) {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

pub(crate) fn dimse(events: &[Value]) -> Counts {
    count(events, |e| text(&e["dicom"]["command"]))
}

/// Messages by type and trigger, acknowledgments left out.
pub(crate) fn messages(events: &[Value]) -> Counts {
    count(events, |e| {
        let (kind, trigger) = (text(&e["hl7"]["message_type"])?, text(&e["hl7"]["trigger"]));
        (kind != "ACK").then(|| format!("{kind}^{}", trigger.unwrap_or_default()))
    })
}

fn associations(events: &[Value], kind: &str) -> u64 {
    events.iter().filter(|e| e["dicom"]["kind"] == kind).count() as u64
}

#[test]
fn imaging_is_seen_as_the_peers_did_it() {
    let (capture, peers) = ward("imaging");
    let run = support::inspect(&[capture], &[]);
    let events = run.of_type("dicom");
    assert_eq!(dimse(&events), said(&peers, "dimse"));
    let said = said(&peers, "associations");
    assert_eq!(associations(&events, "associate_ac"), said["accepted"]);
    assert_eq!(associations(&events, "associate_rj"), said["rejected"]);
}

/// The titles of each association are those that its client was started with.
#[test]
fn application_entities_are_those_of_the_peers() {
    let (capture, peers) = ward("imaging");
    let seen = support::inspect(&[capture], &[]).of_type("dicom");
    let pairs = |calling: &Value, called: &Value| Some((text(calling)?, text(called)?));
    let mut expected: Vec<_> = peers["operations"]
        .as_array()
        .expect("operations")
        .iter()
        .filter_map(|op| pairs(&op["calling_ae"], &op["called_ae"]))
        .collect();
    let mut found: Vec<_> = seen
        .iter()
        .filter(|e| e["dicom"]["kind"] == "associate_rq")
        .filter_map(|e| pairs(&e["dicom"]["calling_ae"], &e["dicom"]["called_ae"]))
        .collect();
    expected.sort();
    found.sort();
    for pair in &expected {
        assert!(found.contains(pair), "{pair:?} is not among {found:?}");
    }
}

#[test]
fn hl7_and_acknowledgments_are_seen_as_the_peers_did_them() {
    let (capture, peers) = ward("hl7-pumps");
    let run = support::inspect(&[capture], &[]);
    let events = run.of_type("hl7");
    assert_eq!(messages(&events), said(&peers, "hl7"));
    // What a pump answers to an order (RRG^O16) has a code too; its peer counts it as a message.
    let acks: Vec<_> = events
        .into_iter()
        .filter(|e| e["hl7"]["message_type"] == "ACK")
        .collect();
    assert_eq!(
        count(&acks, |e| text(&e["hl7"]["ack_code"])),
        said(&peers, "acks")
    );
    for ack in acks {
        assert!(
            ack["hl7"]["latency_ms"].is_number(),
            "an acknowledgment nobody matched: {ack}"
        );
    }
}

#[test]
fn every_pump_order_is_seen() {
    let (capture, peers) = ward("hl7-pumps");
    let run = support::inspect(&[capture], &[]);
    let orders = run
        .of_type("pump")
        .iter()
        .filter(|e| e["pump"]["action"] == "program")
        .count();
    assert_eq!(orders as u64, said(&peers, "hl7")["RGV^O15"]);
    for event in run.of_type("pump") {
        assert!(
            event["pump"]["device"].is_string() || event["pump"]["source"] == "pcd-03",
            "{event}"
        );
    }
}

#[test]
fn the_attack_is_found_amid_the_ordinary() {
    let (capture, peers) = ward("attack");
    let run = support::inspect(&[capture], &[]);
    assert_eq!(dimse(&run.of_type("dicom")), said(&peers, "dimse"));
    assert_eq!(messages(&run.of_type("hl7")), said(&peers, "hl7"));
    let found = count(&run.of_type("alert"), |e| text(&e["vitalwire"]["slug"]));
    for rule in [
        "dicom-nmap-fingerprint",
        "dicom-cfind-wildcard-mass",
        "net-port-scan",
    ] {
        assert!(found.contains_key(rule), "{rule} did not fire: {found:?}");
    }
}

/// Alerts of an ordinary ward, without anybody's list, by rule.
fn alerts(name: &str) -> Counts {
    let alerts = support::inspect(&[ward(name).0], &[]).of_type("alert");
    count(&alerts, |e| text(&e["vitalwire"]["slug"]))
}

/// An ordinary ward is quiet but for what people there really did: a request to move what the
/// archive does not have, and an order of 1500 ml/h, which the pump refused.
#[test]
fn an_ordinary_ward_is_quiet() {
    let once = |rule: &str| Counts::from([(rule.to_owned(), 1)]);
    assert_eq!(alerts("imaging"), once("dicom-cmove-refused"));
    assert_eq!(alerts("hl7-pumps"), once("pump-rate-over-limit"));
}
