//! What people write about an alert or an incident.

use rusqlite::{Connection, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::store::audit::{self, Act};
use crate::store::change::Change;
use crate::store::error::Error;
use crate::store::words::stamp;
use crate::store::{alerts, incidents};

/// The most characters of one, and the most about one thing.
const CHARS_MAX: usize = 4_000;
const OF_ONE_MAX: i64 = 500;

/// A comment.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Comment {
    /// When it was written.
    pub time: String,
    /// By whom.
    pub author: String,
    /// What it says.
    pub text: String,
}

/// Those about `alert:ID` or `incident:ID`, the first one first.
///
/// # Errors
/// What SQLite says.
pub fn of(conn: &Connection, object: &str) -> Result<Vec<Comment>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT time, author, text FROM comments WHERE object = ?1 ORDER BY seq LIMIT ?2",
    )?;
    let rows = statement.query_map(params![object, OF_ONE_MAX], |row| {
        Ok(Comment {
            time: stamp(row.get(0)?),
            author: row.get(1)?,
            text: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Adds one. The audit log and sinks are told that there is one, and not what it says: it may name a
/// patient.
///
/// # Errors
/// No such alert or incident, a text that is none or endless, or what SQLite says.
pub fn add(change: &Change<'_>, object: &str, text: &str, who: &str) -> Result<Comment, Error> {
    let whole = text.chars().count();
    let text = text.trim();
    if text.is_empty() || whole > CHARS_MAX {
        return Err(Error::Refused(format!(
            "a comment has 1 to {CHARS_MAX} characters"
        )));
    }
    let (kind, id) = object.split_once(':').unwrap_or(("alert", object));
    let sql = match kind {
        "incident" => "SELECT 1 FROM incidents WHERE incident_id = ?1",
        _ => "SELECT 1 FROM alerts WHERE alert_id = ?1",
    };
    change
        .one(sql, [id], |_| Ok(()))?
        .ok_or_else(|| Error::Missing(format!("{kind} with this id")))?;
    let count: i64 = change.query_row(
        "SELECT count(*) FROM comments WHERE object = ?1",
        [object],
        |row| row.get(0),
    )?;
    if count >= OF_ONE_MAX {
        return Err(Error::Refused(format!("at most {OF_ONE_MAX} comments")));
    }
    change.run(
        "INSERT INTO comments (object, time, author, text) VALUES (?1, ?2, ?3, ?4)",
        params![object, change.now(), who, text],
    )?;
    let act = Act {
        actor: who,
        action: &format!("{kind}.comment"),
        object,
    };
    audit::append(change, act, &json!({"comment": change.last_insert_rowid()}))?;
    match kind {
        "incident" => incidents::commented(change, id)?,
        _ => alerts::tell(change, id, "update")?,
    }
    Ok(Comment {
        time: stamp(change.now()),
        author: who.to_owned(),
        text: text.to_owned(),
    })
}
