//! Logging in and out, and the first start.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::fault::sentence;
use super::page::{self, Page};
use super::view::View;
use crate::api::{Api, Form, May, Peer, Problem, Text, permit, set_cookie};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/login", get(show).post(log_in))
        .route("/setup", get(show_setup).post(set_up))
        .route("/logout", post(log_out))
        .route("/settings/password", get(show_password).post(set_password))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Login {
    name: String,
    password: String,
    next: String,
}

/// What a name is, for browsers.
pub(in crate::console) const NAME: &str = r"[A-Za-z0-9._@\-]{1,64}";

#[derive(Default, Deserialize)]
#[serde(default)]
struct First {
    token: String,
    name: String,
    password: String,
    again: String,
}

async fn show(State(api): State<Api>, view: View) -> Response {
    if api.is_new() {
        return page::go("/setup");
    }
    let login = Login {
        next: view.get("next").to_owned(),
        ..Login::default()
    };
    login_page(&login, None)
}

fn login_page(login: &Login, wrong: Option<&str>) -> Response {
    page::plain(
        "Log in",
        &html! {
            h1 { "Vitalwire" }
            (said(wrong))
            form.stack method="post" action="/login" {
                input type="hidden" name="next" value=(login.next);
                label { "Name" input name="name" value=(login.name) autocomplete="username" required autofocus; }
                label { "Password" input type="password" name="password" autocomplete="current-password" required; }
                button.main { "Log in" }
            }
        },
    )
}

fn said(wrong: Option<&str>) -> Markup {
    html! { @if let Some(wrong) = wrong { p.wrong role="alert" { (sentence(wrong)) } } }
}

/// A form of a page of somebody else's is no login of ours.
fn ours<T: serde::de::DeserializeOwned>(headers: &HeaderMap, body: &str) -> Result<T, Problem> {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if !matches!(site, None | Some(b"same-origin" | b"none")) {
        return Err(Problem::forbidden("this form came from another site"));
    }
    serde_urlencoded::from_str(body).map_err(|_| Problem::bad("the form cannot be read"))
}

/// Only a path of ours: `//host` and `/\host` are elsewhere.
fn inside(next: &str) -> &str {
    let ours =
        next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if ours { next } else { "/" }
}

async fn log_in(
    State(api): State<Api>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Text(body): Text,
) -> Result<Response, Problem> {
    let login: Login = ours(&headers, &body)?;
    match api
        .log_in(login.name.clone(), login.password.clone(), peer)
        .await
    {
        Ok((_, cookie)) => {
            let mut response = page::go(inside(&login.next));
            set_cookie(response.headers_mut(), Some(&cookie));
            Ok(response)
        }
        Err(problem) if problem.status().is_client_error() => {
            let mut response = login_page(&login, Some(problem.detail()));
            *response.status_mut() = problem.status();
            Ok(response)
        }
        Err(problem) => Err(problem),
    }
}

async fn show_setup(State(api): State<Api>) -> Response {
    if !api.is_new() {
        return page::go("/login");
    }
    setup_page(&First::default(), None)
}

fn setup_page(first: &First, wrong: Option<&str>) -> Response {
    page::plain(
        "Set up",
        &html! {
            h1 { "Set up Vitalwire" }
            p { "Nobody can log in yet. The appliance told a set-up token when it started: in the terminal in which it runs, or in its log:" }
            pre { code { "journalctl -u vitalwire | grep set-up" } }
            p.dim { "Each start makes another. You will be the first admin, who adds the others under Settings." }
            (said(wrong))
            form.stack method="post" action="/setup" {
                label { "Set-up token" input name="token" value=(first.token) autocomplete="off" required autofocus; }
                label { "Name to log in with, without blanks"
                    input name="name" value=(first.name) autocomplete="username" pattern=(NAME) required; }
                label { "Password, at least 12 characters"
                    input type="password" name="password" autocomplete="new-password" minlength="12" required; }
                label { "Password, again"
                    input type="password" name="again" autocomplete="new-password" minlength="12" required; }
                button.main { "Make the first admin" }
            }
        },
    )
}

async fn set_up(
    State(api): State<Api>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Text(body): Text,
) -> Result<Response, Problem> {
    if !api.is_new() {
        return Ok(page::go("/login"));
    }
    let first: First = ours(&headers, &body)?;
    let refused = |status: StatusCode, why: &str| {
        let mut response = setup_page(&first, Some(why));
        *response.status_mut() = status;
        Ok(response)
    };
    if first.password != first.again {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "the two passwords differ");
    }
    let made = api.set_up(
        first.token.clone(),
        first.name.clone(),
        first.password.clone(),
        peer,
    );
    match made.await {
        Ok((_, cookie)) => {
            let mut response = page::go("/");
            set_cookie(response.headers_mut(), Some(&cookie));
            Ok(response)
        }
        Err(problem) if problem.status().is_client_error() => {
            refused(problem.status(), problem.detail())
        }
        Err(problem) => Err(problem),
    }
}

async fn log_out(
    State(api): State<Api>,
    sent: page::Pressed<permit::Read>,
) -> Result<Response, Problem> {
    let who = sent.who;
    api.log_out(&who).await?;
    let mut response = page::go("/login");
    set_cookie(response.headers_mut(), None);
    Ok(response)
}

async fn show_password(State(api): State<Api>, who: May<permit::Read>) -> Response {
    Page {
        title: "Password",
        here: "/settings",
        who: &who,
        body: html! {
            h1 { "Change your password" }
            p { "All your sessions end; tokens stay." }
            form.stack method="post" action="/settings/password" {
                (page::csrf(&who))
                label { "Name" input name="username" autocomplete="username" value=(who.name) readonly; }
                label { "Password of now" input type="password" name="current" autocomplete="current-password" required; }
                label { "New password, at least 12 characters"
                    input type="password" name="new" autocomplete="new-password" minlength="12" required; }
                button.main { "Change it" }
            }
        },
    }
    .show(&api)
}

#[derive(Deserialize)]
struct Passwords {
    current: String,
    new: String,
}

async fn set_password(
    State(api): State<Api>,
    sent: Form<permit::Read, Passwords>,
) -> Result<Response, Problem> {
    let Form { who, form } = sent;
    api.change_password(&who, form.current, form.new).await?;
    Ok(page::go("/login"))
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn a_login_leads_nowhere_else() {
        assert_eq!(inside("/alerts?q=a"), "/alerts?q=a");
        for outside in [
            "",
            "//evil",
            "https://evil",
            "/\\evil",
            "javascript:x",
            "/a\r\nb",
        ] {
            assert_eq!(inside(outside), "/", "{outside}");
        }
    }
}
