//! Responses: what is done about an alert, only ever what a person configured for that rule.
//!
//! Each is dry until it is told otherwise, limited by the hour, and over after a while; what it does,
//! would have done or refuses is in the audit log. None ever touches a device on which a life depends,
//! that is connected to a patient, or of which nobody said what it is, nor answers an alert that may
//! matter at the bedside, unless clinical engineering approves that one action ([`approve`]).
//!
//! An approval is an entry of the audit log, which comes to the response as alerts do.

#![expect(
    clippy::result_large_err,
    reason = "rusqlite's error, in its own closures; far from the packet path"
)]

mod block_list;
mod guard;
mod standing;
mod state;
mod webhook;

use std::sync::Arc;

use rusqlite::OptionalExtension as _;
use serde_json::{Value, json};

use super::parse;
use crate::clock;
use crate::config::Response as Config;
use crate::inventory::Devices;
use crate::outbox::{Deliver, Entry, Failure, Kind};
use crate::store::{self, Change, Store, audit};
use guard::Subject;
pub use standing::{Does, Standing, State as StandingState, standings};
use state::{Active, State};

/// What a response takes from the outbox.
pub(super) const SELECT: [Kind; 2] = [Kind::Alert, Kind::Audit];

/// The role that may approve.
const APPROVER: &str = "clinical_engineer";
/// Characters of a reason.
const REASON_MAX: usize = 400;
/// The action in the audit log that an approval is.
const APPROVED: &str = "response.approve";

/// Who approves what, and why.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The response.
    pub response: String,
    /// The alert.
    pub alert_id: String,
    /// Who, as the audit log names it.
    pub who: String,
    /// In which role.
    pub role: &'static str,
    /// Why.
    pub reason: String,
}

/// Approves one response to one alert, though its device has to stay: for clinical engineering alone,
/// and not again while it is done. Whoever calls this has made sure who asks, and in which role.
///
/// # Errors
/// Another role; no such alert, or no response to it; one that is done already; what SQLite says.
pub fn approve(
    change: &Change<'_>,
    responses: &[Config],
    approval: &Approval,
) -> Result<(), store::Error> {
    if approval.role != APPROVER {
        return Err(store::Error::Refused(
            "only clinical engineering approves a response to a device that has to stay".to_owned(),
        ));
    }
    let all = standings(change, responses, &approval.alert_id)?;
    let stands = all.iter().find(|one| one.response == approval.response);
    let missing = || store::Error::Missing("response of this name to this alert".to_owned());
    if !stands.ok_or_else(missing)?.state.may_be_approved() {
        return Err(store::Error::Refused(
            "this response needs no approval now; look how it stands".to_owned(),
        ));
    }
    let act = audit::Act {
        actor: &approval.who,
        action: APPROVED,
        object: &format!("alert:{}", approval.alert_id),
    };
    let reason: String = approval.reason.trim().chars().take(REASON_MAX).collect();
    let detail = json!({"response": approval.response, "role": approval.role, "reason": reason});
    audit::append(change, act, &detail).map(drop)
}

/// What a response does. It does the same again without harm.
trait Effect: Send {
    /// Begins to act upon something, or goes on with all that is active.
    fn begin(&mut self, active: &Active, all: &[Active]) -> Result<(), String>;

    /// Something is over; the rest goes on.
    fn end(&mut self, all: &[Active]) -> Result<(), String>;
}

pub(super) fn make(
    config: &Config,
    store: &Store,
    devices: &Arc<Devices>,
    dir: &std::path::Path,
) -> Result<Box<dyn Deliver>, String> {
    let effect: Box<dyn Effect> = match (&config.block_list, &config.webhook) {
        (Some(list), None) => Box::new(block_list::BlockList::new(&config.name, list)?),
        (None, Some(hook)) => Box::new(webhook::Action::new(&config.name, hook)?),
        _ => return Err("either block_list or webhook says what is done".to_owned()),
    };
    if config.rules.is_empty() {
        return Err("rules: name the rules that it answers; there is no default".to_owned());
    }
    if config.expires.0.is_zero() || config.per_hour == 0 {
        return Err("expires and per_hour have to be more than nothing".to_owned());
    }
    Ok(Box::new(Response {
        state: State::open(&dir.join(format!("response-{}.json", config.name)))?,
        config: config.clone(),
        effect,
        store: store.clone(),
        devices: Arc::clone(devices),
    }))
}

struct Response {
    config: Config,
    effect: Box<dyn Effect>,
    state: State,
    store: Store,
    devices: Arc<Devices>,
}

impl Deliver for Response {
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        for (at, entry) in batch.iter().enumerate() {
            let line = parse(entry).map_err(|why| Failure::refused(at, why))?;
            let outcome = match entry.kind {
                Kind::Alert => self.answer(&line, false),
                _ => self.approved(&line),
            };
            outcome.map_err(|why| Failure::later(at, why))?;
        }
        self.expire()
            .map_err(|why| Failure::later(batch.len(), why))
    }

    fn idle(&mut self) {
        if let Err(why) = self.expire() {
            tracing::warn!(
                response = self.config.name,
                "what is over could not be ended: {why}"
            );
        }
    }
}

