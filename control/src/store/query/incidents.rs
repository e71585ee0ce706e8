//! Incidents, findings and comments, as lists show them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::page::as_stamp;
use crate::store::error::Error;
use crate::store::words::{self, Status, Verdict, impact_word, rank, severity_word};

/// An incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// Its number, for people.
    pub number: i64,
    /// Its id.
    pub id: String,
    /// The worst alert's title.
    pub title: String,
    /// The worst alert's rule.
    pub slug: String,
    /// What it is about, in one word.
    pub category: String,
    /// The worst alert's.
    pub severity: &'static str,
    /// The worst alert's.
    pub clinical_impact: &'static str,
    /// Whom to tell.
    pub tier: String,
    /// Who acted.
    pub actor: String,
    /// On whom.
    pub victim: String,
    /// Alerts.
    pub count: u64,
    /// Packet time of the first alert.
    #[serde(serialize_with = "as_stamp")]
    pub first_seen: i64,
    /// Packet time of the last alert.
    #[serde(serialize_with = "as_stamp")]
    pub last_seen: i64,
    /// When it was opened.
    #[serde(serialize_with = "as_stamp")]
    pub opened: i64,
    /// Counts its changes.
    pub revision: u64,
    /// How far people are with it.
    pub status: &'static str,
    /// What it was judged to be.
    pub verdict: Option<&'static str>,
    /// Who judged it.
    pub judged_by: Option<String>,
    /// The incident about the same thing before it.
    pub previous: Option<String>,
    /// Whether it is held.
    pub held: bool,
}

const COLUMNS: &str =
    "number, incident_id, title, slug, family, severity, impact, tier, actor, victim,
    count, first_seen, last_seen, opened, revision, status, verdict, judged_by, previous, hold";

impl Incident {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let verdict: Option<i64> = row.get(16)?;
        let verdict = verdict.and_then(|rank| words::at(&Verdict::ALL, rank));
        Ok(Self {
            number: row.get(0)?,
            id: row.get(1)?,
            title: row.get(2)?,
            slug: row.get(3)?,
            category: row.get(4)?,
            severity: severity_word(row.get(5)?),
            clinical_impact: impact_word(row.get(6)?),
            tier: row.get(7)?,
            actor: row.get(8)?,
            victim: row.get(9)?,
            count: row.get(10)?,
            first_seen: row.get(11)?,
            last_seen: row.get(12)?,
            opened: row.get(13)?,
            revision: row.get(14)?,
            status: words::at(&Status::ALL, row.get(15)?).map_or("open", Status::word),
            verdict: verdict.map(Verdict::word),
            judged_by: row.get(17)?,
            previous: row.get(18)?,
            held: row.get(19)?,
        })
    }
}

/// Incidents of one status, the newest first; `before` is the `last_seen` and `number` of the last
/// one of the page before.
///
/// # Errors
/// What SQLite says.
pub fn incidents(
    conn: &Connection,
    status: Status,
    before: Option<(i64, i64)>,
    limit: u32,
) -> Result<Vec<Incident>, Error> {
    let (last_seen, number) = before.unwrap_or((i64::MAX, i64::MAX));
    let sql = format!(
        "SELECT {COLUMNS} FROM incidents
         WHERE status = ?1 AND (last_seen, number) < (?2, ?3)
         ORDER BY last_seen DESC, number DESC LIMIT ?4"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let asked = params![rank(&Status::ALL, &status), last_seen, number, limit];
    let rows = statement.query_map(asked, Incident::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One incident.
///
/// # Errors
/// What SQLite says.
pub fn incident(conn: &Connection, id: &str) -> Result<Option<Incident>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM incidents WHERE incident_id = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_row([id], Incident::read).optional()?)
}

/// A finding, in its newest state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Which, as `silent-vlan`.
    pub name: String,
    /// The interface, or the part of the appliance.
    pub subject: String,
    /// Whether it still holds.
    pub open: bool,
    /// How bad.
    pub severity: &'static str,
    /// What is wrong.
    pub explain: String,
    /// What to do.
    pub what_to_do: String,
    /// Since when.
    #[serde(serialize_with = "as_stamp")]
    pub first_seen: i64,
    /// When it was told last.
    #[serde(serialize_with = "as_stamp")]
    pub last_seen: i64,
}

/// All findings, those that hold first, the worst first.
///
/// # Errors
/// What SQLite says.
pub fn findings(conn: &Connection) -> Result<Vec<Finding>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT name, subject, state = 'open', severity, explain, what_to_do, first_seen, last_seen
         FROM findings ORDER BY state = 'open' DESC, severity DESC, name, subject",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Finding {
            name: row.get(0)?,
            subject: row.get(1)?,
            open: row.get(2)?,
            severity: severity_word(row.get(3)?),
            explain: row.get(4)?,
            what_to_do: row.get(5)?,
            first_seen: row.get(6)?,
            last_seen: row.get(7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What somebody wrote to an alert or an incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comment {
    /// When.
    #[serde(serialize_with = "as_stamp")]
    pub time: i64,
    /// Who.
    pub author: String,
    /// What.
    pub text: String,
}

/// The comments on `alert:ID` or `incident:ID`, oldest first.
///
/// # Errors
/// What SQLite says.
pub fn comments(conn: &Connection, object: &str) -> Result<Vec<Comment>, Error> {
    let mut statement = conn
        .prepare_cached("SELECT time, author, text FROM comments WHERE object = ?1 ORDER BY seq")?;
    let rows = statement.query_map([object], |row| {
        Ok(Comment {
            time: row.get(0)?,
            author: row.get(1)?,
            text: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
