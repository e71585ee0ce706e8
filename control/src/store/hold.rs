//! Legal hold: what is held stays, whatever its age and however little room there is.

use rusqlite::params;
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
