//! Legal hold: what is held stays, whatever its age and however little room there is.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::audit::{self, Act};
use super::change::Change;
use super::error::Error;

/// What is held.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// One alert, by its id.
    Alert(&'a str),
    /// An incident and all of its alerts, those to come as well.
    Incident(&'a str),
}

/// Of what is held, the newest are told.
const TOLD_MAX: i64 = 200;

/// Something that is held.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// `alert` or `incident`.
    pub class: &'static str,
    /// Its id.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// Since when, in microseconds.
    pub since: i64,
    /// Who holds it.
    pub by: String,
}

/// What is held, the newest first: the audit log knows what ever was.
///
/// # Errors
/// What SQLite says.
pub fn list(conn: &Connection) -> Result<Vec<Held>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT object, max(time), actor FROM audit WHERE action = 'hold.set'
         GROUP BY object ORDER BY max(seq) DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([TOLD_MAX], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, i64>(1)?,
            row.get::<_, String>(2)?,
        ))
    })?;
    let mut all = Vec::new();
    for row in rows {
        let (object, since, by) = row?;
        let (class, id, sql) = match object.split_once(':') {
            Some(("alert", id)) => (
                "alert",
                id,
                "SELECT title FROM alerts WHERE alert_id = ?1 AND hold & 1 <> 0",
            ),
            Some(("incident", id)) => (
                "incident",
                id,
                "SELECT title FROM incidents WHERE incident_id = ?1 AND hold <> 0",
            ),
            _ => continue,
        };
        let mut statement = conn.prepare_cached(sql)?;
        let title: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
        all.extend(title.map(|title| Held {
            class,
            id: id.to_owned(),
            title,
            since,
            by,
        }));
    }
    Ok(all)
}

/// Holds it, or lets it go.
///
/// # Errors
/// No such alert or incident, or what SQLite says.
pub fn set(change: &Change<'_>, what: What<'_>, held: bool, who: &str) -> Result<(), Error> {
    let (object, found) = match what {
        What::Alert(id) => (format!("alert:{id}"), set_alert(change, id, held)?),
        What::Incident(id) => (format!("incident:{id}"), set_incident(change, id, held)?),
    };
    if !found {
        return Err(Error::Missing(object.replace(':', " ")));
    }
    let act = Act {
        actor: who,
        action: if held { "hold.set" } else { "hold.release" },
        object: &object,
    };
    audit::append(change, act, &json!({})).map(drop)
}

/// The first bit is the alert's own, the second its incident's.
fn set_alert(change: &Change<'_>, id: &str, held: bool) -> Result<bool, Error> {
    let found = change.run(
        "UPDATE alerts SET hold = (hold & 2) | ?2 WHERE alert_id = ?1",
        params![id, held],
    )?;
    Ok(found > 0)
}

fn set_incident(change: &Change<'_>, id: &str, held: bool) -> Result<bool, Error> {
    let found = change.run(
        "UPDATE incidents SET hold = ?2 WHERE incident_id = ?1",
        params![id, held],
    )?;
    change.run(
        "UPDATE alerts SET hold = (hold & 1) | (?2 * 2)
         WHERE incident = (SELECT number FROM incidents WHERE incident_id = ?1)",
        params![id, held],
    )?;
    Ok(found > 0)
}
