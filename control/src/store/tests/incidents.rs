use rules::Severity;
use serde_json::Value;

use super::make::{Make, count, open, put};
use crate::formats;
use crate::outbox::{self, Kind, Reader};
use crate::store::views::incidents as views;
use crate::store::views::{comments, triage};
use crate::store::{Error, Status, Store, Verdict, incidents, precision, query};
use crate::testing;

const HOUR: i64 = 3600;

fn sink(store: &Store, kind: Kind) -> Reader {
    outbox::register(store, vec![("test".to_owned(), vec![kind])]).unwrap();
    Reader::new(store, "test")
}

/// The lines that a sink gets next, at once.
fn lines(reader: &Reader) -> Vec<Value> {
    let batch = reader.next(1000).unwrap();
    reader.ack(batch.upto).unwrap();
    let json = batch.entries.iter().map(|entry| &entry.json);
    json.map(|json| serde_json::from_str(json).unwrap())
        .collect()
}

/// What they say of incidents.
fn told(reader: &Reader) -> Vec<Value> {
    let lines = lines(reader).into_iter();
    lines.map(|line| line["incident"].clone()).collect()
}

/// The same, once something comes.
fn told_soon(reader: &Reader) -> Vec<Value> {
    testing::until(|| Some(told(reader)).filter(|told| !told.is_empty()))
}

fn alert(n: u64, secs: i64) -> Make {
    Make {
        n,
        secs: Make::default().secs + secs,
        ..Make::default()
    }
}

#[test]
fn the_worst_open_one_is_first_however_many_came_after_it() {
    let store = open(&testing::dir("incident-worst"));
    let of = |n: u32, severity| Make {
        severity,
        src: n,
        ..alert(n.into(), n.into())
    };
    put(
        &store,
        [of(1, Severity::Critical), of(2, Severity::Critical)],
    );
    put(&store, (3..40).map(|n| of(n, Severity::Low)));
    let worst = || store.read(|conn| views::worst(conn, 3)).unwrap();
    let severities: Vec<&str> = worst().iter().map(|one| one.severity).collect();
    assert_eq!(severities, ["critical", "critical", "low"]);
    assert_eq!(worst()[0].actor, "0.0.0.2", "of the same the newest");
    let id = worst()[0].incident_id.clone();
    store
        .write(move |change| incidents::close(change, &id, Verdict::Test, "user:anna"))
        .unwrap();
    assert_eq!(worst()[0].actor, "0.0.0.1");
    assert_eq!(store.read(views::open).unwrap(), [38, 0, 0, 0]);
}

#[test]
fn an_incident_says_not_to_isolate_as_soon_as_one_of_its_alerts_does() {
    let store = open(&testing::dir("incident-stays"));
    let said = || {
        let all = store.read(|conn| views::page(conn, &views::Filter::default(), None, 10));
        all.unwrap()
            .iter()
            .map(|one| one.do_not_isolate)
            .collect::<Vec<_>>()
    };
    put(&store, [alert(1, 0)]);
    assert_eq!(said(), [false]);
    let stays = Make {
        stays: true,
        ..alert(2, 1)
    };
    put(&store, [stays, alert(3, 2)]);
    assert_eq!(said(), [true]);
    let alerts = store.read(|conn| query::page(conn, &query::Filter::default(), None, 10));
    let alerts = alerts.unwrap().alerts;
    let alerts: Vec<bool> = alerts.iter().map(|one| one.do_not_isolate).collect();
    assert_eq!(alerts, [false, true, false]);
}

#[test]
fn alerts_about_one_thing_are_one_incident_with_revisions() {
    let store = open(&testing::dir("incident-one"));
    let reader = sink(&store, Kind::Incident);
    put(&store, [alert(1, 0)]);
    let first = told(&reader).remove(0);
    assert_eq!(
        (&first["action"], &first["revision"]),
        (&"create".into(), &1.into())
    );
    let other = Make {
        dest: 0x0a14_0299,
        ..alert(2, 1)
    };
    let kind = Make {
        category: "safety",
        ..alert(3, 2)
    };
    put(&store, [alert(4, 5), alert(5, 9), other, kind]);
    assert_eq!(count(&store, "SELECT count(*) FROM incidents"), 3);
    let mut told = told_soon(&reader);
    while told.iter().all(|incident| incident["action"] != "update") {
        told.extend(told_soon(&reader));
    }
    let grown = told
        .iter()
        .find(|incident| incident["action"] == "update")
        .unwrap();
    assert_eq!(grown["id"], first["id"]);
    assert_eq!(
        (&grown["count"], &grown["revision"]),
        (&3.into(), &2.into())
    );
    assert_eq!(grown["first_seen"], first["first_seen"]);
    assert!(grown["last_seen"].as_str() > first["last_seen"].as_str());
    assert_eq!(
        (&grown["actor"], &grown["victim"]),
        (&"10.20.1.11".into(), &"10.20.2.10".into())
    );
}

