//! Keeping the outbox small: what every sink has taken goes, and beyond the bounds the oldest of the
//! lowest class.

use std::collections::BTreeMap;

use rusqlite::params;

use super::Kind;
use crate::store::{Change, Error};

/// The most that waits for sinks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) entries: i64,
    pub(crate) bytes: i64,
}

/// Entries removed in one step: some milliseconds of work.
const STEP: i64 = 5_000;

/// Removes a step's worth. Says what was dropped that somebody had still to take, and whether there
/// is more to remove.
pub(crate) fn trim(
    change: &Change<'_>,
    bounds: Bounds,
) -> Result<(BTreeMap<Kind, u64>, bool), Error> {
    let upto = change.one("SELECT min(cursor) FROM sinks", [], |row| {
        row.get::<_, Option<i64>>(0)
    })?;
    let upto = upto.flatten().unwrap_or(i64::MAX);
    let taken = change.run(
        "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE seq <= ?1 LIMIT ?2)",
        params![upto, STEP],
    )?;
    let mut dropped = BTreeMap::new();
    for _ in 0..STEP {
        if !is_over(change, bounds)? || !drop_one(change, &mut dropped)? {
            break;
        }
    }
    let more = i64::try_from(taken).is_ok_and(|taken| taken >= STEP) || is_over(change, bounds)?;
    Ok((dropped, more))
}

fn is_over(change: &Change<'_>, bounds: Bounds) -> Result<bool, Error> {
    let size = change.one("SELECT entries, bytes FROM outbox_size", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    })?;
    let (entries, bytes) = size.unwrap_or_default();
    Ok(entries > bounds.entries || bytes > bounds.bytes)
}

fn drop_one(change: &Change<'_>, dropped: &mut BTreeMap<Kind, u64>) -> Result<bool, Error> {
    let lowest = change.one(
        "SELECT seq, kind FROM outbox ORDER BY class, seq LIMIT 1",
        [],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
    )?;
    let Some((seq, kind)) = lowest else {
        return Ok(false);
    };
    change.run("DELETE FROM outbox WHERE seq = ?1", [seq])?;
    let count = dropped
        .entry(Kind::stored(&kind).unwrap_or(Kind::Test))
        .or_insert(0_u64);
    *count = count.saturating_add(1);
    Ok(true)
}
