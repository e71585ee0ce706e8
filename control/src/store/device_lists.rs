//! The hospital's list of its devices as people uploaded it, in versions: the newest is in force.

use rusqlite::{Connection, OptionalExtension, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::audit::{self, Act};
use super::change::Change;
use super::error::Error;
use super::words::stamp;

/// Versions that are kept.
const VERSIONS_MAX: i64 = 10;
/// Bytes of a list: some twenty thousand devices.
pub const BYTES_MAX: usize = 4 << 20;

/// A list that was uploaded.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Uploaded {
    /// Only grows.
    pub version: i64,
    /// When it was uploaded.
    pub created: String,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub note: String,
    /// The list, as CSV.
    #[serde(skip)]
    pub text: String,
}

/// The list that is in force, if one was uploaded and not taken back.
///
/// # Errors
/// What SQLite says.
pub fn newest(conn: &Connection) -> Result<Option<Uploaded>, Error> {
    let sql = "SELECT version, created, created_by, note, text FROM device_lists
               ORDER BY version DESC LIMIT 1";
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_row([], |row| {
        let text: Option<String> = row.get(4)?;
        let of = |text| -> rusqlite::Result<Uploaded> {
            Ok(Uploaded {
                version: row.get(0)?,
                created: stamp(row.get(1)?),
                created_by: row.get(2)?,
                note: row.get(3)?,
                text,
            })
        };
        text.map(of).transpose()
    });
    Ok(found.optional()?.flatten())
}

/// Puts a list in force; none gives way to the configuration's. Says its version.
///
/// # Errors
/// Too long a list, or what SQLite says.
pub fn put(change: &Change<'_>, text: Option<&str>, note: &str, who: &str) -> Result<i64, Error> {
    if text.is_some_and(|text| text.len() > BYTES_MAX) {
        return Err(Error::Refused(format!(
            "a list has at most {BYTES_MAX} bytes; name a longer one in the configuration"
        )));
    }
    let note: String = note.chars().take(200).collect();
    change.run(
        "INSERT INTO device_lists (created, created_by, note, text) VALUES (?1, ?2, ?3, ?4)",
        params![change.now(), who, note, text],
    )?;
    let version = change.last_insert_rowid();
    change.run(
        "DELETE FROM device_lists WHERE version <= ?1",
        [version.saturating_sub(VERSIONS_MAX)],
    )?;
    let act = Act {
        actor: who,
        action: match text {
            Some(_) => "devices.upload",
            None => "devices.take_back",
        },
        object: &format!("devices:{version}"),
    };
    let bytes = text.map_or(0, str::len);
    audit::append(change, act, &json!({"note": note, "bytes": bytes}))?;
    Ok(version)
}
