//! Which rules were in force, and when.

use rusqlite::params;
use serde_json::json;

use super::audit::{self, Act};
use super::change::Change;
use super::error::Error;

/// A rule set that was loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Differs between rule sets of different files or sets.
    pub hash: u64,
    /// Rules that may fire.
    pub armed: usize,
    /// Rules that lack a list.
    pub unarmed: usize,
    /// The packs and their versions.
    pub packs: Vec<String>,
    /// The files and folders beside them.
    pub paths: Vec<String>,
}

/// Notes the rules that are in force from now on, if they are others than before. Says whether they
/// are.
///
/// # Errors
/// What SQLite says.
pub fn note(change: &Change<'_>, version: &Version, actor: &str) -> Result<bool, Error> {
    let hash = format!("{:016x}", version.hash);
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let (armed, unarmed) = (count(version.armed), count(version.unarmed));
    let last = change.one(
        "SELECT hash, armed FROM rule_versions ORDER BY seq DESC LIMIT 1",
        [],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)),
    )?;
    if last.is_some_and(|last| last == (hash.clone(), armed)) {
        return Ok(false);
    }
    change.run(
        "INSERT INTO rule_versions (loaded, hash, rules, armed, packs, sources)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            change.now(),
            hash,
            armed.saturating_add(unarmed),
            armed,
            json!(version.packs).to_string(),
            json!(version.paths).to_string()
        ],
    )?;
    let act = Act {
        actor,
        action: "rules.load",
        object: "rules",
    };
    let detail = json!({"hash": hash, "armed": armed, "unarmed": unarmed, "packs": version.packs});
    audit::append(change, act, &detail)?;
    Ok(true)
}
