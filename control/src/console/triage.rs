//! What people do with alerts and with incidents: acknowledge, close with a verdict, comment.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use maud::{Markup, html};
use serde::Deserialize;

use super::{marks, page};
use crate::api::{Api, Form, Path, Problem, permit};
use crate::auth::{Caller, Permission};
use crate::store::views::comments::{self, Comment};
use crate::store::views::triage;
use crate::store::{Change, Error, Verdict, incidents};

/// What is judged.
pub(super) trait Judged: 'static {
    /// Its word in addresses and in the store.
    const WORD: &'static str;
    fn acknowledge(change: &Change<'_>, id: &str, who: &str) -> Result<(), Error>;
    fn close(change: &Change<'_>, id: &str, verdict: Verdict, who: &str) -> Result<(), Error>;
}

/// One alert, by itself.
pub(super) struct Alert;

impl Judged for Alert {
    const WORD: &'static str = "alert";

    fn acknowledge(change: &Change<'_>, id: &str, who: &str) -> Result<(), Error> {
        triage::acknowledge(change, id, who)
    }

    fn close(change: &Change<'_>, id: &str, verdict: Verdict, who: &str) -> Result<(), Error> {
        incidents::judge_alert(change, id, verdict, who)
    }
}

/// An incident, with its alerts.
pub(super) struct Incident;

impl Judged for Incident {
    const WORD: &'static str = "incident";

    fn acknowledge(change: &Change<'_>, id: &str, who: &str) -> Result<(), Error> {
        incidents::acknowledge(change, id, who)
    }

    fn close(change: &Change<'_>, id: &str, verdict: Verdict, who: &str) -> Result<(), Error> {
        incidents::close(change, id, verdict, who)
    }
}

pub(super) fn routes<J: Judged>() -> Router<Api> {
    let at = |act: &str| format!("/{}s/{{id}}/{act}", J::WORD);
    Router::new()
        .route(&at("acknowledge"), post(acknowledge::<J>))
        .route(&at("close"), post(close::<J>))
        .route(&at("comment"), post(comment::<J>))
}

async fn acknowledge<J: Judged>(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: page::Pressed<permit::Triage>,
) -> Result<Response, Problem> {
    let (actor, path) = (sent.who.actor(), format!("/{}s/{id}", J::WORD));
    api.write(move |change| J::acknowledge(change, &id, &actor))
        .await?;
    Ok(page::go(&path))
}

#[derive(Deserialize)]
struct Judgement {
    verdict: Verdict,
    #[serde(default)]
    comment: String,
}

async fn close<J: Judged>(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: Form<permit::Triage, Judgement>,
) -> Result<Response, Problem> {
    let (actor, path) = (sent.who.actor(), format!("/{}s/{id}", J::WORD));
    let Judgement { verdict, comment } = sent.form;
    api.write(move |change| {
        J::close(change, &id, verdict, &actor)?;
        match comment.trim() {
            "" => Ok(()),
            text => comments::add(change, &format!("{}:{id}", J::WORD), text, &actor).map(drop),
        }
    })
    .await?;
    Ok(page::go(&path))
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

async fn comment<J: Judged>(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: Form<permit::Triage, Text>,
) -> Result<Response, Problem> {
    let (actor, text) = (sent.who.actor(), sent.form.text);
    let (object, path) = (format!("{}:{id}", J::WORD), format!("/{}s/{id}", J::WORD));
    api.write(move |change| comments::add(change, &object, &text, &actor))
        .await
        .map_err(Problem::as_input)?;
    Ok(page::go(&format!("{path}#comments")))
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
