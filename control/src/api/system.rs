//! How the appliance is: whether it sees, and what it lost.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::caller::{May, permit};
use super::{Api, Problem};
use crate::ledger;

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/health",
            get_with(health, |op| {
                op.id("health")
                    .summary("Whether the appliance sees")
                    .description("503 while it is blind, as `/readyz` says.")
                    .response::<200, axum::Json<Health>>()
                    .response::<503, axum::Json<Health>>()
            }),
        )
        .api_route(
            "/ledger",
            get_with(ledger, |op| {
                op.id("ledger")
                    .summary("What was seen, handled and lost since the start")
            }),
        )
}

/// Whether the appliance sees.
#[derive(JsonSchema, Serialize)]
struct Health {
    /// Whether it sees traffic.
    ready: bool,
    /// Why not.
    reason: Option<String>,
    /// Frames read since the start.
    frames: u64,
    /// Alerts that could not be stored, and are in eve.json only.
    alerts_not_stored: u64,
    /// The program.
    version: &'static str,
}

async fn health(State(api): State<Api>, _: May<permit::Read>) -> Response {
    let reason = api.blind();
    let status = match reason {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let snapshot = api.health().snapshot();
    let health = Health {
        ready: reason.is_none(),
        reason,
        frames: snapshot.total(ledger::FRAMES_READ),
        alerts_not_stored: snapshot.total("vitalwire_store_lost_lines_total"),
        version: env!("CARGO_PKG_VERSION"),
    };
    (status, axum::Json(health)).into_response()
}

/// The loss ledger: `seen = handled + Σ dropped`.
#[derive(JsonSchema, Serialize)]
struct Ledger {
    /// Frames that the source gave.
    frames_read: u64,
    /// Frames that workers are done with.
    frames_done: u64,
    /// Shared bounds that were reached.
    bounds_hit: u64,
    /// What was lost or could not be read, worst first.
    losses: Vec<Loss>,
}

/// One line of the ledger.
#[derive(JsonSchema, Serialize)]
struct Loss {
    /// Where.
    stage: String,
    /// Why.
    cause: String,
    /// How many.
    count: u64,
    /// Of what.
    help: &'static str,
}

async fn ledger(
    State(api): State<Api>,
    _: May<permit::Read>,
) -> Result<axum::Json<Ledger>, Problem> {
    let snapshot = api.health().snapshot();
    let losses = ledger::losses(&snapshot).into_iter().map(|loss| Loss {
        stage: loss.stage,
        cause: loss.cause,
        count: loss.count,
        help: loss.help,
    });
    Ok(axum::Json(Ledger {
        frames_read: snapshot.total(ledger::FRAMES_READ),
        frames_done: ledger::frames_done(&snapshot),
        bounds_hit: ledger::bounds_hit(&snapshot),
        losses: losses.collect(),
    }))
}
