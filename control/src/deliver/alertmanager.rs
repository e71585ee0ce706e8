//! Prometheus Alertmanager (API v2): incidents that page somebody, and the sensor's health, no more.
//! What is active is told again and again, and ends with `endsAt`; a sensor that dies lets its alerts
//! end by themselves, as Prometheus does.

#![expect(
    clippy::result_large_err,
    reason = "rusqlite's error, in its own closures; far from the packet path"
)]

use rusqlite::Connection;
use serde_json::{Value, json};

use super::http::{self, Client, Verdict};
use super::{parse, secret};
use crate::clock::{self, Stopwatch};
use crate::config::Alertmanager as Config;
use crate::formats;
use crate::outbox::{Deliver, Entry, Failure, Kind};
use crate::store::{self, Store, findings, words};

/// What is told at once at most: whoever has more open incidents than this looks at the console.
const ACTIVE_MAX: usize = 1_000;

pub(super) fn make(config: &Config, store: Option<&Store>) -> Result<Box<dyn Deliver>, String> {
    let password = secret::read(
        "password",
        config.password.as_ref(),
        config.password_file.as_deref(),
    )?;
    let header = match (&config.username, password) {
        (None, None) => None,
        (Some(username), Some(password)) => Some(http::basic(username, &password)),
        _ => return Err("username and password go together".to_owned()),
    };
    if config.repeat.0.is_zero() {
        return Err("repeat: how often what is active is told again; 0s is never".to_owned());
    }
    let client = Client::new(&config.url, &config.tls, config.timeout.0)?;
    Ok(Box::new(Alertmanager {
        name: config.name.clone(),
        url: format!("{}/api/v2/alerts", config.url.trim_end_matches('/')),
        repeat: config.repeat.0,
        client: client.authorized(header),
        store: store.cloned(),
        blind: None,
        told: None,
    }))
}

struct Alertmanager {
    name: String,
    url: String,
    repeat: std::time::Duration,
    client: Client,
    /// What is active is read from there.
    store: Option<Store>,
    /// The sensor's last heartbeat that said it is not ready: since when, and the alert.
    blind: Option<Value>,
    /// When everything was told last.
    told: Option<Stopwatch>,
}

impl Deliver for Alertmanager {
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        let mut alerts = Vec::new();
        for entry in batch {
            // What is no JSON is of no use to Alertmanager; the store keeps it.
            if let Ok(line) = parse(entry) {
                alerts.extend(self.alert(entry, &line));
            }
        }
        self.post(&alerts).map_err(|(verdict, why)| match verdict {
            Verdict::Refused => Failure::refused(0, why),
            _ => Failure::later(0, why),
        })?;
        self.remind();
        Ok(())
    }

    fn idle(&mut self) {
        self.remind();
    }
}

impl Alertmanager {
    /// Tells again what is active, when it is time.
    fn remind(&mut self) {
        let due = self.told.is_none_or(|told| told.elapsed() >= self.repeat);
        if !due {
            return;
        }
        self.told = Some(Stopwatch::start());
        let outcome = self
            .active()
            .and_then(|alerts| self.post(&alerts).map_err(|(_, why)| why));
        if let Err(why) = outcome {
            tracing::warn!(
                sink = self.name,
                "what is active could not be told again: {why}"
            );
        }
    }

