//! What became of entries, sink by sink.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dataplane::telemetry::Sample;
use rusqlite::{Connection, params};

use super::{Kind, Told};
use crate::metrics::{counter, gauge};
use crate::store::{Error, words};

/// Of why a sink fails, so many characters are kept.
const WHY_MAX: usize = 300;

/// Counts of the outbox and its sinks.
#[derive(Debug, Default)]
pub struct Counts(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sinks: BTreeMap<String, OfSink>,
    dropped: BTreeMap<Kind, u64>,
    entries: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct OfSink {
    delivered: u64,
    refused: u64,
    failures: u64,
    panics: u64,
    backlog: u64,
    age_secs: u64,
    failing: Option<String>,
}

/// How a sink is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Its name.
    pub sink: String,
    /// Entries that it took since the start.
    pub delivered: u64,
    /// Entries that it will never take.
    pub refused: u64,
    /// Entries that wait for it.
    pub backlog: u64,
    /// For how long the oldest has, in seconds.
    pub age_secs: u64,
    /// Why it takes nothing, while it takes nothing.
    pub failing: Option<String>,
}

impl Counts {
    fn with<R>(&self, act: impl FnOnce(&mut Inner) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn of_sink(&self, sink: &str, act: impl FnOnce(&mut OfSink)) {
        self.with(|inner| act(inner.sinks.entry(sink.to_owned()).or_default()));
    }

    pub(super) fn tell(&self, sink: &str, told: Told<'_>) {
        self.of_sink(sink, |of| {
            let (count, by) = match told {
                Told::Delivered(entries) => (&mut of.delivered, entries),
                Told::Refused => (&mut of.refused, 1),
                Told::Failed(_) => (&mut of.failures, 1),
                Told::Panicked => (&mut of.panics, 1),
            };
            *count = count.saturating_add(by);
            match told {
                Told::Delivered(_) => of.failing = None,
                Told::Failed(why) => of.failing = Some(why.chars().take(WHY_MAX).collect()),
                Told::Refused | Told::Panicked => {}
            }
        });
    }

    /// How every sink is.
    #[must_use]
    pub fn states(&self) -> Vec<State> {
        let state = |(sink, of): (&String, &OfSink)| State {
            sink: sink.clone(),
            delivered: of.delivered,
            refused: of.refused,
            backlog: of.backlog,
            age_secs: of.age_secs,
            failing: of.failing.clone(),
        };
        self.with(|inner| inner.sinks.iter().map(state).collect())
    }

    /// A sink that is no more is counted no more.
    pub(crate) fn forget(&self, sink: &str) {
        self.with(|inner| inner.sinks.remove(sink));
    }

    /// Entries that went before every sink had them.
    pub(crate) fn dropped(&self, dropped: &BTreeMap<Kind, u64>) {
        self.with(|inner| {
            for (kind, count) in dropped {
                let sum = inner.dropped.entry(*kind).or_default();
                *sum = sum.saturating_add(*count);
            }
        });
    }

    /// Looks how much waits, and for how long it has.
    pub(crate) fn look(&self, conn: &Connection) -> Result<(), Error> {
        let mut sinks = conn.prepare_cached("SELECT name, kinds, cursor FROM sinks")?;
        let mut backlog = conn.prepare_cached(
            "SELECT count(*) FROM outbox INDEXED BY outbox_by_class
             WHERE seq > ?1 AND instr(?2, ',' || kind || ',') > 0",
        )?;
        let mut oldest = conn.prepare_cached(
            "SELECT created FROM outbox
             WHERE seq > ?1 AND instr(?2, ',' || kind || ',') > 0 ORDER BY seq LIMIT 1",
        )?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let known: Vec<(String, String, i64)> =
            sinks.query_map([], read)?.collect::<Result<_, _>>()?;
        for (name, kinds, cursor) in known {
            let after = params![cursor, kinds];
            let waiting: u64 = backlog.query_row(after, |row| row.get(0))?;
            let mut rows = oldest.query(after)?;
            let since: Option<i64> = rows.next()?.map(|row| row.get(0)).transpose()?;
            let age = since.map_or(0, |since| words::now().saturating_sub(since));
            self.of_sink(&name, |of| {
                of.backlog = waiting;
                of.age_secs = u64::try_from(age.wrapping_div(1_000_000)).unwrap_or(0);
            });
        }
        let size = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (entries, bytes) = conn
            .prepare_cached("SELECT entries, bytes FROM outbox_size")?
            .query_row([], size)?;
        self.with(|inner| (inner.entries, inner.bytes) = (entries, bytes));
        Ok(())
    }

    /// For Prometheus.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        self.with(|inner| {
            let mut samples = vec![
                gauge(
                    "vitalwire_outbox_entries",
                    "Entries in the outbox that some sink has still to take.",
                    inner.entries,
                ),
                gauge(
                    "vitalwire_outbox_bytes",
                    "Bytes of entries in the outbox.",
                    inner.bytes,
                ),
            ];
            for (kind, count) in &inner.dropped {
                samples.push(Sample {
                    labels: vec![("kind", kind.word().to_owned())],
                    ..counter(
                        "vitalwire_outbox_dropped_entries_total",
                        "Entries dropped from a full outbox before every sink had them.",
                        *count,
                    )
                });
            }
            let sinks = inner.sinks.iter();
            samples.extend(sinks.flat_map(|(name, of)| of.samples(name)));
            samples
        })
    }
}

impl OfSink {
    fn samples(&self, sink: &str) -> [Sample; 6] {
        [
            gauge(
                "vitalwire_sink_backlog_entries",
                "Entries that a sink has still to take.",
                self.backlog,
            ),
            gauge(
                "vitalwire_sink_backlog_seconds",
                "For how long the oldest entry has waited for a sink.",
                self.age_secs,
            ),
            counter(
                "vitalwire_sink_delivered_entries_total",
                "Entries that a sink took.",
                self.delivered,
            ),
            counter(
                "vitalwire_sink_refused_entries_total",
                "Entries that a sink will never take; they are lost to it.",
                self.refused,
            ),
            counter(
                "vitalwire_sink_failures_total",
                "Failed attempts to deliver to a sink.",
                self.failures,
            ),
            counter(
                "vitalwire_sink_panics_total",
                "Times that a sink's thread died of a fault of its own, and was started anew.",
                self.panics,
            ),
        ]
        .map(|sample| Sample {
            labels: vec![("sink", sink.to_owned())],
            ..sample
        })
    }
}
