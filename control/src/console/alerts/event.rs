//! An alert's event, flat: each field by its path, as rules name it.

use std::path::Path;

use serde_json::Value;

/// What the event has beside its own object; people see that elsewhere.
const ENVELOPE: [&str; 24] = [
    "timestamp",
    "event_type",
    "host",
    "flow_id",
    "in_iface",
    "src_ip",
    "src_port",
    "dest_ip",
    "dest_port",
    "proto",
    "ether",
    "app_proto",
    "direction",
    "community_id",
    "pcap_cnt",
    "pcap_filename",
    "vlan",
    "tunnel",
    "alert",
    "vitalwire",
    "asset",
    "flow",
    "metadata",
    "tx_id",
];
/// So many fields are shown; the event itself has all.
const FIELDS_MAX: usize = 200;

/// The fields of the message, each with its value as text.
pub(super) fn fields(event: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in event.as_object().into_iter().flatten() {
        if !ENVELOPE.contains(&name.as_str()) {
            flatten(name, value, &mut found);
        }
    }
    found
}

/// What every packet has.
pub(super) fn envelope(event: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in [
        "src_ip",
        "src_port",
        "dest_ip",
        "dest_port",
        "proto",
        "app_proto",
        "direction",
        "vlan",
        "ether",
        "tunnel",
        "in_iface",
        "flow_id",
        "community_id",
        "pcap_cnt",
    ] {
        if let Some(value) = event.get(name) {
            flatten(name, value, &mut found);
        }
    }
    found
}

fn flatten(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    if found.len() >= FIELDS_MAX {
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                flatten(&format!("{path}.{name}"), value, found);
            }
        }
        Value::Array(list) if list.iter().all(|one| !one.is_object() && !one.is_array()) => {
            let all: Vec<String> = list.iter().map(text).collect();
            found.push((path.to_owned(), all.join(", ")));
        }
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                flatten(&format!("{path}[{at}]"), value, found);
            }
        }
        other => found.push((path.to_owned(), text(other))),
    }
}

/// A value as people read it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text of the alert's own object.
pub(super) fn ours<'a>(event: &'a Value, name: &str) -> &'a str {
    event
        .pointer(&format!("/vitalwire/{name}"))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The fields that a condition names, with the values that met it.
pub(super) fn named(condition: &str, event: &Value) -> Vec<(String, String)> {
    let part = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']'));
    let words: Vec<&str> = condition.split(part).collect();
    let all = fields(event).into_iter().chain(envelope(event));
    all.filter(|(name, _)| words.contains(&name.as_str()))
        .collect()
}

/// Whether evidence of an alert lies in a directory, and its length in bytes.
pub(super) fn evidence(dir: &Path, id: &str) -> Option<u64> {
    let plain = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let about = std::fs::symlink_metadata(dir.join(format!("{id}.pcapng"))).ok()?;
    (plain && about.is_file()).then_some(about.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{fields, named};

    #[test]
    fn fields_have_the_names_that_rules_use() {
        let event = json!({
            "src_ip": "10.0.0.1", "alert": {"gid": 1},
            "dicom": {"command": "C-FIND-RQ", "query": {"level": "STUDY"}, "uids": ["a", "b"]},
        });
        let all = fields(&event);
        assert_eq!(all[1], ("dicom.query.level".to_owned(), "STUDY".to_owned()));
        assert_eq!(all[2], ("dicom.uids".to_owned(), "a, b".to_owned()));
        let met = named(
            "dicom.command == \"C-FIND-RQ\" and not src_ip in $archives",
            &event,
        );
        let names: Vec<&str> = met.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["dicom.command", "src_ip"]);
    }
}
