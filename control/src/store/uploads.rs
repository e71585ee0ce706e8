//! Rules that were uploaded, in versions: each has all files of its time, the newest is in force.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::audit::{self, Act};
use super::change::Change;
use super::error::Error;
use super::words::stamp;

/// Bounds, of one version.
const FILES_MAX: usize = 64;
const BYTES_MAX: usize = 4 << 20;
/// Versions that are kept.
const VERSIONS_MAX: i64 = 100;

/// Texts by name.
pub type Files = BTreeMap<String, String>;

/// A version, without its files.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Version {
    /// Only grows.
    pub version: i64,
    /// When it was made.
    pub created: String,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub note: String,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Version> {
    Ok(Version {
        version: row.get(0)?,
        created: stamp(row.get(1)?),
        created_by: row.get(2)?,
        note: row.get(3)?,
    })
}

/// The newest version and its files; 0 and none, if nothing was uploaded ever.
///
/// # Errors
/// What SQLite says.
pub fn newest(conn: &Connection) -> Result<(i64, Files), Error> {
    let sql = "SELECT version, files FROM rule_uploads ORDER BY version DESC LIMIT 1";
    let mut statement = conn.prepare_cached(sql)?;
    let found: Option<(i64, String)> = statement
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (version, files) = found.unwrap_or_default();
    Ok((version, parse(&files)))
}

/// The files of a version.
///
/// # Errors
/// No such version, or what SQLite says.
pub fn files(conn: &Connection, version: i64) -> Result<Files, Error> {
    let mut statement = conn.prepare_cached("SELECT files FROM rule_uploads WHERE version = ?1")?;
    let found: Option<String> = statement
        .query_row([version], |row| row.get(0))
        .optional()?;
    let found = found.ok_or_else(|| Error::Missing("version of this number".to_owned()))?;
    Ok(parse(&found))
}

fn parse(files: &str) -> Files {
    serde_json::from_str(files).unwrap_or_default()
}

/// Every version that is kept, the newest first.
///
/// # Errors
/// What SQLite says.
pub fn versions(conn: &Connection) -> Result<Vec<Version>, Error> {
    let sql = "SELECT version, created, created_by, note FROM rule_uploads ORDER BY version DESC";
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

/// Makes a version of these files.
///
/// # Errors
/// Too many or too long files, or what SQLite says.
pub fn put(change: &Change<'_>, files: &Files, note: &str, who: &str) -> Result<i64, Error> {
    let bytes: usize = files.values().map(String::len).sum();
    if files.len() > FILES_MAX || bytes > BYTES_MAX {
        return Err(Error::Refused(format!(
            "at most {FILES_MAX} files with {BYTES_MAX} bytes"
        )));
    }
    let note: String = note.chars().take(200).collect();
    change.run(
        "INSERT INTO rule_uploads (created, created_by, note, files) VALUES (?1, ?2, ?3, ?4)",
        params![change.now(), who, note, json!(files).to_string()],
    )?;
    let version = change.last_insert_rowid();
    change.run(
        "DELETE FROM rule_uploads WHERE version <= ?1",
        [version.saturating_sub(VERSIONS_MAX)],
    )?;
    let act = Act {
        actor: who,
        action: "rules.upload",
        object: &format!("rules:{version}"),
    };
    let names: Vec<&String> = files.keys().collect();
    audit::append(change, act, &json!({"note": note, "files": names}))?;
    Ok(version)
}
