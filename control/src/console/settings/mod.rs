//! Settings: users and tokens, where alerts go, how long things are kept, and the audit log.

pub(super) mod holds;
mod people;
mod sinks;
mod tokens;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};

use super::page::Page;
use super::{marks, table};
use crate::api::{Api, May, Problem, permit};
use crate::auth::{Permission, tokens as kept, users};
use crate::config::Config;
use crate::store::{audit, hold};

/// Entries of the audit log that are shown.
const AUDIT: u32 = 30;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/settings", get(show))
        .route("/settings/users", post(people::add))
        .route("/settings/users/{name}", post(people::edit))
        .route("/settings/tokens", post(tokens::make))
        .route(
            "/settings/tokens/{number}",
            get(tokens::ask).post(tokens::take_back),
        )
        .route("/settings/sinks/{name}/test", post(sinks::test))
        .route("/settings/holds", post(holds::set))
}

async fn show(State(api): State<Api>, who: May<permit::Read>) -> Result<Response, Problem> {
    let (config, _) = api.desk().in_force();
    let admin = who.may(Permission::Admin);
    let of = (!admin).then_some(who.user);
    let (users, tokens, entries, held) = api
        .read(move |conn| {
            let held = hold::list(conn)?;
            if !admin {
                return Ok((Vec::new(), kept::list(conn, of)?, Vec::new(), held));
            }
            let entries = audit::list(conn, None, AUDIT)?;
            Ok((users::list(conn)?, kept::list(conn, of)?, entries, held))
        })
        .await?;
    let body = html! {
        h1 { "Settings" }
        p { "What is not here is in the configuration file: " code { "vitalwire config check" } " says what is wrong with it." }
        @if admin { (people::list(&who, &users)) }
        h2 #tokens { "Tokens of programs" }
        (tokens::list(&tokens))
        (tokens::form(&who))
        h2 #sinks { "Where alerts go" }
        div #sink-list data-live { (sinks::list(&api, &who, &config)) }
        h2 #retention { "How long things are kept" }
        (retention(&config))
        h2 #holds { "What is held" }
        (holds::list(&who, &held))
        @if admin { h2 #audit { "The audit log, newest first" } (audit_list(&entries)) }
    };
    Ok(Page {
        title: "Settings",
        here: "/settings",
        who: &who,
        body,
    }
    .show(&api))
}

fn retention(config: &Config) -> Markup {
    let keep = &config.store.keep;
    let days = |span: crate::config::units::Span| {
        html! { @match span.0.as_secs() {
            0 => "for ever",
            seconds @ ..86_400 => { "less than one: " (seconds.div_ceil(3_600)) " h" }
            seconds => (seconds / 86_400),
        } }
    };
    let rows = [
        (marks::severity("critical"), days(keep.critical)),
        (marks::severity("high"), days(keep.high)),
        (marks::severity("medium"), days(keep.medium)),
        (marks::severity("low"), days(keep.low)),
        (marks::severity("info"), days(keep.info)),
        (html! { "incidents" }, days(keep.incidents)),
    ];
    html! {
        table {
            thead { tr { th { "What" } th.number { "Kept, days" } } }
            tbody { @for (what, days) in &rows { tr { td { (what) } td.number { (days) } } } }
        }
        p { "The store has at most " strong { (marks::bytes(config.store.max_size.0)) } "; then the oldest of the mildest go. \
             Each deletion is in the audit log. " code { "store.keep" } " and " code { "store.max_size" } " in the configuration say so." }
    }
}

fn audit_list(all: &[audit::Entry]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Audit log" { table.rows {
            thead { tr { th { "When" } th { "Who" } th { "Did" } th { "To what" } } }
            tbody { @for one in all { tr {
                td { (marks::time(one.time)) } td { (marks::who(&one.actor)) } td.mono { (one.action) } td.mono.wide { (one.object) }
            } } }
        } }
        p.dim { "Append-only and chained: " code { "vitalwire audit verify" } " checks it." }
    }
}

/// What stands where a list is empty.
fn none(strong: &str, rest: &Markup) -> Markup {
    table::empty(&html! { p { strong { (strong) } " " (rest) } })
}
