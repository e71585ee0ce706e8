//! The output that watches what goes by.

use std::net::IpAddr;
use std::sync::Arc;

use rules::correlate::{Item, Out};
use serde_json::Value;

use super::medical::{dicom, hl7, text};
use super::pumps::pump;
use super::wanted::{self, get};
use super::{LINKS_MAX, Seen, State, place};
use crate::sinks::Sink;

/// What is looked at.
const WATCHED: [&str; 5] = ["flow", "dicom", "hl7", "pump", "capture"];

/// The output.
#[derive(Debug)]
pub struct Watch(Arc<Seen>);

impl Watch {
    /// Fills what pages look at.
    #[must_use]
    pub const fn new(seen: Arc<Seen>) -> Self {
        Self(seen)
    }
}

impl Sink for Watch {
    fn take(&mut self, out: &Out) {
        let micros = |item: &Item| item.time.0.div_euclid(1_000);
        count(&mut self.0.lock(), out, micros);
        let watched = out
            .items
            .iter()
            .filter(|item| WATCHED.contains(&item.event_type));
        for item in watched {
            let (from, to) = (item.line.start as usize, item.line.end as usize);
            let line = out.arena.get(from..to).unwrap_or_default();
            if let Some(event) = wanted::read(line) {
                take(&mut self.0.lock(), &event, item.event_type, micros(item));
            }
        }
    }
}

/// How many there are of each type: there are as many types as kinds of events.
fn count(state: &mut State, out: &Out, micros: impl Fn(&Item) -> i64) {
    for item in &out.items {
        let count = state.events.entry(item.event_type).or_default();
        *count = count.saturating_add(1);
    }
    if let Some(item) = out.items.last() {
        state.watched.at(micros(item));
    }
}

fn take(state: &mut State, event: &Value, kind: &str, at: i64) {
    let Some(own) = get(event, kind) else { return };
    match kind {
        "capture" => return capture(state, own, at),
        _ => state.watched.at(at),
    }
    let protocol = get(event, "app_proto")
        .and_then(Value::as_str)
        .unwrap_or("unknown");
    match kind {
        "flow" => flow(state, event, own, protocol),
        "dicom" => dicom(state, event, own),
        "hl7" => hl7(state, event, own),
        _ => pump(state, event, own, at),
    }
}

/// Whether it can be seen at all.
fn capture(state: &mut State, own: &Value, at: i64) {
    match get(own, "event").and_then(Value::as_str) {
        Some("blind") => state.watched.blind(at),
        Some("seeing") => state.watched.seeing(at),
        _ => {}
    }
}

fn address(event: &Value, name: &str) -> Option<IpAddr> {
    get(event, name)?.as_str()?.parse().ok()
}

fn flow(state: &mut State, event: &Value, own: &Value, protocol: &str) {
    let (Some(src), Some(dest)) = (address(event, "src_ip"), address(event, "dest_ip")) else {
        return;
    };
    let key = (src, dest, protocol.to_owned());
    let Some(link) = place(&mut state.links, key, LINKS_MAX, &mut state.cut) else {
        return;
    };
    let sum = |name: &str| {
        let of = |way: &str| {
            get(own, &format!("{name}_{way}"))
                .and_then(Value::as_u64)
                .unwrap_or(0)
        };
        of("toserver").saturating_add(of("toclient"))
    };
    link.flows = link.flows.saturating_add(1);
    link.bytes = link.bytes.saturating_add(sum("bytes"));
    link.gaps = link.gaps.saturating_add(sum("gap_bytes"));
    link.last = text(event, "timestamp");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{State, take};

    fn event(kind: &str, own: &serde_json::Value) -> serde_json::Value {
        json!({
            "timestamp": "2026-11-22T04:00:00.000000+0000", "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2",
            "app_proto": "x", "ether": {"src_mac": "02:00:00:00:00:01"}, kind: own,
        })
    }

    #[test]
    fn events_become_what_pages_show() {
        let mut state = State::default();
        let mut see = |kind: &str, own| take(&mut state, &event(kind, &own), kind, 0);
        see("flow", json!({"bytes_toserver": 10, "bytes_toclient": 5}));
        see(
            "dicom",
            json!({"kind": "associate_rj", "calling_ae": "A", "called_ae": "B"}),
        );
        see(
            "pump",
            json!({"action": "program", "device": "P1", "rate_ml_per_h": 125}),
        );
        see(
            "hl7",
            json!({"sending_application": "S", "receiving_application": "R", "ack_code": "AE", "latency_ms": 2.5}),
        );
        assert_eq!(state.links.values().next().unwrap().bytes, 15);
        assert_eq!(state.associations.values().next().unwrap().refused, 1);
        assert_eq!(state.pumps["P1"].said[0].rate, Some(125.0));
        let answers = &state.messages[&("R".to_owned(), "S".to_owned(), "answers".to_owned())];
        assert_eq!((answers.refused, answers.latency_ms), (1, 2.5));
    }

    #[test]
    fn a_full_table_takes_nothing_new_and_counts_it() {
        let mut state = State::default();
        for n in 0..5_000 {
            let own =
                json!({"kind": "associate_rq", "calling_ae": format!("A{n}"), "called_ae": "B"});
            take(&mut state, &event("dicom", &own), "dicom", 0);
        }
        assert_eq!((state.associations.len(), state.cut), (4_000, 1_000));
    }
}
