//! Suppressions: alerts that are known and accepted, by whom, why, until when. In force at once; a
//! preview says what one would have hidden.

use std::collections::BTreeMap;
use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::{May, permit};
use super::params::ByNumber;
use super::rules::{compile, compile_with};
use super::{Api, IfMatch, Json, Path, Problem};
use crate::auth::Caller;
use crate::config::{self, Config};
use crate::desk::Own;
use crate::store::preview::{self, Preview, THIRTY_DAYS};
use crate::store::suppressions::{self, Suppression};
use crate::store::words::now;

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/suppressions",
            get_with(list, |op| {
                op.id("suppressions")
                    .summary("Suppressions that people made, and those of the configuration")
            })
            .post_with(create, |op| {
                op.id("createSuppression")
                    .summary("Makes a suppression, and puts it in force")
                    .response::<201, axum::Json<Suppression>>()
            }),
        )
        .api_route(
            "/suppressions/preview",
            post_with(preview, |op| {
                op.id("previewSuppression")
                    .summary("What a suppression would have hidden in 30 days")
            }),
        )
        .api_route(
            "/suppressions/{number}",
            get_with(get, |op| op.id("suppression").summary("A suppression"))
                .put_with(put, |op| {
                    op.id("changeSuppression")
                        .summary("Puts a suppression in the place of one")
                })
                .delete_with(delete, |op| {
                    op.id("deleteSuppression")
                        .summary("Takes a suppression out of force")
                        .response::<204, ()>()
                }),
        )
}

/// A suppression to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct New {
    /// The rule's id.
    #[schemars(length(min = 1, max = 128))]
    rule: String,
    /// Only events of which this condition, in the language of rules, holds.
    #[serde(default)]
    when: Option<String>,
    /// Only events with one of these values in each of these fields.
    #[serde(default, rename = "match")]
    fields: BTreeMap<String, Vec<String>>,
    /// Who answers for it.
    #[schemars(length(min = 1, max = 128))]
    owner: String,
    /// Why: somebody will ask.
    #[schemars(length(min = 1, max = 1000))]
    reason: String,
    /// Its last day, as `2027-03-31`.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    expires: String,
}

impl New {
    fn says(self) -> config::Suppression {
        config::Suppression {
            rule: self.rule,
            when: self.when,
            fields: self.fields,
            owner: self.owner,
            reason: self.reason,
            expires: self.expires,
        }
    }
}

/// All suppressions.
#[derive(JsonSchema, Serialize)]
struct Suppressions {
    /// Those that people made.
    suppressions: Vec<Suppression>,
    /// Those of the configuration, which is changed by its file.
    configured: Vec<config::Suppression>,
}

async fn list(
    State(api): State<Api>,
    _: May<permit::Read>,
) -> Result<axum::Json<Suppressions>, Problem> {
    let suppressions = api.read(suppressions::list).await?;
    let (config, _) = api.desk().in_force();
    Ok(axum::Json(Suppressions {
        suppressions,
        configured: config.suppressions.clone(),
    }))
}

fn missing() -> Problem {
    Problem::missing("suppression of this number")
}

async fn get(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(ByNumber { number }): Path<ByNumber>,
) -> Result<axum::Json<Suppression>, Problem> {
    let found = api
        .read(move |conn| suppressions::get(conn, number))
        .await?;
    found.map(axum::Json).ok_or_else(missing)
}

/// Whether it is as the client saw it.
async fn as_seen(api: &Api, seen: &IfMatch, number: i64) -> Result<(), Problem> {
    let found = api
        .read(move |conn| suppressions::get(conn, number))
        .await?;
    let found = found.ok_or_else(missing)?;
    seen.check(&found)
}

