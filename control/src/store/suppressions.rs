//! Suppressions that people made here, beside those of the configuration.

use rusqlite::{Connection, OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::audit;
use super::change::Change;
use super::error::Error;
use super::words::stamp;
use crate::config;

/// The most of them: each costs the matcher.
const COUNT_MAX: i64 = 1_000;

/// A suppression.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Suppression {
    /// Only grows.
    pub number: i64,
    /// What it says.
    #[serde(flatten)]
    pub says: config::Suppression,
    /// When it was made.
    pub created: String,
    /// By whom.
    pub created_by: String,
}

const COLUMNS: &str = "seq, rule, condition, fields, owner, reason, expires, created, created_by";

fn read(row: &Row<'_>) -> rusqlite::Result<Suppression> {
    let fields: String = row.get(3)?;
    Ok(Suppression {
        number: row.get(0)?,
        says: config::Suppression {
            rule: row.get(1)?,
            when: row.get(2)?,
            fields: serde_json::from_str(&fields).unwrap_or_default(),
            owner: row.get(4)?,
            reason: row.get(5)?,
            expires: row.get(6)?,
        },
        created: stamp(row.get(7)?),
        created_by: row.get(8)?,
    })
}

/// All of them, the first made first.
///
/// # Errors
/// What SQLite says.
pub fn list(conn: &Connection) -> Result<Vec<Suppression>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM suppressions ORDER BY seq");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

/// One of them.
///
/// # Errors
/// What SQLite says.
pub fn get(conn: &Connection, number: i64) -> Result<Option<Suppression>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM suppressions WHERE seq = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_row([number], read).optional()?)
}

/// Makes one, or puts it in the place of one.
///
/// # Errors
/// No such one, too many, or what SQLite says.
pub fn put(
    change: &Change<'_>,
    number: Option<i64>,
    says: &config::Suppression,
    who: &str,
) -> Result<Suppression, Error> {
    let missing = || Error::Missing("suppression of this number".to_owned());
    let number = match number {
        Some(number) => {
            get(change, number)?.ok_or_else(missing)?;
            number
        }
        None => new_number(change)?,
    };
    change.run(
        "INSERT INTO suppressions
             (seq, rule, condition, fields, owner, reason, expires, created, created_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (seq) DO UPDATE SET rule = excluded.rule, condition = excluded.condition,
             fields = excluded.fields, owner = excluded.owner, reason = excluded.reason,
             expires = excluded.expires",
        params![
            number,
            says.rule,
            says.when,
            json!(says.fields).to_string(),
            says.owner,
            says.reason,
            says.expires,
            change.now(),
            who
        ],
    )?;
    audit::note(
        change,
        (who, "suppression.put"),
        ("suppression", number),
        &json!(says),
    )?;
    get(change, number)?.ok_or_else(missing)
}

/// The number that its entry in the audit log will have: one that was deleted leaves none to be taken
/// for another.
fn new_number(change: &Change<'_>) -> Result<i64, Error> {
    let (count, last): (i64, i64) = change.query_row(
        "SELECT count(*), (SELECT coalesce(max(seq), 0) FROM audit) FROM suppressions",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if count >= COUNT_MAX {
        return Err(Error::Refused(format!("at most {COUNT_MAX} suppressions")));
    }
    Ok(last.saturating_add(1))
}

/// Deletes one.
///
/// # Errors
/// No such one, or what SQLite says.
pub fn delete(change: &Change<'_>, number: i64, who: &str) -> Result<(), Error> {
    let found = change.run("DELETE FROM suppressions WHERE seq = ?1", [number])?;
    if found == 0 {
        return Err(Error::Missing("suppression of this number".to_owned()));
    }
    audit::note(
        change,
        (who, "suppression.delete"),
        ("suppression", number),
        &json!({}),
    )
}
