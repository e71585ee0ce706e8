//! Shortening the audit log: what is old enough goes from its begin, never from its middle. An entry of the
//! log itself says up to which number and hash, so that the chain is verified from there on. What is
//! about something that is held stays, and all after it.

use rusqlite::params;
use serde_json::json;

use super::audit::{self, Act, TRIM};
use super::change::Change;
use super::error::Error;

/// Entries looked at in one step.
const STEP: i64 = 5_000;
/// Once a day is enough, so that the log does not fill with entries about itself: microseconds.
const DAY: i64 = 86_400_000_000;

/// Removes entries that are older than `keep` (microseconds; 0 keeps all). Says how many.
pub(super) fn trim(change: &Change<'_>, keep: i64) -> Result<u64, Error> {
    let begin = change.one("SELECT seq, time FROM audit_begin", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    })?;
    let (begin, last_time) = begin.unwrap_or_default();
    if keep == 0 || change.now().saturating_sub(last_time) < DAY {
        return Ok(0);
    }
    let before = change.now().saturating_sub(keep);
    let Some((upto, hash)) = old(change, begin, before)? else {
        return Ok(0);
    };
    change.run(
        "UPDATE audit_begin SET seq = ?1, hash = ?2, time = ?3",
        params![upto, hash, change.now()],
    )?;
    let act = Act {
        actor: "system",
        action: TRIM,
        object: "audit",
    };
    audit::append(
        change,
        act,
        &json!({"upto": upto, "hash": hash, "why": "age"}),
    )?;
    let gone = change.run("DELETE FROM audit WHERE seq <= ?1", [upto])?;
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}

/// The last of the entries that may go.
fn old(change: &Change<'_>, begin: i64, before: i64) -> Result<Option<(i64, String)>, Error> {
    let kept: Option<i64> = change
        .one(
            "SELECT min(seq) FROM (SELECT seq, time, object FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2) e
             WHERE e.time >= ?3
                 OR EXISTS (SELECT 1 FROM alerts WHERE hold <> 0 AND e.object LIKE 'alert:%'
                            AND alert_id = substr(e.object, 7))
                 OR EXISTS (SELECT 1 FROM incidents WHERE hold <> 0 AND e.object LIKE 'incident:%'
                            AND incident_id = substr(e.object, 10))",
            params![begin, STEP, before],
            |row| row.get(0),
        )?
        .flatten();
    change.one(
        "SELECT seq, hash FROM audit WHERE seq > ?1 AND seq < ?2 AND seq <= ?1 + ?3
         ORDER BY seq DESC LIMIT 1",
        params![begin, kept.unwrap_or(i64::MAX), STEP],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
