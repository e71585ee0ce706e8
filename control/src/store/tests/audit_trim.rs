use serde_json::json;

use super::make::{Make, count, open, put};
use crate::store::audit::{self, Act};
use crate::store::{Store, audit_trim, hold};
use crate::testing;

const DAY: i64 = 86_400_000_000;

/// So many entries, about alerts of these numbers.
fn log(store: &Store, numbers: std::ops::Range<u64>) {
    let append = move |change: &crate::store::Change<'_>| {
        for n in numbers {
            let object = format!("alert:{n:032x}");
            let act = Act {
                actor: "user:anna",
                action: "alert.look",
                object: &object,
            };
            audit::append(change, act, &json!({}))?;
        }
        Ok(())
    };
    store.write(append).unwrap();
}

/// Shortens the log as if so much time had passed since it was written and shortened last.
fn trim(store: &Store, keep: i64) -> u64 {
    crate::clock::pause(std::time::Duration::from_millis(2));
    store
        .write(move |change| {
            change.run("DROP TRIGGER IF EXISTS audit_begin_moves_on", [])?;
            change.run("UPDATE audit_begin SET time = 0", [])?;
            audit_trim::trim(change, keep)
        })
        .unwrap()
}

#[test]
fn what_is_old_goes_and_the_rest_is_verified_from_there() {
    let store = open(&testing::dir("audit-trim"));
    log(&store, 0..10);
    let head = store.read(|conn| audit::verify(conn, "")).unwrap().head;
    assert_eq!(trim(&store, 0), 0, "for ever");
    assert_eq!(trim(&store, DAY), 0, "not old enough");
    assert_eq!(trim(&store, 1), 10);
    log(&store, 10..15);
    let chain = store.read(|conn| audit::verify(conn, "")).unwrap();
    assert_eq!((chain.begins, chain.entries, chain.broken), (11, 6, None));
    let known = store.read(|conn| audit::verify(conn, &head)).unwrap();
    assert!(known.contains, "the hash that it was cut at is still known");

    // Not twice a day.
    assert_eq!(
        store.write(|change| audit_trim::trim(change, 1)).unwrap(),
        0
    );
    // Again: the entry about the first time may go too.
    assert_eq!(trim(&store, 1), 6);
    let chain = store.read(|conn| audit::verify(conn, "")).unwrap();
    assert_eq!((chain.begins, chain.entries, chain.broken), (17, 1, None));
}

#[test]
fn whoever_shortens_it_himself_is_found() {
    let store = open(&testing::dir("audit-trim-forged"));
    log(&store, 0..10);
    let refused = |sql: &'static str| store.write(move |change| change.run(sql, [])).unwrap_err();
    for sql in [
        "DELETE FROM audit WHERE seq = 1",
        "UPDATE audit_begin SET seq = 5",
        "DELETE FROM audit_begin",
    ] {
        assert!(refused(sql).to_string().contains("append-only"), "{sql}");
    }
    // With the right hash the begin moves, but the log itself does not say so.
    store
        .write(|change| {
            let hash = "(SELECT hash FROM audit WHERE seq = 5)";
            change.run(
                &format!("UPDATE audit_begin SET seq = 5, hash = {hash}"),
                [],
            )?;
            change.run("DELETE FROM audit WHERE seq <= 5", [])
        })
        .unwrap();
    let chain = store.read(|conn| audit::verify(conn, "")).unwrap();
    assert_eq!(chain.broken.map(|(seq, _)| seq), Some(6));
}

#[test]
fn what_is_about_something_held_stays_and_all_after_it() {
    let store = open(&testing::dir("audit-trim-held"));
    put(
        &store,
        [4, 7].map(|n| Make {
            n,
            ..Make::default()
        }),
    );
    log(&store, 0..10);
    let held = format!("{:032x}", 4);
    store
        .write(move |change| hold::set(change, hold::What::Alert(&held), true, "user:anna"))
        .unwrap();
    assert_eq!(trim(&store, 1), 4);
    assert_eq!(count(&store, "SELECT min(seq) FROM audit"), 5);
    assert_eq!(trim(&store, 1), 0);
}
