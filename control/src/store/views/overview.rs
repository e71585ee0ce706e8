//! What pages count: by severity, of one rule, what waits for sinks, which rules were in force.

use rusqlite::{Connection, params};

use crate::store::error::Error;
use crate::store::precision::Precision;

/// Alerts of a span of time are counted up to this many.
const COUNTED_MAX: i64 = 200_000;
/// Loads of rules that are told.
const LOADS_MAX: i64 = 100;

/// Alerts from a time, before another, by severity; the mildest first.
///
/// # Errors
/// What SQLite says.
pub fn severities(conn: &Connection, from: i64, to: i64) -> Result<[u64; 5], Error> {
    let mut statement = conn.prepare_cached(
        "SELECT severity, count(*) FROM (SELECT severity FROM alerts INDEXED BY alerts_shown
             WHERE time >= ?1 AND time < ?2 ORDER BY time DESC LIMIT ?3) GROUP BY severity",
    )?;
    let mut counts = [0; 5];
    let rows = statement.query_map(params![from, to, COUNTED_MAX], |row| {
        Ok((row.get::<_, usize>(0)?, row.get::<_, u64>(1)?))
    })?;
    for row in rows {
        let (severity, count) = row?;
        if let Some(slot) = counts.get_mut(severity) {
            *slot = count;
        }
    }
    Ok(counts)
}

/// What one rule found since a time, and what people judged.
///
/// # Errors
/// What SQLite says.
pub fn of_rule(conn: &Connection, slug: &str, since: i64) -> Result<Precision, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT count(*), count(*) FILTER (WHERE verdict = 0), count(*) FILTER (WHERE verdict = 1),
             count(*) FILTER (WHERE verdict = 2), count(*) FILTER (WHERE verdict > 2)
         FROM alerts INDEXED BY alerts_of_rule WHERE slug = ?1 AND time >= ?2",
    )?;
    Ok(statement.query_row(params![slug, since], |row| {
        Ok(Precision {
            slug: slug.to_owned(),
            alerts: row.get(0)?,
            right: row.get(1)?,
            benign: row.get(2)?,
            wrong: row.get(3)?,
            other: row.get(4)?,
        })
    })?)
}

/// Loads of rules since a time.
///
/// # Errors
/// What SQLite says.
pub fn loads_since(conn: &Connection, time: i64) -> Result<u64, Error> {
    let sql = "SELECT count(*) FROM rule_versions WHERE loaded >= ?1";
    Ok(conn.query_row(sql, [time], |row| row.get(0))?)
}

/// A rule set that was in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Since when.
    pub loaded: i64,
    /// Its rules.
    pub rules: i64,
    /// Those that may fire.
    pub armed: i64,
    /// Its packs.
    pub packs: Vec<String>,
}

/// The newest of them, the newest first.
///
/// # Errors
/// What SQLite says.
pub fn loads(conn: &Connection) -> Result<Vec<Load>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT loaded, rules, armed, packs FROM rule_versions ORDER BY seq DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([LOADS_MAX], |row| {
        let packs: String = row.get(3)?;
        Ok(Load {
            loaded: row.get(0)?,
            rules: row.get(1)?,
            armed: row.get(2)?,
            packs: serde_json::from_str(&packs).unwrap_or_default(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
