use std::time::Duration;

use rules::Severity;

use super::make::{Make, config, count, put, settings};
use crate::config::units::{Bytes, Span};
use crate::store::{Store, hold};
use crate::testing;

fn of(severity: Severity, n: u64) -> Make {
    Make {
        n,
        severity,
        src: u32::try_from(n).unwrap(),
        ..Make::default()
    }
}

const ALERTS: &str = "SELECT count(*) FROM alerts";
const DELETED: &str = "SELECT coalesce(sum(json_extract(detail, '$.count')), 0) FROM audit
    WHERE action = 'store.retire' AND object = 'alerts'";

fn hold(store: &Store, id: String) {
    store
        .write(move |change| hold::set(change, hold::What::Alert(&id), true, "user:jurist"))
        .unwrap();
}

#[test]
fn what_is_old_goes_by_severity_and_what_is_held_stays() {
    let dir = testing::dir("retention-age");
    let mut config = config();
    config.keep.low = Span(Duration::from_millis(1));
    config.keep.incidents = Span(Duration::from_millis(1));
    let store = Store::open(&dir, settings(&crate::store::tests::make::config()), None).unwrap();
    put(&store, (0..2500).map(|n| of(Severity::Low, n)));
    put(&store, (2500..2510).map(|n| of(Severity::High, n)));
    hold(&store, of(Severity::Low, 7).id());
    let incident = "SELECT incident_id FROM incidents WHERE number = 10";
    let incident: String = store
        .read(|conn| Ok(conn.query_row(incident, [], |row| row.get(0))?))
        .unwrap();
    store
        .write(move |change| {
            hold::set(change, hold::What::Incident(&incident), true, "user:jurist")
        })
        .unwrap();
    store.close();
    drop(store);
    let store = Store::open(&dir, settings(&config), None).unwrap();
    testing::until(|| (count(&store, ALERTS) == 12).then_some(()));
    assert_eq!(count(&store, DELETED), 2498);
    for table in ["alert_lines", "alert_words"] {
        assert_eq!(count(&store, &format!("SELECT count(*) FROM {table}")), 12);
    }
    // An incident goes once none of its alerts is left.
    let incidents = "SELECT count(*) FROM incidents";
    testing::until(|| (count(&store, incidents) == 12).then_some(()));
    assert_eq!(
        count(&store, &DELETED.replace("'alerts'", "'incidents'")),
        2498
    );
    let held = "SELECT count(*) FROM alerts WHERE hold > 0";
    assert_eq!(count(&store, held), 2);
    assert_eq!(
        count(
            &store,
            "SELECT count(*) FROM audit WHERE action = 'hold.set'"
        ),
        2
    );
}

#[test]
fn without_room_the_oldest_of_the_mildest_go() {
    let dir = testing::dir("retention-size");
    let mut config = config();
    config.max_size = Bytes::mib(4);
    let store = Store::open(&dir, settings(&config), None).unwrap();
    put(&store, (0..200).map(|n| of(Severity::Critical, n)));
    put(&store, [of(Severity::Info, 200)]);
    hold(&store, of(Severity::Info, 200).id());
    put(&store, (201..6000).map(|n| of(Severity::Info, n)));
    let used = || store.read(crate::store::retention::used).unwrap();
    testing::until(|| (used() <= 4 << 20).then_some(()));
    let left = count(&store, ALERTS);
    assert!((500..5000).contains(&left), "{left}");
    assert_eq!(
        count(&store, "SELECT count(*) FROM alerts WHERE severity = 4"),
        200
    );
    assert_eq!(
        count(&store, "SELECT count(*) FROM alerts WHERE flow_id = 200"),
        1
    );
    assert_eq!(
        count(&store, "SELECT count(*) FROM alerts WHERE flow_id = 5999"),
        1
    );
    assert_eq!(
        count(&store, "SELECT count(*) FROM alerts WHERE flow_id = 201"),
        0
    );
    assert_eq!(count(&store, DELETED), 6000 - left);
}
