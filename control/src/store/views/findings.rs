//! What is wrong with the mirror or the appliance, and what was.

use rusqlite::{Connection, params};
use schemars::JsonSchema;
use serde::Serialize;

use crate::store::error::Error;
use crate::store::words::{severity_word, stamp};

/// There is one for each thing that may be wrong with each interface: few.
const LIST_MAX: u32 = 1_000;

/// A finding.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Finding {
    /// What is wrong, in one word.
    pub name: String,
    /// With what: an interface, or the store.
    pub subject: String,
    /// `open` or `closed`.
    pub state: String,
    /// How bad.
    pub severity: &'static str,
    /// What is wrong.
    pub explain: String,
    /// What mends it.
    pub what_to_do: String,
    /// Since when.
    pub first_seen: String,
    /// When it was told last.
    pub last_seen: String,
}

/// All of them, or those in a state; the newest first.
///
/// # Errors
/// What SQLite says.
pub fn list(conn: &Connection, state: Option<&str>) -> Result<Vec<Finding>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT name, subject, state, severity, explain, what_to_do, first_seen, last_seen
         FROM findings WHERE ?1 IS NULL OR state = ?1 ORDER BY last_seen DESC, name, subject LIMIT ?2",
    )?;
    let rows = statement.query_map(params![state, LIST_MAX], |row| {
        Ok(Finding {
            name: row.get(0)?,
            subject: row.get(1)?,
            state: row.get(2)?,
            severity: severity_word(row.get(3)?),
            explain: row.get(4)?,
            what_to_do: row.get(5)?,
            first_seen: stamp(row.get(6)?),
            last_seen: stamp(row.get(7)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
