//! The schema, one file for each step; `user_version` says how many a store has taken.

use rusqlite::{Connection, TransactionBehavior};

use super::error::Error;

/// Every step, in order. A step that was released never changes.
const STEPS: &[(&str, &str)] = &[
    ("begin", include_str!("migrations/001_begin.sql")),
    ("audit", include_str!("migrations/002_audit.sql")),
    ("inventory", include_str!("migrations/003_inventory.sql")),
    ("access", include_str!("migrations/004_access.sql")),
    ("devices", include_str!("migrations/005_devices.sql")),
    (
        "audit begin",
        include_str!("migrations/006_audit_begin.sql"),
    ),
    ("follow", include_str!("migrations/007_follow.sql")),
    ("stays", include_str!("migrations/008_stays.sql")),
];

/// Marks a file as ours: `VWST`.
const APPLICATION_ID: i32 = 0x5657_5354;

/// The version that this program writes.
pub(super) fn newest() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

/// The version of a store; 0 for an empty file.
pub(super) fn version(conn: &Connection) -> Result<u32, Error> {
    Ok(conn.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Refuses what a newer program wrote and what is no store.
pub(super) fn check(conn: &Connection) -> Result<u32, Error> {
    let id: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found = version(conn)?;
    if found > 0 && id != APPLICATION_ID {
        return Err(Error::Files(
            "this is another program's database; name another directory as store.dir".to_owned(),
        ));
    }
    if found > newest() {
        let known = newest();
        return Err(Error::Newer { found, known });
    }
    Ok(found)
}

/// Brings a store to this program's version. Says which it had.
pub(super) fn migrate(conn: &mut Connection) -> Result<u32, Error> {
    let found = check(conn)?;
    migrate_to(conn, newest())?;
    Ok(found)
}

/// Takes the steps up to a version, each as a whole.
pub(super) fn migrate_to(conn: &mut Connection, to: u32) -> Result<(), Error> {
    for (version, (name, sql)) in (1..=to).zip(STEPS) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if self::version(&tx)? >= version {
            continue;
        }
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
        tracing::debug!(version, name, "the store's schema has taken a step");
    }
    Ok(())
}
