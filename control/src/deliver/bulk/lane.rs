//! One sink's queue of protocol events.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dataplane::telemetry::Sample;
use rules::correlate::{Item, Out};

use crate::config::units::Bytes;
use crate::metrics::{counter, gauge};
use crate::outbox::{Batch, Entry, Feed, Kind, Told};

/// What an event costs in the queue beside its text.
const ENTRY_BYTES: u64 = 128;
/// The most bytes of JSON in a batch, if it holds more than one event.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// The queue, and what became of what was in it.
pub(in crate::deliver) struct Lane {
    sink: String,
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    events: Vec<&'static str>,
    bytes_max: u64,
    /// An event stays until it is delivered.
    waiting: VecDeque<Entry>,
    bytes: u64,
    last: i64,
    delivered: u64,
    full: u64,
    refused: u64,
    stopped: u64,
    failures: u64,
    panics: u64,
}

impl State {
    fn put(&mut self, item: &Item, text: &[u8]) {
        let room = self.bytes_max.saturating_sub(self.bytes);
        let bytes = cost(text.len());
        if bytes > room {
            self.full = self.full.saturating_add(1);
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.last = self.last.saturating_add(1);
        self.waiting.push_back(Entry {
            seq: self.last,
            kind: Kind::Event(item.event_type),
            id: String::new(),
            action: "create".to_owned(),
            created: item.time.0.div_euclid(1_000),
            json: String::from_utf8_lossy(text).into_owned(),
        });
    }

    fn forget(&mut self, upto: i64) {
        while self.waiting.front().is_some_and(|entry| entry.seq <= upto) {
            if let Some(entry) = self.waiting.pop_front() {
                self.bytes = self.bytes.saturating_sub(cost(entry.json.len()));
            }
        }
    }
}

fn cost(text: usize) -> u64 {
    u64::try_from(text)
        .unwrap_or(u64::MAX)
        .saturating_add(ENTRY_BYTES)
}

impl Lane {
    pub(in crate::deliver) fn new(sink: &str) -> Self {
        Self {
            sink: sink.to_owned(),
            state: Mutex::default(),
            filled: Condvar::new(),
        }
    }

    pub(super) fn sink(&self) -> &str {
        &self.sink
    }

    /// What it takes, and how much it holds; what is in it stays.
    pub(in crate::deliver) fn configure(&self, events: &[&'static str], bytes_max: Bytes) {
        let mut state = self.lock();
        state.events = events.to_vec();
        state.bytes_max = bytes_max.0;
    }

    /// Takes what the sink selects, as far as there is room.
    pub(super) fn offer(&self, out: &Out) {
        let mut state = self.lock();
        let before = state.last;
        for item in &out.items {
            let line = out
                .arena
                .get(item.line.start as usize..item.line.end as usize);
            let Some(line) = line.filter(|_| state.events.contains(&item.event_type)) else {
                continue;
            };
            state.put(item, line.trim_ascii_end());
        }
        if state.last != before {
            self.filled.notify_one();
        }
    }

    /// What is left in it will not be delivered.
    pub(in crate::deliver) fn abandon(&self) {
        let mut state = self.lock();
        let left = u64::try_from(state.waiting.len()).unwrap_or(u64::MAX);
        state.stopped = state.stopped.saturating_add(left);
        let last = state.last;
        state.forget(last);
        if left > 0 {
            tracing::warn!(
                sink = self.sink,
                left,
                "events for a sink that ended are lost"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn samples(&self) -> Vec<Sample> {
        let state = self.lock();
        let labelled = |sample: Sample, cause: Option<&str>| {
            let mut labels = vec![("sink", self.sink.clone())];
            labels.extend(cause.map(|cause| ("cause", cause.to_owned())));
            Sample { labels, ..sample }
        };
        let lost = [
            ("queue_full", state.full),
            ("refused", state.refused),
            ("stopped", state.stopped),
        ];
        let lost = lost.map(|(cause, count)| {
            let sample = counter(
                "vitalwire_sink_lost_events_total",
                "Protocol events that a sink never got: no room, refused, or it ended.",
                count,
            );
            labelled(sample, Some(cause))
        });
        let waiting = u64::try_from(state.waiting.len()).unwrap_or(u64::MAX);
        let mut samples = vec![
            gauge(
                "vitalwire_sink_waiting_events",
                "Protocol events in a sink's queue.",
                waiting,
            ),
            gauge(
                "vitalwire_sink_waiting_bytes",
                "Bytes of protocol events in a sink's queue.",
                state.bytes,
            ),
            counter(
                "vitalwire_sink_delivered_events_total",
                "Protocol events that a sink took.",
                state.delivered,
            ),
            counter(
                "vitalwire_sink_event_failures_total",
                "Failed attempts to deliver protocol events to a sink, faults of our own included.",
                state.failures.saturating_add(state.panics),
            ),
        ];
        for sample in &mut samples {
            sample.labels = vec![("sink", self.sink.clone())];
        }
        samples.extend(lost);
        samples
    }
}

/// The end that a sink's thread has.
pub(in crate::deliver) struct Waiting(pub(in crate::deliver) Arc<Lane>);

impl Feed for Waiting {
    fn sink(&self) -> &str {
        self.0.sink()
    }

    fn label(&self) -> String {
        format!("{}, events", self.0.sink)
    }

    fn next(&mut self, max: usize) -> Result<Batch, String> {
        let state = self.0.lock();
        let mut bytes = 0_usize;
        let fits = |entry: &&Entry| {
            let begins = bytes == 0;
            bytes = bytes.saturating_add(entry.json.len());
            begins || bytes <= BATCH_BYTES_MAX
        };
        let entries: Vec<Entry> = state
            .waiting
            .iter()
            .take(max)
            .take_while(fits)
            .cloned()
            .collect();
        let upto = entries.last().map_or(0, |entry| entry.seq);
        Ok(Batch { entries, upto })
    }

    fn ack(&mut self, upto: i64) -> Result<(), String> {
        self.0.lock().forget(upto);
        Ok(())
    }

    fn wait(&self, at_most: Duration) {
        let state = self.0.lock();
        // A poisoned lock is as good: what it guards is whole.
        let is_empty = |state: &mut State| state.waiting.is_empty();
        drop(self.0.filled.wait_timeout_while(state, at_most, is_empty));
    }

    fn tell(&self, told: Told<'_>) {
        let mut state = self.0.lock();
        let (count, by) = match told {
            Told::Delivered(events) => (&mut state.delivered, events),
            Told::Refused => (&mut state.refused, 1),
            Told::Failed(_) => (&mut state.failures, 1),
            Told::Panicked => (&mut state.panics, 1),
        };
        *count = count.saturating_add(by);
    }

    fn owes(&self) -> bool {
        !self.0.lock().waiting.is_empty()
    }
}
