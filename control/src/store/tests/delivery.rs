use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rules::Severity;

use super::make::{Make, config, count, open, put, settings};
use crate::clock;
use crate::outbox::{self, Deliver, Entry, Failure, Kind, Reader, Way, register};
use crate::store::{Store, queue::Taken};
use crate::testing;

fn alerts(from: u64, to: u64) -> impl Iterator<Item = Make> {
    (from..to).map(|n| Make {
        n,
        ..Make::default()
    })
}

fn sinks(store: &Store, names: &[&str]) {
    let sinks = names
        .iter()
        .map(|name| ((*name).to_owned(), vec![Kind::Alert]));
    register(store, sinks.collect()).unwrap();
}

fn ids(reader: &Reader, max: usize) -> Vec<String> {
    let entries = reader.next(max).unwrap().entries;
    entries.into_iter().map(|entry| entry.id).collect()
}

const WAITING: &str = "SELECT count(*) FROM outbox";

#[test]
fn each_sink_goes_on_where_it_stopped_and_what_all_have_goes() {
    let dir = testing::dir("outbox-cursors");
    let store = open(&dir);
    put(&store, alerts(0, 5));
    assert_eq!(count(&store, WAITING), 0, "nobody wants it");
    sinks(&store, &["one", "two"]);
    put(&store, alerts(5, 15));
    let (one, two) = (Reader::new(&store, "one"), Reader::new(&store, "two"));
    let backlog = |sink: &str, name: &str| {
        let samples = store.samples();
        let of = samples
            .iter()
            .find(|s| s.name == name && s.labels[0].1 == sink);
        of.map(|sample| sample.value)
    };
    let entries = |sink| backlog(sink, "vitalwire_sink_backlog_entries");
    testing::until(|| (entries("two") == Some(10)).then_some(()));
    let age = || backlog("two", "vitalwire_sink_backlog_seconds");
    testing::until(|| (age() > Some(0)).then_some(()));
    assert_eq!(
        ids(&one, 100).len(),
        10,
        "a new sink begins with what comes"
    );
    let four = one.next(4).unwrap();
    one.ack(four.upto).unwrap();
    two.ack(two.next(100).unwrap().upto).unwrap();
    let waiting = || (entries("one"), entries("two"), age());
    testing::until(|| (waiting() == (Some(6), Some(0), Some(0))).then_some(()));
    store.close();
    drop((store, one, two));
    let store = open(&dir);
    sinks(&store, &["one", "two"]);
    let one = Reader::new(&store, "one");
    let expected: Vec<String> = alerts(9, 15).map(|make| make.id()).collect();
    assert_eq!(ids(&one, 100), expected);
    one.ack(one.next(100).unwrap().upto).unwrap();
    testing::until(|| (count(&store, WAITING) == 0).then_some(()));
    // A sink that is no more keeps nothing.
    sinks(&store, &["one"]);
    put(&store, alerts(15, 16));
    one.ack(one.next(100).unwrap().upto).unwrap();
    testing::until(|| (count(&store, WAITING) == 0).then_some(()));
}

#[test]
fn a_full_outbox_drops_the_mildest_first_and_counts_it() {
    let mut config = config();
    config.outbox.entries = 100;
    let store = Store::open(&testing::dir("outbox-full"), settings(&config), None).unwrap();
    let kinds = vec![Kind::Alert, Kind::Heartbeat];
    register(&store, vec![("away".to_owned(), kinds)]).unwrap();
    for n in 0..20 {
        let time = parsers::time::Time::new(n, 0);
        let json = "{\"event_type\":\"heartbeat\"}".into();
        store.offer(
            Taken {
                event_type: "heartbeat",
                time,
                severity: None,
                json,
            },
            true,
        );
    }
    let of = |severity| move |make: Make| Make { severity, ..make };
    put(&store, alerts(0, 60).map(of(Severity::Low)));
    put(&store, alerts(60, 130).map(of(Severity::High)));
    testing::until(|| (count(&store, WAITING) == 100).then_some(()));
    let of_class = |class| {
        count(
            &store,
            &format!("SELECT count(*) FROM outbox WHERE class = {class}"),
        )
    };
    assert_eq!((of_class(0), of_class(2), of_class(4)), (0, 30, 70));
    let oldest: Vec<String> = ids(&Reader::new(&store, "away"), 1);
    assert_eq!(oldest, [format!("{:032x}", 30)], "the oldest of them went");
    let dropped: u64 = testing::until(|| {
        let samples = store.samples();
        let of = samples
            .iter()
            .filter(|s| s.name == "vitalwire_outbox_dropped_entries_total");
        Some(of.map(|s| s.value).sum()).filter(|sum| *sum > 0)
    });
    assert_eq!(dropped, 50);
    assert_eq!(
        count(&store, "SELECT count(*) FROM alerts"),
        130,
        "they are stored all the same"
    );
}