impl Response {
    /// An alert: is it one to answer, and may it be answered?
    fn answer(&mut self, line: &Value, approved: bool) -> Result<(), String> {
        let text = |pointer: &str| line.pointer(pointer).and_then(Value::as_str);
        let (slug, id) = (text("/vitalwire/slug"), text("/vitalwire/alert_id"));
        let (Some(slug), Some(id)) = (slug, id) else {
            return Ok(());
        };
        if !self.config.rules.iter().any(|rule| rule == slug) {
            return Ok(());
        }
        let subject = Subject::of(line);
        let ip = subject.ip.unwrap_or_default();
        if self.state.holds(ip, slug) {
            return Ok(());
        }
        let refusal = match subject.may_be_touched(line, &self.devices.now()) {
            _ if ip.is_empty() => Some(("response.refuse", "it names no address".to_owned(), None)),
            // It is proposed to whoever may approve it.
            Err(why) if !approved => Some(("response.refuse", why, Some(APPROVER))),
            _ if !self.state.has_room(self.config.per_hour) => {
                let why = format!("more than {} in an hour", self.config.per_hour);
                Some(("response.limit", why, None))
            }
            _ => None,
        };
        if let Some((action, why, approval)) = refusal {
            let detail = json!({"target": ip, "rule": slug, "why": why, "approval": approval});
            self.note(action, id, &detail)?;
            return self.state.refused(ip, slug, self.config.expires.0);
        }
        let active = Active::new(ip, slug, id, self.config.expires.0);
        self.act(Active { approved, ..active })
    }

    fn act(&mut self, active: Active) -> Result<(), String> {
        let (ip, slug, id) = (&active.ip, &active.rule, active.alert_id.clone());
        let detail = json!({"target": ip, "rule": slug, "until": active.until_text()});
        if self.config.dry_run {
            self.note("response.would", &id, &detail)?;
            return self.state.would(active);
        }
        let mut all = self.state.active();
        all.push(active.clone());
        self.effect.begin(&active, &all)?;
        self.note("response.act", &id, &detail)?;
        self.state.began(active)
    }

    /// An entry of the audit log: is it an approval of ours?
    fn approved(&mut self, line: &Value) -> Result<(), String> {
        let text = |pointer: &str| line.pointer(pointer).and_then(Value::as_str);
        let ours = text("/audit/action") == Some(APPROVED)
            && text("/audit/detail/response") == Some(&self.config.name)
            && text("/audit/detail/role") == Some(APPROVER);
        let id = text("/audit/object").and_then(|object| object.strip_prefix("alert:"));
        let Some(id) = id.filter(|_| ours) else {
            return Ok(());
        };
        let found = self.alert(id)?;
        let Some(alert) = found else {
            return self.note(
                "response.refuse",
                id,
                &json!({"why": "the alert is no more"}),
            );
        };
        self.state.pardon(&alert);
        self.answer(&alert, true)
    }

    fn alert(&self, id: &str) -> Result<Option<Value>, String> {
        let found: Result<Option<String>, _> = self.store.read(|conn| {
            let sql = "SELECT json FROM alert_lines WHERE seq = (SELECT seq FROM alerts WHERE alert_id = ?1)";
            Ok(conn.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?)
        });
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Ends what is over, and what has to stay after all: the hospital's list changes, and addresses do.
    fn expire(&mut self) -> Result<(), String> {
        let now = clock::now();
        let mut stay = Vec::new();
        for active in self.state.active().into_iter().filter(|one| !one.approved) {
            let alert = self.alert(&active.alert_id)?;
            let may =
                alert.map(|line| Subject::of(&line).may_be_touched(&line, &self.devices.now()));
            stay.extend(may.and_then(Result::err).map(|why| (active, why)));
        }
        let why = |one: &Active| stay.iter().find(|(of, _)| of == one).map(|(_, why)| why);
        let over = self
            .state
            .over(|one| one.until <= now.0 || why(one).is_some());
        if over.is_empty() {
            return Ok(());
        }
        let all = self.state.active();
        self.effect.end(&all)?;
        for active in over.iter().filter(|active| active.acted) {
            let detail = json!({"target": active.ip, "rule": active.rule, "why": why(active)});
            self.note("response.expire", &active.alert_id, &detail)?;
        }
        self.state.save()
    }

    /// Into the audit log.
    fn note(&self, action: &'static str, alert_id: &str, detail: &Value) -> Result<(), String> {
        let (actor, object) = (
            format!("response:{}", self.config.name),
            format!("alert:{alert_id}"),
        );
        let detail = detail.clone();
        let written = self.store.write(move |change| {
            let act = audit::Act {
                actor: &actor,
                action,
                object: &object,
            };
            audit::append(change, act, &detail).map(drop)
        });
        written.map_err(|error| error.to_string())
    }
}
