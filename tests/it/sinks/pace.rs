//! How fast each sink empties the outbox into its receiver. The figures are printed:
//! `cargo nextest run -p tests --no-capture -E 'test(sinks::pace)'`.

use std::time::{Duration, Instant};

use super::http::webhook;
use super::nats::Nats;
use super::rig::Rig;
use super::syslog::Receiver;

const ALERTS: u64 = 10_000;
/// Less than this is a fault, also where others use the machine: the aim is 2,000.
const LEAST: f64 = 500.0;

/// Fills the outbox while the receiver is away, and measures from the first delivery to the last.
fn measured(name: &str, sink: &str, away: impl FnOnce(), back: impl FnOnce()) {
    away();
    let mut rig = Rig::new(sink);
    for _ in 0..10 {
        rig.alerts(ALERTS / 10);
    }
    back();
    let delivered = || rig.count("vitalwire_sink_delivered_entries_total", None);
    let mut first: Option<(Instant, u64)> = None;
    let begun = Instant::now();
    let (since, before) = loop {
        let now = delivered();
        if now > 0 {
            first.get_or_insert_with(|| (Instant::now(), now));
        }
        if let Some(first) = first.filter(|_| now >= ALERTS) {
            break first;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "{name}: {now} of {ALERTS}"
        );
        std::thread::sleep(Duration::from_millis(5));
    };
    let count = u32::try_from(ALERTS - before).expect("small");
    let pace = f64::from(count) / since.elapsed().as_secs_f64();
    eprintln!("{name}: {pace:.0} alerts/s");
    assert!(pace > LEAST, "{name}: {pace:.0} alerts/s");
}

#[test]
fn syslog_by_tcp_and_tls() {
    for transport in ["tcp", "tls"] {
        let Some(receiver) = Receiver::rsyslog(transport) else {
            return;
        };
        let server = std::cell::RefCell::new(receiver);
        let sink = server.borrow().sink(transport, "");
        let (away, back) = (
            || server.borrow_mut().server.kill(),
            || server.borrow_mut().server.start(),
        );
        measured(&format!("syslog, {transport}"), &sink, away, back);
    }
}

#[test]
fn nats() {
    let Some(nats) = Nats::new() else { return };
    let sink = nats.sink();
    let nats = std::cell::RefCell::new(nats);
    let (away, back) = (
        || nats.borrow_mut().server.kill(),
        || nats.borrow_mut().server.start(),
    );
    measured("nats", &sink, away, back);
}

#[test]
fn webhook_one_by_one_and_in_lists() {
    for (name, more) in [("one by one", ""), ("lists of 256", "batch: 256, ")] {
        let Some((receiver, sink)) = webhook() else {
            return;
        };
        let sink = sink.replace(
            "name: hook,",
            &format!("name: hook, {more}select: [alert],"),
        );
        let receiver = std::cell::RefCell::new(receiver);
        let (away, back) = (
            || receiver.borrow_mut().server.kill(),
            || receiver.borrow_mut().server.start(),
        );
        measured(&format!("webhook, {name}"), &sink, away, back);
    }
}
