//! Suppressions that people made: who answers for each, until when, and how to lift it.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::page::{self, Page};
use super::super::{marks, table};
use crate::api::{self, Api, May, Path, Problem, permit};
use crate::store::suppressions::{self, Suppression};

/// What it leaves out.
fn says(one: &Suppression) -> Markup {
    html! {
        a.mono href={ "/rules/" (one.says.rule) } { (one.says.rule) }
        @for (field, values) in &one.says.fields { div.mono { (field) " = "
            @for (at, value) in values.iter().enumerate() { @if at > 0 { ", " } (marks::value(value)) } } }
        @if let Some(when) = &one.says.when { div.mono { (when) } }
    }
}

pub(super) fn list(all: &[Suppression], configure: bool) -> Markup {
    if all.is_empty() {
        return table::empty(
            &html! { p { strong { "Nothing is suppressed from here." } " \"Tune from this alert\" on an alert makes a suppression, \
            and says first what it would have hidden in 30 days." } },
        );
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Suppressions" { table.rows {
            thead { tr { th { "Silent" } th { "Why" } th { "Who answers for it" } th { "Last day" } th { "Made" } th { span.hidden { "Do" } } } }
            tbody { @for one in all { tr {
                td.wide { (says(one)) } td { (one.says.reason) } td { (one.says.owner) } td { (one.says.expires) }
                td { (marks::when(&one.created)) " " span.dim { (marks::who(&one.created_by)) } }
                td { @if configure { a.button href={ "/rules/suppressions/" (one.number) } { "Lift" } } }
            } } }
        } }
    }
}

pub(super) async fn ask(
    State(api): State<Api>,
    who: May<permit::Configure>,
    Path(number): Path<i64>,
) -> Result<Response, Problem> {
    let found = api
        .read(move |conn| suppressions::get(conn, number))
        .await?;
    let one = found.ok_or_else(|| Problem::missing("suppression of this number"))?;
    let body = html! {
        h1 { "Lift this suppression?" }
        div.card { (says(&one)) p { (one.says.reason) } p.dim { (one.says.owner) ", until " (one.says.expires) } }
        p { "Alerts like these are told again from now on: 1 suppression is taken away. It can be made again from an alert." }
        form.bottom method="post" action={ "/rules/suppressions/" (number) } {
            (page::csrf(&who))
            button.main { "Lift it" }
            a href="/rules#suppressions" { "Leave it" }
        }
    };
    Ok(Page {
        title: "Lift a suppression",
        here: "/rules",
        who: &who,
        body,
    }
    .show(&api))
}

pub(super) async fn lift(
    State(api): State<Api>,
    Path(number): Path<i64>,
    sent: page::Pressed<permit::Configure>,
) -> Result<Response, Problem> {
    let who = sent.who;
    api::lift_suppression(&api, &who, number).await?;
    Ok(page::go("/rules#suppressions"))
}
