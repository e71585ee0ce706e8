//! Devices, and what is wrong with the mirror.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::{May, permit};
use super::params::{ByKey, Limit};
use super::{Api, Path, Problem, Query};
use crate::store::views::assets::{self, Asset};
use crate::store::views::findings::{self, Finding};

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/assets",
            get_with(list, |op| op.id("assets").summary("Lists devices, by key")),
        )
        .api_route(
            "/assets/{key}",
            get_with(get, |op| op.id("asset").summary("A device")),
        )
        .api_route(
            "/findings",
            get_with(list_findings, |op| {
                op.id("findings")
                    .summary("What is wrong with the mirror or the appliance, and what was")
            }),
        )
}

/// Which devices.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Search {
    /// In the key, address, maker, name, owner, unit or role.
    q: String,
    /// Where the page begins: `next` of the page before.
    cursor: Option<String>,
    /// How many there may be on the page.
    limit: Limit,
}

/// A page of devices.
#[derive(JsonSchema, Serialize)]
struct Assets {
    /// The devices.
    assets: Vec<Asset>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
}

async fn list(
    State(api): State<Api>,
    _: May<permit::Read>,
    Query(search): Query<Search>,
) -> Result<axum::Json<Assets>, Problem> {
    let limit = search.limit.0;
    let found = api
        .read(move |conn| assets::page(conn, &search.q, search.cursor.as_deref(), limit))
        .await?;
    let full = found.len() >= limit as usize;
    let next = found.last().filter(|_| full);
    Ok(axum::Json(Assets {
        next: next.map(|last| last.key.clone()),
        assets: found,
    }))
}

async fn get(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(ByKey { key }): Path<ByKey>,
) -> Result<axum::Json<Asset>, Problem> {
    let found = api.read(move |conn| assets::get(conn, &key)).await?;
    found
        .map(axum::Json)
        .ok_or_else(|| Problem::missing("device with this key"))
}

/// Which findings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Which {
    /// Only those in this state.
    state: Option<Whether>,
}

/// Whether it is still wrong.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "FindingState")]
enum Whether {
    Open,
    Closed,
}

/// Findings.
#[derive(JsonSchema, Serialize)]
struct Findings {
    /// The newest first.
    findings: Vec<Finding>,
}

async fn list_findings(
    State(api): State<Api>,
    _: May<permit::Read>,
    Query(which): Query<Which>,
) -> Result<axum::Json<Findings>, Problem> {
    let state = which.state.map(|state| match state {
        Whether::Open => "open",
        Whether::Closed => "closed",
    });
    let findings = api.read(move |conn| findings::list(conn, state)).await?;
    Ok(axum::Json(Findings { findings }))
}
