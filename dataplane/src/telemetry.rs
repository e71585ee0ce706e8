//! What the data plane tells of itself: counts of a closed vocabulary, and latencies.

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

/// Percentiles of one stage's latency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latency {
    /// `read_to_worker`, `worker_batch`, `read_to_correlator`, …
    pub stage: &'static str,
    /// Samples.
    pub count: u64,
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
