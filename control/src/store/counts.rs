//! What the store counts.

use std::sync::atomic::{AtomicU64, Ordering};

use dataplane::telemetry::{Latencies, Sample};
use rules::Severity;

use crate::metrics::{counter, gauge};

/// Counts of the store.
pub struct Counts {
    pub(super) stored: AtomicU64,
    pub(super) known: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) failures: AtomicU64,
    /// 1 while it cannot be written.
    pub(super) failing: AtomicU64,
    pub(super) set_aside: AtomicU64,
    pub(super) eve_lost: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) alerts_deleted: AtomicU64,
    lost: [AtomicU64; 5],
    /// Of commits.
    pub(super) latency: Latencies,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            stored: AtomicU64::default(),
            known: AtomicU64::default(),
            refused: AtomicU64::default(),
            commits: AtomicU64::default(),
            failures: AtomicU64::default(),
            failing: AtomicU64::default(),
            set_aside: AtomicU64::default(),
            eve_lost: AtomicU64::default(),
            bytes: AtomicU64::default(),
            alerts_deleted: AtomicU64::default(),
            lost: Default::default(),
            latency: Latencies::new("store_commit"),
        }
    }
}

pub(super) fn add(count: &AtomicU64, by: u64) {
    count.fetch_add(by, Ordering::Relaxed);
}

impl Counts {
    /// Whether the store cannot be written at present.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed) > 0
    }

    /// A line found no room in the queue.
    pub(super) fn lost(&self, severity: Option<Severity>) {
        let severity = severity.unwrap_or(Severity::Info);
        let slots = Severity::ALL.into_iter().zip(&self.lost);
        for (_, slot) in slots.filter(|(of, _)| *of == severity) {
            add(slot, 1);
        }
    }

    /// Lines that found no room so far.
    #[must_use]
    pub fn lost_lines(&self) -> u64 {
        self.lost
            .iter()
            .map(|slot| slot.load(Ordering::Relaxed))
            .sum()
    }

    /// Alerts stored so far.
    #[must_use]
    pub fn stored_alerts(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// For Prometheus.
    pub(super) fn samples(&self, queue_bytes: u64) -> Vec<Sample> {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut samples = vec![
            counter(
                "vitalwire_store_alerts_total",
                "Alerts stored.",
                of(&self.stored),
            ),
            counter(
                "vitalwire_store_known_alerts_total",
                "Alerts that came again under an id that is stored, as of a capture read twice.",
                of(&self.known),
            ),
            counter(
                "vitalwire_store_refused_lines_total",
                "Lines that the store could not read; they are in eve.json.",
                of(&self.refused),
            ),
            counter(
                "vitalwire_store_commits_total",
                "Transactions.",
                of(&self.commits),
            ),
            counter(
                "vitalwire_store_failures_total",
                "Transactions that failed, and were tried again.",
                of(&self.failures),
            ),
            counter(
                "vitalwire_store_set_aside_total",
                "Damaged stores that were set aside.",
                of(&self.set_aside),
            ),
            counter(
                "vitalwire_store_eve_lost_lines_total",
                "Incident and audit lines that eve.json had no room for; they are in the store.",
                of(&self.eve_lost),
            ),
            counter(
                "vitalwire_store_retired_alerts_total",
                "Alerts deleted since they were too old or there was no room.",
                of(&self.alerts_deleted),
            ),
            gauge(
                "vitalwire_store_bytes",
                "Bytes in use in the store.",
                of(&self.bytes),
            ),
            gauge(
                "vitalwire_store_failing",
                "1 while the store cannot be written and alerts wait in memory.",
                of(&self.failing),
            ),
            gauge(
                "vitalwire_store_queue_bytes",
                "Bytes that wait to be stored.",
                queue_bytes,
            ),
        ];
        for (severity, lost) in Severity::ALL.into_iter().zip(&self.lost) {
            samples.push(Sample {
                labels: vec![("severity", severity.word().to_owned())],
                ..counter(
                    "vitalwire_store_lost_lines_total",
                    "Lines that the store had no room for while the disk stalled; eve.json has them.",
                    of(lost),
                )
            });
        }
        samples
    }
}
