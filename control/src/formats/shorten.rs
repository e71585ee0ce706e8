//! A message that has to fit: what matters least is left out of the event before it is rendered, so
//! that what is sent is whole in its dialect, and says that something is missing.

use serde_json::Value;

use super::Format;

/// What is left out, step by step: the object of the event that fired an alert, then advice and
/// accounts, in the end all but who, what and when.
const STEPS: [fn(&mut Value); 3] = [bodies, advice, all_but_the_core];

/// Renders a line in at most so many bytes; nothing if it cannot be.
#[must_use]
pub fn render_within(format: Format, line: &Value, bytes: usize) -> Option<String> {
    let text = format.render(line);
    if text.len() <= bytes {
        return Some(text);
    }
    let mut line = line.clone();
    for step in STEPS {
        step(&mut line);
        if let Some(ours) = line.get_mut("vitalwire").and_then(Value::as_object_mut) {
            ours.insert("truncated".to_owned(), true.into());
        }
        let text = format.render(&line);
        if text.len() <= bytes {
            return Some(text);
        }
    }
    None
}

fn bodies(line: &mut Value) {
    const KEPT: [&str; 8] = [
        "alert",
        "ether",
        "vitalwire",
        "incident",
        "finding",
        "heartbeat",
        "audit",
        "test",
    ];
    if let Some(object) = line.as_object_mut() {
        object.retain(|name, value| !value.is_object() || KEPT.contains(&name.as_str()));
    }
}

fn advice(line: &mut Value) {
    remove(line, "vitalwire", &["what_to_do", "coverage"]);
    remove(line, "alert", &["references", "metadata"]);
    remove(line, "finding", &["what_to_do"]);
    remove(line, "audit", &["detail"]);
}

fn all_but_the_core(line: &mut Value) {
    remove(line, "vitalwire", &["explain", "attack", "site"]);
    remove(line, "finding", &["explain"]);
    for name in ["ether", "community_id", "in_iface", "pcap_cnt", "tunnel"] {
        line.as_object_mut().map(|object| object.remove(name));
    }
}

fn remove(line: &mut Value, object: &str, names: &[&str]) {
    if let Some(object) = line.get_mut(object).and_then(Value::as_object_mut) {
        object.retain(|name, _| !names.contains(&name.as_str()));
    }
}