/// Takes some of a batch, refuses one entry for good, and fails now and then.
struct Moody {
    calls: usize,
    got: Arc<Mutex<Vec<String>>>,
    refused: String,
}

impl Deliver for Moody {
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        self.calls += 1;
        let mut got = self.got.lock().unwrap();
        for (at, entry) in batch.iter().enumerate() {
            if entry.id == self.refused {
                return Err(Failure::refused(at, "too ugly".to_owned()));
            }
            got.push(entry.id.clone());
            if self.calls < 4 && at == 2 {
                // It got one more than it admits.
                return Err(Failure::later(at, "no mood".to_owned()));
            }
        }
        Ok(())
    }
}

#[test]
fn a_sink_that_fails_gets_everything_at_least_once_and_in_order() {
    let store = open(&testing::dir("outbox-moody"));
    sinks(&store, &["moody"]);
    let got = Arc::<Mutex<Vec<String>>>::default();
    let refused = format!("{:032x}", 20);
    let moody = Moody {
        calls: 0,
        got: Arc::clone(&got),
        refused: refused.clone(),
    };
    let way = Way {
        sink: Box::new(moody),
        again: Box::new(|| Err("it did not panic".to_owned())),
    };
    let runner = outbox::spawn(&store, Reader::new(&store, "moody"), way, None).unwrap();
    put(&store, alerts(0, 50));
    let last = format!("{:032x}", 49);
    testing::until(|| got.lock().unwrap().contains(&last).then_some(()));
    outbox::stop(vec![runner]);
    let got = got.lock().unwrap();
    let once: BTreeSet<&String> = got.iter().collect();
    assert_eq!(once.len(), 49);
    assert!(!once.contains(&refused));
    assert!(got.len() > 49, "what was not admitted came twice");
    let mut firsts: Vec<&String> = Vec::new();
    for id in got.iter() {
        if !firsts.contains(&id) {
            firsts.push(id);
        }
    }
    assert!(firsts.is_sorted());
    let samples = store.samples();
    let of = |name: &str| samples.iter().find(|s| s.name == name).map(|s| s.value);
    assert_eq!(of("vitalwire_sink_refused_entries_total"), Some(1));
    assert_eq!(of("vitalwire_sink_failures_total"), Some(3));
}

/// Panics over one entry, however often it comes, and loses its temper once without a reason.
struct Shaky {
    got: Arc<Mutex<Vec<String>>>,
    bad: String,
    temper: Arc<Mutex<bool>>,
}

impl Deliver for Shaky {
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        for entry in batch {
            assert_ne!(entry.id, self.bad, "a fault of ours");
            self.got.lock().unwrap().push(entry.id.clone());
        }
        let lost = std::mem::take(&mut *self.temper.lock().unwrap());
        assert!(!lost, "another one");
        Ok(())
    }
}

