//! What is held whatever its age: alerts and incidents, for as long as somebody needs them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::marks;
use super::super::page;
use crate::api::{Api, Form, Problem, permit};
use crate::auth::{Caller, Permission};
use crate::store::hold::{self, Held, What};

pub(super) fn list(who: &Caller, all: &[Held]) -> Markup {
    if all.is_empty() {
        return super::none(
            "Nothing is held.",
            &html! { "An incident or an alert that is held stays whatever its age and however little room there is: hold it on its page." },
        );
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="What is held" { table.rows {
            thead { tr { th { "What" } th { "Since" } th { "By" } th { span.hidden { "Do" } } } }
            tbody { @for one in all { tr {
                td.wide { a href={ "/" (one.class) "s/" (one.id) } { (one.title) } " " span.dim { (one.class) } }
                td { (marks::time(one.since)) } td { (marks::who(&one.by)) }
                td { @if who.may(Permission::Configure) { (button(who, one.class, &one.id, true)) } }
            } } }
        } }
    }
}

/// Holds it, or lets it go.
pub(in crate::console) fn button(who: &Caller, class: &str, id: &str, held: bool) -> Markup {
    html! {
        form method="post" action="/settings/holds" {
            (page::csrf(who))
            input type="hidden" name="class" value=(class);
            input type="hidden" name="id" value=(id);
            input type="hidden" name="held" value=(if held { "no" } else { "yes" });
            button { @if held { "Let it go" } @else { "Hold it, whatever its age" } }
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Sent {
    class: String,
    id: String,
    held: String,
}

pub(super) async fn set(
    State(api): State<Api>,
    sent: Form<permit::Configure, Sent>,
) -> Result<Response, Problem> {
    let (actor, form) = (sent.who.actor(), sent.form);
    let held = form.held == "yes";
    let is_alert = match form.class.as_str() {
        "alert" => true,
        "incident" => false,
        _ => {
            let what = "alerts and incidents can be held, nothing else";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what));
        }
    };
    let id = form.id;
    api.write(move |change| {
        let what = if is_alert {
            What::Alert(&id)
        } else {
            What::Incident(&id)
        };
        hold::set(change, what, held, &actor)
    })
    .await?;
    Ok(page::go("/settings#holds"))
}
