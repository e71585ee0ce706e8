//! What is on the wire, byte by byte: real receivers forgive a BOM and guess the framing.

use serde_json::json;

use super::message::Shape;
use crate::config::{self, Sink};
use crate::outbox::{Entry, Kind};

/// The message of an alert, and its body.
fn message(more: &str) -> (Vec<u8>, String) {
    let text = format!("sinks: [{{type: syslog, name: siem, address: 'siem:514', {more}}}]");
    let config = config::parse("test", &text).unwrap();
    let Sink::Syslog(config) = &config.sinks[0] else {
        panic!("another sink")
    };
    let json = json!({"timestamp": "2026-11-21T21:38:11.087399+0000", "event_type": "alert",
        "host": "sensor-1", "vitalwire": {"alert_id": "ab", "severity": "critical",
        "explain": "Gerät\nzwei"}})
    .to_string();
    let entry = Entry {
        seq: 1,
        kind: Kind::Alert,
        id: "ab".to_owned(),
        action: "create".to_owned(),
        created: 0,
        json: json.clone(),
    };
    (Shape::new(config).message(&entry).unwrap(), json)
}

const HEAD: &str = "1 2026-11-21T21:38:11.087399Z sensor-1 vitalwire - alert - ";

#[test]
fn octets_are_counted_unless_lines_are_asked_for_and_a_datagram_has_no_frame() {
    for transport in ["tcp", "tls"] {
        let (bytes, json) = message(&format!("transport: {transport}"));
        let said = format!("<130>{HEAD}{json}");
        assert_eq!(bytes, format!("{} {said}", said.len()).into_bytes());
        let (bytes, _) = message(&format!("transport: {transport}, framing: lf"));
        assert_eq!(bytes, format!("{said}\n").into_bytes());
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
    for framing in ["octet-counted", "lf"] {
        let (bytes, json) = message(&format!("transport: udp, framing: {framing}"));
        assert_eq!(bytes, format!("<130>{HEAD}{json}").into_bytes());
    }
}

#[test]
fn the_facility_is_as_configured() {
    for (facility, number) in [("daemon", 3), ("auth", 4), ("local0", 16), ("local7", 23)] {
        let (bytes, _) = message(&format!("framing: lf, facility: {facility}"));
        let begin = format!("<{}>1 ", number * 8 + 2);
        assert!(bytes.starts_with(begin.as_bytes()), "{facility}");
    }
}

#[test]
fn no_body_begins_with_a_bom() {
    for format in ["eve", "ecs", "ocsf", "ocsf-detections", "cef"] {
        let (bytes, _) = message(&format!("framing: lf, format: {format}"));
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains('\u{feff}'), "{format}");
        let begin = if format == "cef" { "CEF:0|" } else { "{\"" };
        let (_, body) = text.split_once(HEAD).unwrap();
        assert!(body.starts_with(begin), "{body}");
    }
}