    fn alert(&mut self, entry: &Entry, line: &Value) -> Option<Value> {
        let own = line.get(entry.kind.word())?;
        let text = |key: &str| own.get(key).and_then(Value::as_str).unwrap_or_default();
        let sensor = line
            .pointer("/vitalwire/sensor_id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let begins = line
            .get("timestamp")
            .and_then(Value::as_str)
            .map(formats::rfc3339);
        match entry.kind {
            Kind::Incident if text("tier") == "page" => {
                let alert = incident(&entry.id, |key| text(key).to_owned());
                let begins = formats::rfc3339(text("first_seen"));
                Some(self.timed(alert, Some(&begins), text("status") == "closed"))
            }
            Kind::Finding => {
                let subject = own.get("interface").or_else(|| own.get("subject"));
                let subject = subject
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                let alert = finding(&subject, |key| text(key).to_owned());
                Some(self.timed(alert, None, text("state") == "closed"))
            }
            Kind::Heartbeat => {
                let ready = own.get("ready").and_then(Value::as_bool).unwrap_or(true);
                self.heartbeat(ready, sensor, text("reason"), begins.as_deref())
            }
            Kind::Test => {
                let alert = json!({
                    "labels": {"alertname": "VitalwireTest", "severity": "info", "id": entry.id},
                    "annotations": {"summary": "A test message of Vitalwire"},
                });
                Some(self.timed(alert, begins.as_deref(), false))
            }
            _ => None,
        }
    }

    /// The sensor says with each heartbeat whether it sees anything.
    fn heartbeat(
        &mut self,
        ready: bool,
        sensor: &str,
        why: &str,
        since: Option<&str>,
    ) -> Option<Value> {
        if ready {
            let over = self.blind.take()?;
            return Some(self.timed(over, None, true));
        }
        let alert = self.blind.get_or_insert_with(|| {
            json!({
                "labels": {"alertname": "VitalwireSensorBlind", "severity": "critical", "sensor": sensor},
                "annotations": {"summary": "The sensor sees nothing", "description": why},
                "startsAt": since,
            })
        });
        let alert = alert.clone();
        Some(self.timed(alert, None, false))
    }

    /// Active until it is not told again, or over.
    fn timed(&self, mut alert: Value, begins: Option<&str>, over: bool) -> Value {
        let now = clock::now();
        let left = i64::try_from(self.repeat.as_nanos())
            .unwrap_or(i64::MAX)
            .saturating_mul(4);
        let ends = if over { now } else { now.plus(left) };
        if let Some(object) = alert.as_object_mut() {
            object.insert("endsAt".to_owned(), formats::of_time(ends).into());
            if let Some(begins) = begins.filter(|begins| !begins.is_empty()) {
                object.insert("startsAt".to_owned(), begins.into());
            }
        }
        alert
    }

    /// Everything that is wrong now.
    fn active(&self) -> Result<Vec<Value>, String> {
        let Some(store) = &self.store else {
            return Ok(Vec::new());
        };
        let found = store.read(|conn| {
            let mut found = incidents(conn)?;
            found.extend(findings(conn)?);
            Ok(found)
        });
        let found = found.map_err(|error| error.to_string())?;
        let told = findings::STORE_FAILING.body();
        let failing = store.counts().is_failing().then(|| {
            let text = |key: &str| told.get(key).and_then(Value::as_str).unwrap_or_default();
            finding(text("subject"), |key| text(key).to_owned())
        });
        let all = failing.into_iter().chain(self.blind.clone()).chain(found);
        Ok(all
            .take(ACTIVE_MAX)
            .map(|alert| self.timed(alert, None, false))
            .collect())
    }

    fn post(&self, alerts: &[Value]) -> Result<(), (Verdict, String)> {
        if alerts.is_empty() {
            return Ok(());
        }
        let body = Value::from(alerts).to_string();
        let headers = [("content-type", "application/json")];
        let status = self.client.send("POST", &self.url, &headers, &body);
        let status = status.map_err(|why| (Verdict::Later, why))?.status;
        match http::verdict(status) {
            Verdict::Taken => Ok(()),
            other => Err((other, http::said(&self.url, status))),
        }
    }
}

/// Labels say which alert it is, and stay; annotations say how it stands. The rule is none: a worse
/// alert that joins brings another.
fn incident(id: &str, text: impl Fn(&str) -> String) -> Value {
    json!({
        "labels": {
            "alertname": "VitalwireIncident",
            "severity": "critical",
            "incident_id": id,
            "category": text("category"),
            "actor": text("actor"),
            "victim": text("victim"),
        },
        "annotations": {
            "summary": text("title"),
            "slug": text("slug"),
            "severity": text("severity"),
            "clinical_impact": text("clinical_impact"),
            "status": text("status"),
        },
    })
}

fn finding(subject: &str, text: impl Fn(&str) -> String) -> Value {
    json!({
        "labels": {
            "alertname": "VitalwireFinding",
            "severity": "warning",
            "finding": text("name"),
            "subject": subject,
        },
        "annotations": {
            "summary": text("explain"),
            "description": text("what_to_do"),
            "severity": text("severity"),
        },
    })
}

fn begun(alert: &mut Value, micros: i64) {
    if let Some(object) = alert.as_object_mut() {
        let begins = formats::rfc3339(&words::stamp(micros));
        object.insert("startsAt".to_owned(), begins.into());
    }
}

fn incidents(conn: &Connection) -> Result<Vec<Value>, store::Error> {
    let mut statement = conn.prepare_cached(
        "SELECT incident_id, slug, family, actor, victim, title, severity, impact, status, first_seen
         FROM incidents WHERE tier = 'page' AND status < 2 ORDER BY severity DESC, number LIMIT 1000",
    )?;
    let rows = statement.query_map([], |row| {
        let (severity, impact, status): (i64, i64, i64) = (row.get(6)?, row.get(7)?, row.get(8)?);
        let id: String = row.get(0)?;
        let texts = [
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
        ];
        let [slug, category, actor, victim, title]: [String; 5] = texts;
        let mut alert = incident(&id, |key| match key {
            "slug" => slug.clone(),
            "category" => category.clone(),
            "actor" => actor.clone(),
            "victim" => victim.clone(),
            "title" => title.clone(),
            "severity" => words::severity_word(severity).to_owned(),
            "clinical_impact" => words::impact_word(impact).to_owned(),
            _ if status == 0 => "open".to_owned(),
            _ => "acknowledged".to_owned(),
        });
        begun(&mut alert, row.get(9)?);
        Ok(alert)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn findings(conn: &Connection) -> Result<Vec<Value>, store::Error> {
    let mut statement = conn.prepare_cached(
        "SELECT name, subject, explain, what_to_do, severity, first_seen FROM findings
         WHERE state <> 'closed' ORDER BY severity DESC, name LIMIT 1000",
    )?;
    let rows = statement.query_map([], |row| {
        let texts = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
        let [name, subject, explain, advice]: [String; 4] = texts;
        let severity: i64 = row.get(4)?;
        let mut alert = finding(&subject, |key| match key {
            "name" => name.clone(),
            "explain" => explain.clone(),
            "what_to_do" => advice.clone(),
            _ => words::severity_word(severity).to_owned(),
        });
        begun(&mut alert, row.get(5)?);
        Ok(alert)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
