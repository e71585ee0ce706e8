//! New rules: tried first, then in force. What is wrong is told with line and column, and nothing that
//! was typed is lost.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::fault::sentence;
use super::super::page::{self, Page};
use super::super::view::View;
use crate::api::{self, Api, Form, May, Mistake, Problem, permit};
use crate::auth::Caller;
use crate::store::uploads;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    name: String,
    text: String,
    note: String,
    act: String,
}

const EXAMPLE: &str = "rules:
  - id: our-archive-is-asked-by-strangers
    sid: 1900001
    rev: 1
    status: shadow
    title: Somebody else asks our archive
    severity: medium
    clinical_impact: none
    tier: notify
    category: phi
    on: dicom
    when: dicom.command == \"C-FIND-RQ\" and not src_ip in 10.20.0.0/16
    explain: \"{src_ip} asked {dest_ip} for patients\"
    what_to_do: Ask who works at {src_ip}.
    tests: []
";

pub(super) async fn show(
    State(api): State<Api>,
    who: May<permit::Configure>,
    view: View,
) -> Result<Response, Problem> {
    let name = view.get("name").to_owned();
    let (_, files) = api.read(uploads::newest).await?;
    let text = files.get(&name).cloned();
    let sent = Sent {
        text: text.unwrap_or_else(|| EXAMPLE.to_owned()),
        name,
        ..Sent::default()
    };
    let names: Vec<String> = files.into_keys().collect();
    Ok(form(
        &api,
        &who,
        &sent,
        &html! {
            @if !names.is_empty() { p { "Uploaded: " @for name in &names { a.mono href={ "/rules/upload?name=" (name) } { (name) } " " } } }
        },
    ))
}

fn form(api: &Api, who: &Caller, sent: &Sent, outcome: &Markup) -> Response {
    Page {
        title: "New rules",
        here: "/rules",
        who,
        body: html! {
            h1 { "New rules" }
            (outcome)
            form.stack method="post" action="/rules/upload" {
                (page::csrf(who))
                label { "Name of the file: small letters, digits, hyphens"
                    input name="name" value=(sent.name) pattern="[a-z0-9\\-]{1,64}" required; }
                label { "Rules, as YAML" textarea.code name="text" rows="22" spellcheck="false" required { (sent.text) } }
                label { "Why" input name="note" value=(sent.note) maxlength="200"; }
                div.bottom {
                    button name="act" value="check" { "Check" }
                    button.main name="act" value="put" { "Put in force" }
                }
            }
            p.dim { "Rules that are wrong change nothing. Try them with status: shadow first: they count, and stay silent." }
        },
    }
    .show(api)
}

pub(super) async fn send(
    State(api): State<Api>,
    sent: Form<permit::Configure, Sent>,
) -> Result<Response, Problem> {
    let (who, sent) = (sent.who, sent.form);
    let dry = sent.act != "put";
    match put(&api, &who, &sent, dry).await {
        Ok(_) if !dry => Ok(page::go("/rules/history")),
        Ok(says) => Ok(form(&api, &who, &sent, &says)),
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            let says = html! {
                div.wrong role="alert" { p { (sentence(problem.detail())) " The rules of before stay in force." }
                    (mistakes(problem.mistakes(), &sent.text)) }
            };
            let mut response = form(&api, &who, &sent, &says);
            *response.status_mut() = problem.status();
            Ok(response)
        }
        Err(problem) => Err(problem),
    }
}

async fn put(api: &Api, who: &Caller, sent: &Sent, dry: bool) -> Result<Markup, Problem> {
    api::check_rule_file(&sent.name)?;
    let _one = api.desk().changing.lock().await;
    let (_, mut files) = api.read(uploads::newest).await?;
    // Browsers end lines as HTTP does.
    files.insert(sent.name.clone(), sent.text.replace("\r\n", "\n"));
    let outcome = api::change_rules(api, who, files, sent.note.clone(), dry)
        .await?
        .0;
    Ok(html! {
        div.right role="status" {
            p { "These are right: " (outcome.armed) " rules would be armed, " (outcome.unarmed) " not. Nothing was changed yet." }
            @if !outcome.warnings.is_empty() { ul { @for one in &outcome.warnings { li { (one) } } } }
        }
    })
}

/// Each mistake with its place and its line.
fn mistakes(all: &[Mistake], text: &str) -> Markup {
    html! {
        ol.mistakes {
            @for one in all {
                li {
                    code { (one.file) ":" (one.line) ":" (one.column) } " " (one.message)
                    @if let Some(help) = &one.help { span.dim { " – " (help) } }
                    @if let Some(line) = usize::try_from(one.line).ok().and_then(|at| text.lines().nth(at.checked_sub(1)?)) {
                        pre { code { (line.trim_end()) } }
                    }
                }
            }
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

pub(super) async fn reload(
    State(api): State<Api>,
    sent: Form<permit::Configure, Nothing>,
) -> Result<Response, Problem> {
    let Form {
        who: _,
        form: Nothing {},
    } = sent;
    let _one = api.desk().changing.lock().await;
    let wrong = |lines: String| {
        let mistakes = lines.lines().map(|line| Mistake {
            file: String::new(),
            line: 0,
            column: 0,
            message: line.to_owned(),
            help: None,
        });
        let says = "the configuration or rules are wrong; those of before stay in force";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, says).with(mistakes.collect())
    };
    api.desk().reload().await.map_err(wrong)?;
    Ok(page::go("/rules"))
}
