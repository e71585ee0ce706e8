//! What people do to single alerts.

use rusqlite::params;
use serde_json::json;

use crate::store::alerts;
use crate::store::audit::{self, Act};
use crate::store::change::Change;
use crate::store::error::Error;

/// Somebody is at it. One that is acknowledged already stays so.
///
/// # Errors
/// No such alert, one that is closed, or what SQLite says.
pub fn acknowledge(change: &Change<'_>, alert_id: &str, who: &str) -> Result<(), Error> {
    let status = change.one(
        "SELECT status FROM alerts WHERE alert_id = ?1",
        [alert_id],
        |row| row.get::<_, i64>(0),
    )?;
    match status {
        None => Err(Error::Missing("alert with this id".to_owned())),
        Some(0) => {
            change.run(
                "UPDATE alerts SET status = 1 WHERE alert_id = ?1",
                params![alert_id],
            )?;
            let act = Act {
                actor: who,
                action: "alert.acknowledge",
                object: &format!("alert:{alert_id}"),
            };
            audit::append(change, act, &json!({}))?;
            alerts::tell(change, alert_id, "acknowledge")
        }
        Some(1) => Ok(()),
        Some(_) => Err(Error::Refused(
            "the alert is closed, and a verdict stands".to_owned(),
        )),
    }
}
