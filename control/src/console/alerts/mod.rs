//! Alerts: which, why, what to do.

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

use super::stay::Stay;
use super::view::View;
use super::{marks, triage};
use crate::api::{Api, OneAlert};
use crate::inventory::Now;
use crate::store::query::Alert;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/alerts", get(search::show).post(search::acknowledge))
        .route("/alerts.csv", get(search::csv))
        .route("/alerts/{id}", get(detail::show))
        .route("/alerts/{id}/approve", post(responses::approve))
        .route("/alerts/{id}/tune", get(tune::show).post(tune::keep))
        .merge(triage::routes::<OneAlert>())
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
                    div { a.dim.mono href=(view.with("rule", &one.slug)) { (one.slug) } (stay(one, now)) }
                } @else { (stay(one, now)) }
            }
            td { (host(&one.actor, view, now)) " → " (host(&one.victim, view, now)) }
            td { (status(one.status, one.verdict)) }
        }
    }
}

fn stay(one: &Alert, now: &Now) -> Stay {
    let ends = [&one.src_ip, &one.dest_ip].map(|ip| ip.as_deref().unwrap_or_default());
    let hosts = if ends == ["", ""] {
        [one.actor.as_str(), one.victim.as_str()]
    } else {
        ends
    };
    Stay::of(one.do_not_isolate, one.clinical_impact, hosts, now)
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
