//! Settings: users and tokens; sinks, retention and the audit log as they are.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::page::{self, Page};
use super::{marks, table};
use crate::api::{Api, Form, May, Path, Problem, permit};
use crate::auth::users::{self, Edit, User};
use crate::auth::{Caller, Permission, Role, tokens};
use crate::config::Config;
use crate::store::audit;
use crate::store::views::overview;

/// Entries of the audit log that are shown.
const AUDIT: u32 = 30;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/settings", get(show))
        .route("/settings/users", post(add))
        .route("/settings/users/{name}", post(edit))
        .route("/settings/tokens/{number}", post(drop_token))
}

async fn show(State(api): State<Api>, who: May<permit::Read>) -> Result<Response, Problem> {
    let (config, _) = api.desk().in_force();
    let admin = who.may(Permission::Admin);
    let of = (!admin).then_some(who.user);
    let (users, tokens, entries, sinks) = api
        .read(move |conn| {
            let sinks = overview::sinks(conn)?;
            let entries = if admin {
                audit::list(conn, None, AUDIT)?
            } else {
                Vec::new()
            };
            let users = if admin {
                users::list(conn)?
            } else {
                Vec::new()
            };
            Ok((users, tokens::list(conn, of)?, entries, sinks))
        })
        .await?;
    let body = html! {
        h1 { "Settings" }
        p { "What is not here is in the configuration file: " code { "vitalwire config check" } " says what is wrong with it." }
        @if admin { (people(&who, &users)) }
        h2 #tokens { "Tokens of programs" }
        (token_list(&who, &tokens))
        h2 #sinks { "Sinks" }
        (sink_list(&config, &sinks))
        h2 #retention { "How long things are kept" }
        (retention(&config))
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

fn roles(chosen: Option<Role>) -> Markup {
    html! {
        select name="role" aria-label="Role" { @for role in Role::ALL {
            option value=(role.word()) selected[chosen == Some(role)] { (role.word().replace('_', " ")) }
        } }
    }
}

fn people(who: &Caller, all: &[User]) -> Markup {
    html! {
        h2 #users { "Users" }
        div.scroll tabindex="0" role="region" aria-label="Users" { table {
            thead { tr { th { "Name" } th { "Last login" } th { "Role" } th { "May log in" } th { span.hidden { "Do" } } } }
            tbody { @for user in all { tr {
                @let form = format!("user-{}", user.number);
                td { (user.name) }
                td { @match user.seen { Some(seen) => (marks::time(seen)), None => "never" } }
                td { form id=(form) method="post" action={ "/settings/users/" (user.name) } { (page::csrf(who)) (roles(Some(user.role))) } }
                td { input type="checkbox" name="enabled" value="yes" checked[user.enabled] form=(form) aria-label="may log in"; }
                td { button form=(form) { "Change" } }
            } } }
        } }
        details { summary { "Add a user" }
            form.stack method="post" action="/settings/users" {
                (page::csrf(who))
                label { "Name" input name="name" autocomplete="off" required; }
                label { "Role" (roles(Some(Role::Viewer))) }
                label { "Password, at least 12 characters" input type="password" name="password" autocomplete="new-password" minlength="12" required; }
                button.main { "Add" }
            }
        }
    }
}

fn token_list(who: &Caller, all: &[tokens::Token]) -> Markup {
    html! {
        @if all.is_empty() {
            (table::empty(&html! { p { strong { "No program has a token." } " Make one with " code { "POST /api/v1/tokens" } ": it is told once, and stored hashed." } }))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Tokens" { table {
                thead { tr { th { "Name" } th { "Whose" } th { "May" } th { "Until" } th { "Last used" } th { span.hidden { "Do" } } } }
                tbody { @for token in all { tr {
                    td { (token.name) } td { (token.owner) }
                    td { @for one in token.scopes.list() { (one.word()) " " } }
                    td { (marks::time(token.expires)) }
                    td { @match token.seen { Some(seen) => (marks::time(seen)), None => "never" } }
                    td { form method="post" action={ "/settings/tokens/" (token.number) } { (page::csrf(who)) button { "Take back" } } }
                } } }
            } }
        }
    }
}

