//! What the data plane tells of itself: counts of a closed vocabulary, and latencies.

use std::sync::{Mutex, PoisonError};

use hdrhistogram::Histogram;

/// One number, as Prometheus names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// `vitalwire_<stage>_<what>_<unit>_total` for a counter.
    pub name: &'static str,
    /// One line for people.
    pub help: &'static str,
    /// Whether it only grows.
    pub counter: bool,
    /// Bounded labels.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: u64,
}

/// A number that only grows.
pub(crate) fn counter(
    name: &'static str,
    help: &'static str,
    labels: &[(&'static str, &str)],
    value: u64,
) -> Sample {
    Sample {
        name,
        help,
        counter: true,
        labels: labels.iter().map(|&(k, v)| (k, v.to_owned())).collect(),
        value,
    }
}

/// How a live source takes its frames, which may not be as it was wanted.
pub(crate) fn sockets(source: &str, mode: &str, open: usize) -> Sample {
    Sample {
        counter: false,
        ..counter(
            "vitalwire_capture_sockets",
            "Sockets that frames come from, by how they are opened.",
            &[("source", source), ("mode", mode)],
            u64::try_from(open).unwrap_or(u64::MAX),
        )
    }
}

/// Percentiles of one stage's latency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latency {
    /// `read_to_worker`, `worker_batch`, `read_to_correlator`, …
    pub stage: &'static str,
    /// Samples.
    pub count: u64,
    /// Mean of the samples, in nanoseconds, to 1 %.
    pub mean: f64,
    /// Nanoseconds at 50, 90, 99 and 99.9 %, and the maximum.
    pub p50_p90_p99_p999_max: [u64; 5],
}

/// All counts at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The numbers, summed over workers unless labelled.
    pub samples: Vec<Sample>,
    /// Latencies by stage.
    pub latencies: Vec<Latency>,
}

impl Snapshot {
    /// Sum of all samples of a name; 0 if there is none.
    #[must_use]
    pub fn total(&self, name: &str) -> u64 {
        self.samples
            .iter()
            .filter(|s| s.name == name)
            .map(|s| s.value)
            .sum()
    }
}

/// Adds the counts of one more reader to those of others.
pub(crate) fn add_up(to: &mut Vec<Sample>, more: Vec<Sample>) {
    for sample in more {
        let same = |s: &&mut Sample| s.name == sample.name && s.labels == sample.labels;
        match to.iter_mut().find(same) {
            Some(sum) => sum.value = sum.value.saturating_add(sample.value),
            None => to.push(sample),
        }
    }
}

/// Nanoseconds on the monotonic clock since the first call. For latency figures only: nothing
/// that is observable in events may depend on it.
#[must_use]
pub fn monotonic_nanos() -> u64 {
    #[expect(
        clippy::disallowed_types,
        reason = "one reading a batch, for latency figures only"
    )]
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    #[expect(
        clippy::disallowed_types,
        reason = "one reading a batch, for latency figures only"
    )]
    let start = START.get_or_init(std::time::Instant::now);
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Latencies of one stage. Written once a batch, by few threads.
#[derive(Debug)]
pub struct Latencies {
    stage: &'static str,
    histogram: Mutex<Option<Histogram<u64>>>,
}

impl Latencies {
    /// Of a stage.
    #[must_use]
    pub fn new(stage: &'static str) -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_NANOS_MAX, 2).ok();
        Self {
            stage,
            histogram: Mutex::new(histogram),
        }
    }

    /// Notes the time since an earlier reading of the monotonic clock.
    pub fn since(&self, earlier: u64, now: u64) {
        let mut guard = self
            .histogram
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(histogram) = guard.as_mut() {
            histogram.saturating_record(now.saturating_sub(earlier).max(1));
        }
    }

    /// The percentiles so far.
    #[must_use]
    pub fn read(&self) -> Latency {
        let guard = self
            .histogram
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(histogram) = guard.as_ref() else {
            return Latency::default();
        };
        let at = |quantile| histogram.value_at_quantile(quantile);
        Latency {
            stage: self.stage,
            count: histogram.len(),
            mean: histogram.mean(),
            p50_p90_p99_p999_max: [at(0.5), at(0.9), at(0.99), at(0.999), histogram.max()],
        }
    }
}

/// A minute: longer is an outage, told by other means.
const LATENCY_NANOS_MAX: u64 = 60_000_000_000;
