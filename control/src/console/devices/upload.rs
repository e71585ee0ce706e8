//! The hospital's list of its devices: which is in force, what it lacks, and a new one.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::fault::sentence;
use super::super::marks;
use super::super::page::{self, Page};
use crate::api::{self, Api, Form, May, Problem, permit};
use crate::auth::{Caller, Permission};
use crate::inventory::Entry;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    text: String,
    note: String,
    act: String,
}

const EXAMPLE: &str = "name,role,owner,phone,unit,criticality,life_support,mac,ip,serial\n";

pub(super) async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
) -> Result<Response, Problem> {
    let sent = Sent {
        text: EXAMPLE.to_owned(),
        ..Sent::default()
    };
    whole(&api, &who, &sent, &html! {}).await
}

async fn whole(
    api: &Api,
    who: &Caller,
    sent: &Sent,
    outcome: &Markup,
) -> Result<Response, Problem> {
    let list = api::the_devices_list(api).await?;
    let body = html! {
        h1 { "The hospital's list" }
        (outcome)
        p {
            "It names devices, says whom to call, and arms the rules that need a role. "
            @match (&list.uploaded, &list.configured) {
                (Some(one), _) => { (list.devices) " devices, uploaded by " (marks::who(&one.created_by)) " at " (marks::when(&one.created)) "." }
                (None, Some(file)) => { (list.devices) " devices, from " code { (file) } ", which the configuration names." }
                (None, None) => { strong { "There is none yet." } " Export " a href="/api/v1/assets.csv" download { "what was seen" } ", add names, roles and owners, and send it below." }
            }
        }
        @if !list.notes.is_empty() { h2 { "What is odd about it" } ul { @for note in &list.notes { li { (note) } } } }
        @if list.unseen_count > 0 { (unseen(list.unseen_count, &list.unseen)) }
        @if who.may(Permission::Configure) { (form(who, sent, list.uploaded.as_ref().map(|_| list.devices))) }
        @else { p.dim { "An engineer or an admin uploads a new one." } }
    };
    Ok(Page {
        title: "The hospital's list",
        here: "/devices",
        who,
        body,
    }
    .show(api))
}

/// Devices of the list that were never seen.
fn unseen(count: usize, all: &[Entry]) -> Markup {
    html! {
        details {
            summary { (count) " devices of it were never seen" }
            div.scroll tabindex="0" role="region" aria-label="Never seen" { table {
                thead { tr { th.number { "Line" } th { "Name" } th { "Role" } th { "Unit" } th { "Owner" } } }
                tbody { @for one in all { tr {
                    td.number { (one.line) } td { (one.name) } td { (one.roles.join(", ")) } td { (one.unit) } td { (one.owner) }
                } } }
            } }
        }
    }
}

/// `uploaded` has so many devices.
fn form(who: &Caller, sent: &Sent, uploaded: Option<usize>) -> Markup {
    html! {
        h2 { "A new list" }
        form.stack method="post" action="/devices/list" {
            (page::csrf(who))
            label { "CSV, as the maintenance system or a spreadsheet exports it; the first line names the columns"
                textarea.code name="text" rows="12" spellcheck="false" required { (sent.text) } }
            label { "Why" input name="note" value=(sent.note) maxlength="200"; }
            div.bottom {
                button name="act" value="check" { "Check" }
                button.main name="act" value="put" { "Put in force" }
            }
        }
        p.dim { "A list with mistakes changes nothing. A long one is sent with "
            code { "curl -T list.csv -H 'content-type: text/csv'" } " to " code { "/api/v1/assets/list" } "." }
        @if let Some(devices) = uploaded {
            form.stack method="post" action="/devices/list" {
                (page::csrf(who))
                input type="hidden" name="act" value="take_back";
                label { input type="checkbox" required; " What it says of " (devices) " devices goes; the list that the configuration names, if any, counts again" }
                button { "Take the uploaded list back" }
            }
        }
    }
}

pub(super) async fn send(
    State(api): State<Api>,
    sent: Form<permit::Configure, Sent>,
) -> Result<Response, Problem> {
    let (who, sent) = (sent.who, sent.form);
    let text = (sent.act != "take_back").then(|| sent.text.clone());
    let dry = sent.act == "check";
    match api::put_devices(&api, &who, text, &sent.note, dry).await {
        Ok(_) if !dry => Ok(page::go("/devices/list")),
        Ok(outcome) => {
            let says = html! { div.right role="status" {
                p { "It is right: " (outcome.devices) " devices. With it, " (outcome.armed) " rules may fire, and " (outcome.unarmed) " lack a list still." }
                ul { @for note in &outcome.notes { li { (note) } } }
            } };
            whole(&api, &who, &sent, &says).await
        }
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            let says = html! { div.wrong role="alert" {
                p { (sentence(problem.detail())) " The list of before stays in force." }
                ul { @for one in problem.mistakes() { li { "line " (one.line) ": " (one.message) } } }
            } };
            let mut response = whole(&api, &who, &sent, &says).await?;
            *response.status_mut() = problem.status();
            Ok(response)
        }
        Err(problem) => Err(problem),
    }
}
