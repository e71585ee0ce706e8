//! Incidents: lists, one of them, and what people do with it.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::page::Page;
use super::settings::holds;
use super::stay::Stay;
use super::view::View;
use super::{alerts, marks, now, table, triage};
use crate::api::{Api, IncidentSearch, May, OneIncident, Path, Problem, permit};
use crate::auth::Permission;
use crate::inventory::Now;
use crate::store;
use crate::store::query;
use crate::store::views::comments;
use crate::store::views::incidents::{self as stored, Incident};

/// On a page.
const PAGE: u32 = 100;
/// The newest alerts of an incident that its page shows.
const ALERTS: u32 = 50;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/incidents", get(show_all))
        .route("/incidents.csv", get(csv))
        .route("/incidents/{id}", get(show))
        .merge(triage::routes::<OneIncident>())
}

/// Incidents as a table.
pub(super) fn list<'a>(all: impl Iterator<Item = &'a Incident>, devices: &Now) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Incidents" {
            table.rows {
                thead { tr {
                    th { "Clinical impact" } th { "Severity" } th { "What" } th { "Who acted, on whom" }
                    th.number { "Alerts" } th { "Last seen" } th { "Status" }
                } }
                tbody { @for one in all { tr id={ "i" (one.incident_id) } data-href={ "/incidents/" (one.incident_id) } {
                    td { (marks::impact(one.clinical_impact)) }
                    td { (marks::severity(one.severity)) }
                    td.wide { a href={ "/incidents/" (one.incident_id) } { (one.title) } (stay(one, devices)) }
                    td { (alerts::host(&one.actor, None, devices)) " → " (alerts::host(&one.victim, None, devices)) }
                    td.number data-name="alerts" { (one.count) }
                    td { (marks::when(&one.last_seen)) }
                    td { (alerts::status(one.status, one.verdict)) }
                } } }
            }
        }
    }
}

fn stay(one: &Incident, devices: &Now) -> Stay {
    let hosts = [one.actor.as_str(), one.victim.as_str()];
    Stay::of(one.do_not_isolate, one.clinical_impact, hosts, devices)
}

async fn show_all(
    State(api): State<Api>,
    who: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let found = found(&api, &view).await?;
    let next = found.last().filter(|_| found.len() >= PAGE as usize);
    let body = html! {
        h1 { "Incidents" }
        (facets(&view))
        div #rows data-live {
            @if !found.is_empty() {
                p.count { @if next.is_some() { "The newest " } (found.len()) " incidents · " a href=(view.elsewhere("/incidents.csv")) download { "CSV of this table" } }
                (list(found.iter(), &api.desk().devices().now()))
            }
            @else if view.is_plain() { (table::empty(&now::nothing(&api))) }
            @else { (table::empty(&html! { p { strong { "No incident is like this." } " Take a mark away, or look at " a href="/incidents" { "all of them" } "." } })) }
        }
        @if let Some(last) = next { p { a href=(view.with("cursor", &last.number.to_string())) rel="next" { "Older" } } }
    };
    Ok(Page {
        title: "Incidents",
        here: "/",
        who: &who,
        body,
    }
    .show(&api))
}

async fn found(api: &Api, view: &View) -> Result<Vec<Incident>, Problem> {
    let search: IncidentSearch =
        view.read(&["status", "severity", "clinical_impact", "category", "host"])?;
    let before = view.get("cursor").parse().ok();
    api.read(move |conn| stored::page(conn, &search.filter(), before, PAGE))
        .await
        .map_err(Problem::as_query)
}

fn facets(view: &View) -> Markup {
    let choice = |name: &str, word: &str, shown: &Markup| {
        html! { a href=(view.toggled(name, word)) aria-current=[view.has(name, word).then_some("true")] { (shown) } " " }
    };
    html! {
        p.facets {
            @for word in ["open", "acknowledged", "closed"] { (choice("status", word, &html! { (word) })) }
            span.dim { "·" }
            @for word in ["direct", "likely", "possible", "none"] { (choice("clinical_impact", word, &marks::impact(word))) }
            span.dim { "·" }
            @for word in ["critical", "high", "medium", "low", "info"] { (choice("severity", word, &marks::severity(word))) }
            @if !view.is_plain() { a href="/incidents" { "Everything" } }
        }
    }
}

async fn csv(
    State(api): State<Api>,
    _: May<permit::Read>,
    view: View,
) -> Result<Response, Problem> {
    let mut text = table::csv(&[
        "incident_id",
        "clinical_impact",
        "severity",
        "title",
        "actor",
        "victim",
        "alerts",
        "first_seen",
        "last_seen",
        "status",
        "verdict",
        "do_not_isolate",
    ]);
    for one in found(&api, &view).await? {
        text.push_str(&table::csv(&[
            &one.incident_id,
            one.clinical_impact,
            one.severity,
            &one.title,
            &one.actor,
            &one.victim,
            &one.count.to_string(),
            &one.first_seen,
            &one.last_seen,
            one.status,
            one.verdict.unwrap_or_default(),
            if one.do_not_isolate { "true" } else { "false" },
        ]));
    }
    Ok(table::download("incidents.csv", text))
}

async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (one, said, found) = api
        .read(move |conn| {
            let missing = || store::Error::Missing("incident with this id".to_owned());
            let one = stored::get(conn, &id)?.ok_or_else(missing)?;
            let filter = query::Filter {
                incident: Some(id.clone()),
                ..query::Filter::default()
            };
            let found = query::page(conn, &filter, None, ALERTS)?;
            Ok((one, comments::of(conn, &format!("incident:{id}"))?, found))
        })
        .await?;
    let path = format!("/incidents/{}", one.incident_id);
    let devices = api.desk().devices().now();
    let host = |name: &str| {
        html! {
            a href={ "/alerts?ip=" (name) } { (alerts::host(name, None, &devices)) }
        }
    };
    let body = html! {
        p { (marks::severity(one.severity)) " " (marks::impact(one.clinical_impact)) " "
            (alerts::status(one.status, one.verdict)) (stay(&one, &devices)) }
        h1 { (one.title) }
        div #facts data-live { (table::pairs([
            ("Who acted", host(&one.actor)),
            ("On whom", host(&one.victim)),
            ("Alerts", html! { (one.count) }),
            ("First seen", marks::when(&one.first_seen)),
            ("Last seen", marks::when(&one.last_seen)),
            ("Judged by", marks::who(one.judged_by.as_deref().unwrap_or("nobody yet"))),
        ])) }
        @if let Some(previous) = &one.previous {
            p { "The same happened before: " a href={ "/incidents/" (previous) } { "the incident before" } "." }
        }
        (triage::buttons(&who, &path, one.status))
        @if who.may(Permission::Configure) { (holds::button(&who, "incident", &one.incident_id, one.held)) }
        @else if one.held { p { "It is held: it stays whatever its age." } }
        h2 { "Its alerts" }
        div #rows data-live { (alerts::list(&found.alerts, None, &devices)) }
        (triage::comments(&who, &path, &said))
    };
    Ok(Page {
        title: &one.title,
        here: "/",
        who: &who,
        body,
    }
    .show(&api))
}
