//! One rule: what it looks for, in its own words and in plain ones, what it costs and what it caught.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use rules::RuleTest;

use super::super::page::Page;
use super::super::{alerts, marks, table};
use super::{costs, state};
use crate::api::{Api, May, Path, Problem, permit};
use crate::store::precision::Precision;
use crate::store::query::{self, Filter};

/// The newest of its alerts.
const ALERTS: u32 = 10;

pub(super) async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (_, loaded) = api.desk().in_force();
    let rule =
        alerts::rule(&loaded, &id).ok_or_else(|| Problem::missing("rule with this id in force"))?;
    let filter = Filter {
        slugs: vec![id.clone()],
        ..Filter::default()
    };
    let (hits, found) = api
        .read(move |conn| {
            let found = query::page(conn, &filter, None, ALERTS)?.alerts;
            Ok((alerts::hits(conn, &id)?, found))
        })
        .await?;
    let costs = costs(&loaded, &api.desk().seen().look(|seen| seen.events.clone()));
    let missing = rule.armed.as_ref().err().cloned().unwrap_or_default();
    let body = html! {
        p { (marks::severity(rule.severity.word())) " " (marks::impact(rule.impact.word())) " · " (state(rule.status.word(), &missing)) }
        h1 { (rule.title) }
        (table::pairs([
            ("Id", html! { span.mono { (rule.id) } " (" (rule.sid) ", revision " (rule.rev) ")" }),
            ("Alerts, 30 days", html! { a href={ "/alerts?rule=" (rule.id) } { (marks::grouped(hits.alerts)) } }),
            ("Judged", judged(&hits)),
            ("Cost", html! { @match costs.get(&*rule.id) { Some(cost) if *cost < 0.1 => "less than 0.1\u{a0}% of matching since the start", Some(cost) => { "at most " (format!("{cost:.1}")) "\u{a0}% of matching since the start" } None => "none: no event of its kind was seen" } }),
            ("Comes from", html! { span.mono { (rule.file) ":" (rule.line) } }),
            ("Techniques", html! { (rule.attack.join(", ")) }),
            ("Reads", html! { (rule.references.join("; ")) }),
        ]))
        h2 { "Its condition" }
        pre.condition { code { (rule.when.trim()) } }
        h2 { "In words" }
        pre { (loaded.ruleset.explain(rule)) }
        h2 { "Its newest alerts" }
        @if found.is_empty() { p.dim { "None is stored." } } @else { (alerts::list(&found, None, &api.desk().devices().now())) }
        h2 { "Its tests" }
        @if rule.tests.is_empty() { p.dim { "None. A rule should have a capture on which it fires, and one on which it is silent." } }
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

fn judged(hits: &Precision) -> Markup {
    html! {
        @match hits.share() {
            Some(share) => { (hits.right) " true, " (hits.benign) " benign, " (hits.wrong) " false: precision " (marks::percent(share)) }
            None => span.dim { "none yet: closing an alert with a verdict tells how right its rule is" },
        }
    }
}

fn tested(test: &RuleTest) -> Markup {
    html! { span.mono { (test.pcap) } " has to give " (test.alerts) @if test.alerts == 1 { " alert" } @else { " alerts" } }
}
