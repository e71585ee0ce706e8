//! How fast each sink empties the outbox into its receiver. The figures are printed:
//! `cargo nextest run -p tests --no-capture --run-ignored all -E 'test(sinks::pace)'`. Syslog acknowledges
//! nothing: what is measured there is how fast it is written.

use std::time::{Duration, Instant};

use super::http::{bulk, webhook};
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

/// Our receiver reads and keeps every document; a real cluster does it on more than one processor.
#[test]
fn opensearch() {
    let Some((receiver, sink)) = bulk(&["bulk", "calm"]) else {
        return;
    };
    let sink = sink.replace("name: search,", "name: search, select: [alert],");
    let receiver = std::cell::RefCell::new(receiver);
    let (away, back) = (
        || receiver.borrow_mut().server.kill(),
        || receiver.borrow_mut().server.start(),
    );
    measured("opensearch", &sink, away, back);
}

/// What the appliance promises: a storm of a minute, and each of three sinks keeps up.
#[test]
#[ignore = "a minute of load; alone on the machine"]
fn two_thousand_a_second_for_a_minute() {
    let (Some(nats), Some(syslog), Some((receiver, hook))) =
        (Nats::new(), Receiver::rsyslog("tls"), webhook())
    else {
        return;
    };
    let list = |sink: &str| sink.trim().trim_start_matches("sinks:").trim().to_owned();
    let inner = |sink: &str| list(sink)[1..list(sink).len() - 1].to_owned();
    let hook = hook.replace("name: hook,", "name: hook, batch: 256, select: [alert],");
    let sinks = format!(
        "sinks:\n  - {}\n  - {}\n  {}",
        inner(&nats.sink()),
        inner(&hook),
        list(&syslog.sink("tls", ""))
    );
    let mut rig = Rig::new(&sinks);
    let begun = Instant::now();
    for turn in 1..=600_u32 {
        rig.alerts(200);
        std::thread::sleep((turn * Duration::from_millis(100)).saturating_sub(begun.elapsed()));
    }
    let took = begun.elapsed();
    let wanted = 3 * rig.sent.len();
    let delivered = || rig.count("vitalwire_sink_delivered_entries_total", None);
    super::receivers::until("all three have all", 15, || delivered() >= wanted as u64);
    eprintln!(
        "{} alerts in {took:?}, delivered {:?} later",
        rig.sent.len(),
        begun.elapsed() - took
    );
    assert!(
        took < Duration::from_secs(66),
        "the store did not keep up: {took:?}"
    );
    assert_eq!(nats.stored(), rig.sent.len() as u64);
    assert_eq!(receiver.ids("kind", "alert"), rig.sent);
    super::receivers::until("rsyslog has written all", 30, || {
        syslog.lines().len() >= rig.sent.len()
    });
    assert_eq!(rig.store.counts().lost_lines(), 0);
}
