//! The output that watches what goes by.

use std::sync::Arc;

use rules::correlate::{Item, Out};

use super::event::{Capture, Ended, Event};
use super::medical::{dicom, hl7};
use super::pumps::pump;
use super::{LINKS_MAX, Seen, State, place, short};
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
        let state = &mut *self.0.lock();
        count(state, out, micros);
        // Once for all lines, instead of once for each of their strings.
        let lines = std::str::from_utf8(&out.arena).unwrap_or_default();
        let watched = out
            .items
            .iter()
            .filter(|item| WATCHED.contains(&item.event_type));
        for item in watched {
            let (from, to) = (item.line.start as usize, item.line.end as usize);
            let event = serde_json::from_str(lines.get(from..to).unwrap_or_default());
            debug_assert!(event.is_ok(), "a member is not of the type that pages know");
            if let Ok(event) = event {
                take(state, &event, micros(item));
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

fn take(state: &mut State, event: &Event<'_>, at: i64) {
    if let Some(own) = &event.capture {
        return capture(state, own, at);
    }
    state.watched.at(at);
    if let Some(own) = &event.flow {
        flow(state, event, own);
    }
    if let Some(own) = &event.dicom {
        dicom(state, event, own);
    }
    if let Some(own) = &event.hl7 {
        hl7(state, event, own);
    }
    if let Some(own) = &event.pump {
        pump(state, event, own, at);
    }
}

/// Whether it can be seen at all.
fn capture(state: &mut State, own: &Capture<'_>, at: i64) {
    match own.event.as_ref() {
        "blind" => state.watched.blind(at),
        "seeing" => state.watched.seeing(at),
        _ => {}
    }
}

fn flow(state: &mut State, event: &Event<'_>, own: &Ended) {
    let (Ok(src), Ok(dest)) = (event.src_ip.parse(), event.dest_ip.parse()) else {
        return;
    };
    let key = (src, dest, event.app_proto.clone().into_owned());
    let Some(link) = place(&mut state.links, key, LINKS_MAX, &mut state.cut) else {
        return;
    };
    let bytes = own.bytes_toserver.saturating_add(own.bytes_toclient);
    let gaps = own
        .gap_bytes_toserver
        .saturating_add(own.gap_bytes_toclient);
    link.flows = link.flows.saturating_add(1);
    link.bytes = link.bytes.saturating_add(bytes);
    link.gaps = link.gaps.saturating_add(gaps);
    link.last = short(&event.timestamp);
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::{Event, State, take};

    fn event(kind: &str, own: &serde_json::Value) -> serde_json::Value {
        json!({
            "timestamp": "2026-11-22T04:00:00.000000+0000", "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2",
            "app_proto": "x", "ether": {"src_mac": "02:00:00:00:00:01"}, kind: own,
        })
    }

    fn see(state: &mut State, kind: &str, own: &serde_json::Value) {
        take(state, &Event::deserialize(&event(kind, own)).unwrap(), 0);
    }

    #[test]
    fn events_become_what_pages_show() {
        let mut state = State::default();
        let mut see = |kind: &str, own| see(&mut state, kind, &own);
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
            see(&mut state, "dicom", &own);
        }
        assert_eq!((state.associations.len(), state.cut), (4_000, 1_000));
    }
}
