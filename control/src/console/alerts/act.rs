//! What people do with alerts.

use axum::extract::State;
use axum::response::Response;

use super::super::page;
use super::{Judgement, Text};
use crate::api::{Api, Form, Path, Problem, permit};
use crate::store::incidents;
use crate::store::views::{comments, triage};

/// The most at once: a page.
const AT_ONCE: usize = 500;

pub(super) async fn acknowledge(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: page::Pressed<permit::Triage>,
) -> Result<Response, Problem> {
    let who = sent.who;
    let (actor, of) = (who.actor(), id.clone());
    api.write(move |change| triage::acknowledge(change, &of, &actor))
        .await?;
    Ok(page::go(&format!("/alerts/{id}")))
}

/// Those that were chosen on a page, and back to it.
pub(super) async fn acknowledge_many(
    State(api): State<Api>,
    sent: Form<permit::Triage, Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let of = |name: &'static str| sent.form.iter().filter(move |(key, _)| key == name);
    let ids: Vec<String> = of("id").map(|(_, id)| id.clone()).collect();
    if ids.is_empty() || ids.len() > AT_ONCE {
        return Err(Problem::bad(format!("choose 1 to {AT_ONCE} alerts")));
    }
    let actor = sent.who.actor();
    api.write(move |change| {
        ids.iter()
            .try_for_each(|id| triage::acknowledge(change, id, &actor))
    })
    .await?;
    let back = of("back").map(|(_, back)| back.as_str()).next();
    let back = back
        .filter(|back| back.starts_with("/alerts"))
        .unwrap_or("/alerts");
    Ok(page::go(back))
}

pub(super) async fn close(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: Form<permit::Triage, Judgement>,
) -> Result<Response, Problem> {
    let (actor, of, form) = (sent.who.actor(), id.clone(), sent.form);
    api.write(move |change| {
        incidents::judge_alert(change, &of, form.verdict, &actor)?;
        match form.comment.trim() {
            "" => Ok(()),
            text => comments::add(change, &format!("alert:{of}"), text, &actor).map(drop),
        }
    })
    .await?;
    Ok(page::go(&format!("/alerts/{id}")))
}

pub(super) async fn comment(
    State(api): State<Api>,
    Path(id): Path<String>,
    sent: Form<permit::Triage, Text>,
) -> Result<Response, Problem> {
    let (actor, of, text) = (sent.who.actor(), id.clone(), sent.form.text);
    api.write(move |change| comments::add(change, &format!("alert:{of}"), &text, &actor))
        .await
        .map_err(Problem::as_input)?;
    Ok(page::go(&format!("/alerts/{id}#comments")))
}
