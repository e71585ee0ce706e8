//! Prometheus text from the samples of every part. Names and labels come with the samples; here
//! they are only grouped, sorted and rendered.

use std::collections::BTreeMap;

use dataplane::telemetry::{Latency, Sample, Snapshot};
use prometheus::proto::{
    Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType, Quantile, Summary,
};
use prometheus::{Encoder, TextEncoder};

/// Every metric, as a page of Markdown; a test compares it with what an appliance says.
pub const PAGE: &str = include_str!("../../deploy/prometheus/metrics.md");

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A gauge without labels.
#[must_use]
pub const fn gauge(name: &'static str, help: &'static str, value: u64) -> Sample {
    Sample {
        name,
        help,
        counter: false,
        labels: Vec::new(),
        value,
    }
}

/// A counter without labels.
#[must_use]
pub const fn counter(name: &'static str, help: &'static str, value: u64) -> Sample {
    Sample {
        name,
        help,
        counter: true,
        labels: Vec::new(),
        value,
    }
}

/// What this program is, as a metric that is always 1.
#[must_use]
pub fn build_info() -> Sample {
    Sample {
        labels: vec![
            ("version", crate::version::VERSION.to_owned()),
            ("commit", crate::version::COMMIT.to_owned()),
            ("schema", rules::eve::SCHEMA.to_owned()),
        ],
        ..gauge("vitalwire_build_info", "What is running; always 1.", 1)
    }
}

/// Adds what another pipeline counted. Gauges and latencies stay those of now, if there are any.
pub fn add(to: &mut Snapshot, other: &Snapshot) {
    for sample in &other.samples {
        let same = |s: &&mut Sample| s.name == sample.name && s.labels == sample.labels;
        match to.samples.iter_mut().find(same) {
            Some(now) if sample.counter => now.value = now.value.saturating_add(sample.value),
            Some(_) => {}
            None => to.samples.push(sample.clone()),
        }
    }
    if to.latencies.is_empty() {
        to.latencies.clone_from(&other.latencies);
    }
}

/// Renders the samples and latencies as Prometheus text.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let mut families: BTreeMap<&str, MetricFamily> = BTreeMap::new();
    for sample in &snapshot.samples {
        let family = families.entry(sample.name).or_insert_with(|| {
            let kind = if sample.counter {
                MetricType::COUNTER
            } else {
                MetricType::GAUGE
            };
            family(sample.name, sample.help, kind)
        });
        family.mut_metric().push(metric(sample));
    }
    if !snapshot.latencies.is_empty() {
        let mut latencies = family(LATENCY, LATENCY_HELP, MetricType::SUMMARY);
        latencies.set_metric(snapshot.latencies.iter().map(summary).collect());
        families.insert(LATENCY, latencies);
    }
    let families: Vec<MetricFamily> = families.into_values().collect();
    let mut text = Vec::new();
    // Fails only for families that have no name or no metric.
    drop(TextEncoder::new().encode(&families, &mut text));
    String::from_utf8_lossy(&text).into_owned()
}

fn family(name: &str, help: &str, kind: MetricType) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family
}

fn labels(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Vec<LabelPair> {
    pairs
        .into_iter()
        .map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_owned());
            pair.set_value(value);
            pair
        })
        .collect()
}

fn metric(sample: &Sample) -> Metric {
    let mut metric = Metric::default();
    metric.set_label(labels(sample.labels.iter().cloned()));
    if sample.counter {
        let mut counter = Counter::default();
        counter.set_value(float(sample.value));
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(float(sample.value));
        metric.set_gauge(gauge);
    }
    metric
}

const LATENCY: &str = "vitalwire_latency_seconds";
const LATENCY_HELP: &str = "Time spent since the start, by stage; quantile 1 is the longest.";

fn summary(latency: &Latency) -> Metric {
    let quantiles = [0.5, 0.9, 0.99, 0.999, 1.0];
    let one = |(of, nanos): (f64, u64)| {
        let mut quantile = Quantile::default();
        quantile.set_quantile(of);
        quantile.set_value(float(nanos) / 1e9);
        quantile
    };
    let values = quantiles.into_iter().zip(latency.p50_p90_p99_p999_max);
    let mut summary = Summary::default();
    summary.set_quantile(values.map(one).collect());
    summary.set_sample_count(latency.count);
    summary.set_sample_sum(latency.mean * float(latency.count) / 1e9);
    let mut metric = Metric::default();
    metric.set_label(labels([("stage", latency.stage.to_owned())]));
    metric.set_summary(summary);
    metric
}

/// Prometheus counts in floats; past 2^53 the last digits go, which no rate notices.
#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in floats")]
const fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_two_pipelines_add_up_and_gauges_do_not() {
        let of = |samples| Snapshot {
            samples,
            latencies: Vec::new(),
        };
        let mut now = of(vec![counter("a_total", "", 2), gauge("g", "", 1)]);
        let before = [
            counter("a_total", "", 5),
            gauge("g", "", 9),
            counter("b_total", "", 1),
        ];
        add(&mut now, &of(before.to_vec()));
        let values: Vec<_> = now.samples.iter().map(|s| (s.name, s.value)).collect();
        assert_eq!(values, [("a_total", 7), ("g", 1), ("b_total", 1)]);
    }

    #[test]
    fn samples_of_one_name_become_one_family() {
        let dropped = |cause: &str, value| Sample {
            labels: vec![("cause", cause.to_owned())],
            ..counter("vitalwire_flow_dropped_packets_total", "Packets.", value)
        };
        let snapshot = Snapshot {
            samples: vec![dropped("full", 2), build_info(), dropped("late", 3)],
            latencies: vec![Latency {
                stage: "worker_batch",
                count: 9,
                mean: 2_000.0,
                p50_p90_p99_p999_max: [1_000, 2_000, 3_000, 4_000, 5_000],
            }],
        };
        let text = render(&snapshot);
        assert_eq!(
            text.matches("# TYPE vitalwire_flow_dropped_packets_total counter")
                .count(),
            1
        );
        assert!(text.contains("vitalwire_flow_dropped_packets_total{cause=\"late\"} 3"));
        assert!(text.contains(
            "vitalwire_latency_seconds{stage=\"worker_batch\",quantile=\"0.5\"} 0.000001"
        ));
        assert!(text.contains("vitalwire_latency_seconds_sum{stage=\"worker_batch\"} 0.000018"));
        assert!(text.contains("vitalwire_latency_seconds_count{stage=\"worker_batch\"} 9"));
        assert!(text.contains("vitalwire_build_info{"));
    }
}
