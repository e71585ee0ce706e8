//! Which rules were in force when, and those of before back again.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::page::{self, Page};
use super::super::{marks, table};
use crate::api::{self, Api, FileDiff, May, Path, Problem, permit};
use crate::auth::Permission;
use crate::store::uploads::{self, Files};
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
    let (before, then, newest, now) = api
        .read(move |conn| {
            let (newest, now) = uploads::newest(conn)?;
            let before = uploads::files(conn, version.saturating_sub(1));
            Ok((before, uploads::files(conn, version)?, newest, now))
        })
        .await?;
    // There is none before the first one, and old ones are not kept for ever.
    let before = before.ok().or_else(|| (version == 1).then(Files::new));
    let (changed, since) = api::blocking(move || {
        let changed = before.map(|before| api::rule_differences(&before, &then));
        (changed, api::rule_differences(&then, &now))
    })
    .await?;
    let body = html! {
        h1 { "Version " (version) }
        h2 { "What it changed" }
        @match &changed {
            Some(files) => (different(files, "Nothing.")),
            None => p { "The version before it is no longer kept." },
        }
        @if version == newest { p { "It is in force." } } @else {
            h2 { "From it to what is in force" }
            (different(&since, "They are the same."))
        }
        @if who.may(Permission::Configure) && !since.is_empty() {
            form method="post" action={ "/rules/history/" (version) } {
                (page::csrf(&who))
                button { "Put version " (version) " in force again: it changes " (since.len()) @if since.len() == 1 { " file" } @else { " files" } }
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

fn different(files: &[FileDiff], none: &str) -> Markup {
    html! {
        @if files.is_empty() { p { (none) } }
        @for file in files { h3.mono { (file.name) } pre { code { (file.diff) } } }
    }
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
