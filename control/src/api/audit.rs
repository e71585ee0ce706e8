//! The audit log, for those who may read it.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::caller::{May, permit};
use super::params::{Limit, cursor};
use super::{Api, Problem, Query};
use crate::store::audit;
use crate::store::words::stamp;

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/audit",
            get_with(list, |op| {
                op.id("audit").summary("Who did what, the newest first")
            }),
        )
        .api_route(
            "/audit/verify",
            get_with(verify, |op| {
                op.id("verifyAudit")
                    .summary("Whether the audit log is as it was written")
            }),
        )
}

/// Which entries.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Which {
    /// Where the page begins: `next` of the page before.
    cursor: Option<String>,
    /// How many there may be on the page.
    limit: Limit,
}

/// An entry.
#[derive(JsonSchema, Serialize)]
struct Entry {
    /// Its number, from 1, without gaps.
    seq: i64,
    /// When.
    time: String,
    /// Who: `user:NAME`, `token:NAME/TOKEN`, `system`.
    actor: String,
    /// What, as `incident.close`.
    action: String,
    /// Of what, as `incident:ID`.
    object: String,
    /// The particulars.
    detail: Value,
    /// The hash of the entry before.
    prev: String,
    /// Over all of this.
    hash: String,
}

impl From<audit::Entry> for Entry {
    fn from(entry: audit::Entry) -> Self {
        Self {
            seq: entry.seq,
            time: stamp(entry.time),
            actor: entry.actor,
            action: entry.action,
            object: entry.object,
            detail: serde_json::from_str(&entry.detail).unwrap_or(Value::Null),
            prev: entry.prev,
            hash: entry.hash,
        }
    }
}

/// A page of the log.
#[derive(JsonSchema, Serialize)]
struct Entries {
    /// The newest first.
    entries: Vec<Entry>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
}

async fn list(
    State(api): State<Api>,
    _: May<permit::Admin>,
    Query(which): Query<Which>,
) -> Result<axum::Json<Entries>, Problem> {
    let before: Option<i64> = cursor(which.cursor.as_deref())?;
    let found = api
        .read(move |conn| audit::list(conn, before, which.limit.0))
        .await?;
    let last = found.last().map(|last| last.seq).filter(|seq| *seq > 1);
    Ok(axum::Json(Entries {
        next: last.map(|seq| seq.to_string()),
        entries: found.into_iter().map(Entry::from).collect(),
    }))
}

/// What was found of the chain.
#[derive(JsonSchema, Serialize)]
struct Chain {
    /// Whether it is as it was written.
    whole: bool,
    /// Entries, up to where it is broken.
    entries: u64,
    /// The hash of the last one.
    head: String,
    /// The entry at which it is broken.
    broken_at: Option<i64>,
    /// How.
    fault: Option<&'static str>,
}

async fn verify(
    State(api): State<Api>,
    _: May<permit::Admin>,
) -> Result<axum::Json<Chain>, Problem> {
    let chain = api.read(|conn| audit::verify(conn, "")).await?;
    Ok(axum::Json(Chain {
        whole: chain.broken.is_none(),
        entries: chain.entries,
        head: chain.head,
        broken_at: chain.broken.map(|(seq, _)| seq),
        fault: chain.broken.map(|(_, fault)| fault),
    }))
}
