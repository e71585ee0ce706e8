//! What every page has around it.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use tokio::task_local;

use super::assets::VERSION;
use super::strip;
use super::view::View;
use crate::api::{Api, Form};
use crate::auth::Caller;

/// Nothing inline, nothing from elsewhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The pages that the head leads to.
pub(super) const NAV: [(&str, &str); 8] = [
    ("/", "Now"),
    ("/alerts", "Alerts"),
    ("/devices", "Devices"),
    ("/pumps", "Pumps"),
    ("/imaging", "Imaging & HL7"),
    ("/network", "Network"),
    ("/rules", "Rules"),
    ("/settings", "Settings"),
];

task_local! {
    /// What had been told before the page was made: whatever comes later, the page has it or asks for it.
    static TOLD: i64;
}

/// Tells browsers what a page may do, and pages from when they are.
pub(super) async fn around(State(api): State<Api>, request: Request, next: Next) -> Response {
    let mut response = TOLD.scope(api.told(), next.run(request)).await;
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}

/// A page for somebody who logged in.
pub(super) struct Page<'a> {
    /// Its name, also in the window's title.
    pub(super) title: &'a str,
    /// The entry of the head that it is under.
    pub(super) here: &'a str,
    pub(super) who: &'a Caller,
    pub(super) body: Markup,
}

impl Page<'_> {
    pub(super) fn show(&self, api: &Api) -> Response {
        let whole = shell(
            self.title,
            &html! {
                a.skip href="#main" { "To the content" }
                (strip::strip(api))
                header.head {
                    nav aria-label="Pages" {
                        @for (path, name) in NAV {
                            a href=(path) aria-current=[(path == self.here).then_some("page")] { (name) }
                        }
                    }
                    form.who method="post" action="/logout" {
                        (csrf(self.who))
                        a href="/settings/password" { (self.who.name) }
                        " "
                        span.dim { (self.who.role.word().replace('_', " ")) }
                        " "
                        button.plain { "Log out" }
                    }
                }
                main #main tabindex="-1" data-told=[TOLD.try_get().ok()] { (self.body) }
                (foot())
            },
        );
        Html(whole.into_string()).into_response()
    }
}

/// A page for somebody who is not known.
pub(super) fn plain(title: &str, body: &Markup) -> Response {
    let whole = shell(
        title,
        &html! { main.narrow #main { (body) footer.foot { (disclaimer()) } } },
    );
    Html(whole.into_string()).into_response()
}

/// A part of a page.
pub(super) fn fragment(part: Markup) -> Html<String> {
    Html(part.into_string())
}

/// After a form: the browser asks for a page, and a reload does nothing twice.
pub(super) fn go(path: &str) -> Response {
    Redirect::to(path).into_response()
}

fn shell(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Vitalwire" }
                link rel="icon" href={ "/static/icon.svg?" (*VERSION) };
                link rel="stylesheet" href={ "/static/style.css?" (*VERSION) };
                script src={ "/static/script.js?" (*VERSION) } defer {}
            }
            body { (body) }
        }
    }
}

fn disclaimer() -> Markup {
    html! { p { "Vitalwire " (env!("CARGO_PKG_VERSION")) ". It watches the network. It is not a medical device, \
    not an alarm system, and not for clinical decisions." } }
}

fn foot() -> Markup {
    html! {
        footer.foot {
            (disclaimer())
            p.keys { "Keys: " kbd { "?" } }
        }
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.pairs {
                @for (key, what) in [
                    ("/", "search"), ("j  k", "next row, row before"), ("Enter", "open the row"),
                    ("a", "acknowledge the alert"), ("?", "these keys"),
                ] {
                    dt { kbd { (key) } } dd { (what) }
                }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}

/// Where one searches what a page lists, by words; the rest of the view stays.
pub(super) fn search_box(view: &View, what: &str, hint: &str) -> Markup {
    html! {
        form.search method="get" action=(view.path()) role="search" {
            @for (name, value) in view.but("q") { input type="hidden" name=(name) value=(value); }
            label { span.hidden { "Words in " (what) }
                input #search type="search" name="q" value=(view.get("q")) placeholder=(hint); }
            button { "Search" }
            @if !view.is_plain() { a href=(view.path()) { "Everything" } }
        }
    }
}

/// A form in which there is nothing but its button.
pub(super) type Pressed<P> = Form<P, Nothing>;

/// What stands in such a form.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// What makes a form ours.
pub(super) fn csrf(who: &Caller) -> Markup {
    html! { input type="hidden" name="csrf" value=(who.csrf().unwrap_or_default()); }
}
