//! Incidents, newest first.

use rules::{Impact, Severity};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use schemars::JsonSchema;
use serde::Serialize;

use crate::store::error::Error;
use crate::store::words::{self, Status, Verdict, impact_word, rank, severity_word, stamp};

/// An incident.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Incident {
    /// In the order in which they were opened.
    pub number: i64,
    /// Its id.
    pub incident_id: String,
    /// What it is about, in one word.
    pub category: String,
    /// Who acted.
    pub actor: String,
    /// On whom.
    pub victim: String,
    /// That of its worst alert.
    pub title: String,
    /// The rule of its worst alert.
    pub slug: String,
    /// How bad.
    pub severity: &'static str,
    /// What it means at the bedside.
    pub clinical_impact: &'static str,
    /// Whom to tell.
    pub tier: String,
    /// Its alerts.
    pub count: i64,
    /// Packet time of the first one.
    pub first_seen: String,
    /// Packet time of the last one.
    pub last_seen: String,
    /// When it was opened.
    pub opened: String,
    /// When it was told last.
    pub changed: String,
    /// Grows each time that it is told.
    pub revision: i64,
    /// How far people are with it.
    pub status: &'static str,
    /// What it was judged to be.
    pub verdict: Option<&'static str>,
    /// By whom.
    pub judged_by: Option<String>,
    /// The incident about the same thing before it.
    pub previous: Option<String>,
    /// Whether it is held.
    pub held: bool,
    /// Whether cutting off one of its devices may hurt somebody: call first.
    pub do_not_isolate: bool,
}

/// What is looked for. Within a list one has to hold, of the parts all; what is empty holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Last seen not before this, in microseconds of packet time.
    pub from: Option<i64>,
    /// First seen before this.
    pub to: Option<i64>,
    /// One of these.
    pub severities: Vec<Severity>,
    /// One of these.
    pub impacts: Vec<Impact>,
    /// One of these.
    pub statuses: Vec<Status>,
    /// One of these.
    pub categories: Vec<String>,
    /// Who acted, or on whom.
    pub host: Option<String>,
}

/// The most incidents on a page, and values of a list.
const PAGE_MAX: u32 = 1_000;
const LIST_MAX: usize = 64;

const COLUMNS: &str = "number, incident_id, family, actor, victim, title, slug, severity, impact, tier,
    count, first_seen, last_seen, opened, changed, revision, status, verdict, judged_by, previous, hold,
    stays";

fn read(row: &Row<'_>) -> rusqlite::Result<Incident> {
    let verdict: Option<i64> = row.get(17)?;
    let verdict = verdict.and_then(|rank| words::at(&Verdict::ALL, rank));
    let time = |column| row.get(column).map(stamp);
    Ok(Incident {
        number: row.get(0)?,
        incident_id: row.get(1)?,
        category: row.get(2)?,
        actor: row.get(3)?,
        victim: row.get(4)?,
        title: row.get(5)?,
        slug: row.get(6)?,
        severity: severity_word(row.get(7)?),
        clinical_impact: impact_word(row.get(8)?),
        tier: row.get(9)?,
        count: row.get(10)?,
        first_seen: time(11)?,
        last_seen: time(12)?,
        opened: time(13)?,
        changed: time(14)?,
        revision: row.get(15)?,
        status: words::at(&Status::ALL, row.get(16)?).map_or("open", Status::word),
        verdict: verdict.map(Verdict::word),
        judged_by: row.get(18)?,
        previous: row.get(19)?,
        held: row.get::<_, i64>(20)? > 0,
        do_not_isolate: row.get(21)?,
    })
}

/// Those that a filter finds, the newest first, before a number.
///
/// # Errors
/// A filter that asks for too much, or what SQLite says.
pub fn page(
    conn: &Connection,
    filter: &Filter,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Incident>, Error> {
    let (mut terms, mut values) = terms(filter)?;
    if let Some(before) = before {
        terms.push("number < ?".to_owned());
        values.push(before.into());
    }
    let terms = if terms.is_empty() {
        "1".to_owned()
    } else {
        terms.join(" AND ")
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM incidents WHERE {terms} ORDER BY number DESC LIMIT {}",
        limit.clamp(1, PAGE_MAX)
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Those that are not closed, the worst first: by clinical impact, then severity, then the newest.
///
/// # Errors
/// What SQLite says.
pub fn worst(conn: &Connection, limit: u32) -> Result<Vec<Incident>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM incidents WHERE status < 2
         ORDER BY impact DESC, severity DESC, number DESC LIMIT ?1"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map([limit.min(PAGE_MAX)], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many are not closed, by clinical impact; `none` first.
///
/// # Errors
/// What SQLite says.
pub fn open(conn: &Connection) -> Result<[u64; 4], Error> {
    let sql = "SELECT impact, count(*) FROM incidents WHERE status < 2 GROUP BY impact";
    let mut counts = [0; 4];
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, usize>(0)?, row.get(1)?)))?;
    for row in rows {
        let (impact, count) = row?;
        if let Some(slot) = counts.get_mut(impact) {
            *slot = count;
        }
    }
    Ok(counts)
}

fn terms(filter: &Filter) -> Result<(Vec<String>, Vec<Value>), Error> {
    let mut terms = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if let Some(from) = filter.from {
        terms.push("last_seen >= ?".to_owned());
        values.push(from.into());
    }
    if let Some(to) = filter.to {
        terms.push("first_seen < ?".to_owned());
        values.push(to.into());
    }
    terms.extend(ranks("severity", &Severity::ALL, &filter.severities));
    terms.extend(ranks("impact", &Impact::ALL, &filter.impacts));
    terms.extend(ranks("status", &Status::ALL, &filter.statuses));
    if filter.categories.len() > LIST_MAX {
        return Err(Error::Refused(format!("at most {LIST_MAX} values at once")));
    }
    if !filter.categories.is_empty() {
        let marks = vec!["?"; filter.categories.len()].join(",");
        terms.push(format!("family IN ({marks})"));
        values.extend(filter.categories.iter().cloned().map(Value::from));
    }
    if let Some(host) = &filter.host {
        terms.push("? IN (actor, victim)".to_owned());
        values.push(host.clone().into());
    }
    Ok((terms, values))
}

fn ranks<T: PartialEq>(column: &str, all: &[T], wanted: &[T]) -> Option<String> {
    let ranks: Vec<String> = wanted.iter().map(|w| rank(all, w).to_string()).collect();
    (!ranks.is_empty()).then(|| format!("{column} IN ({})", ranks.join(",")))
}

/// One of them.
///
/// # Errors
/// What SQLite says.
pub fn get(conn: &Connection, id: &str) -> Result<Option<Incident>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM incidents WHERE incident_id = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_row([id], read).optional()?)
}

/// Those that were told after a time (in microseconds), the first told first. Each comes with that time.
///
/// # Errors
/// What SQLite says.
pub fn changed_after(
    conn: &Connection,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, Incident)>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM incidents WHERE changed > ?1 ORDER BY changed, number LIMIT ?2"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params![after, limit], |row| {
        Ok((row.get(14)?, read(row)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
