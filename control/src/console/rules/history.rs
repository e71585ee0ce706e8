//! Which rules were in force when, and those of before back again.

use axum::extract::State;
use axum::response::Response;
use maud::html;

use super::super::page::{self, Page};
use super::super::{marks, table};
use crate::api::{self, Api, May, Path, Problem, permit};
use crate::auth::Permission;
use crate::store::uploads;
use crate::store::views::overview;

pub(super) async fn show(
    State(api): State<Api>,
    who: May<permit::Read>,
) -> Result<Response, Problem> {
    let (versions, loads) = api
        .read(|conn| Ok((uploads::versions(conn)?, overview::loads(conn)?)))
        .await?;
    let newest = versions.first().map(|version| version.version);
    let body = html! {
        h1 { "History of the rules" }
        h2 { "Uploaded" }
        @if versions.is_empty() { (table::empty(&html! { p { strong { "Nothing was uploaded." } " The packs of the program and the files of the configuration are in force." } })) }
        @else {
            div.scroll tabindex="0" role="region" aria-label="Versions" { table.rows {
                thead { tr { th.number { "Version" } th { "When" } th { "Who" } th { "Why" } th { span.hidden { "Do" } } } }
                tbody { @for one in &versions { tr {
                    td.number data-name="version" { (one.version) @if Some(one.version) == newest { " " strong { "in force" } } }
                    td { (marks::when(&one.created)) } td { (marks::who(&one.created_by)) } td.wide { (one.note) }
                    td { a href={ "/rules/history/" (one.version) } { "what differs" } }
                } } }
            } }
        }
        h2 { "In force" }
        div.scroll tabindex="0" role="region" aria-label="Loads" { table.rows {
            thead { tr { th { "Since" } th.number { "Rules" } th.number { "Armed" } th { "Packs" } } }
            tbody { @for one in &loads { tr {
                td { (marks::time(one.loaded)) } td.number data-name="rules" { (one.rules) } td.number data-name="armed" { (one.armed) }
                td.wide { (one.packs.join(", ")) }
            } } }
        } }
    };
    Ok(Page {
        title: "History of the rules",
        here: "/rules",
        who: &who,
        body,
    }
    .show(&api))
}

pub(super) async fn differences(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(version): Path<i64>,
) -> Result<Response, Problem> {
    let (then, now) = api
        .read(move |conn| Ok((uploads::files(conn, version)?, uploads::newest(conn)?.1)))
        .await?;
    let files = api::blocking(move || api::rule_differences(&then, &now)).await?;
    let body = html! {
        h1 { "From version " (version) " to what is in force" }
        @if files.is_empty() { p { "They are the same." } }
        @for file in &files { h2.mono { (file.name) } pre { code { (file.diff) } } }
        @if who.may(Permission::Configure) && !files.is_empty() {
            form method="post" action={ "/rules/history/" (version) } {
                (page::csrf(&who))
                button { "Put version " (version) " in force again: it changes " (files.len()) " files" }
            }
        }
    };
    Ok(Page {
        title: "What differs",
        here: "/rules",
        who: &who,
        body,
    }
    .show(&api))
}

pub(super) async fn restore(
    State(api): State<Api>,
    Path(version): Path<i64>,
    sent: page::Pressed<permit::Configure>,
) -> Result<Response, Problem> {
    let who = sent.who;
    let _one = api.desk().changing.lock().await;
    let files = api.read(move |conn| uploads::files(conn, version)).await?;
    let note = format!("as version {version}");
    drop(api::change_rules(&api, &who, files, note, false).await?);
    Ok(page::go("/rules/history"))
}
