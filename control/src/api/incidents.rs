//! Incidents: searched, acknowledged, commented, judged, held.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use rules::{Impact, Severity};
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::{May, permit};
use super::cases::{self, Case, Words};
use super::params::{Limit, List, Moment, cursor};
use super::{Api, Problem, Query};
use crate::store::views::comments::{self, Comment};
use crate::store::views::incidents::{self, Filter, Incident};
use crate::store::{self, Change, Status, Verdict, hold};

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
        .merge(cases::routes::<OneIncident>(&WORDS))
}

const WORDS: Words = Words {
    path: "/incidents/{id}",
    name: "Incident",
    get: (
        "An incident with its comments",
        "Its alerts: GET /api/v1/alerts?incident=ID.",
    ),
    acknowledge: "Somebody is at it, and at its alerts",
    close: (
        "Judges an incident, and its alerts that are not judged",
        "Sinks are told of the incident, not of each alert.",
    ),
    hold: "Keeps an incident and its alerts whatever their age, or lets them go",
};

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
    let before: Option<i64> = cursor(search.cursor.as_deref())?;
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
pub(crate) struct Whole {
    /// The incident.
    #[serde(flatten)]
    incident: Incident,
    /// What people wrote.
    comments: Vec<Comment>,
}

pub(crate) struct OneIncident;

impl Case for OneIncident {
    type Whole = Whole;
    const CLASS: &'static str = "incident";

    fn whole(conn: &Connection, id: &str) -> Result<Whole, store::Error> {
        let missing = || store::Error::Missing("incident with this id".to_owned());
        Ok(Whole {
            incident: incidents::get(conn, id)?.ok_or_else(missing)?,
            comments: comments::of(conn, &format!("incident:{id}"))?,
        })
    }

    fn acknowledge(change: &Change<'_>, id: &str, who: &str) -> Result<(), store::Error> {
        store::incidents::acknowledge(change, id, who)
    }

    fn judge(
        change: &Change<'_>,
        id: &str,
        verdict: Verdict,
        who: &str,
    ) -> Result<(), store::Error> {
        store::incidents::close(change, id, verdict, who)
    }

    fn held(id: &str) -> hold::What<'_> {
        hold::What::Incident(id)
    }
}
