//! How many alerts there are of what, among those that a filter finds.

use std::collections::BTreeMap;

use rusqlite::{Connection, params_from_iter};
use schemars::JsonSchema;
use serde::Serialize;

use super::Filter;
use super::sql::Condition;
use crate::store::error::Error;
use crate::store::words::{self, Status, impact_word, severity_word};

/// So many of the newest are counted: a person does not wait for the count of all.
pub const FACET_ALERTS_MAX: i64 = 100_000;

/// The most bars of a timeline.
const BARS_MAX: i64 = 400;

/// The counts.
#[derive(Clone, Debug, Default, JsonSchema, PartialEq, Serialize)]
pub struct Facets {
    /// Alerts counted.
    pub alerts: u64,
    /// Whether these are all, and not the newest only.
    pub complete: bool,
    /// By severity.
    pub severities: BTreeMap<&'static str, u64>,
    /// By clinical impact.
    pub impacts: BTreeMap<&'static str, u64>,
    /// By status.
    pub statuses: BTreeMap<&'static str, u64>,
    /// By rule.
    pub slugs: BTreeMap<String, u64>,
    /// By category.
    pub categories: BTreeMap<String, u64>,
    /// By time: from the microsecond that is the key, for the length of a bar.
    pub timeline: BTreeMap<i64, u64>,
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

/// Counts by what is in a text column, without a copy for each alert.
fn count_text(counts: &mut BTreeMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count = count.saturating_add(1),
        None => {
            counts.insert(key.to_owned(), 1);
        }
    }
}

/// Counts what a filter finds. `bar` is the length of the timeline's bars, in microseconds.
///
/// # Errors
/// A filter that asks for too much, or what SQLite says.
pub fn facets(conn: &Connection, filter: &Filter, bar: i64) -> Result<Facets, Error> {
    counted(conn, filter, bar, |_, _| ())
}

/// The same, and tells each alert's place, the newest first.
pub(super) fn counted(
    conn: &Connection,
    filter: &Filter,
    bar: i64,
    mut each: impl FnMut(i64, i64),
) -> Result<Facets, Error> {
    let condition = Condition::new(conn, filter)?;
    let sql = format!(
        "SELECT time, severity, impact, status, slug, category, seq {}
         ORDER BY time DESC, seq DESC LIMIT {}",
        condition.from(),
        FACET_ALERTS_MAX.saturating_add(1)
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(condition.values()))?;
    let mut facets = Facets {
        complete: true,
        ..Facets::default()
    };
    let mut newest = None;
    while let Some(row) = rows.next()? {
        if i64::try_from(facets.alerts).is_ok_and(|alerts| alerts >= FACET_ALERTS_MAX) {
            facets.complete = false;
            break;
        }
        facets.alerts = facets.alerts.saturating_add(1);
        count(&mut facets.severities, severity_word(row.get(1)?));
        count(&mut facets.impacts, impact_word(row.get(2)?));
        let status = words::at(&Status::ALL, row.get(3)?);
        count(&mut facets.statuses, status.map_or("open", Status::word));
        count_text(
            &mut facets.slugs,
            row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?,
        );
        count_text(
            &mut facets.categories,
            row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?,
        );
        let time: i64 = row.get(0)?;
        each(time, row.get(6)?);
        let bars = newest.get_or_insert(time).saturating_sub(time);
        if bars.wrapping_div(bar.max(1)) < BARS_MAX {
            count(
                &mut facets.timeline,
                time.saturating_sub(time.rem_euclid(bar.max(1))),
            );
        }
    }
    Ok(facets)
}