#[test]
fn a_sink_that_panics_is_started_anew_and_told_and_gives_up_what_kills_it() {
    let store = open(&testing::dir("outbox-shaky"));
    let shaky = vec![("shaky".to_owned(), vec![Kind::Alert])];
    let told = vec![("told".to_owned(), vec![Kind::Finding])];
    register(&store, [shaky, told].concat()).unwrap();
    let got = Arc::<Mutex<Vec<String>>>::default();
    let temper = Arc::new(Mutex::new(true));
    let bad = format!("{:032x}", 3);
    let make = {
        let (got, bad) = (Arc::clone(&got), bad);
        move || -> Box<dyn Deliver> {
            let (got, temper) = (Arc::clone(&got), Arc::clone(&temper));
            let bad = bad.clone();
            Box::new(Shaky { got, bad, temper })
        }
    };
    let way = Way {
        sink: make(),
        again: Box::new(move || Ok(make())),
    };
    put(&store, alerts(0, 8));
    let runner = outbox::spawn(&store, Reader::new(&store, "shaky"), way, None).unwrap();
    let last = format!("{:032x}", 7);
    testing::until(|| got.lock().unwrap().contains(&last).then_some(()));
    let findings = || {
        let entries = Reader::new(&store, "told").next(10).unwrap().entries;
        let actions = entries.into_iter().map(|entry| (entry.id, entry.action));
        actions.collect::<Vec<_>>()
    };
    let end = ("sink-panicked:shaky".to_owned(), "close".to_owned());
    testing::until(|| (findings().last() == Some(&end)).then_some(()));
    assert_eq!(findings()[0].1, "create");
    outbox::stop(vec![runner]);
    let once: BTreeSet<String> = got.lock().unwrap().iter().cloned().collect();
    assert_eq!(once.len(), 7, "all but the one that kills it: {once:?}");
    let samples = store.samples();
    let of = |name: &str| samples.iter().find(|s| s.name == name).map(|s| s.value);
    assert_eq!(of("vitalwire_sink_refused_entries_total"), Some(1));
    assert!(of("vitalwire_sink_panics_total") >= Some(3));
}

#[test]
fn while_it_cannot_be_written_alerts_wait_and_whoever_asks_is_told() {
    let store = open(&testing::dir("store-busy"));
    put(&store, alerts(0, 1));
    let other = rusqlite::Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for make in alerts(1, 100) {
        store.offer(make.taken(), false);
    }
    let asked = store.write(|_| Ok(()));
    assert!(asked.unwrap_err().to_string().contains("cannot be written"));
    assert_eq!(count(&store, "SELECT count(*) FROM alerts"), 1);
    other.execute_batch("ROLLBACK").unwrap();
    testing::until(|| (count(&store, "SELECT count(*) FROM alerts") == 100).then_some(()));
    assert_eq!(store.counts().lost_lines(), 0);
    assert_eq!(store.0.queue.bytes(), 0);
}

#[test]
fn a_fresh_store_knows_the_sinks_of_the_damaged_one() {
    let store = open(&testing::dir("store-sinks-anew"));
    sinks(&store, &["one"]);
    put(&store, alerts(0, 3));
    let damaged = crate::store::queue::Item::Damaged(0, "found".to_owned());
    store.0.queue.ask(damaged).unwrap();
    put(&store, alerts(3, 5));
    assert_eq!(ids(&Reader::new(&store, "one"), 10).len(), 2);
}

/// Takes nothing until it is told to.
struct Away(Arc<Mutex<bool>>);

impl Deliver for Away {
    fn deliver(&mut self, _: &[Entry]) -> Result<(), Failure> {
        if *self.0.lock().unwrap() {
            return Ok(());
        }
        Err(Failure::later(0, "nobody is there".to_owned()))
    }
}

/// What was told of findings: each one's id, what became of it, and its line.
fn findings(store: &Store, sink: &str) -> Vec<(String, String, String)> {
    let entries = Reader::new(store, sink).next(100).unwrap().entries;
    let told = entries.into_iter().map(|e| (e.id, e.action, e.json));
    told.collect()
}

