//! Rules: what they are, what they cost and catch, which lack a list; new ones, and those of before.

mod form;
mod history;
mod one;
mod suppressed;
mod upload;

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use parsers::kinds::ALL;
use rules::Rule;

use super::page::{self, Page};
use super::table::{Column, Table, Value};
use super::view::View;
use super::{marks, table};
use crate::api::{self, Api, May, Problem, permit};
use crate::auth::Permission;
use crate::ruleset::Loaded;
use crate::store::precision::{self, Precision};
use crate::store::preview::THIRTY_DAYS;
use crate::store::suppressions;
use crate::store::words::{now, severity_rank};

pub(super) fn routes(api: &Api) -> Router<Api> {
    let upload = get(upload::show).post(upload::send);
    Router::new()
        .route("/rules", get(show_all))
        .route("/rules.csv", get(csv))
        .route("/rules/{id}", get(one::show))
        .route(
            "/rules/upload",
            upload.layer(DefaultBodyLimit::max(api.capture_max())),
        )
        .route("/rules/reload", post(reload))
        .route("/rules/history", get(history::show))
        .route(
            "/rules/history/{version}",
            get(history::differences).post(history::restore),
        )
        .route(
            "/rules/suppressions/{number}",
            get(suppressed::ask).post(suppressed::lift),
        )
}

/// A rule, as a row.
struct Row {
    id: String,
    title: String,
    severity: &'static str,
    impact: &'static str,
    status: &'static str,
    missing: Vec<String>,
    hits: Option<Precision>,
    /// Of all matching, at most.
    cost: Option<f64>,
    pack: String,
}

fn impact_rank(word: &str) -> u64 {
    match word {
        "direct" => 3,
        "likely" => 2,
        "possible" => 1,
        _ => 0,
    }
}

const TABLE: Table<'static, Row> = Table {
    name: "Rules",
    by: "sort",
    usual: "rule",
    csv: "/rules.csv",
    columns: &[
        Column::<Row>::of("rule", "Rule", |row| Value::text(&row.id))
            .class("wide")
            .shown(named),
        Column::<Row>::of("severity", "Severity", |row| {
            Value::Count(severity_rank(row.severity).unsigned_abs())
        })
        .shown(|row| marks::severity(row.severity)),
        Column::<Row>::of("impact", "Clinical impact", |row| {
            Value::Count(impact_rank(row.impact))
        })
        .shown(|row| marks::impact(row.impact)),
        Column::<Row>::of("state", "State", |row| {
            Value::text(if row.missing.is_empty() {
                row.status
            } else {
                "unarmed"
            })
        })
        .shown(|row| state(row.status, &row.missing)),
        Column::<Row>::number("alerts", "Alerts, 30 d", |row| Value::Count(alerts(row))),
        Column::<Row>::number("precision", "Precision, %", |row| {
            Value::number(share(row).map(|share| share * 100.0))
        })
        .shown(precise),
        Column::<Row>::number("cost", "Cost, % of matching", |row| Value::number(row.cost))
            .shown(cost),
        Column::<Row>::of("pack", "Pack", |row| Value::text(&row.pack)),
    ],
    href: |row| Some(format!("/rules/{}", row.id)),
};

fn named(row: &Row) -> Markup {
    html! { a href={ "/rules/" (row.id) } { (row.title) } div.dim.mono { (row.id) } }
}

fn alerts(row: &Row) -> u64 {
    row.hits.as_ref().map_or(0, |hits| hits.alerts)
}

fn precise(row: &Row) -> Markup {
    html! { @match share(row) { Some(share) => (format!("{:.0}", share * 100.0)), None => span.dim { "not judged" } } }
}

fn cost(row: &Row) -> Markup {
    html! { @match row.cost {
        Some(cost) if cost < 0.1 => "< 0.1",
        Some(cost) => (format!("{cost:.1}")),
        None => span.dim { "–" },
    } }
}

fn share(row: &Row) -> Option<f64> {
    row.hits.as_ref().and_then(Precision::share)
}

/// The compiler's weight of each rule that may fire, times the events of its kind since the start,
/// as a share of all. Conditions that rules share are tested once, so it is at the most.
pub(super) fn costs(
    loaded: &Loaded,
    events: &BTreeMap<&'static str, u64>,
) -> BTreeMap<String, f64> {
    let armed = loaded.ruleset.rules().iter();
    let armed = armed.filter(|rule| rule.armed.is_ok());
    let costs: Vec<(String, f64)> = armed
        .map(|rule| {
            let kind = ALL.get(rule.kind.index()).map_or("", |kind| kind.name);
            let count = events.get(kind).copied().unwrap_or(0);
            let cost = u64::from(loaded.ruleset.cost(rule)).saturating_mul(count);
            #[expect(clippy::cast_precision_loss, reason = "a share for people")]
            let cost = cost as f64;
            (rule.id.to_string(), cost)
        })
        .collect();
    let all: f64 = costs.iter().map(|(_, cost)| cost).sum();
    if all <= 0.0 {
        return BTreeMap::new();
    }
    costs
        .into_iter()
        .map(|(id, cost)| (id, cost / all * 100.0))
        .collect()
}

