//! Rules: what is in force and what it found, files that are uploaded, their versions, and trials.

mod files;
mod trial;

pub(crate) use files::{FileDiff, change, check_name, differences};
pub(super) use files::{compile, compile_with};
pub(super) use trial::forget;
pub(crate) use trial::{Capture, Tried, attempt, capture_max};

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use axum::http::StatusCode;
use parsers::kinds::ALL;
use rules::Rule;
use schemars::JsonSchema;
use serde::Serialize;

use super::caller::{May, permit};
use super::params::ById;
use super::{Api, Mistake, Path, Problem};
use crate::auth::Caller;
use crate::store::precision::{self, Precision};
use crate::store::preview::THIRTY_DAYS;
use crate::store::words::now;

/// The routes.
pub(super) fn routes(body: u64) -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/rules",
            get_with(list, |op| {
                op.id("rules")
                    .summary("Every rule in force, whether armed, and what it found in 30 days")
            }),
        )
        .api_route(
            "/rules/{id}",
            get_with(get, |op| {
                op.id("rule").summary("A rule, explained in words")
            }),
        )
        .api_route(
            "/rules/reload",
            post_with(reload, |op| {
                op.id("reloadRules")
                    .summary("Reads the configuration and all rules anew")
                    .description("The old ones stay if the new ones are wrong.")
            }),
        )
        .merge(files::routes())
        .merge(trial::routes(body))
}

/// A rule.
#[derive(JsonSchema, Serialize)]
struct View {
    /// Its id.
    id: String,
    /// Its number.
    sid: u32,
    /// Its revision.
    rev: u32,
    /// `active`, or `shadow`: counted, silent.
    status: &'static str,
    /// What it is about.
    title: String,
    /// How bad.
    severity: &'static str,
    /// What it means at the bedside.
    clinical_impact: &'static str,
    /// Whom to tell.
    tier: &'static str,
    /// What it is about, in one word.
    category: String,
    /// Techniques of ATT&CK.
    attack: Vec<String>,
    /// The kind of event that it looks at.
    on: Option<&'static str>,
    /// Its condition.
    when: String,
    /// Lists that it needs.
    requires: Vec<String>,
    /// Whether it may fire.
    armed: bool,
    /// Lists that it lacks.
    missing: Vec<String>,
    /// The pack that it came with.
    pack: Option<String>,
    /// Its file.
    file: String,
    /// Where it begins.
    line: u32,
    /// Its alerts of 30 days, and what people judged.
    hits: Hits,
}

/// Alerts of 30 days, and verdicts on them.
#[derive(Default, JsonSchema, Serialize)]
struct Hits {
    /// Alerts.
    alerts: u64,
    /// As the rule says, and it should not have been.
    right: u64,
    /// As the rule says, and it was all right.
    benign: u64,
    /// Not as the rule says.
    wrong: u64,
    /// The share of judged alerts that were worth telling.
    precision: Option<f64>,
}

impl Hits {
    fn of(rule: &Rule, all: &[Precision]) -> Self {
        let found = all.iter().find(|one| *one.slug == *rule.id);
        found.map_or_else(Self::default, |found| Self {
            alerts: found.alerts,
            right: found.right,
            benign: found.benign,
            wrong: found.wrong,
            precision: found.share(),
        })
    }
}

impl View {
    fn of(rule: &Rule, hits: &[Precision]) -> Self {
        let pack = rule.pack.as_ref();
        Self {
            id: rule.id.to_string(),
            sid: rule.sid,
            rev: rule.rev,
            status: rule.status.word(),
            title: rule.title.clone(),
            severity: rule.severity.word(),
            clinical_impact: rule.impact.word(),
            tier: rule.tier.word(),
            category: rule.category.to_string(),
            attack: rule.attack.iter().map(ToString::to_string).collect(),
            on: ALL.get(rule.kind.index()).map(|kind| kind.name),
            when: rule.when.clone(),
            requires: rule.requires.clone(),
            armed: rule.armed.is_ok(),
            missing: rule.armed.as_ref().err().cloned().unwrap_or_default(),
            pack: pack.map(|pack| format!("{} {}", pack.name, pack.version)),
            file: rule.file.to_string(),
            line: rule.line,
            hits: Hits::of(rule, hits),
        }
    }
}

/// Every rule in force.
#[derive(JsonSchema, Serialize)]
struct Rules {
    /// How many may fire.
    armed: usize,
    /// How many lack a list.
    unarmed: usize,
    /// The rules.
    rules: Vec<View>,
    /// What is probably not as meant.
    warnings: Vec<String>,
}

async fn hits(api: &Api) -> Result<Vec<Precision>, Problem> {
    let since = now().saturating_sub(THIRTY_DAYS);
    api.read(move |conn| precision::precision(conn, since))
        .await
}

async fn list(State(api): State<Api>, _: May<permit::Read>) -> Result<axum::Json<Rules>, Problem> {
    let hits = hits(&api).await?;
    let (_, loaded) = api.desk().in_force();
    let (armed, unarmed) = loaded.counts();
    let rules = loaded.ruleset.rules().iter();
    Ok(axum::Json(Rules {
        armed,
        unarmed,
        rules: rules.map(|rule| View::of(rule, &hits)).collect(),
        warnings: loaded.warnings(),
    }))
}

/// A rule, explained.
#[derive(JsonSchema, Serialize)]
struct Explained {
    /// The rule.
    #[serde(flatten)]
    rule: View,
    /// What it watches, what it needs, what to do when it fires.
    explained: String,
}

async fn get(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(ById { id }): Path<ById>,
) -> Result<axum::Json<Explained>, Problem> {
    let (_, loaded) = api.desk().in_force();
    let all = loaded.ruleset.rules();
    let rule = all.iter().find(|rule| *rule.id == *id);
    let rule = rule.ok_or_else(|| Problem::missing("rule with this id"))?;
    Ok(axum::Json(Explained {
        rule: View::of(rule, &hits(&api).await?),
        explained: loaded.ruleset.explain(rule),
    }))
}

/// What is in force.
#[derive(JsonSchema, Serialize)]
struct InForce {
    /// How many rules may fire.
    armed: usize,
    /// How many lack a list.
    unarmed: usize,
}

async fn reload(
    State(api): State<Api>,
    who: May<permit::Configure>,
) -> Result<axum::Json<InForce>, Problem> {
    read_again(&api, &who).await?;
    let (_, loaded) = api.desk().in_force();
    let (armed, unarmed) = loaded.counts();
    Ok(axum::Json(InForce { armed, unarmed }))
}

/// Reads the configuration and all rules anew, and notes who wanted that.
pub(crate) async fn read_again(api: &Api, who: &Caller) -> Result<(), Problem> {
    let _one = api.desk().changing.lock().await;
    let wrong = |lines: String| {
        let mistakes = lines.lines().map(|line| Mistake {
            file: String::new(),
            line: 0,
            column: 0,
            message: line.to_owned(),
            help: None,
        });
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the configuration or rules are wrong; the old ones stay",
        )
        .with(mistakes.collect())
    };
    api.desk().reload().await.map_err(wrong)?;
    let actor = who.actor();
    api.note(actor, "rules.reload", "rules".to_owned()).await
}
