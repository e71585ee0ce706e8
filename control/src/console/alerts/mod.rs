//! Alerts: which, why, what to do.

mod act;
mod detail;
mod event;
mod responses;
mod search;
mod tune;

pub(super) use detail::{hits, rule};

use std::net::IpAddr;

use axum::Router;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::marks;
use super::page;
use super::view::View;
use crate::api::Api;
use crate::auth::{Caller, Permission};
use crate::inventory::Now;
use crate::store::Verdict;
use crate::store::query::Alert;
use crate::store::views::comments::Comment;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/alerts", get(search::show).post(act::acknowledge_many))
        .route("/alerts.csv", get(search::csv))
        .route("/alerts/{id}", get(detail::show))
        .route("/alerts/{id}/acknowledge", post(act::acknowledge))
        .route("/alerts/{id}/close", post(act::close))
        .route("/alerts/{id}/comment", post(act::comment))
        .route("/alerts/{id}/approve", post(responses::approve))
        .route("/alerts/{id}/tune", get(tune::show).post(tune::keep))
}

/// A verdict, from a form.
#[derive(Deserialize)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    #[serde(default)]
    pub(super) comment: String,
}

/// A comment, from a form.
#[derive(Deserialize)]
pub(super) struct Text {
    pub(super) text: String,
}

/// How far people are.
pub(super) fn status(status: &str, verdict: Option<&str>) -> Markup {
    html! { span.status { (status) @if let Some(verdict) = verdict { ": " (verdict) } } }
}

/// Alerts as a table, hosts by the names that the hospital gave them; with a view, columns lead to
/// searches and rows can be chosen.
pub(super) fn list(all: &[Alert], view: Option<&View>, now: &Now) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Alerts" {
            table.rows {
                thead { tr {
                    @if view.is_some() { th { span.hidden { "Choose" } } }
                    th { "Time" } th { "Severity" } th { "Clinical impact" } th { "What happened" }
                    th { "Who acted, on whom" } th { "Status" }
                } }
                tbody { @for one in all { (row(one, view, now)) } }
            }
        }
    }
}

fn row(one: &Alert, view: Option<&View>, now: &Now) -> Markup {
    html! {
        tr id={ "a" (one.alert_id) } data-href={ "/alerts/" (one.alert_id) } {
            @if view.is_some() {
                td { input type="checkbox" name="id" value=(one.alert_id) aria-label={ "choose the alert at " (one.alert_id) }; }
            }
            td { (marks::time(one.time)) }
            td { (marks::severity(one.severity)) }
            td { (marks::impact(one.clinical_impact)) }
            td.wide {
                a href={ "/alerts/" (one.alert_id) } { (marks::prose(&one.explain)) }
                @if let Some(view) = view {
                    div { a.dim.mono href=(view.with("rule", &one.slug)) { (one.slug) } }
                }
            }
            td { (host(&one.actor, view, now)) " → " (host(&one.victim, view, now)) }
            td { (status(one.status, one.verdict)) }
        }
    }
}

/// A host by what the hospital calls it, and by its address.
pub(super) fn host(name: &str, view: Option<&View>, now: &Now) -> Markup {
    let ip: Option<IpAddr> = name.parse().ok();
    html! {
        @if let Some(called) = ip.and_then(|ip| now.name(ip)) { (called) " " }
        @match (view, ip) {
            (Some(view), Some(_)) => a.mono href=(view.with("ip", name)) { (name) },
            _ => span.mono { (name) },
        }
    }
}

/// What a person may do with an alert or an incident.
pub(super) fn triage(who: &Caller, path: &str, status: &str) -> Markup {
    if !who.may(Permission::Triage) {
        return html! { p.dim { "Your role looks only: an analyst acknowledges and closes." } };
    }
    html! {
        div.triage {
            @if status == "open" {
                form method="post" action={ (path) "/acknowledge" } {
                    (page::csrf(who))
                    button.main data-key="a" { "Acknowledge" }
                }
            }
            @if status != "closed" {
                form method="post" action={ (path) "/close" } {
                    (page::csrf(who))
                    fieldset {
                        legend { "Close: what was it?" }
                        @for (verdict, says) in VERDICTS {
                            label { input type="radio" name="verdict" value=(verdict.word()) required;
                                " " strong { (verdict.word()) } " " span.dim { (says) } }
                        }
                        label { "Why " input name="comment" maxlength="4000"; }
                        button { "Close it" }
                    }
                }
            }
        }
    }
}

const VERDICTS: [(Verdict, &str); 5] = [
    (
        Verdict::True,
        "as the rule says, and it should not have been",
    ),
    (Verdict::Benign, "as the rule says, and it was all right"),
    (Verdict::False, "not as the rule says"),
    (Verdict::Duplicate, "told elsewhere"),
    (Verdict::Test, "somebody tried something out"),
];

/// What people wrote, and room for more.
pub(super) fn comments(who: &Caller, path: &str, all: &[Comment]) -> Markup {
    html! {
        section #comments {
            h2 { "Comments" }
            div #said data-live { @for one in all {
                article.comment { p { (one.text) } p.dim { (one.author) ", " (marks::when(&one.time)) } }
            } @if all.is_empty() { p.dim { "None yet." } } }
            @if who.may(Permission::Triage) {
                form.stack method="post" action={ (path) "/comment" } {
                    (page::csrf(who))
                    label { "Comment. Write no patient's name into it."
                        textarea name="text" rows="3" maxlength="4000" required {} }
                    button { "Add" }
                }
            }
        }
    }
}
