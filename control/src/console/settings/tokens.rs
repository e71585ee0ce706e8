//! Tokens of programs: made with a scope and an end, told once, taken back.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};

use super::super::marks;
use super::super::page::{self, Page};
use crate::api::{Api, Form, May, NewToken, Path, Problem, make_token, permit};
use crate::auth::tokens::{self, Token};
use crate::auth::{Caller, Permission};

/// For how long a token may hold: days, and their words.
const DAYS: [(u32, &str); 5] = [
    (1, "a day"),
    (7, "a week"),
    (30, "30 days"),
    (90, "90 days"),
    (365, "a year"),
];
/// Chosen if nothing else is.
const USUAL: u32 = 90;

const fn meaning(scope: Permission) -> &'static str {
    match scope {
        Permission::Read => "look at everything but users and the audit log",
        Permission::Triage => "acknowledge, comment, judge",
        Permission::Configure => "rules, suppressions, inventory",
        Permission::Clinical => "approve what touches devices at patients",
        Permission::Admin => "users and the audit log",
    }
}

pub(super) fn list(all: &[Token]) -> Markup {
    if all.is_empty() {
        return super::none(
            "No program has a token.",
            &html! { "Make one for each program that asks the API, with no more than it needs: it can be taken back alone." },
        );
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Tokens" { table.rows {
            thead { tr { th { "Name" } th { "Whose" } th { "May" } th { "Made" } th { "Until" } th { "Last used" } th { span.hidden { "Do" } } } }
            tbody { @for token in all { tr {
                td { strong { (token.name) } } td data-name="of" { (token.owner) }
                td { @for one in token.scopes.list() { span.status { (one.word()) } " " } }
                td data-name="made" { (marks::time(token.created)) }
                td data-name="until" { (marks::time(token.expires)) @if token.expires < crate::store::words::now() { " " strong { "over" } } }
                td data-name="last used" { @match token.seen { Some(seen) => (marks::time(seen)), None => "never" } }
                td { a.button href={ "/settings/tokens/" (token.number) } { "Take back" } }
            } } }
        } }
    }
}

pub(super) fn form(who: &Caller) -> Markup {
    html! {
        details { summary { "Make a token" }
            form.stack method="post" action="/settings/tokens" {
                (page::csrf(who))
                label { "What it is for" input name="name" maxlength="64" autocomplete="off" required; }
                fieldset { legend { "What it may do, as long as you may" }
                    @for scope in Permission::ALL.into_iter().filter(|scope| who.may(*scope)) {
                        label { input type="checkbox" name="scope" value=(scope.word()) checked[scope == Permission::Read];
                            " " strong { (scope.word()) } " " span.dim { (meaning(scope)) } }
                    }
                }
                label { "Until" select name="days" { @for (days, words) in DAYS {
                    option value=(days) selected[days == USUAL] { (words) " from now" }
                } } }
                button.main { "Make it" }
            }
        }
    }
}

pub(super) async fn make(
    State(api): State<Api>,
    sent: Form<permit::Read, Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let of = |name: &'static str| {
        let of = sent.form.iter().filter(move |(key, _)| key == name);
        of.map(|(_, value)| value.as_str())
    };
    let unfit = |what: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what);
    let scopes = of("scope").map(|word| {
        let known = Permission::ALL
            .into_iter()
            .find(|scope| scope.word() == word);
        known.ok_or_else(|| unfit("a token has no such scope"))
    });
    let days = of("days").next().unwrap_or_default();
    let new = NewToken {
        name: of("name").next().unwrap_or_default().to_owned(),
        scopes: scopes.collect::<Result<_, _>>()?,
        days: days
            .parse()
            .map_err(|_| unfit("for how many days has to be a number"))?,
    };
    let (secret, token) = make_token(&api, &sent.who, new).await?;
    let body = html! {
        h1 { "The token " (token.name) }
        div.right role="status" {
            p { strong { "This is the only time it is shown." } " Copy it to where the program reads it; the appliance keeps its hash only." }
            pre.secret #secret { (secret) }
            p { "It may " @for one in token.scopes.list() { span.status { (one.word()) } " " } "until " (marks::time(token.expires)) "." }
            p { "The program sends it with each request:" }
            pre { "authorization: Bearer " (secret) }
        }
        p { a href="/settings#tokens" { "Back to the settings: it is copied" } }
    };
    let mut response = Page {
        title: "A new token",
        here: "/settings",
        who: &sent.who,
        body,
    }
    .show(&api);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn find(api: &Api, who: &Caller, number: i64) -> Result<Token, Problem> {
    let of = (!who.may(Permission::Admin)).then_some(who.user);
    let all = api.read(move |conn| tokens::list(conn, of)).await?;
    let found = all.into_iter().find(|token| token.number == number);
    found.ok_or_else(|| Problem::missing("token of this number"))
}

/// Before it is taken back.
pub(super) async fn ask(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(number): Path<i64>,
) -> Result<Response, Problem> {
    let token = find(&api, &who, number).await?;
    let body = html! {
        h1 { "Take the token " (token.name) " back?" }
        p { "It is 1 token, of " strong { (token.owner) } ". Whatever program has it is refused from then on; it cannot be given again, only another one made." }
        p { @match token.seen { Some(seen) => { "It was used last at " (marks::time(seen)) ", " (marks::ago(seen)) "." } None => "It was never used." } }
        form.bottom method="post" action={ "/settings/tokens/" (number) } {
            (page::csrf(&who))
            button.main { "Take it back" }
            a href="/settings#tokens" { "Leave it" }
        }
    };
    Ok(Page {
        title: "Take a token back",
        here: "/settings",
        who: &who,
        body,
    }
    .show(&api))
}

pub(super) async fn take_back(
    State(api): State<Api>,
    Path(number): Path<i64>,
    sent: page::Pressed<permit::Read>,
) -> Result<Response, Problem> {
    let who = sent.who;
    let of = (!who.may(Permission::Admin)).then_some(who.user);
    let actor = who.actor();
    api.write(move |change| tokens::delete(change, number, of, &actor))
        .await?;
    Ok(page::go("/settings#tokens"))
}
