//! What is wrong with the mirror or the appliance, and what was.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::{May, permit};
use super::{Api, Problem, Query};
use crate::store::views::findings::{self, Finding};

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new().api_route(
        "/findings",
        get_with(list_findings, |op| {
            op.id("findings")
                .summary("What is wrong with the mirror or the appliance, and what was")
        }),
    )
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
