//! Alerts: searched, counted, acknowledged, commented, judged; one or many at once.

use std::net::IpAddr;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use axum::http::StatusCode;
use rules::{Impact, Severity};
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::caller::{May, permit};
use super::cases::{self, Case, Judgement, Words};
use super::params::{Bar, Limit, List, Moment, cursor};
use super::{Api, Json, Problem, Query};
use crate::store::query::{self, Alert, Cursor, Facets, Filter};
use crate::store::views::comments::{self, Comment};
use crate::store::views::triage;
use crate::store::{self, Change, Status, Verdict, hold, incidents};

/// Alerts that are changed at once.
const BULK_MAX: usize = 500;

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/alerts",
            get_with(list, |op| {
                op.id("alerts").summary("Searches alerts, the newest first")
            }),
        )
        .api_route(
            "/alerts/facets",
            get_with(facets, |op| {
                op.id("alertFacets")
                    .summary("Counts what a search finds, by severity, rule, time and the like")
                    .description("`cursor` and `limit` change nothing here.")
            }),
        )
        .api_route(
            "/alerts/bulk",
            post_with(bulk, |op| {
                op.id("changeAlerts")
                    .summary("Acknowledges or closes many alerts, as a whole or not at all")
            }),
        )
        .merge(cases::routes::<OneAlert>(&WORDS))
}

const WORDS: Words = Words {
    path: "/alerts/{id}",
    name: "Alert",
    get: ("An alert with its event and its comments", ""),
    acknowledge: "Somebody is at it",
    close: (
        "Judges an alert by itself",
        "Its rule's precision counts this verdict, and not its incident's.",
    ),
    hold: "Keeps an alert whatever its age, or lets it go",
};

/// What is looked for. Of a list one has to hold, of the parts all.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// Not before this.
    pub from: Option<Moment>,
    /// Before this.
    pub to: Option<Moment>,
    /// Severities, parted by commas.
    pub severity: List<Severity>,
    /// Clinical impacts, parted by commas.
    pub clinical_impact: List<Impact>,
    /// How far people are, parted by commas.
    pub status: List<Status>,
    /// What people judged, parted by commas.
    pub verdict: List<Verdict>,
    /// Ids of rules, parted by commas.
    pub rule: List<String>,
    /// Categories, parted by commas.
    pub category: List<String>,
    /// Addresses that sent or received, parted by commas.
    pub ip: List<IpAddr>,
    /// The id of an incident.
    pub incident: Option<String>,
    /// Words, or their beginnings, in the explanation, title, addresses, and words of the fields.
    pub q: String,
    /// Where the page begins: `next` of the page before.
    pub cursor: Option<String>,
    /// How many there may be on the page.
    pub limit: Limit,
    /// Of facets: the length of the timeline's bars, in seconds.
    pub bar: Bar,
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
            verdicts: self.verdict.0.clone(),
            slugs: self.rule.0.clone(),
            categories: self.category.0.clone(),
            ips: self.ip.0.clone(),
            incident: self.incident.clone(),
            text: self.q.clone(),
        }
    }
}

/// A page of alerts.
#[derive(JsonSchema, Serialize)]
struct Alerts {
    /// The alerts, the newest first.
    alerts: Vec<Alert>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
}

async fn list(
    State(api): State<Api>,
    _: May<permit::Read>,
    Query(search): Query<Search>,
) -> Result<axum::Json<Alerts>, Problem> {
    let after: Option<Cursor> = cursor(search.cursor.as_deref())?;
    let page = api
        .read(move |conn| query::page(conn, &search.filter(), after, search.limit.0))
        .await
        .map_err(Problem::as_query)?;
    Ok(axum::Json(Alerts {
        alerts: page.alerts,
        next: page.next.map(|next| next.to_string()),
    }))
}

async fn facets(
    State(api): State<Api>,
    _: May<permit::Read>,
    Query(search): Query<Search>,
) -> Result<axum::Json<Facets>, Problem> {
    let bar = i64::from(search.bar.0).saturating_mul(1_000_000);
    let facets = api
        .read(move |conn| query::facets(conn, &search.filter(), bar))
        .await
        .map_err(Problem::as_query)?;
    Ok(axum::Json(facets))
}

/// An alert with all that there is about it.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Whole {
    /// The alert.
    #[serde(flatten)]
    alert: Alert,
    /// Its line of EVE.
    event: Value,
    /// What people wrote.
    comments: Vec<Comment>,
}

pub(crate) struct OneAlert;

impl Case for OneAlert {
    type Whole = Whole;
    const CLASS: &'static str = "alert";

    fn whole(conn: &Connection, id: &str) -> Result<Whole, store::Error> {
        let missing = || store::Error::Missing("alert with this id".to_owned());
        let alert = query::alert(conn, id)?.ok_or_else(missing)?;
        let line = query::line(conn, id)?.unwrap_or_default();
        Ok(Whole {
            alert,
            event: serde_json::from_str(&line).unwrap_or(Value::Null),
            comments: comments::of(conn, &format!("alert:{id}"))?,
        })
    }

    fn acknowledge(change: &Change<'_>, id: &str, who: &str) -> Result<(), store::Error> {
        triage::acknowledge(change, id, who)
    }

    fn judge(
        change: &Change<'_>,
        id: &str,
        verdict: Verdict,
        who: &str,
    ) -> Result<(), store::Error> {
        incidents::judge_alert(change, id, verdict, who)
    }

    fn held(id: &str) -> hold::What<'_> {
        hold::What::Alert(id)
    }
}

/// What is done to many alerts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Bulk {
    /// Their ids.
    #[schemars(length(min = 1, max = 500))]
    ids: Vec<String>,
    /// What is done.
    action: BulkAction,
    /// Of closing: what they were.
    #[serde(default)]
    verdict: Option<Verdict>,
    /// Of closing: why.
    #[serde(default)]
    comment: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum BulkAction {
    Acknowledge,
    Close,
}

/// What was done.
#[derive(JsonSchema, Serialize)]
struct Done {
    /// So many alerts.
    changed: usize,
}

async fn bulk(
    State(api): State<Api>,
    who: May<permit::Triage>,
    Json(bulk): Json<Bulk>,
) -> Result<axum::Json<Done>, Problem> {
    let unfit = |what: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what);
    if bulk.ids.is_empty() || bulk.ids.len() > BULK_MAX {
        return Err(unfit("ids has 1 to 500 ids"));
    }
    let judgement = match (bulk.action, bulk.verdict) {
        (BulkAction::Close, Some(verdict)) => Some(Judgement {
            verdict,
            comment: bulk.comment,
        }),
        (BulkAction::Close, None) => return Err(unfit("closing needs a verdict")),
        (BulkAction::Acknowledge, None) if bulk.comment.is_none() => None,
        (BulkAction::Acknowledge, _) => {
            return Err(unfit("acknowledging takes no verdict and no comment"));
        }
    };
    let who = who.actor();
    let changed = bulk.ids.len();
    api.write(move |change| {
        for id in &bulk.ids {
            match &judgement {
                Some(judgement) => OneAlert::close(change, id, judgement, &who)?,
                None => OneAlert::acknowledge(change, id, &who)?,
            }
        }
        Ok(())
    })
    .await?;
    Ok(axum::Json(Done { changed }))
}
