//! The output that watches what goes by.

use std::sync::Arc;

use rules::correlate::{Item, Out};

use super::event::{Capture, Ended, Line};
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
            let part = |from: u32, to: u32| lines.get(from as usize..to as usize);
            let end = item.line.end;
            let line = Line {
                at: micros(item),
                kind: item.event_type,
                whole: part(item.line.start, end).unwrap_or_default(),
                // A brace and a line feed follow it.
                object: part(item.object, end.saturating_sub(2)).unwrap_or_default(),
            };
            take(state, &line);
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

fn take(state: &mut State, line: &Line<'_>) {
    if line.kind == "capture" {
        return capture(state, line);
    }
    state.watched.at(line.at);
    match line.kind {
        "flow" => flow(state, line),
        "dicom" => dicom(state, line),
        "hl7" => hl7(state, line),
        _ => pump(state, line),
    }
}

/// Whether it can be seen at all.
fn capture(state: &mut State, line: &Line<'_>) {
    let Some(capture) = line.own::<Capture<'_>>() else {
        return;
    };
    match capture.event.as_ref() {
        "blind" => state.watched.blind(line.at),
        "seeing" => state.watched.seeing(line.at),
        _ => {}
    }
}

fn flow(state: &mut State, line: &Line<'_>) {
    let (Some(ended), around) = (line.own::<Ended>(), line.around()) else {
        return;
    };
    let (Ok(src), Ok(dest)) = (around.src_ip.parse(), around.dest_ip.parse()) else {
        return;
    };
    let key = (src, dest, short(&around.app_proto));
    let Some(link) = place(&mut state.links, key, LINKS_MAX, &mut state.cut) else {
        return;
    };
    let bytes = ended.bytes_toserver.saturating_add(ended.bytes_toclient);
    let gaps = ended
        .gap_bytes_toserver
        .saturating_add(ended.gap_bytes_toclient);
    link.flows = link.flows.saturating_add(1);
    link.bytes = link.bytes.saturating_add(bytes);
    link.gaps = link.gaps.saturating_add(gaps);
    link.last = line.at;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Line, State, take};

    fn see(state: &mut State, kind: &str, own: &serde_json::Value) {
        let whole = json!({
            "timestamp": "2026-11-22T04:00:00.000000+0000", "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2",
            "app_proto": "x", "ether": {"src_mac": "02:00:00:00:00:01"}, kind: own,
        });
        let line = Line {
            at: 0,
            kind,
            whole: &whole.to_string(),
            object: &own.to_string(),
        };
        take(state, &line);
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
