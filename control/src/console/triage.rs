//! What people do with alerts and with incidents: acknowledge, close with a verdict, comment.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use maud::{Markup, html};
use serde::Deserialize;

use super::{marks, page};
use crate::api::{Api, Case, Form, Judgement, Path, Problem, permit};
use crate::auth::{Caller, Permission};
use crate::store::views::comments::{self, Comment};
use crate::store::{Change, Error, Verdict};

pub(super) fn routes<C: Case>() -> Router<Api> {
    let at = |act: &str| format!("/{}s/{{id}}/{act}", C::CLASS);
    Router::new()
        .route(&at("acknowledge"), post(acknowledge::<C>))
        .route(&at("close"), post(close::<C>))
        .route(&at("comment"), post(comment::<C>))
}

/// Does something to one, and shows it afterwards, from a place of its page on.
async fn act<C: Case>(
    api: &Api,
    id: String,
    from: &str,
    act: impl FnOnce(&Change<'_>, &str) -> Result<(), Error> + Send + 'static,
) -> Result<Response, Problem> {
    let path = format!("/{}s/{id}{from}", C::CLASS);
    api.write(move |change| act(change, &id)).await?;
    Ok(page::go(&path))
}

async fn acknowledge<C: Case>(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: page::Pressed<permit::Triage>,
) -> Result<Response, Problem> {
    let who = sent.who.actor();
    let done = move |change: &Change<'_>, id: &str| C::acknowledge(change, id, &who);
    act::<C>(&api, id, "", done).await
}

#[derive(Deserialize)]
struct Verdicted {
    verdict: Verdict,
    #[serde(default)]
    comment: String,
}

async fn close<C: Case>(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: Form<permit::Triage, Verdicted>,
) -> Result<Response, Problem> {
    let (who, Verdicted { verdict, comment }) = (sent.who.actor(), sent.form);
    let text = comment.trim();
    let judgement = Judgement {
        verdict,
        comment: (!text.is_empty()).then(|| text.to_owned()),
    };
    let done = move |change: &Change<'_>, id: &str| C::close(change, id, &judgement, &who);
    act::<C>(&api, id, "", done).await
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

async fn comment<C: Case>(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: Form<permit::Triage, Text>,
) -> Result<Response, Problem> {
    let (who, text) = (sent.who.actor(), sent.form.text);
    let done = move |change: &Change<'_>, id: &str| {
        comments::add(change, &format!("{}:{id}", C::CLASS), &text, &who).map(drop)
    };
    let done = act::<C>(&api, id, "#comments", done).await;
    done.map_err(Problem::as_input)
}

/// What a person may do with it.
pub(super) fn buttons(who: &Caller, path: &str, status: &str) -> Markup {
    if !who.may(Permission::Triage) {
        return html! { p.dim { "Your role looks only: an analyst acknowledges and closes." } };
    }
    html! {
        div.triage {
            @if status == "open" {
                form method="post" action={ (path) "/acknowledge" } {
                    (page::csrf(who))
                    button.main data-key="a" { "Acknowledge" }
                }
            }
            @if status != "closed" {
                form method="post" action={ (path) "/close" } {
                    (page::csrf(who))
                    fieldset {
                        legend { "Close: what was it?" }
                        @for (verdict, says) in VERDICTS {
                            label { input type="radio" name="verdict" value=(verdict.word()) required;
                                " " strong { (verdict.word()) } " " span.dim { (says) } }
                        }
                        label { "Why " input name="comment" maxlength="4000"; }
                        button { "Close it" }
                    }
                }
            }
        }
    }
}

const VERDICTS: [(Verdict, &str); 5] = [
    (
        Verdict::True,
        "as the rule says, and it should not have been",
    ),
    (Verdict::Benign, "as the rule says, and it was all right"),
    (Verdict::False, "not as the rule says"),
    (Verdict::Duplicate, "told elsewhere"),
    (Verdict::Test, "somebody tried something out"),
];

/// What people wrote, and room for more.
pub(super) fn comments(who: &Caller, path: &str, all: &[Comment]) -> Markup {
    html! {
        section #comments {
            h2 { "Comments" }
            div #said data-live { @for one in all {
                article.comment { p { (one.text) } p.dim { (marks::who(&one.author)) ", " (marks::when(&one.time)) } }
            } @if all.is_empty() { p.dim { "None yet." } } }
            @if who.may(Permission::Triage) {
                form.stack method="post" action={ (path) "/comment" } {
                    (page::csrf(who))
                    label { "Comment. Write no patient's name into it."
                        textarea name="text" rows="3" maxlength="4000" required {} }
                    button { "Add" }
                }
            }
        }
    }
}