async fn create(
    State(api): State<Api>,
    who: May<permit::Configure>,
    Json(new): Json<New>,
) -> Result<(StatusCode, axum::Json<Suppression>), Problem> {
    let _one = api.desk().changing.lock().await;
    let made = keep(&api, &who, None, new.says()).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

async fn put(
    State(api): State<Api>,
    who: May<permit::Configure>,
    seen: IfMatch,
    Path(ByNumber { number }): Path<ByNumber>,
    Json(new): Json<New>,
) -> Result<axum::Json<Suppression>, Problem> {
    let _one = api.desk().changing.lock().await;
    as_seen(&api, &seen, number).await?;
    let made = keep(&api, &who, Some(number), new.says()).await?;
    Ok(axum::Json(made))
}

/// Makes one, for a page.
///
/// # Errors
/// Mistakes in it, or a store that cannot be written.
pub(crate) async fn make(
    api: &Api,
    who: &Caller,
    says: config::Suppression,
) -> Result<Suppression, Problem> {
    let _one = api.desk().changing.lock().await;
    keep(api, who, None, says).await
}

/// Compiles a suppression with all that is in force, keeps it, and puts it in force.
async fn keep(
    api: &Api,
    who: &Caller,
    number: Option<i64>,
    says: config::Suppression,
) -> Result<Suppression, Problem> {
    known(api, &says.rule)?;
    let others = api.read(suppressions::list).await?;
    let mut own = api.own().await?;
    own.suppressions = others
        .into_iter()
        .filter(|other| Some(other.number) != number)
        .map(|other| other.says)
        .collect();
    own.suppressions.push(says.clone());
    let loaded = compile(api, own).await?;
    let who = who.actor();
    let made = api
        .write(move |change| suppressions::put(change, number, &says, &who))
        .await?;
    api.desk().adopt(loaded).await;
    Ok(made)
}

/// A suppression of no rule would never do anything.
fn known(api: &Api, rule: &str) -> Result<(), Problem> {
    let (_, loaded) = api.desk().in_force();
    let there = loaded.ruleset.rules().iter().any(|one| &*one.id == rule);
    if there {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "there is no rule with this id",
    ))
}

async fn delete(
    State(api): State<Api>,
    who: May<permit::Configure>,
    seen: IfMatch,
    Path(ByNumber { number }): Path<ByNumber>,
) -> Result<StatusCode, Problem> {
    let _one = api.desk().changing.lock().await;
    as_seen(&api, &seen, number).await?;
    remove(&api, &who, number).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes one away, for a page.
///
/// # Errors
/// No such one, or a store that cannot be written.
pub(crate) async fn lift(api: &Api, who: &Caller, number: i64) -> Result<(), Problem> {
    let _one = api.desk().changing.lock().await;
    remove(api, who, number).await
}

/// Takes a suppression away, and puts the rules without it in force. Whoever calls holds the desk's
/// `changing`.
async fn remove(api: &Api, who: &Caller, number: i64) -> Result<(), Problem> {
    let who = who.actor();
    api.write(move |change| suppressions::delete(change, number, &who))
        .await?;
    let own: Own = api.own().await?;
    let loaded = compile(api, own).await?;
    api.desk().adopt(loaded).await;
    Ok(())
}

async fn preview(
    State(api): State<Api>,
    _: May<permit::Read>,
    Json(new): Json<New>,
) -> Result<axum::Json<Preview>, Problem> {
    previewed(&api, new.says()).await.map(axum::Json)
}

/// What it would have hidden in the last 30 days.
pub(crate) async fn previewed(api: &Api, says: config::Suppression) -> Result<Preview, Problem> {
    known(api, &says.rule)?;
    let slug = says.rule.clone();
    // Its mistakes, each with its place.
    let alone = Own {
        suppressions: vec![says],
        ..api.own().await?
    };
    let (config, _) = api.desk().in_force();
    let config = Config {
        suppressions: Vec::new(),
        ..Config::clone(&config)
    };
    let loaded = compile_with(Arc::new(config), alone).await?;
    let since = now().saturating_sub(THIRTY_DAYS);
    api.read(move |conn| preview::preview(conn, &loaded.ruleset, &slug, since))
        .await
}
