//! How responses stand to an alert, as the audit log has it: proposed, approved, acting, over.

use rusqlite::{Connection, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::guard::Subject;
use super::{APPROVED, APPROVER};
use crate::config::Response as Config;
use crate::store::Error;
use crate::store::query;
use crate::store::words::stamp;

/// The newest entries of the audit log that are looked at for one alert.
const ENTRIES_MAX: i64 = 200;

/// How a response stands to an alert.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Standing {
    /// The response's name.
    pub response: String,
    /// What it does.
    pub does: Does,
    /// Whether it only says what it would do.
    pub dry_run: bool,
    /// For how long it acts, in seconds.
    pub expires_s: u64,
    /// The address that it acts upon.
    pub target: Option<String>,
    /// How it stands.
    pub state: State,
    /// Why it is not done.
    pub why: Option<String>,
    /// Until when it acts.
    pub until: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// Since when it stands so.
    pub since: Option<String>,
}

/// What a response does.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// Puts the address into a feed that firewalls poll.
    BlockList,
    /// Asks something that acts, by a signed request.
    Webhook,
}

/// How a response stands to an alert.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ResponseState")]
pub enum State {
    /// Nothing is noted: it has not come to it yet, or the same rule about the same device was
    /// answered before.
    None,
    /// It is not done, since the device may have to stay; clinical engineering may approve it.
    Proposed,
    /// It is not done, and nobody can approve it.
    Refused,
    /// It is not done, since there were too many within an hour.
    Limited,
    /// It is approved, and is about to be done.
    Approved,
    /// It is dry: it was only said what would be done.
    Dry,
    /// It acts.
    Acting,
    /// It acted, and is over.
    Over,
}

impl State {
    /// Whether clinical engineering may approve it now.
    #[must_use]
    pub const fn may_be_approved(self) -> bool {
        matches!(
            self,
            Self::None | Self::Proposed | Self::Limited | Self::Over
        )
    }
}

/// An entry of the audit log about a response.
struct Entry {
    time: i64,
    actor: String,
    action: String,
    detail: Value,
}

/// How each response that answers an alert's rule stands to that alert.
///
/// # Errors
/// No such alert, or what SQLite says.
pub fn standings(
    conn: &Connection,
    responses: &[Config],
    alert_id: &str,
) -> Result<Vec<Standing>, Error> {
    let missing = || Error::Missing("alert with this id".to_owned());
    let alert = query::alert(conn, alert_id)?.ok_or_else(missing)?;
    let line = query::line(conn, alert_id)?.unwrap_or_default();
    let line: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
    let target = Subject::of(&line).ip;
    let entries = entries(conn, alert_id)?;
    let answers = responses
        .iter()
        .filter(|one| one.rules.contains(&alert.slug));
    Ok(answers.map(|one| standing(one, target, &entries)).collect())
}

fn entries(conn: &Connection, alert_id: &str) -> Result<Vec<Entry>, Error> {
    let mut statement = conn.prepare_cached(
        "SELECT time, actor, action, detail FROM audit
         WHERE object = ?1 AND action >= 'response.' AND action < 'response/'
         ORDER BY seq DESC LIMIT ?2",
    )?;
    let object = format!("alert:{alert_id}");
    let rows = statement.query_map(params![object, ENTRIES_MAX], |row| {
        let detail: String = row.get(3)?;
        Ok(Entry {
            time: row.get(0)?,
            actor: row.get(1)?,
            action: row.get(2)?,
            detail: serde_json::from_str(&detail).unwrap_or(Value::Null),
        })
    })?;
    let mut found: Vec<Entry> = rows.collect::<Result<_, _>>()?;
    found.reverse();
    Ok(found)
}

/// What the entries come to, the oldest first.
fn standing(config: &Config, target: Option<&str>, entries: &[Entry]) -> Standing {
    let mut stands = Standing {
        response: config.name.clone(),
        does: match config.block_list {
            Some(_) => Does::BlockList,
            None => Does::Webhook,
        },
        dry_run: config.dry_run,
        expires_s: config.expires.0.as_secs(),
        target: target.map(str::to_owned),
        state: State::None,
        why: None,
        until: None,
        approved_by: None,
        since: None,
    };
    let own = format!("response:{}", config.name);
    for entry in entries {
        let text = |name: &str| {
            entry
                .detail
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let approves = entry.action == APPROVED
            && text("response").as_ref() == Some(&config.name)
            && text("role").as_deref() == Some(APPROVER);
        if entry.actor != own && !approves {
            continue;
        }
        stands.why = text("why");
        stands.until = text("until");
        stands.since = Some(stamp(entry.time));
        stands.state = match entry.action.as_str() {
            "response.refuse" if text("approval").is_some() => State::Proposed,
            "response.refuse" => State::Refused,
            "response.limit" => State::Limited,
            "response.would" => State::Dry,
            "response.act" => State::Acting,
            "response.expire" => State::Over,
            _ => State::Approved,
        };
        if approves {
            stands.approved_by = Some(entry.actor.clone());
        }
    }
    stands
}
