//! What an alert line holds.

use parsers::kinds::{dicom, pump};

use super::*;
use crate::record::Gap;

const FULL: &str = r#"
rules:
  - id: dicom-test
    sid: 1000123
    rev: 7
    title: "A \"title\""
    severity: critical
    clinical_impact: possible
    tier: page
    category: phi
    attack: [T1213, ICS/T0811]
    references: ["DICOM PS3.4 C.2.2.2"]
    on: dicom
    when: dicom.command == "C-MOVE-RQ"
    source: src
    target: dest
    explain: "{src_ip} ({asset.src.name}) as {dicom.calling_ae}, patient {dicom.patient_id}, level {dicom.query.level}"
    what_to_do: Call the owner of {src_ip}.
"#;

fn moved() -> Event<'static> {
    let mut moved = event(&dicom::KIND);
    moved.set(dicom::COMMAND, "C-MOVE-RQ");
    moved.set(dicom::CALLING_AE, "EVIL\n\"AE\"");
    moved.set(dicom::PATIENT_ID, "MRN123456");
    moved
}

fn fired() -> (Rig, Json) {
    let mut rig = Rig::new(&compiled(FULL, &[]));
    let envelope = between("10.0.0.1", "10.0.0.2", 1_772_438_400 * SECOND, 77);
    rig.record(Phase::Frame, &envelope, |_| {
        Body::Gap(Gap {
            bytes: 14_600,
            medical: true,
        })
    });
    rig.record(Phase::Frame, &envelope, |_| Body::Loss(5));
    rig.event(&envelope, &moved());
    let alert = rig.alerts().remove(0);
    (rig, alert)
}

#[test]
fn an_alert_has_every_field_of_the_contract() {
    let (rig, json) = fired();
    assert_eq!(json["timestamp"], "2026-03-02T08:00:00.000000+0000");
    assert_eq!(json["host"], "sensor");
    assert_eq!(json["in_iface"], "span0");
    assert_eq!(json["flow_id"], 77);
    assert_eq!(json["pcap_cnt"], 1);
    assert!(json["community_id"].as_str().unwrap().starts_with("1:"));
    let alert = &json["alert"];
    assert_eq!(alert["action"], "allowed");
    assert_eq!(alert["gid"], crate::correlate::GID);
    assert_eq!(
        (&alert["signature_id"], &alert["rev"]),
        (&1_000_123.into(), &7.into())
    );
    assert_eq!(alert["signature"], "A \"title\"");
    assert_eq!(
        (&alert["category"], &alert["severity"]),
        (&"phi".into(), &1.into())
    );
    assert_eq!(
        alert["source"],
        serde_json::json!({"ip": "10.0.0.1", "port": 40_000})
    );
    assert_eq!(
        alert["target"],
        serde_json::json!({"ip": "10.0.0.2", "port": 104})
    );
    let techniques = serde_json::json!(["T1213", "T0811"]);
    assert_eq!(alert["metadata"]["mitre_technique_id"], techniques);
    assert_eq!(
        alert["references"],
        serde_json::json!(["DICOM PS3.4 C.2.2.2"])
    );
    assert_eq!(json["dicom"]["command"], "C-MOVE-RQ");
    let item = rig
        .out
        .items
        .iter()
        .find_map(|item| item.alert.clone())
        .unwrap();
    assert_eq!(
        (&*item.slug, item.severity),
        ("dicom-test", crate::Severity::Critical)
    );
    assert_eq!(json["vitalwire"]["explain"], &*item.explain);
}

#[test]
fn our_object_has_every_field_of_the_contract() {
    let (_, json) = fired();
    let ours = &json["vitalwire"];
    for (name, value) in [
        ("schema", "1"),
        ("sensor_id", "s1"),
        ("site", "north"),
        ("slug", "dicom-test"),
        ("severity", "critical"),
        ("clinical_impact", "possible"),
        ("tier", "page"),
        ("what_to_do", "Call the owner of 10.0.0.1."),
        ("first_seen", "2026-03-02T08:00:00.000000+0000"),
        ("last_seen", "2026-03-02T08:00:00.000000+0000"),
    ] {
        assert_eq!(ours[name], value, "{name}");
    }
    assert_eq!(ours["attack"], serde_json::json!(["T1213", "ICS/T0811"]));
    assert_eq!(ours["count"], 1);
    assert_eq!(
        ours["do_not_isolate"], true,
        "nobody said what these hosts are"
    );
    assert_eq!(ours["alert_id"].as_str().unwrap().len(), 32);
    let coverage = &ours["coverage"];
    assert_eq!(
        (&coverage["frames_lost"], &coverage["gap_bytes"]),
        (&5.into(), &14_600.into())
    );
    assert!(coverage["ratio"].as_f64().unwrap() < 0.1);
    let patient = site().of_value(
        parsers::phi::Class::Phi(parsers::phi::PhiKind::Mrn),
        b"MRN123456",
    );
    let explain =
        format!("10.0.0.1 (10.0.0.1) as EVIL\u{fffd}\"AE\", patient {patient}, level (unknown)");
    assert_eq!(ours["explain"], explain);
}

#[test]
fn alert_ids_are_the_same_in_every_run_and_differ_between_alerts() {
    let id = |json: &Json| json["vitalwire"]["alert_id"].clone();
    let (mut rig, first) = fired();
    assert_eq!(id(&fired().1), id(&first));
    rig.event(
        &between("10.0.0.1", "10.0.0.2", 1_772_438_401 * SECOND, 78),
        &moved(),
    );
    let alerts = rig.alerts();
    assert_eq!(alerts.len(), 2);
    assert_ne!(id(&alerts[0]), id(&alerts[1]));
}

#[test]
fn every_rule_about_pumps_asks_not_to_isolate() {
    let text = rule("p", "pump", "pump.action == \"program\"", "");
    let mut rig = Rig::new(&compiled(&text, &[]));
    let mut order = event(&pump::KIND);
    order.set(pump::ACTION, "program");
    order.set(pump::RATE, 999.5);
    rig.event(&between("10.0.0.1", "10.0.0.2", 0, 1), &order);
    let alerts = rig.alerts();
    assert_eq!(alerts[0]["vitalwire"]["do_not_isolate"], true);
    assert_eq!(alerts[0]["pump"]["rate_ml_per_h"], 999.5);
}

#[test]
fn nothing_of_a_patient_is_in_any_line() {
    let (rig, _) = fired();
    let all = String::from_utf8(rig.out.arena).unwrap();
    assert!(!all.contains("MRN123456") && all.contains("mrn:"));
}

#[test]
fn no_pump_is_held_back_for_another() {
    let text = rule("p", "pump", "pump.action == \"program\"", "");
    let mut rig = Rig::new(&compiled(&text, &[]));
    for device in ["P1", "P2", "P3", "P4", "P5", "P6", "P6"] {
        let mut order = event(&pump::KIND);
        order.set(pump::ACTION, "program");
        order.set(pump::DEVICE, device);
        rig.event(&between("10.0.0.1", "10.0.0.2", 0, 1), &order);
    }
    assert_eq!(rig.alerts().len(), 6);
}
