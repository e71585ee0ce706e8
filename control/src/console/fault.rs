//! What went wrong, as a page: what happened, what was kept, what to do, and the id in the log.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::page::{self, Page};
use crate::api::{Api, Problem, caller};
use crate::auth::Caller;

/// Problem details are short; longer is none of ours.
const BYTES_MAX: usize = 1 << 20;

/// Of problem details, what people are told.
#[derive(Deserialize)]
struct Told {
    title: String,
    detail: String,
    id: String,
    #[serde(default)]
    errors: Vec<Mistake>,
}

#[derive(Deserialize)]
struct Mistake {
    #[serde(default)]
    file: String,
    line: u32,
    column: u32,
    message: String,
    #[serde(default)]
    help: Option<String>,
}

/// Makes pages of refusals. Whoever is not known is sent to the login, and comes back.
pub(super) async fn as_page(State(api): State<Api>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let changes = parts.method != Method::GET && parts.method != Method::HEAD;
    let back = parts.uri.path_and_query().map(ToString::to_string);
    if parts.uri.path().starts_with("/api/") {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let who = caller(&parts, &api).await.ok().flatten();
    let response = next.run(Request::from_parts(parts, body)).await;
    if !is_problem(response.headers()) {
        return response;
    }
    let status = response.status();
    if status == StatusCode::UNAUTHORIZED && who.is_none() {
        let next = back.filter(|_| !changes).unwrap_or_default();
        let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
        return page::go(&format!("/login?{query}"));
    }
    page_of(&api, who.as_ref(), response, changes).await
}

fn is_problem(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes() == b"application/problem+json")
}

async fn page_of(api: &Api, who: Option<&Caller>, from: Response, changes: bool) -> Response {
    let (parts, body) = from.into_parts();
    let bytes = to_bytes(body, BYTES_MAX).await.unwrap_or_default();
    let told = serde_json::from_slice(&bytes).unwrap_or_else(|_| Told {
        title: "Error".to_owned(),
        detail: "this failed; the appliance's log says more".to_owned(),
        id: String::new(),
        errors: Vec::new(),
    });
    let body = says(&told, parts.status, changes);
    let mut response = match who {
        Some(who) => Page {
            title: &told.title,
            here: "",
            who,
            body,
        }
        .show(api),
        None => page::plain(&told.title, &body),
    };
    *response.status_mut() = parts.status;
    if let Some(after) = parts.headers.get(header::RETRY_AFTER) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, after.clone());
    }
    response
}

fn says(told: &Told, status: StatusCode, changes: bool) -> Markup {
    html! {
        h1 { (sentence(&told.detail)) }
        (mistakes(&told.errors))
        @if changes { p { "Nothing was changed. What you typed is still in the form: go back to it." } }
        p { (what_to_do(status)) }
        p.dim { (told.title) " (" (status.as_u16()) "). In the log this is " code { (told.id) } "." }
        p { a href="/" { "To the first page" } }
    }
}

/// A message as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    let end = if text.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    format!("{}{}{end}", first.unwrap_or_default(), chars.as_str())
}

fn mistakes(all: &[Mistake]) -> Markup {
    html! {
        @if !all.is_empty() {
            ol.mistakes {
                @for one in all {
                    li {
                        @if one.line > 0 {
                            code { @if !one.file.is_empty() { (one.file) ":" } (one.line) ":" (one.column) }
                            " "
                        }
                        (one.message)
                        @if let Some(help) = &one.help { span.dim { " – " (help) } }
                    }
                }
            }
        }
    }
}

fn what_to_do(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "It may have been deleted, or the address was cut short.",
        StatusCode::FORBIDDEN => "If you need this, ask an admin for another role.",
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
            "Look at it again: somebody else may have been faster."
        }
        StatusCode::TOO_MANY_REQUESTS => "Wait a little, and try again.",
        status if status.is_server_error() => {
            "Try again. If it stays so, give whoever looks after this appliance the id below."
        }
        _ => "Go back, mend what is named, and send it again.",
    }
}

/// A page that nothing is sent to.
pub(super) async fn not_allowed() -> Response {
    let why = "this page takes no form; go back to the one that you came from";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, why).into_response()
}

/// No such page.
pub(super) async fn missing() -> Response {
    Problem::missing("such page").into_response()
}