fn sink_list(config: &Config, sinks: &[(String, String, u64)]) -> Markup {
    html! {
        ul { li { "EVE JSON file: " @if config.outputs.eve.enabled { "on, " span.mono { (config.outputs.eve.path.display()) } } @else { "off" } } }
        @if sinks.is_empty() {
            (table::empty(&html! { p { strong { "No other sink is configured." } " Alerts stay in the store and in eve.json." } }))
        } @else {
            table { thead { tr { th { "Sink" } th { "Takes" } th.number { "Waiting" } } }
                tbody { @for (name, kinds, waiting) in sinks { tr { td { (name) } td { (kinds) } td.number { (marks::grouped(*waiting)) } } } } }
        }
    }
}

fn retention(config: &Config) -> Markup {
    let keep = &config.store.keep;
    let days = |span: crate::config::units::Span| html! { (span.0.as_secs() / 86_400) " days" };
    html! {
        (table::pairs([
            ("Critical", days(keep.critical)), ("High", days(keep.high)), ("Medium", days(keep.medium)),
            ("Low", days(keep.low)), ("Info", days(keep.info)), ("Incidents", days(keep.incidents)),
            ("At most", html! { (marks::bytes(config.store.max_size.0)) ", then the oldest of the mildest go" }),
        ]))
        p.dim { "What is held is kept whatever its age. Each deletion is in the audit log." }
    }
}

fn audit_list(all: &[audit::Entry]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Audit log" { table {
            thead { tr { th { "When" } th { "Who" } th { "Did" } th { "To what" } } }
            tbody { @for one in all { tr {
                td { (marks::time(one.time)) } td { (one.actor) } td.mono { (one.action) } td.mono.wide { (one.object) }
            } } }
        } }
        p.dim { "Append-only and chained: " code { "vitalwire audit verify" } " checks it." }
    }
}

#[derive(Deserialize)]
struct NewUser {
    name: String,
    role: Role,
    password: String,
}

async fn add(
    State(api): State<Api>,
    sent: Form<permit::Admin, NewUser>,
) -> Result<Response, Problem> {
    let (actor, form) = (sent.who.actor(), sent.form);
    let stored = api.hash_password(form.password).await?;
    api.write(move |change| {
        users::create(change, &form.name, form.role, &stored, &actor).map(drop)
    })
    .await
    .map_err(Problem::as_input)?;
    Ok(page::go("/settings#users"))
}

#[derive(Deserialize)]
struct EditUser {
    role: Role,
    #[serde(default)]
    enabled: String,
}

async fn edit(
    State(api): State<Api>,
    Path(name): Path<String>,
    sent: Form<permit::Admin, EditUser>,
) -> Result<Response, Problem> {
    let (actor, form) = (sent.who.actor(), sent.form);
    let edit = Edit {
        role: Some(form.role),
        enabled: Some(form.enabled == "yes"),
        ..Edit::default()
    };
    api.write(move |change| users::edit(change, &name, &edit, &actor).map(drop))
        .await
        .map_err(Problem::as_input)?;
    Ok(page::go("/settings#users"))
}

#[derive(Deserialize)]
struct Nothing {}

async fn drop_token(
    State(api): State<Api>,
    Path(number): Path<i64>,
    sent: Form<permit::Read, Nothing>,
) -> Result<Response, Problem> {
    let Form {
        who,
        form: Nothing {},
    } = sent;
    let of = (!who.may(Permission::Admin)).then_some(who.user);
    let actor = who.actor();
    api.write(move |change| tokens::delete(change, number, of, &actor))
        .await?;
    Ok(page::go("/settings#tokens"))
}
