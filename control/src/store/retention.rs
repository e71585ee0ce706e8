//! What is old goes, class by class; and when there is no room, the oldest of the mildest class. What
//! somebody holds stays, whatever its age and however little room there is. The audit log
//! goes by age alone.
//! Each step is small, so that alerts do not wait for it, and is noted in the audit log with counts.

use rusqlite::{Connection, params};
use serde_json::json;

use super::audit::{self, Act};
use super::change::Change;
use super::error::Error;
use super::words::severity_word;
use super::{Keep, Settings, audit_trim};

/// Alerts deleted in one step: some tens of milliseconds.
const STEP: i64 = 1_000;
/// Severities, the mildest first.
const CLASSES: std::ops::Range<i64> = 0..5;
/// Pages given back to the file system in one step.
const PAGES: u32 = 1_024;

/// What a step did.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Retired {
    pub(super) alerts: u64,
    /// There is more to delete.
    pub(super) more: bool,
    /// There is no room, and nothing that may go.
    pub(super) full: bool,
}

/// Bytes in use, free pages left out.
pub(super) fn used(conn: &Connection) -> Result<u64, Error> {
    let of = |name| conn.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    let pages = of("page_count")?.saturating_sub(of("freelist_count")?);
    Ok(pages.saturating_mul(of("page_size")?))
}

/// Gives free pages back to the file system, some at a time, where there are many: a few are soon
/// used again.
pub(super) fn shrink(conn: &Connection) -> Result<(), Error> {
    let of = |name| conn.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    if of("freelist_count")? < of("page_count")?.wrapping_div(8) {
        return Ok(());
    }
    conn.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    Ok(())
}

/// Deletes a step's worth: of what is too old, if it is time to look for that, and else of what there
/// is no room for.
pub(super) fn step(
    change: &Change<'_>,
    settings: &Settings,
    (bytes, look): (u64, bool),
) -> Result<Retired, Error> {
    let mut retired = Retired::default();
    if look {
        for severity in CLASSES {
            let keep = settings.keep.of(severity);
            if keep > 0 {
                let before = change.now().saturating_sub(keep);
                retired.add(retire(change, severity, before, "age")?);
            }
        }
        empty_incidents(change, &settings.keep)?;
        audit_trim::trim(change, settings.keep.audit)?;
    }
    if bytes > settings.max_bytes && retired.alerts == 0 {
        for severity in CLASSES {
            retired.add(retire(change, severity, i64::MAX, "size")?);
            if retired.alerts > 0 {
                break;
            }
        }
        retired.full = retired.alerts == 0;
    }
    Ok(retired)
}

impl Retired {
    fn add(&mut self, alerts: u64) {
        self.alerts = self.alerts.saturating_add(alerts);
        self.more |= i64::try_from(alerts).is_ok_and(|alerts| alerts >= STEP);
    }
}

/// Deletes the oldest alerts of a class that were received before, and says how many.
fn retire(
    change: &Change<'_>,
    severity: i64,
    before: i64,
    why: &'static str,
) -> Result<u64, Error> {
    let mut statement = change.prepare_cached(
        "SELECT seq, received FROM alerts INDEXED BY alerts_by_age
         WHERE hold = 0 AND severity = ?1 AND received < ?2 ORDER BY received LIMIT ?3",
    )?;
    let found = statement.query_map(params![severity, before, STEP], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    })?;
    let found: Vec<(i64, i64)> = found.collect::<Result<_, _>>()?;
    let Some((_, newest)) = found.last().copied() else {
        return Ok(0);
    };
    for (seq, _) in &found {
        change.run("DELETE FROM alert_words WHERE rowid = ?1", [seq])?;
        change.run("DELETE FROM alert_lines WHERE seq = ?1", [seq])?;
        change.run("DELETE FROM alerts WHERE seq = ?1", [seq])?;
    }
    let act = Act {
        actor: "system",
        action: "store.retire",
        object: "alerts",
    };
    let detail = json!({
        "count": found.len(),
        "severity": severity_word(severity),
        "received_until": super::words::stamp(newest),
        "why": why,
    });
    audit::append(change, act, &detail)?;
    Ok(u64::try_from(found.len()).unwrap_or(u64::MAX))
}

/// Incidents whose alerts are all gone, and that are as old, go too.
fn empty_incidents(change: &Change<'_>, keep: &Keep) -> Result<(), Error> {
    if keep.incidents == 0 {
        return Ok(());
    }
    let before = change.now().saturating_sub(keep.incidents);
    let gone = change.run(
        "DELETE FROM incidents WHERE number IN (
             SELECT number FROM incidents i
             WHERE hold = 0 AND changed < ?1
                 AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.incident = i.number)
             LIMIT ?2)",
        params![before, STEP],
    )?;
    if gone > 0 {
        let act = Act {
            actor: "system",
            action: "store.retire",
            object: "incidents",
        };
        audit::append(change, act, &json!({"count": gone, "why": "age"}))?;
    }
    Ok(())
}
