//! How right each rule is, by people's verdicts on its alerts.

use rusqlite::{Connection, params};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::Error;

/// The verdicts on one rule's alerts.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Precision {
    /// The rule's id.
    pub slug: String,
    /// Alerts stored.
    pub alerts: u64,
    /// As the rule says, and it should not have been.
    pub right: u64,
    /// As the rule says, and it was all right.
    pub benign: u64,
    /// Not as the rule says.
    pub wrong: u64,
    /// Told elsewhere, or tried out: they say nothing about the rule.
    pub other: u64,
}

impl Precision {
    /// The share of judged alerts that were worth telling, if any was judged.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn share(&self) -> Option<f64> {
        let judged = self
            .right
            .saturating_add(self.benign)
            .saturating_add(self.wrong);
        (judged > 0).then(|| self.right as f64 / judged as f64)
    }
}

/// Of every rule with alerts since, in microseconds of packet time.
///
/// # Errors
/// What SQLite says.
pub fn precision(conn: &Connection, since: i64) -> Result<Vec<Precision>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT slug, count(*), count(*) FILTER (WHERE verdict = 0),
             count(*) FILTER (WHERE verdict = 1), count(*) FILTER (WHERE verdict = 2),
             count(*) FILTER (WHERE verdict > 2)
         FROM alerts INDEXED BY alerts_of_rule WHERE time >= ?1 GROUP BY slug ORDER BY slug",
    )?;
    let rows = statement.query_map(params![since], |row| {
        Ok(Precision {
            slug: row.get(0)?,
            alerts: row.get(1)?,
            right: row.get(2)?,
            benign: row.get(3)?,
            wrong: row.get(4)?,
            other: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
