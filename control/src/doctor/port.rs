//! What a port of DPDK says of itself once it is open: its driver, queues, how flows are spread over
//! them, and what it loses.

use dataplane::capture::Losses;
use dataplane::capture::dpdk::Spread;
use serde_json::json;

use super::{Finding, Verdict};
use crate::config::Config;
use crate::dpdk::Listening;
use crate::engine;

pub(super) fn all(config: &Config, port: &Listening) -> Vec<Finding> {
    let name = &port.device;
    let about = &port.about;
    let mut opened = Finding::of(
        name,
        "port",
        Verdict::Ok,
        format!("open, by {}", about.driver),
    );
    opened.facts = json!({
        "driver": about.driver,
        "node": about.node,
        "queues": port.queues.len(),
        "queues_max": about.queues_max,
        "descriptors": about.descriptors,
    });
    vec![
        opened,
        queues(config, port),
        spread(name, about.spread),
        descriptors(name, about.descriptors, config.capture.dpdk.descriptors),
    ]
}

/// It could not be opened.
pub(super) fn closed(why: &str) -> Finding {
    Finding::machine("port", Verdict::Fail, why)
        .fix("dpdk-devbind.py --status-dev net; dpdk-hugepages.py --show")
}

fn queues(config: &Config, port: &Listening) -> Finding {
    let (name, now, most) = (&port.device, port.queues.len(), port.about.queues_max);
    let workers = engine::workers(config);
    if now == workers {
        let what = format!("a queue for each of {workers} workers, of {most}");
        return Finding::of(name, "queues", Verdict::Ok, what);
    }
    let why = port.remark.clone().unwrap_or_default();
    let what = format!("{now} queue for {workers} workers, of {most}: {why}");
    Finding::of(name, "queues", Verdict::Note, what)
        .fix("in the configuration: workers: 1, or an adapter that spreads flows (RSS)")
}

fn spread(name: &str, spread: Spread) -> Finding {
    let (verdict, what) = match spread {
        Spread::OneQueue => (Verdict::Ok, "nothing is spread over queues"),
        Spread::Symmetric { ports: true } => (
            Verdict::Ok,
            "both directions of a conversation come to one queue, says the port: by addresses and ports",
        ),
        Spread::Symmetric { ports: false } => (
            Verdict::Ok,
            "both directions of a conversation come to one queue, says the port: by addresses",
        ),
        Spread::Asymmetric => (
            Verdict::Warn,
            "the port keeps a key of its own, which is not symmetric: workers see half conversations",
        ),
        Spread::Untold => (
            Verdict::Warn,
            "the port does not tell the key of its hash: workers may see half conversations",
        ),
    };
    let finding = Finding::of(name, "rss", verdict, what);
    match verdict {
        Verdict::Ok => finding,
        _ => finding.fix("in the configuration: capture: {dpdk: {queues: 1}}"),
    }
}

fn descriptors(name: &str, got: u16, wanted: u16) -> Finding {
    if got == wanted {
        let what = format!("{got} descriptors a queue");
        return Finding::of(name, "ring", Verdict::Ok, what);
    }
    let what = format!("{got} descriptors a queue, of {wanted} that were asked for");
    Finding::of(name, "ring", Verdict::Note, what).fix(format!(
        "in the configuration: capture: {{dpdk: {{descriptors: {got}}}}}"
    ))
}

/// What was lost while we listened.
pub(super) fn losses(name: &str, losses: Losses) -> Finding {
    if losses.dropped() == 0 {
        let what = "nothing was lost while listening";
        return Finding::span(name, "losses", Verdict::Ok, what);
    }
    let what = format!(
        "while listening, {} frames found no mbuf, and the adapter lost {}",
        losses.kernel, losses.interface
    );
    Finding::span(name, "losses", Verdict::Warn, what)
        .fix("in the configuration: capture: {dpdk: {mbufs: 65535, descriptors: 8192}}")
}