/// Whether a rule is among those looked at.
fn wanted(rule: &Rule, view: &View) -> bool {
    let words = view.get("q").to_lowercase();
    let text = format!("{} {} {}", rule.id, rule.title, rule.category).to_lowercase();
    let state = match view.get("state") {
        "unarmed" => rule.armed.is_err(),
        "armed" => rule.armed.is_ok(),
        "shadow" => rule.status.word() == "shadow",
        _ => true,
    };
    state && words.split_whitespace().all(|word| text.contains(word))
}

async fn rows(api: &Api, view: &View) -> Result<Vec<Row>, Problem> {
    let since = now().saturating_sub(THIRTY_DAYS);
    let hits = api
        .read(move |conn| precision::precision(conn, since))
        .await?;
    let (_, loaded) = api.desk().in_force();
    let costs = costs(&loaded, &api.desk().seen().look(|seen| seen.events.clone()));
    let rules = loaded.ruleset.rules().iter();
    let rows = rules.filter(|rule| wanted(rule, view)).map(|rule| Row {
        id: rule.id.to_string(),
        title: rule.title.clone(),
        severity: rule.severity.word(),
        impact: rule.impact.word(),
        status: rule.status.word(),
        missing: rule.armed.as_ref().err().cloned().unwrap_or_default(),
        hits: hits.iter().find(|one| *one.slug == *rule.id).cloned(),
        cost: costs.get(&*rule.id).copied(),
        pack: rule
            .pack
            .as_ref()
            .map_or_else(|| rule.file.to_string(), |pack| pack.name.clone()),
    });
    let mut rows: Vec<Row> = rows.collect();
    TABLE.sort(view, &mut rows);
    Ok(rows)
}

async fn csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    Ok(TABLE.download(&rows(&api, &view).await?))
}

async fn show_all(
    State(api): State<Api>,
    who: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let all = rows(&api, &view).await?;
    let suppressions = api.read(suppressions::list).await?;
    let (_, loaded) = api.desk().in_force();
    let (armed, unarmed) = loaded.counts();
    let configure = who.may(Permission::Configure);
    let warnings = loaded.warnings();
    let body = html! {
        h1 { (armed) " rules armed" @if unarmed > 0 { ", " (unarmed) " not" } }
        p { "Packs: " (loaded.packs().join(", ")) "." }
        @if unarmed > 0 { (lists(&loaded)) }
        (page::search_box(&view, "rules", "a rule"))
        p.facets { @for word in ["armed", "unarmed", "shadow"] {
            a href=(view.toggled_one("state", word)) aria-current=[view.has("state", word).then_some("true")] { (word) } " "
        } }
        div.bottom {
            @if configure { a.button href="/rules/upload" { "New rules, or try them on a capture" } }
            a.button href="/rules/history" { "History, differences, roll back" }
            @if configure { form method="post" action="/rules/reload" { (page::csrf(&who)) button { "Read configuration and rules again" } } }
        }
        @if !warnings.is_empty() { details { summary { (warnings.len()) " warnings" } ul { @for one in &warnings { li { (one) } } } } }
        @if all.is_empty() { (table::empty(&html! { p { strong { "No rule is like this." } " Take a mark away, or search for less." } })) }
        @else {
            (TABLE.show(&view, &all))
            p.dim { "Precision is the share of judged alerts that were true. Cost is the compiler's weight of a rule times the events of its kind \
                since the start, at most: what rules share is tested once. " code { "vitalwire rules bench" } " measures time." }
        }
        h2 #suppressions { "Suppressions" }
        (suppressed::list(&suppressions, configure))
    };
    Ok(Page {
        title: "Rules",
        here: "/rules",
        who: &who,
        body,
    }
    .show(&api))
}

/// Which lists rules wait for, with how many do.
fn lists(loaded: &Loaded) -> Markup {
    let mut waiting: BTreeMap<String, usize> = BTreeMap::new();
    for list in loaded.unarmed().into_iter().flat_map(|(_, lists)| lists) {
        let count = waiting.entry(list).or_default();
        *count = count.saturating_add(1);
    }
    html! {
        p { "Unarmed rules cannot fire. They wait for "
            @for (at, (list, count)) in waiting.iter().enumerate() {
                @if at > 0 { ", " } code { "$" (list) } " (" (count) ")"
            }
            ": set them below " code { "sets:" } " in the configuration, or import the hospital's list of devices with roles." }
    }
}

fn state(status: &str, missing: &[String]) -> Markup {
    html! {
        @if missing.is_empty() { (status) } @else {
            strong { "unarmed" } ": set "
            @for (at, list) in missing.iter().enumerate() { @if at > 0 { ", " } code { "$" (list) } }
        }
    }
}

async fn reload(
    State(api): State<Api>,
    sent: page::Pressed<permit::Configure>,
) -> Result<Response, Problem> {
    let who = sent.who;
    api::read_rules_again(&api, &who).await?;
    Ok(page::go("/rules"))
}