#[test]
fn a_sink_that_keeps_failing_is_a_finding_until_it_delivers() {
    let mut config = config();
    config.outbox.tell_after = crate::config::units::Span(Duration::from_secs(1));
    let store = Store::open(&testing::dir("outbox-away"), settings(&config), None).unwrap();
    let away = vec![("away".to_owned(), vec![Kind::Alert])];
    let told = vec![("told".to_owned(), vec![Kind::Finding])];
    register(&store, [away, told.clone()].concat()).unwrap();
    let back = Arc::new(Mutex::new(false));
    let way = Way {
        sink: Box::new(Away(Arc::clone(&back))),
        again: Box::new(|| Err("it did not panic".to_owned())),
    };
    let runner = outbox::spawn(&store, Reader::new(&store, "away"), way, None).unwrap();
    put(&store, alerts(0, 5));
    clock::pause(Duration::from_millis(400));
    assert!(findings(&store, "told").is_empty(), "it may pass");
    let (id, action, line) = testing::until(|| findings(&store, "told").pop());
    assert_eq!(
        (id.as_str(), action.as_str()),
        ("sink-failing:away", "create")
    );
    for words in ["nobody is there", "vitalwire sinks test away", "since 20"] {
        assert!(line.contains(words), "{line}");
    }
    clock::pause(Duration::from_millis(2500));
    assert_eq!(findings(&store, "told").len(), 1, "told once");
    *back.lock().unwrap() = true;
    let end = testing::until(|| findings(&store, "told").get(1).cloned());
    assert_eq!(
        (end.0.as_str(), end.1.as_str()),
        ("sink-failing:away", "close")
    );
    outbox::stop(vec![runner]);
    // One that is taken out of the configuration does not fail any more.
    let raise = |change: &crate::store::Change<'_>| {
        let told = crate::store::findings::Told {
            name: "sink-failing",
            subject: "away, events",
            severity: 3,
            explain: "",
            what_to_do: "",
        };
        crate::store::findings::raise(change, &told)
    };
    store.write(raise).unwrap();
    register(&store, told).unwrap();
    let last = findings(&store, "told").pop().unwrap();
    assert_eq!(
        (last.0.as_str(), last.1.as_str()),
        ("sink-failing:away, events", "close")
    );
}

#[test]
fn a_sink_that_goes_with_something_waiting_is_told_and_kept_for_a_day() {
    let store = open(&testing::dir("outbox-gone"));
    let of = |name: &str, kind| (name.to_owned(), vec![kind]);
    let told = of("told", Kind::Finding);
    register(&store, vec![of("old", Kind::Alert), told.clone()]).unwrap();
    put(&store, alerts(0, 3));
    register(&store, vec![of("new", Kind::Alert), told.clone()]).unwrap();
    let (id, action, line) = findings(&store, "told").pop().unwrap();
    assert_eq!((id.as_str(), action.as_str()), ("sink-gone:old", "create"));
    assert!(line.contains("3 entries waited"), "{line}");
    put(&store, alerts(3, 4));
    assert_eq!(ids(&Reader::new(&store, "new"), 9).len(), 1, "from now on");
    // Named again it has lost nothing.
    register(&store, vec![of("old", Kind::Alert), told.clone()]).unwrap();
    assert_eq!(ids(&Reader::new(&store, "old"), 9).len(), 4);
    let mut gone = findings(&store, "told");
    gone.retain(|(id, ..)| id == "sink-gone:old");
    let actions: Vec<&str> = gone.iter().map(|told| told.1.as_str()).collect();
    assert_eq!(actions, ["create", "close"]);
    // After a day it is forgotten, and holds nothing any more.
    register(&store, vec![told]).unwrap();
    assert_eq!(
        count(&store, "SELECT count(*) FROM sinks WHERE name = 'old'"),
        1
    );
    let age = "UPDATE sinks SET gone = gone - 86400000001 WHERE gone IS NOT NULL";
    store.write(move |change| change.run(age, [])).unwrap();
    let is_forgotten = || count(&store, "SELECT count(*) FROM sinks WHERE name = 'old'") == 0;
    testing::until(|| is_forgotten().then_some(()));
    let alerts_left = "SELECT count(*) FROM outbox WHERE kind = 'alert' AND seq <=
                       (SELECT min(cursor) FROM sinks)";
    testing::until(|| (count(&store, alerts_left) == 0).then_some(()));
    let log = "SELECT count(*) FROM audit WHERE action = 'sink.forget'
               AND object = 'sink:old' AND detail LIKE '%\"dropped\":4%'";
    assert_eq!(count(&store, log), 1);
}
