//! "Tune from this alert": a suppression made from it, and what that would have hidden.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::super::marks;
use super::super::page::{self, Page};
use super::super::view::View;
use super::event;
use crate::api::{Api, Form, May, Path, Problem, permit, preview_suppression, put_suppression};
use crate::auth::Permission;
use crate::config::Suppression;
use crate::store;
use crate::store::preview::Preview;
use crate::store::query::{self, Alert};

/// Fields that one may tune by, if the event has them.
const FIELDS: [&str; 8] = [
    "src_ip",
    "dest_ip",
    "dest_port",
    "dicom.calling_ae",
    "dicom.called_ae",
    "hl7.sending_application",
    "hl7.receiving_application",
    "pump.device",
];

#[derive(Deserialize)]
pub(super) struct Kept {
    by: String,
    owner: String,
    reason: String,
    expires: String,
}

async fn read(api: &Api, id: String) -> Result<(Alert, Value), Problem> {
    api.read(move |conn| {
        let missing = || store::Error::Missing("alert with this id".to_owned());
        let alert = query::alert(conn, &id)?.ok_or_else(missing)?;
        let line = query::line(conn, &id)?.unwrap_or_default();
        Ok((alert, serde_json::from_str(&line).unwrap_or(Value::Null)))
    })
    .await
}

/// The fields that the event has, with their values.
fn choices(event: &Value) -> Vec<(&'static str, String)> {
    let all: BTreeMap<String, String> = event::fields(event)
        .into_iter()
        .chain(event::envelope(event))
        .collect();
    FIELDS
        .into_iter()
        .filter_map(|name| Some((name, all.get(name)?.clone())))
        .collect()
}

fn suppression(alert: &Alert, event: &Value, by: &str) -> Suppression {
    let chosen = choices(event)
        .into_iter()
        .filter(|(name, _)| by.split(',').any(|one| one == *name));
    Suppression {
        rule: alert.slug.clone(),
        when: None,
        fields: chosen
            .map(|(name, value)| (name.to_owned(), vec![value]))
            .collect(),
        owner: "preview".to_owned(),
        reason: "preview".to_owned(),
        expires: "2099-12-31".to_owned(),
    }
}

pub(in crate::console) async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(id): Path<String>,
    view: View,
) -> Result<Response, Problem> {
    let (alert, event) = read(&api, id).await?;
    let by = match view.get("by") {
        "" => "src_ip,dest_ip",
        by => by,
    };
    let says = suppression(&alert, &event, by);
    let preview = preview_suppression(&api, says).await?;
    let path = format!("/alerts/{}/tune", alert.alert_id);
    let body = html! {
        h1 { "Tune from this alert" }
        p { a href={ "/alerts/" (alert.alert_id) } { (marks::prose(&alert.explain)) } }
        p { "Alerts of " code { (alert.slug) } " stay silent where all of these are the same:" }
        ul.facets.stacked { @for (name, value) in choices(&event) {
            @let on = by.split(',').any(|one| one == name);
            li { a href=(toggled(&path, by, name)) aria-current=[on.then_some("true")] {
                span.mono { (name) " = " (marks::value(&value)) } } }
        } }
        (promised(&preview))
        @if who.may(Permission::Configure) { (keep_form(&who, &path, by)) }
        @else { p.dim { "An engineer can make this a suppression." } }
    };
    Ok(Page {
        title: "Tune",
        here: "/alerts",
        who: &who,
        body,
    }
    .show(&api))
}

fn toggled(path: &str, by: &str, name: &str) -> String {
    let mut list: Vec<&str> = by.split(',').filter(|one| *one != name).collect();
    if list.len() == by.split(',').count() {
        list.push(name);
    }
    let by = if list.is_empty() {
        "none".to_owned()
    } else {
        list.join(",")
    };
    format!(
        "{path}?{}",
        serde_urlencoded::to_string([("by", by)]).unwrap_or_default()
    )
}

fn promised(preview: &Preview) -> Markup {
    html! {
        div.card {
            p { "In the last 30 days this would have hidden " strong { (marks::grouped(preview.hidden)) } " of "
                strong { (marks::grouped(preview.alerts)) } " alerts of this rule"
                @if !preview.complete { " that were looked at" } "." }
            @if preview.hidden_true > 0 {
                p.wrong { strong { (marks::grouped(preview.hidden_true)) " of the hidden ones were judged true." } " Think again." }
            }
            @if !preview.newest.is_empty() {
                details { summary { "The newest of them" }
                    ul { @for id in &preview.newest { li { a.mono href={ "/alerts/" (id) } { (id) } } } } }
            }
        }
    }
}

fn keep_form(who: &crate::auth::Caller, path: &str, by: &str) -> Markup {
    html! {
        h2 { "Make it a suppression" }
        form.stack method="post" action=(path) {
            (page::csrf(who))
            input type="hidden" name="by" value=(by);
            label { "Who answers for it" input name="owner" maxlength="128" required; }
            label { "Why: somebody will ask" input name="reason" maxlength="1000" required; }
            label { "Its last day" input type="date" name="expires" required; }
            button.main { "Suppress" }
        }
    }
}

pub(in crate::console) async fn keep(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: Form<permit::Configure, Kept>,
) -> Result<Response, Problem> {
    let (alert, event) = read(&api, id).await?;
    let says = Suppression {
        owner: sent.form.owner,
        reason: sent.form.reason,
        expires: sent.form.expires,
        ..suppression(&alert, &event, &sent.form.by)
    };
    put_suppression(&api, &sent.who, says).await?;
    Ok(page::go(&format!("/rules/{}", alert.slug)))
}
