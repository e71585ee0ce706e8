//! Rules: what they are, what they catch, which lack a list; new ones, and those of before.

mod history;
mod upload;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use rules::Rule;

use super::page::{self, Page};
use super::view::View;
use super::{alerts, marks, table};
use crate::api::{Api, May, Path, Problem, permit};
use crate::auth::Permission;
use crate::store::precision::{self, Precision};
use crate::store::preview::THIRTY_DAYS;
use crate::store::words::now;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/rules", get(show_all))
        .route("/rules/{id}", get(show))
        .route("/rules/upload", get(upload::show).post(upload::send))
        .route("/rules/reload", post(upload::reload))
        .route("/rules/history", get(history::show))
        .route(
            "/rules/history/{version}",
            get(history::differences).post(history::restore),
        )
}

fn found<'a>(rule: &Rule, hits: &'a [Precision]) -> Option<&'a Precision> {
    hits.iter().find(|one| *one.slug == *rule.id)
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

async fn show_all(
    State(api): State<Api>,
    who: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let since = now().saturating_sub(THIRTY_DAYS);
    let hits = api
        .read(move |conn| precision::precision(conn, since))
        .await?;
    let (_, loaded) = api.desk().in_force();
    let (armed, unarmed) = loaded.counts();
    let mut all: Vec<&Rule> = loaded
        .ruleset
        .rules()
        .iter()
        .filter(|rule| wanted(rule, &view))
        .collect();
    let alerts = |rule: &Rule| found(rule, &hits).map_or(0, |hits| hits.alerts);
    match view.get("sort") {
        "hits" => all.sort_by_key(|rule| std::cmp::Reverse(alerts(rule))),
        "severity" => all.sort_by_key(|rule| {
            std::cmp::Reverse(crate::store::words::severity_rank(rule.severity.word()))
        }),
        _ => all.sort_by(|a, b| a.id.cmp(&b.id)),
    }
    let body = html! {
        h1 { (armed) " rules armed" @if unarmed > 0 { ", " (unarmed) " not" } }
        p { "Packs: " (loaded.packs().join(", ")) "." }
        form.search method="get" action="/rules" role="search" {
            @for (name, value) in view.but("q") { input type="hidden" name=(name) value=(value); }
            label { span.hidden { "Words in rules" } input #search type="search" name="q" value=(view.get("q")) placeholder="a rule"; }
            button { "Search" }
        }
        p.facets {
            @for word in ["armed", "unarmed", "shadow"] {
                a href=(view.toggled_one("state", word)) aria-current=[view.has("state", word).then_some("true")] { (word) } " "
            }
            "sorted by "
            @for (word, name) in [("", "id"), ("severity", "severity"), ("hits", "alerts")] {
                a href=(view.with("sort", word)) aria-current=[(view.get("sort") == word).then_some("true")] { (name) } " "
            }
        }
        @if who.may(Permission::Configure) { div.bottom {
            a.button href="/rules/upload" { "New rules" }
            a href="/rules/history" { "History" }
            form method="post" action="/rules/reload" { (page::csrf(&who)) button { "Read configuration and rules again" } }
        } } @else { p { a href="/rules/history" { "History" } } }
        @let warnings = loaded.warnings();
        @if !warnings.is_empty() { details { summary { (warnings.len()) " warnings" } ul { @for one in &warnings { li { (one) } } } } }
        @if all.is_empty() { (table::empty(&html! { p { strong { "No rule is like this." } " Take a mark away." } })) }
        @else { (list(&all, &hits)) }
    };
    Ok(Page {
        title: "Rules",
        here: "/rules",
        who: &who,
        body,
    }
    .show(&api))
}

fn list(all: &[&Rule], hits: &[Precision]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Rules" {
            table.rows {
                thead { tr {
                    th { "Rule" } th { "Severity" } th { "Clinical impact" } th { "State" }
                    th.number { "Alerts, 30 d" } th.number { "Precision" } th { "Pack" }
                } }
                tbody { @for rule in all {
                    @let hits = found(rule, hits);
                    tr data-href={ "/rules/" (rule.id) } {
                        td.wide { a href={ "/rules/" (rule.id) } { (rule.title) } div.dim.mono { (rule.id) } }
                        td { (marks::severity(rule.severity.word())) }
                        td { (marks::impact(rule.impact.word())) }
                        td { (state(rule)) }
                        td.number data-name="alerts" { (marks::grouped(hits.map_or(0, |hits| hits.alerts))) }
                        td.number data-name="precision" { (share(hits)) }
                        td { @match &rule.pack { Some(pack) => (pack.name), None => span.mono { (rule.file) } } }
                    }
                } }
            }
        }
    }
}

fn share(hits: Option<&Precision>) -> Markup {
    match hits.and_then(Precision::share) {
        Some(share) => html! { (marks::percent(share)) },
        None => html! { span.dim { "not judged" } },
    }
}

fn state(rule: &Rule) -> Markup {
    html! {
        @match &rule.armed {
            Ok(()) => (rule.status.word()),
            Err(missing) => { strong { "unarmed" } ": set "
                @for (at, list) in missing.iter().enumerate() { @if at > 0 { ", " } code { "$" (list) } } }
        }
    }
}

async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (_, loaded) = api.desk().in_force();
    let rule =
        alerts::rule(&loaded, &id).ok_or_else(|| Problem::missing("rule with this id in force"))?;
    let hits = api.read(move |conn| alerts::hits(conn, &id)).await?;
    let body = html! {
        p { (marks::severity(rule.severity.word())) " " (marks::impact(rule.impact.word())) " · " (state(rule)) }
        h1 { (rule.title) }
        (table::pairs([
            ("Id", html! { span.mono { (rule.id) } " (" (rule.sid) ", revision " (rule.rev) ")" }),
            ("Alerts, 30 days", html! { a href={ "/alerts?rule=" (rule.id) } { (marks::grouped(hits.alerts)) } }),
            ("Judged", html! { (hits.right) " true, " (hits.benign) " benign, " (hits.wrong) " false: precision " (share(Some(&hits))) }),
            ("Comes from", html! { span.mono { (rule.file) ":" (rule.line) } }),
            ("Techniques", html! { (rule.attack.join(", ")) }),
            ("Reads", html! { (rule.references.join("; ")) }),
        ]))
        h2 { "Its condition" }
        pre.condition { code { (rule.when.trim()) } }
        h2 { "In words" }
        pre { (loaded.ruleset.explain(rule)) }
        h2 { "Its tests" }
        ul { @for test in &rule.tests { li { (tested(test)) } } }
    };
    Ok(Page {
        title: &rule.title,
        here: "/rules",
        who: &who,
        body,
    }
    .show(&api))
}

fn tested(test: &rules::RuleTest) -> Markup {
    html! { span.mono { (test.pcap) } " has to give " (test.alerts) " alerts" }
}
