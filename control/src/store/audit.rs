//! The audit log: who did what, append-only. Each entry is sealed with a hash over itself and the
//! hash of the entry before it, so that none can be changed, left out or put in unnoticed. Whoever
//! rewrites the whole chain, or cuts its end, is found by the copies that sinks hold of later hashes.

use std::fmt::Display;

use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::change::Change;
use super::error::Error;
use super::words::stamp;
use crate::outbox::{Kind, New};

/// What the first entry has in the place of a hash before it.
const BEGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The action of an entry that says up to where the log was shortened.
pub(super) const TRIM: &str = "audit.trim";

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its number, from 1, without gaps.
    pub seq: i64,
    /// When, in microseconds.
    pub time: i64,
    /// Who: `user:NAME`, `token:NAME`, `system`.
    pub actor: String,
    /// What, as `incident.close`.
    pub action: String,
    /// Of what, as `incident:ID`.
    pub object: String,
    /// The particulars, a JSON object.
    pub detail: String,
    /// The hash of the entry before.
    pub prev: String,
    /// Over all of this.
    pub hash: String,
}

/// Who does something to what.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// Who: `user:NAME`, `token:NAME`, `system`.
    pub actor: &'a str,
    /// What, as `incident.close`.
    pub action: &'a str,
    /// Of what, as `incident:ID`.
    pub object: &'a str,
}

/// Notes what somebody did to one thing: `("token", 7)` is the object `token:7`.
///
/// # Errors
/// What SQLite says.
pub fn note(
    change: &Change<'_>,
    (actor, action): (&str, &str),
    (class, which): (&str, impl Display),
    detail: &Value,
) -> Result<(), Error> {
    let object = &format!("{class}:{which}");
    let act = Act {
        actor,
        action,
        object,
    };
    append(change, act, detail).map(drop)
}

/// Appends an entry and tells it to sinks. `detail` is an object.
///
/// # Errors
/// What SQLite says.
pub fn append(change: &Change<'_>, act: Act<'_>, detail: &Value) -> Result<Entry, Error> {
    let last = change.one(
        "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1",
        [],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
    )?;
    let (seq, prev) = last.unwrap_or_else(|| (0, BEGIN.to_owned()));
    let mut entry = Entry {
        seq: seq.saturating_add(1),
        time: change.now(),
        actor: act.actor.to_owned(),
        action: act.action.to_owned(),
        object: act.object.to_owned(),
        detail: detail.to_string(),
        prev,
        hash: String::new(),
    };
    entry.hash = entry.seal();
    change.run(
        "INSERT INTO audit (seq, time, actor, action, object, detail, prev, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            entry.seq,
            entry.time,
            entry.actor,
            entry.action,
            entry.object,
            entry.detail,
            entry.prev,
            entry.hash
        ],
    )?;
    let new = New {
        kind: Kind::Audit,
        id: &entry.hash,
        action: "create",
        severity: None,
    };
    change.tell(&new, &entry.body(detail))?;
    Ok(entry)
}

impl Entry {
    /// The hash over the entry: every field with its length before it, so that no two entries
    /// read the same.
    fn seal(&self) -> String {
        let mut hash = Sha256::new();
        let (seq, time) = (self.seq.to_string(), self.time.to_string());
        for field in [
            &seq,
            &time,
            &self.actor,
            &self.action,
            &self.object,
            &self.detail,
            &self.prev,
        ] {
            let len = u64::try_from(field.len()).unwrap_or(u64::MAX);
            hash.update(len.to_be_bytes());
            hash.update(field.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn body(&self, detail: &Value) -> Value {
        json!({
            "seq": self.seq,
            "time": stamp(self.time),
            "actor": self.actor,
            "action": self.action,
            "object": self.object,
            "detail": detail,
            "prev": self.prev,
            "hash": self.hash,
        })
    }

    /// From a row of all columns.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            time: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            object: row.get(4)?,
            detail: row.get(5)?,
            prev: row.get(6)?,
            hash: row.get(7)?,
        })
    }
}

/// What was found of the chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chain {
    /// Entries.
    pub entries: u64,
    /// The number of the first one: those before it went by retention.
    pub begins: i64,
    /// The hash of the last one.
    pub head: String,
    /// Where it is broken, and how, if it is.
    pub broken: Option<(i64, &'static str)>,
    /// Whether an entry with the hash that was asked for is in it.
    pub contains: bool,
}

/// Where the log begins: the number and hash of the last entry that retention removed.
fn begin(conn: &Connection) -> Result<(i64, String), Error> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE name = 'audit_begin'";
    let known: i64 = conn.query_row(sql, [], |row| row.get(0))?;
    if known == 0 {
        return Ok((0, BEGIN.to_owned())); // A store of an older program.
    }
    let sql = "SELECT seq, hash FROM audit_begin";
    Ok(conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Whether an entry says that the log was shortened up to there.
fn says_so(entry: &Entry, seq: i64, hash: &str) -> bool {
    let said = json!({"upto": seq, "hash": hash});
    let detail: Value = serde_json::from_str(&entry.detail).unwrap_or_default();
    entry.action == TRIM
        && ["upto", "hash"]
            .iter()
            .all(|key| detail.get(key) == said.get(key))
}

/// Walks the chain from its begin. `wanted` is a hash that ought to be in it, or empty.
///
/// # Errors
/// What SQLite says.
pub fn verify(conn: &Connection, wanted: &str) -> Result<Chain, Error> {
    let (trimmed, hash) = begin(conn)?;
    let mut told = trimmed == 0;
    let mut chain = Chain {
        entries: 0,
        begins: trimmed.saturating_add(1),
        head: hash.clone(),
        broken: None,
        contains: wanted.is_empty() || wanted == hash,
    };
    let mut statement = conn.prepare(
        "SELECT seq, time, actor, action, object, detail, prev, hash FROM audit ORDER BY seq",
    )?;
    let mut next = chain.begins;
    for entry in statement.query_map([], Entry::read)? {
        let entry = entry?;
        let fault = if entry.seq != next {
            Some("an entry before it is missing")
        } else if entry.prev != chain.head {
            Some("it does not follow the entry before it")
        } else if entry.hash != entry.seal() {
            Some("it was changed")
        } else {
            None
        };
        if let Some(fault) = fault {
            chain.broken = Some((entry.seq, fault));
            return Ok(chain);
        }
        next = next.saturating_add(1);
        chain.entries = chain.entries.saturating_add(1);
        chain.contains |= entry.hash == wanted;
        told |= says_so(&entry, trimmed, &hash);
        chain.head = entry.hash;
    }
    if !told {
        let fault = "entries before it are missing, and none says that retention removed them";
        chain.broken = Some((chain.begins, fault));
    }
    Ok(chain)
}

/// Entries before a number, newest first.
///
/// # Errors
/// What SQLite says.
pub fn list(conn: &Connection, before: Option<i64>, limit: u32) -> Result<Vec<Entry>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, time, actor, action, object, detail, prev, hash FROM audit
         WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![before.unwrap_or(i64::MAX), limit], Entry::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