#[test]
fn after_the_window_another_incident_begins() {
    let store = open(&testing::dir("incident-window"));
    put(
        &store,
        [
            alert(1, 0),
            alert(2, 3 * HOUR),
            alert(3, 6 * HOUR),
            alert(4, 11 * HOUR),
        ],
    );
    assert_eq!(count(&store, "SELECT count(*) FROM incidents"), 2);
    let linked = "SELECT count(*) FROM incidents a JOIN incidents b ON a.previous = b.incident_id";
    assert_eq!(count(&store, linked), 1);
}

fn id(store: &Store) -> String {
    let sql = "SELECT incident_id FROM incidents ORDER BY number DESC LIMIT 1";
    store
        .read(|conn| Ok(conn.query_row(sql, [], |row| row.get(0))?))
        .unwrap()
}

#[test]
fn what_is_closed_stays_closed_and_the_next_alert_opens_another() {
    let store = open(&testing::dir("incident-closed"));
    let reader = sink(&store, Kind::Incident);
    put(&store, [alert(1, 0)]);
    let first = id(&store);
    let close = |id: &str, verdict| {
        let id = id.to_owned();
        store.write(move |change| incidents::close(change, &id, verdict, "user:anna"))
    };
    close(&first, Verdict::Benign).unwrap();
    let told = told(&reader);
    let closed = told.last().unwrap();
    assert_eq!(
        (&closed["status"], &closed["verdict"]),
        (&"closed".into(), &"benign".into())
    );
    assert_eq!(closed["revision"], 2);
    let again = close(&first, Verdict::True).unwrap_err();
    assert!(matches!(again, Error::Refused(_)), "{again}");
    assert!(matches!(
        close("nosuch", Verdict::True),
        Err(Error::Missing(_))
    ));
    put(&store, [alert(2, 1)]);
    assert_ne!(id(&store), first);
    let previous = count(
        &store,
        "SELECT count(*) FROM incidents WHERE previous IS NOT NULL",
    );
    assert_eq!(previous, 1);
    assert_eq!(
        count(
            &store,
            "SELECT count(*) FROM alerts WHERE status = 2 AND verdict = 1"
        ),
        1
    );
    assert_eq!(
        count(
            &store,
            "SELECT count(*) FROM audit WHERE action = 'incident.close'"
        ),
        1
    );
}

#[test]
fn what_is_worse_than_what_was_acknowledged_opens_it_again() {
    let store = open(&testing::dir("incident-worse"));
    put(
        &store,
        [Make {
            severity: Severity::Low,
            ..alert(1, 0)
        }],
    );
    let first = id(&store);
    store
        .write(move |change| incidents::acknowledge(change, &first, "user:anna"))
        .unwrap();
    let status = "SELECT status FROM incidents";
    put(
        &store,
        [Make {
            severity: Severity::Low,
            ..alert(2, 1)
        }],
    );
    assert_eq!(count(&store, status), 1);
    put(
        &store,
        [Make {
            severity: Severity::High,
            ..alert(3, 2)
        }],
    );
    assert_eq!(count(&store, status), 0);
    assert_eq!(count(&store, "SELECT severity FROM incidents"), 3);
}

