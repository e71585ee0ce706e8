use serde_json::json;

use super::make::{Make, count, open, put, settings};
use crate::outbox::{self, Kind, Reader};
use crate::store::audit::{self, Act};
use crate::store::{Error, FILE, Store, migrate, opening};
use crate::testing;

#[test]
fn what_is_stored_is_there_after_a_restart_and_comes_once() {
    let dir = testing::dir("store-restart");
    let store = open(&dir);
    put(
        &store,
        (0..10).map(|n| Make {
            n,
            ..Make::default()
        }),
    );
    store.close();
    drop(store);
    let store = open(&dir);
    put(
        &store,
        (5..12).map(|n| Make {
            n,
            ..Make::default()
        }),
    );
    assert_eq!(count(&store, "SELECT count(*) FROM alerts"), 12);
    assert_eq!(count(&store, "SELECT count(*) FROM alert_lines"), 12);
    assert_eq!(
        count(
            &store,
            "SELECT count(*) FROM alert_words WHERE alert_words MATCH '\"10_20_2_10\"'"
        ),
        12
    );
}

#[test]
fn a_second_writer_is_refused() {
    let dir = testing::dir("store-two");
    let _one = open(&dir);
    let two = Store::open(&dir, settings(&super::make::config()), None);
    let text = two.err().unwrap().to_string();
    assert!(text.contains("another vitalwire"), "{text}");
}

#[test]
fn an_older_store_is_migrated_and_a_newer_one_refused() {
    let dir = testing::dir("store-versions");
    let path = dir.join(FILE);
    let mut conn = rusqlite::Connection::open(&path).unwrap();
    migrate::migrate_to(&mut conn, 1).unwrap();
    conn.execute_batch(
        "INSERT INTO incidents (incident_id, family, actor, victim, title, slug, severity, impact,
             tier, count, first_seen, last_seen, opened, changed, revision, status)
         VALUES ('i', 'phi', 'a', 'b', 't', 's', 3, 0, 'page', 1, 1, 1, 1, 1, 1, 0);
         INSERT INTO findings VALUES ('f', 'span0', 'open', 2, 'e', 'w', 1, 1, '{}');
         INSERT INTO alerts (alert_id, time, received, slug, sid, rev, title, category, severity,
             impact, tier, actor, victim, explain, incident)
         VALUES ('a', 1, 1, 's', 1, 1, 't', 'phi', 3, 0, 'page', 'a', 'b', 'e', 1);
         INSERT INTO alert_lines VALUES (1, '{\"vitalwire\":{\"do_not_isolate\":true}}');
         INSERT INTO sinks (name, kinds, cursor) VALUES ('siem', ',alert,', 1);
         INSERT INTO outbox (kind, id, action, class, created, bytes, json) VALUES
             ('alert', 'taken', 'create', 4, 1, 2, '{}'), ('alert', 'waits', 'create', 4, 1, 2, '{}');",
    )
    .unwrap();
    drop(conn);
    let store = open(&dir);
    assert_eq!(count(&store, "SELECT count(*) FROM incidents"), 1);
    assert_eq!(count(&store, "SELECT count(*) FROM audit"), 0);
    assert_eq!(count(&store, "SELECT sum(stays) FROM alerts"), 1);
    assert_eq!(count(&store, "SELECT sum(stays) FROM incidents"), 1);
    outbox::register(&store, vec![("siem".to_owned(), vec![Kind::Alert])]).unwrap();
    let waits = Reader::new(&store, "siem").next(9).unwrap().entries;
    let ids: Vec<&str> = waits.iter().map(|entry| &*entry.id).collect();
    assert_eq!(ids, ["waits"], "a sink goes on where it stopped");
    let version = count(&store, "SELECT user_version FROM pragma_user_version");
    assert_eq!(version, i64::from(migrate::newest()));
    drop(store);
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let error = Store::open(&dir, settings(&super::make::config()), None);
    let text = error.err().unwrap().to_string();
    assert!(
        text.contains("version 99") && text.contains("restore a backup"),
        "{text}"
    );
    assert!(path.exists(), "it is left where it is");
}

#[test]
fn a_failed_change_leaves_nothing_behind() {
    let store = open(&testing::dir("store-undo"));
    let outcome: Result<(), Error> = store.write(|change| {
        change.run("INSERT INTO comments VALUES (1, 'o', 1, 'a', 't')", [])?;
        Err(Error::Refused("no".to_owned()))
    });
    assert_eq!(outcome.unwrap_err().to_string(), "no");
    assert_eq!(count(&store, "SELECT count(*) FROM comments"), 0);
}

#[test]
fn a_change_that_panics_is_undone_and_stops_nothing() {
    let store = open(&testing::dir("store-panic"));
    let outcome: Result<(), Error> = store.write(|change| {
        change.run("INSERT INTO comments VALUES (1, 'o', 1, 'a', 't')", [])?;
        panic!("on purpose");
    });
    assert!(matches!(outcome, Err(Error::Unwritten)));
    assert_eq!(count(&store, "SELECT count(*) FROM comments"), 0);
    put(&store, [Make::default()]);
    assert_eq!(count(&store, "SELECT count(*) FROM alerts"), 1);
}

fn log(store: &Store, entries: usize) {
    for n in 0..entries {
        store
            .write(move |change| {
                let act = Act {
                    actor: "user:anna",
                    action: "alert.look",
                    object: &format!("alert:{n}"),
                };
                audit::append(change, act, &json!({"n": n})).map(drop)
            })
            .unwrap();
    }
}

