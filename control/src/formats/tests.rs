use rules::Severity;
use serde_json::{Value, json};

use super::stamp::{micros, rfc3339};
use super::{Event, Format};

fn alert() -> Value {
    json!({
        "timestamp": "2026-11-21T21:38:11.087399+0000", "event_type": "alert", "host": "s",
        "vlan": [100, 30], "src_ip": "10.20.2.10", "src_port": 104, "dest_ip": "2001:db8::1",
        "dest_port": 42393, "proto": "TCP",
        "ether": {"src_mac": "02:00:0a:14:02:0a", "dest_mac": "02:00:0a:14:02:1f"},
        "alert": {"action": "allowed", "gid": 104, "signature_id": 1_000_021, "rev": 1,
            "signature": "a\\b|c\nd", "category": "phi", "severity": 2,
            "source": {"ip": "2001:db8::1"}, "target": {"ip": "10.20.2.10"}},
        "vitalwire": {"schema": "1", "sensor_id": "s", "slug": "x", "alert_id": "ab", "severity": "medium",
            "clinical_impact": "possible", "explain": "k=v", "attack": ["T1048.003", "ICS/T0811"],
            "do_not_isolate": true},
        "dicom": {"kind": "dimse"},
    })
}

fn rendered(format: Format, line: &Value) -> Value {
    serde_json::from_str(&format.render(line)).unwrap()
}

#[test]
fn times_are_read_whatever_the_year() {
    assert_eq!(micros("1970-01-01T00:00:00.000000+0000"), Some(0));
    assert_eq!(
        micros("2000-02-29T12:00:00.000001+0000"),
        Some(951_825_600_000_001)
    );
    assert_eq!(
        micros("2026-11-21T21:38:11.087399+0000"),
        Some(1_795_297_091_087_399)
    );
    assert_eq!(micros("1969-12-31T23:59:59.000000+0000"), Some(-1_000_000));
    for wrong in [
        "",
        "2026",
        "2026-11-21T21:38:11",
        "é026-11-21T21:38:11.087399+0000",
    ] {
        assert_eq!(micros(wrong), None, "{wrong}");
    }
    assert_eq!(
        rfc3339("2026-11-21T21:38:11.087399+0000"),
        "2026-11-21T21:38:11.087399Z"
    );
}

#[test]
fn source_is_who_acted_though_the_packet_went_the_other_way() {
    let ecs = rendered(Format::Ecs, &alert());
    assert_eq!(
        ecs["source"],
        json!({"address": "2001:db8::1", "ip": "2001:db8::1", "port": 42393, "mac": "02-00-0A-14-02-1F"})
    );
    assert_eq!(ecs["destination"]["ip"], "10.20.2.10");
    let evidence = &rendered(Format::Ocsf, &alert())["evidences"][0];
    assert_eq!(evidence["src_endpoint"]["ip"], "2001:db8::1");
    assert_eq!(evidence["dst_endpoint"]["mac"], "02-00-0A-14-02-0A");
    let cef = Format::Cef.render(&alert());
    assert!(
        cef.contains("c6a2=2001:db8::1 c6a2Label=Source IPv6 Address spt=42393 "),
        "{cef}"
    );
    assert!(
        cef.contains("dst=10.20.2.10 dpt=104 dmac=02:00:0a:14:02:0a "),
        "{cef}"
    );
}

#[test]
fn ecs_names_technique_and_sub_technique_and_vlans() {
    let ecs = rendered(Format::Ecs, &alert());
    assert_eq!(ecs["threat"]["technique"]["id"], json!(["T1048", "T0811"]));
    assert_eq!(
        ecs["threat"]["technique"]["subtechnique"]["id"],
        json!(["T1048.003"])
    );
    assert_eq!(ecs["network"]["vlan"]["id"], "100");
    assert_eq!(ecs["network"]["inner"]["vlan"]["id"], "30");
    assert_eq!(ecs["event"]["id"], "ab");
    assert_eq!(ecs["event"]["reason"], "k=v");
    assert_eq!(ecs["vitalwire"]["dicom"]["kind"], "dimse");
}

#[test]
fn one_severity_table_in_every_dialect() {
    for severity in Severity::ALL {
        let mut line = alert();
        line["vitalwire"]["severity"] = severity.word().into();
        assert_eq!(
            rendered(Format::Ecs, &line)["event"]["severity"],
            severity.ecs()
        );
        assert_eq!(
            rendered(Format::Ocsf, &line)["severity_id"],
            severity.ocsf()
        );
        let cef = Format::Cef.render(&line);
        assert_eq!(
            cef.split("|").nth(7),
            Some(severity.cef().to_string().as_str()),
            "{cef}"
        );
    }
}

#[test]
fn cef_escapes_by_its_own_rules() {
    let cef = Format::Cef.render(&alert());
    assert!(cef.contains(r"|1000021|a\\b\|c d|5|"), "{cef}");
    assert!(cef.ends_with(r"msg=k\=v"), "{cef}");
    assert!(cef.contains("cs5Label=doNotIsolate cs5=true "), "{cef}");
    assert!(!cef.contains('\n'));
}

#[test]
fn a_message_about_the_same_thing_has_an_id_of_its_own() {
    let incident = |revision: u64| {
        json!({"timestamp": "t", "event_type": "incident",
            "incident": {"id": "i", "revision": revision}})
    };
    let (first, second) = (incident(1), incident(2));
    let (first, second) = (Event::new(&first), Event::new(&second));
    assert_eq!(first.id(), second.id());
    assert_ne!(first.message_id(), second.message_id());
}

/// Whatever is in a line, there is an answer.
#[test]
fn lines_that_nobody_wrote_are_rendered_all_the_same() {
    for line in [
        json!(null),
        json!([]),
        json!({}),
        json!({"event_type": 7, "alert": []}),
        json!({"event_type": "alert"}),
    ] {
        for format in Format::ALL {
            assert!(!format.render(&line).is_empty() || format == Format::Eve);
        }
    }
}
