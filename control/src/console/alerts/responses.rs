//! Responses to an alert: how each stands, and the clinical engineer's approval of one.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::{marks, page};
use crate::api::{self, Api, Form, Path, Problem, permit};
use crate::auth::{Caller, Permission};
use crate::deliver::respond::{Does, Standing, StandingState as Stands};
use crate::inventory::Now;

/// What is approved, from a form.
#[derive(Deserialize)]
pub(super) struct Approved {
    response: String,
    #[serde(default)]
    reason: String,
}

pub(super) async fn approve(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: Form<permit::Clinical, Approved>,
) -> Result<Response, Problem> {
    let Approved { response, reason } = sent.form;
    api::approve_response(&api, &sent.who, &id, response, reason).await?;
    Ok(page::go(&format!("/alerts/{id}#responses")))
}

/// All of them; nothing where the configuration has none for the rule.
pub(super) fn show(who: &Caller, path: &str, all: &[Standing], devices: &Now) -> Markup {
    html! {
        @if !all.is_empty() { section #responses {
            h2 { "Responses" }
            div #standing data-live { @for one in all {
                div.card {
                    p { strong { (one.response) } ": " (does(one, devices)) " " (stands(one)) }
                    @if one.state.may_be_approved() { (form(who, path, one, devices)) }
                }
            } }
        } }
    }
}

fn target(one: &Standing, devices: &Now) -> Markup {
    let ip = one.target.as_deref().unwrap_or("nobody");
    super::host(ip, None, devices)
}

fn does(one: &Standing, devices: &Now) -> Markup {
    let minutes = one.expires_s.div_ceil(60);
    html! {
        @match one.does {
            Does::BlockList => { "firewalls that poll the list block " (target(one, devices)) }
            Does::Webhook => { "a request asks to act on " (target(one, devices)) }
        }
        ", for " (minutes) " min"
        @if one.dry_run { "; it is dry, and only says what it would do" }
        "."
    }
}

fn stands(one: &Standing) -> Markup {
    let why = one.why.as_deref().unwrap_or_default();
    html! {
        strong { @match one.state {
            Stands::None => "Nothing is done yet, or this device was dealt with after an earlier alert.",
            Stands::Proposed => { "Not done: " (why) "." }
            Stands::Refused => { "Not done: " (why) "." }
            Stands::Limited => { "Not done: " (why) "." }
            Stands::Approved => "Approved, and about to be done.",
            Stands::Dry => "It would have been done.",
            Stands::Acting => { "Done" @if let Some(until) = &one.until { ", until " (marks::when(until)) } "." }
            Stands::Over => "Done, and over.",
        } }
        @if let Some(by) = &one.approved_by { " Approved by " (by) "." }
        @if let Some(since) = &one.since { " " span.dim { (marks::when(since)) } }
    }
}

/// Asks once, and says what it touches.
fn form(who: &Caller, path: &str, one: &Standing, devices: &Now) -> Markup {
    if !who.may(Permission::Clinical) {
        return html! { p.dim { "A clinical engineer may approve this one action." } };
    }
    html! {
        details {
            summary { "Approve this one action" }
            form.stack method="post" action={ (path) "/approve" } {
                (page::csrf(who))
                input type="hidden" name="response" value=(one.response);
                label { input type="checkbox" required; " One device is touched: " (target(one, devices))
                    ". Nobody at a bedside depends on it now, or the ward knows." }
                label { "Why. Write no patient's name into it." input name="reason" maxlength="400" required; }
                button { "Approve" }
            }
        }
    }
}