#[test]
fn tampering_with_the_audit_log_is_found() {
    let dir = testing::dir("store-audit");
    let store = open(&dir);
    log(&store, 5);
    let refused = |sql: &'static str| store.write(move |change| change.run(sql, [])).unwrap_err();
    for sql in [
        "UPDATE audit SET actor = 'nobody' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 5",
        "INSERT INTO audit SELECT 9, time, actor, action, object, detail, prev, hash FROM audit WHERE seq = 1",
    ] {
        assert!(refused(sql).to_string().contains("append-only"), "{sql}");
    }
    store.close();
    drop(store);
    let conn = rusqlite::Connection::open(dir.join(FILE)).unwrap();
    let whole = audit::verify(&conn, "").unwrap();
    assert_eq!((whole.entries, whole.broken), (5, None));
    let second: String = conn
        .query_row("SELECT hash FROM audit WHERE seq = 2", [], |row| row.get(0))
        .unwrap();
    conn.execute_batch("DROP TRIGGER audit_never_changes; DROP TRIGGER audit_never_shrinks;")
        .unwrap();
    for (sql, place) in [
        ("UPDATE audit SET detail = '{}' WHERE seq = 3", 3),
        ("UPDATE audit SET time = time + 1 WHERE seq = 4", 4),
        ("DELETE FROM audit WHERE seq = 2", 3),
        (
            "UPDATE audit SET actor = 'user', action = ':annaalert.look' WHERE seq = 1",
            1,
        ),
    ] {
        let tx = conn.unchecked_transaction().unwrap();
        tx.execute(sql, []).unwrap();
        let broken = audit::verify(&tx, "").unwrap().broken;
        assert_eq!(broken.map(|(seq, _)| seq), Some(place), "{sql}");
        tx.rollback().unwrap();
    }
    conn.execute("DELETE FROM audit WHERE seq > 1", []).unwrap();
    let cut = audit::verify(&conn, &second).unwrap();
    assert_eq!(cut.broken, None);
    assert!(!cut.contains, "a cut end is found by what a sink received");
}

#[test]
fn a_damaged_store_is_set_aside_and_a_fresh_one_begun() {
    let dir = testing::dir("store-damage");
    let store = open(&dir);
    put(
        &store,
        (0..2000).map(|n| Make {
            n,
            ..Make::default()
        }),
    );
    store.close();
    drop(store);
    let path = dir.join(FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    let len = bytes.len();
    for at in (len / 4..len / 2).step_by(512) {
        bytes[at..at + 64].fill(0xa5);
    }
    std::fs::write(&path, bytes).unwrap();
    let store = open(&dir);
    assert_eq!(count(&store, "SELECT count(*) FROM alerts"), 0);
    assert_eq!(
        count(
            &store,
            "SELECT count(*) FROM findings WHERE name = 'store-damaged' AND state = 'open'"
        ),
        1
    );
    assert_eq!(
        count(
            &store,
            "SELECT count(*) FROM audit WHERE action = 'store.begin'"
        ),
        1
    );
    let aside = |name: &str| name.contains(".damaged-") && !name.ends_with("-wal");
    let names = std::fs::read_dir(&dir).unwrap().flatten();
    let kept = names.filter(|entry| aside(&entry.file_name().to_string_lossy()));
    assert_eq!(kept.count(), 1);
    put(&store, [Make::default()]);
    assert_eq!(count(&store, "SELECT count(*) FROM alerts"), 1);
}

#[test]
fn what_is_no_database_is_set_aside_too_but_not_another_programs() {
    let dir = testing::dir("store-garbage");
    std::fs::write(dir.join(FILE), "no database at all, ".repeat(1000)).unwrap();
    let store = open(&dir);
    assert_eq!(count(&store, "SELECT count(*) FROM alerts"), 0);
    drop(store);
    let dir = testing::dir("store-foreign");
    let conn = rusqlite::Connection::open(dir.join(FILE)).unwrap();
    conn.execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 3;")
        .unwrap();
    drop(conn);
    let text = Store::open(&dir, settings(&super::make::config()), None)
        .err()
        .unwrap()
        .to_string();
    assert!(text.contains("another program's"), "{text}");
}

#[test]
fn damage_found_while_it_runs_is_set_aside_and_readers_follow() {
    let dir = testing::dir("store-damage-late");
    let store = open(&dir);
    put(&store, [Make::default()]);
    assert_eq!(count(&store, "SELECT count(*) FROM alerts"), 1);
    for _ in 0..2 {
        let damaged = crate::store::queue::Item::Damaged(0, "found".to_owned());
        store.0.queue.ask(damaged).unwrap();
    }
    put(
        &store,
        [Make {
            n: 7,
            ..Make::default()
        }],
    );
    assert_eq!(count(&store, "SELECT count(*) FROM alerts"), 1);
    assert_eq!(
        count(&store, "SELECT count(*) FROM alerts WHERE flow_id = 7"),
        1
    );
    let begun = "SELECT count(*) FROM audit WHERE action = 'store.begin'";
    assert_eq!(count(&store, begun), 1, "set aside once");
    assert!(opening::read_only(store.path()).is_ok());
}

#[test]
fn an_older_store_is_not_read_as_if_it_were_of_today() {
    let dir = testing::dir("store-older");
    let path = dir.join(FILE);
    let mut conn = rusqlite::Connection::open(&path).unwrap();
    migrate::migrate_to(&mut conn, migrate::newest() - 1).unwrap();
    drop(conn);
    let said = opening::read_only(&path).unwrap_err().to_string();
    assert!(
        said.contains("start `vitalwire run` with it once"),
        "{said}"
    );
    assert!(opening::to_copy(&path).is_ok(), "a backup copies it");
    drop(open(&dir));
    assert!(opening::read_only(&path).is_ok());
}
