//! Incidents: searched, acknowledged, commented, judged, held.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use axum::http::StatusCode;
use rules::{Impact, Severity};
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alerts::{Hold, Judgement, Text, bad_cursor};
use super::caller::{May, permit};
use super::params::{ById, Limit, List, Moment};
use super::{Api, IfMatch, Json, Path, Problem, Query};
use crate::store::views::comments::{self, Comment};
use crate::store::views::incidents::{self, Filter, Incident};
use crate::store::{self, Change, Status, hold};

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/incidents",
            get_with(list, |op| {
                op.id("incidents")
                    .summary("Searches incidents, the newest first")
            }),
        )
        .api_route(
            "/incidents/{id}",
            get_with(get, |op| {
                op.id("incident")
                    .summary("An incident with its comments")
                    .description("Its alerts: GET /api/v1/alerts?incident=ID.")
            }),
        )
        .api_route(
            "/incidents/{id}/acknowledge",
            post_with(acknowledge, |op| {
                op.id("acknowledgeIncident")
                    .summary("Somebody is at it, and at its alerts")
            }),
        )
        .api_route(
            "/incidents/{id}/close",
            post_with(close, |op| {
                op.id("closeIncident")
                    .summary("Judges an incident, and its alerts that are not judged")
            }),
        )
        .api_route(
            "/incidents/{id}/comments",
            post_with(comment, |op| {
                op.id("commentIncident")
                    .summary("Adds a comment")
                    .response::<201, axum::Json<Comment>>()
            }),
        )
        .api_route(
            "/incidents/{id}/hold",
            post_with(set_hold, |op| {
                op.id("holdIncident")
                    .summary("Keeps an incident and its alerts whatever their age, or lets them go")
            }),
        )
}

/// What is looked for. Of a list one has to hold, of the parts all.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// Last seen not before this.
    pub from: Option<Moment>,
    /// First seen before this.
    pub to: Option<Moment>,
    /// Severities, parted by commas.
    pub severity: List<Severity>,
    /// Clinical impacts, parted by commas.
    pub clinical_impact: List<Impact>,
    /// How far people are, parted by commas.
    pub status: List<Status>,
    /// Categories, parted by commas.
    pub category: List<String>,
    /// Who acted, or on whom.
    pub host: Option<String>,
    /// Where the page begins: `next` of the page before.
    pub cursor: Option<String>,
    /// How many there may be on the page.
    pub limit: Limit,
}

impl Search {
    /// As the store asks.
    #[must_use]
    pub fn filter(&self) -> Filter {
        Filter {
            from: self.from.map(|from| from.0),
            to: self.to.map(|to| to.0),
            severities: self.severity.0.clone(),
            impacts: self.clinical_impact.0.clone(),
            statuses: self.status.0.clone(),
            categories: self.category.0.clone(),
            host: self.host.clone(),
        }
    }
}

/// A page of incidents.
#[derive(JsonSchema, Serialize)]
struct Incidents {
    /// The incidents, the newest first.
    incidents: Vec<Incident>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
}

async fn list(
    State(api): State<Api>,
    _: May<permit::Read>,
    Query(search): Query<Search>,
) -> Result<axum::Json<Incidents>, Problem> {
    let before: Option<i64> = match &search.cursor {
        Some(cursor) => Some(cursor.parse().map_err(|_| bad_cursor())?),
        None => None,
    };
    let limit = search.limit.0;
    let found = api
        .read(move |conn| incidents::page(conn, &search.filter(), before, limit))
        .await
        .map_err(Problem::as_query)?;
    let full = found.len() >= limit as usize;
    let next = found.last().filter(|_| full);
    Ok(axum::Json(Incidents {
        next: next.map(|last| last.number.to_string()),
        incidents: found,
    }))
}

/// An incident with all that there is about it.
#[derive(JsonSchema, Serialize)]
struct Whole {
    /// The incident.
    #[serde(flatten)]
    incident: Incident,
    /// What people wrote.
    comments: Vec<Comment>,
}

fn whole(conn: &Connection, id: &str) -> Result<Whole, store::Error> {
    let missing = || store::Error::Missing("incident with this id".to_owned());
    Ok(Whole {
        incident: incidents::get(conn, id)?.ok_or_else(missing)?,
        comments: comments::of(conn, &format!("incident:{id}"))?,
    })
}

async fn get(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(ById { id }): Path<ById>,
) -> Result<axum::Json<Whole>, Problem> {
    api.read(move |conn| whole(conn, &id)).await.map(axum::Json)
}

/// Does something to an incident if it is as the client saw it, and shows it afterwards.
async fn act(
    api: &Api,
    id: String,
    seen: IfMatch,
    act: impl FnOnce(&Change<'_>, &str) -> Result<(), store::Error> + Send + 'static,
) -> Result<axum::Json<Whole>, Problem> {
    let done = api.write(move |change| {
        if !seen.holds(&whole(change, &id)?) {
            return Ok(None);
        }
        act(change, &id)?;
        whole(change, &id).map(Some)
    });
    done.await?.map(axum::Json).ok_or_else(Problem::changed)
}

async fn acknowledge(
    State(api): State<Api>,
    who: May<permit::Triage>,
    seen: IfMatch,
    Path(ById { id }): Path<ById>,
) -> Result<axum::Json<Whole>, Problem> {
    let who = who.actor();
    act(&api, id, seen, move |change, id| {
        store::incidents::acknowledge(change, id, &who)
    })
    .await
}

async fn close(
    State(api): State<Api>,
    who: May<permit::Triage>,
    seen: IfMatch,
    Path(ById { id }): Path<ById>,
    Json(judgement): Json<Judgement>,
) -> Result<axum::Json<Whole>, Problem> {
    let who = who.actor();
    act(&api, id, seen, move |change, id| {
        store::incidents::close(change, id, judgement.verdict, &who)?;
        if let Some(text) = &judgement.comment {
            comments::add(change, &format!("incident:{id}"), text, &who)?;
        }
        Ok(())
    })
    .await
}

async fn comment(
    State(api): State<Api>,
    who: May<permit::Triage>,
    Path(ById { id }): Path<ById>,
    Json(Text { text }): Json<Text>,
) -> Result<(StatusCode, axum::Json<Comment>), Problem> {
    let who = who.actor();
    let added = api
        .write(move |change| comments::add(change, &format!("incident:{id}"), &text, &who))
        .await
        .map_err(Problem::as_input)?;
    Ok((StatusCode::CREATED, axum::Json(added)))
}

async fn set_hold(
    State(api): State<Api>,
    who: May<permit::Configure>,
    seen: IfMatch,
    Path(ById { id }): Path<ById>,
    Json(Hold { held }): Json<Hold>,
) -> Result<axum::Json<Whole>, Problem> {
    let who = who.actor();
    act(&api, id, seen, move |change, id| {
        hold::set(change, hold::What::Incident(id), held, &who)
    })
    .await
}
