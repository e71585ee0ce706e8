//! Findings: what is wrong with the mirror or the appliance, the newest state of each.

use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::Change;
use super::error::Error;
use super::queue::Taken;
use super::words::{severity_rank, severity_word};
use crate::outbox::{self, Kind, New};

#[derive(Debug, Deserialize)]
struct Line {
    finding: Finding,
}

#[derive(Debug, Deserialize)]
struct Finding {
    name: String,
    state: String,
    #[serde(default)]
    interface: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    explain: String,
    #[serde(default)]
    what_to_do: String,
}

/// Stores a finding's line and tells sinks.
pub(super) fn insert(change: &Change<'_>, taken: &Taken) -> Result<(), Error> {
    let line: Line =
        serde_json::from_str(&taken.json).map_err(|error| Error::Refused(error.to_string()))?;
    let time = taken.time.0.div_euclid(1_000);
    let severity = keep(change, &line.finding, time, &taken.json)?;
    let id = format!("{}:{}", line.finding.name, line.finding.interface);
    outbox::append(
        change,
        &new(&line.finding.state, &id, severity),
        &taken.json,
    )
}

/// A finding about the appliance itself.
pub(crate) struct Told<'a> {
    pub(crate) name: &'a str,
    pub(crate) subject: &'a str,
    /// Its rank, 0 (info) to 4 (critical).
    pub(crate) severity: i64,
    pub(crate) explain: &'a str,
    pub(crate) what_to_do: &'a str,
}

impl Told<'_> {
    /// What an event says of it.
    pub(crate) fn body(&self) -> Value {
        json!({
            "name": self.name,
            "state": "open",
            "subject": self.subject,
            "severity": severity_word(self.severity),
            "explain": self.explain,
            "what_to_do": self.what_to_do,
        })
    }
}

/// The store cannot be written: told in eve.json and to Alertmanager at once, to others afterwards.
pub(crate) const STORE_FAILING: Told<'static> = Told {
    name: "store-failing",
    subject: "store",
    severity: 3,
    explain: "the store cannot be written; alerts wait in memory, and are in eve.json",
    what_to_do: "Look after the disk: is it full (df), read-only, or broken (smartctl -a)? The log has what \
                 the system said. Beyond store.queue alerts are lost to the store, and counted.",
};

/// Raises one that is made here: it goes to eve.json too.
pub(crate) fn raise(change: &Change<'_>, told: &Told<'_>) -> Result<(), Error> {
    let finding = Finding {
        name: told.name.to_owned(),
        state: "open".to_owned(),
        interface: told.subject.to_owned(),
        severity: severity_word(told.severity).to_owned(),
        explain: told.explain.to_owned(),
        what_to_do: told.what_to_do.to_owned(),
    };
    let body = told.body();
    keep(change, &finding, change.now(), &body.to_string())?;
    let id = format!("{}:{}", told.name, told.subject);
    change.tell(&new("open", &id, told.severity), &body)
}

/// One that is made here is over, if it was open.
pub(crate) fn over(change: &Change<'_>, name: &str, subject: &str) -> Result<(), Error> {
    let open = change.one(
        "SELECT severity FROM findings WHERE name = ?1 AND subject = ?2 AND state = 'open'",
        [name, subject],
        |row| row.get(0),
    )?;
    let Some(severity) = open else {
        return Ok(());
    };
    let body = json!({"name": name, "state": "closed", "subject": subject});
    let finding = Finding {
        name: name.to_owned(),
        state: "closed".to_owned(),
        interface: subject.to_owned(),
        severity: String::new(),
        explain: String::new(),
        what_to_do: String::new(),
    };
    keep(change, &finding, change.now(), &body.to_string())?;
    let id = format!("{name}:{subject}");
    change.tell(&new("closed", &id, severity), &body)
}

fn new<'a>(state: &str, id: &'a str, severity: i64) -> New<'a> {
    New {
        kind: Kind::Finding,
        id,
        action: if state == "closed" { "close" } else { "create" },
        severity: Some(severity),
    }
}

/// Keeps it, and gives its severity: of one that is over, the one that it had.
fn keep(change: &Change<'_>, finding: &Finding, time: i64, json: &str) -> Result<i64, Error> {
    change.run(
        "INSERT INTO findings (name, subject, state, severity, explain, what_to_do, first_seen,
             last_seen, json)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)
         ON CONFLICT (name, subject) DO UPDATE SET
             severity = iif(excluded.state = 'closed', severity, excluded.severity),
             explain = iif(excluded.state = 'closed', explain, excluded.explain),
             what_to_do = iif(excluded.state = 'closed', what_to_do, excluded.what_to_do),
             first_seen = iif(state = 'closed', excluded.first_seen, first_seen),
             state = excluded.state, last_seen = excluded.last_seen, json = excluded.json",
        params![
            finding.name,
            finding.interface,
            finding.state,
            severity_rank(&finding.severity),
            finding.explain,
            finding.what_to_do,
            time,
            json
        ],
    )?;
    let severity = change.one(
        "SELECT severity FROM findings WHERE name = ?1 AND subject = ?2",
        [&finding.name, &finding.interface],
        |row| row.get(0),
    )?;
    Ok(severity.unwrap_or(0))
}
