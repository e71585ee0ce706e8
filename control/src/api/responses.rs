//! Responses to an alert: how they stand, and the approval of one by clinical engineering.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::{May, permit};
use super::params::ById;
use super::{Api, Json, Path, Problem};
use crate::auth::Caller;
use crate::deliver::respond::{self, Approval, Standing};

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/alerts/{id}/responses",
            get_with(list, |op| {
                op.id("responses")
                    .summary("How each response to an alert stands")
                    .description("There are those that the configuration has for the alert's rule.")
            }),
        )
        .api_route(
            "/alerts/{id}/responses/{response}/approve",
            post_with(approve, |op| {
                op.id("approveResponse")
                    .summary(
                        "Approves one response to one alert, though its device may have to stay",
                    )
                    .description("For clinical engineers alone, an admin included.")
            }),
        )
}

/// Responses.
#[derive(JsonSchema, Serialize)]
struct Responses {
    /// In the order of the configuration.
    responses: Vec<Standing>,
}

async fn list(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(ById { id }): Path<ById>,
) -> Result<axum::Json<Responses>, Problem> {
    let responses = standings(&api, id).await?;
    Ok(axum::Json(Responses { responses }))
}

/// How each response to an alert stands.
pub(crate) async fn standings(api: &Api, id: String) -> Result<Vec<Standing>, Problem> {
    let (config, _) = api.desk().in_force();
    api.read(move |conn| respond::standings(conn, &config.responses, &id))
        .await
}

/// A response to an alert, in a path.
#[derive(Debug, Deserialize, JsonSchema)]
struct Of {
    /// The alert's id.
    id: String,
    /// The response's name.
    response: String,
}

/// Why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    /// Why it may be done. Write no patient's name into it.
    #[serde(default)]
    #[schemars(length(max = 400))]
    reason: String,
}

async fn approve(
    State(api): State<Api>,
    who: May<permit::Clinical>,
    Path(Of { id, response }): Path<Of>,
    Json(Reason { reason }): Json<Reason>,
) -> Result<axum::Json<Responses>, Problem> {
    give(&api, &who, &id, response, reason).await?;
    let responses = standings(&api, id).await?;
    Ok(axum::Json(Responses { responses }))
}

/// Approves.
pub(crate) async fn give(
    api: &Api,
    who: &Caller,
    id: &str,
    response: String,
    reason: String,
) -> Result<(), Problem> {
    let (config, _) = api.desk().in_force();
    let approval = Approval {
        response,
        alert_id: id.to_owned(),
        who: who.actor(),
        role: who.role.word(),
        reason,
    };
    api.write(move |change| respond::approve(change, &config.responses, &approval))
        .await
}