#[test]
fn verdicts_make_the_precision_of_a_rule() {
    let store = open(&testing::dir("incident-precision"));
    let from = |n: u64, src: u32| Make { src, ..alert(n, 0) };
    put(
        &store,
        [from(1, 1), from(2, 1), from(3, 1), from(4, 2), from(5, 3)],
    );
    let verdicts = [
        (1, Verdict::True),
        (2, Verdict::False),
        (3, Verdict::Duplicate),
    ];
    for (number, verdict) in verdicts {
        store
            .write(move |change| {
                let sql = "SELECT incident_id FROM incidents WHERE number = ?1";
                let id: Option<String> = change.one(sql, [number], |row| row.get(0))?;
                incidents::close(change, &id.unwrap(), verdict, "user:anna")
            })
            .unwrap();
    }
    let alone = alert(2, 0).id();
    store
        .write(move |change| incidents::judge_alert(change, &alone, Verdict::Benign, "user:anna"))
        .unwrap();
    let found = store.read(|conn| precision::precision(conn, 0)).unwrap();
    assert_eq!(found.len(), 1);
    let of = &found[0];
    assert_eq!(
        (of.alerts, of.right, of.benign, of.wrong, of.other),
        (5, 2, 1, 1, 1)
    );
    assert_eq!(of.share(), Some(0.5));
}

#[test]
fn incidents_are_listed_by_status_and_commented() {
    let store = open(&testing::dir("incident-list"));
    put(
        &store,
        (1..8).map(|n| Make {
            src: u32::try_from(n).unwrap(),
            ..alert(n, 1)
        }),
    );
    let open = views::Filter {
        statuses: vec![Status::Open],
        ..views::Filter::default()
    };
    let list = |before| {
        store
            .read(|conn| views::page(conn, &open, before, 3))
            .unwrap()
    };
    let (mut seen, mut before) = (Vec::new(), None);
    while let Some(last) = list(before).last() {
        seen.extend(list(before).iter().map(|incident| incident.number));
        before = Some(last.number);
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    let of = format!("incident:{}", id(&store));
    let object = of.clone();
    let comment = |text: &str| {
        let (object, text) = (object.clone(), text.to_owned());
        store.write(move |change| comments::add(change, &object, &text, "user:anna"))
    };
    comment("called radiology").unwrap();
    assert!(comment("  ").is_err());
    let comments = store.read(|conn| comments::of(conn, &of)).unwrap();
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0].text, "called radiology");
}

#[test]
fn what_is_done_to_one_alert_is_told_under_its_id_to_who_keeps_it() {
    let store = open(&testing::dir("triage"));
    let reader = sink(&store, Kind::Triage);
    put(&store, [alert(1, 1), alert(2, 2)]);
    assert!(
        lines(&reader).is_empty(),
        "that it came is told as an alert"
    );
    let id = alert(1, 1).id();
    store
        .write({
            let id = id.clone();
            move |change| {
                triage::acknowledge(change, &id, "user:anna")?;
                triage::acknowledge(change, &id, "user:anna")?;
                let object = format!("alert:{id}");
                comments::add(change, &object, "Mrs. Doe's pump", "user:anna")?;
                incidents::judge_alert(change, &id, Verdict::Benign, "user:anna")
            }
        })
        .unwrap();
    let told = lines(&reader);
    let of = |key: &str| -> Vec<Value> {
        let values = told.iter().map(|line| line["vitalwire"][key].clone());
        values.collect()
    };
    assert_eq!(of("action"), ["acknowledge", "update", "close"]);
    assert_eq!(of("status"), ["acknowledged", "acknowledged", "closed"]);
    assert_eq!(of("revision"), [2, 3, 4]);
    assert_eq!(of("comments"), [0, 1, 1]);
    assert_eq!(of("verdict"), [Value::Null, Value::Null, "benign".into()]);
    assert!(of("alert_id").iter().all(|of| *of == id.as_str()));
    assert!(told.iter().all(|line| line["event_type"] == "alert"));
    assert!(!told.iter().any(|line| line.to_string().contains("Doe")));
    let messages: Vec<String> = told
        .iter()
        .map(|line| formats::Event::new(line).message_id())
        .collect();
    assert_eq!(messages, [2, 3, 4].map(|n| format!("{id}:{n}")));
}

#[test]
fn a_comment_on_an_incident_is_a_revision_of_it() {
    let store = open(&testing::dir("incident-comment"));
    let reader = sink(&store, Kind::Incident);
    put(&store, [alert(1, 1)]);
    let object = format!("incident:{}", id(&store));
    store
        .write(move |change| comments::add(change, &object, "x", "user:anna").map(drop))
        .unwrap();
    let told = told(&reader);
    let of = |n: usize, key: &str| told[n][key].clone();
    assert_eq!(
        (of(0, "action"), of(1, "action")),
        ("create".into(), "update".into())
    );
    assert_eq!(of(1, "revision"), 2);
}
