//! Many alerts. Those that take long are run by name: `cargo nextest run --release -p control
//! --run-ignored only store::tests::load`.

use std::time::Duration;

use rules::Severity;

use super::make::{Make, count, open, put};
use crate::clock::{self, Stopwatch};
use crate::store::query::{self, Filter};
use crate::store::{Status, Store};
use crate::testing;

fn many(from: u64, to: u64) -> impl Iterator<Item = Make> {
    const SLUGS: [(&str, &str); 6] = [
        ("dicom-echo-sweep", "reconnaissance"),
        ("hl7-internet", "phi"),
        ("pump-rate-jump", "safety"),
        ("net-port-scan", "reconnaissance"),
        ("dicom-assoc-flood", "availability"),
        ("hl7-nak-storm", "availability"),
    ];
    (from..to).map(|n| {
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let small = |modulo: u64| u32::try_from(mixed % modulo).unwrap();
        let (slug, category) = SLUGS[small(6) as usize];
        Make {
            n,
            secs: 1_780_000_000 + i64::try_from(n / 4).unwrap(),
            slug,
            category,
            severity: match mixed % 1000 {
                0 => Severity::Critical,
                1..50 => Severity::High,
                50..300 => Severity::Medium,
                _ => Severity::Low,
            },
            src: 0x0a00_0000 + small(300),
            dest: 0x0a10_0000 + small(30),
            stays: false,
        }
    })
}

/// How long it takes, the second time: the first one reads from the disk.
fn time<T>(
    store: &Store,
    act: impl Fn(&rusqlite::Connection) -> Result<T, crate::store::Error>,
) -> Duration {
    store.read(&act).unwrap();
    let since = Stopwatch::start();
    store.read(&act).unwrap();
    since.elapsed()
}

fn searches() -> Vec<(&'static str, Filter)> {
    let none = Filter::default;
    let words = |text: &str| Filter {
        text: text.to_owned(),
        ..none()
    };
    let from_or_to = |ip: &str| Filter {
        ips: vec![ip.parse().unwrap()],
        ..none()
    };
    let between = |from, to| Filter {
        from: Some(from),
        to: Some(to),
        ..none()
    };
    let (day, later) = (1_780_010_000_000_000, 1_780_050_000_000_000);
    let slugs = vec!["pump-rate-jump".to_owned()];
    let severities = vec![Severity::Critical];
    vec![
        ("newest", none()),
        (
            "severity",
            Filter {
                severities: severities.clone(),
                ..none()
            },
        ),
        (
            "rule",
            Filter {
                slugs: slugs.clone(),
                ..none()
            },
        ),
        ("address", from_or_to("10.0.0.7")),
        ("nothing", from_or_to("192.0.2.1")),
        (
            "closed",
            Filter {
                statuses: vec![Status::Closed],
                ..none()
            },
        ),
        ("common words", words("listed patients")),
        ("an address as a word", words("10.0.0.7")),
        ("its beginning", words("10.0")),
        ("a beginning", words("pat")),
        ("no such word", words("nosuchword")),
        (
            "words and fields",
            Filter {
                severities,
                slugs,
                ..words("wildcard")
            },
        ),
        (
            "words and old time",
            Filter {
                to: Some(later),
                ..words("wildcard")
            },
        ),
        ("old time", between(day, later)),
    ]
}

#[test]
#[ignore = "stores a million alerts: minutes"]
fn a_million_alerts_are_searched_within_300_ms() {
    let store = open(&testing::dir("store-million"));
    let since = Stopwatch::start();
    for block in 0..100 {
        put(&store, many(block * 10_000, (block + 1) * 10_000));
    }
    println!("stored: {:.1} s", since.elapsed().as_secs_f64());
    let bytes = std::fs::metadata(store.path()).unwrap().len();
    println!("file: {} MiB", bytes >> 20);
    let mut slow = Vec::new();
    for (name, filter) in &searches() {
        let page = time(&store, |conn| query::page(conn, filter, None, 50));
        let facets = time(&store, |conn| query::facets(conn, filter, 3_600_000_000));
        println!("{name}: page {page:?}, facets {facets:?}");
        if page.max(facets) > Duration::from_millis(300) {
            slow.push(*name);
        }
    }
    assert!(slow.is_empty(), "slower than 300 ms: {slow:?}");
}

/// 2,000 alerts a second, as live traffic brings them: nobody waits for the store.
#[test]
fn two_thousand_alerts_a_second_are_all_stored() {
    const SECONDS: u64 = 4;
    let store = open(&testing::dir("store-rate"));
    let since = Stopwatch::start();
    let mut most = 0;
    for tick in 0..SECONDS * 20 {
        for make in many(tick * 100, (tick + 1) * 100) {
            store.offer(make.taken(), false);
        }
        most = most.max(store.0.queue.bytes());
        let due = Duration::from_millis((tick + 1) * 50);
        clock::pause(due.saturating_sub(since.elapsed()));
    }
    let late = since.elapsed().saturating_sub(Duration::from_secs(SECONDS));
    store.write(|_| Ok(())).unwrap();
    assert_eq!(store.counts().lost_lines(), 0);
    assert_eq!(
        count(&store, "SELECT count(*) FROM alerts"),
        i64::try_from(SECONDS * 2000).unwrap()
    );
    println!("{late:?} late, at most {} KiB waited", most >> 10);
}

#[test]
fn when_the_disk_stalls_severe_alerts_find_room_longest_and_the_loss_is_counted() {
    let store = open(&testing::dir("store-stall"));
    let (go, wait) = crossbeam::channel::bounded::<()>(0);
    let (started, start) = crossbeam::channel::bounded::<()>(0);
    let stalled = store.clone();
    let stall = std::thread::spawn(move || {
        stalled.write(move |_| {
            started.send(()).unwrap();
            assert!(wait.recv().is_err(), "let go");
            Ok(())
        })
    });
    start.recv().unwrap();
    let mut n = 0;
    while store.counts().lost_lines() == 0 {
        n += 1;
        store.offer(
            Make {
                n,
                severity: Severity::Low,
                ..Make::default()
            }
            .taken(),
            false,
        );
    }
    let low = n - 1;
    assert!(
        store.0.queue.bytes() <= 12 << 20,
        "three quarters of 16 MiB"
    );
    for _ in 0..500 {
        n += 1;
        store.offer(
            Make {
                n,
                severity: Severity::Critical,
                ..Make::default()
            }
            .taken(),
            false,
        );
    }
    assert_eq!(store.counts().lost_lines(), 1);
    drop(go);
    stall.join().unwrap().unwrap();
    store.write(|_| Ok(())).unwrap();
    let stored = count(&store, "SELECT count(*) FROM alerts");
    assert_eq!(stored, i64::try_from(low + 500).unwrap());
}
