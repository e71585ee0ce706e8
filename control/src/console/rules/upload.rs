//! New rules: tried first, then in force. What is wrong is told with line and column, and nothing that
//! was typed is lost.

use std::path::PathBuf;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::super::fault::sentence;
use super::super::page::{self, Page};
use super::super::view::View;
use super::super::{alerts, marks};
use super::form::{Sent, Upload};
use crate::api::{self, Api, Capture, May, Mistake, Problem, Tried, permit};
use crate::auth::Caller;
use crate::ruleset::Loaded;
use crate::store::uploads;

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

/// Captures that the configuration names: they can be tried on without being sent.
fn captures(api: &Api) -> Vec<PathBuf> {
    api.desk().in_force().0.capture.files.clone()
}

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
    let most = u64::try_from(api.capture_max()).unwrap_or(u64::MAX);
    Page {
        title: "New rules",
        here: "/rules",
        who,
        body: html! {
            h1 { "New rules" }
            (outcome)
            form.stack.broad method="post" action="/rules/upload" enctype="multipart/form-data" {
                (page::csrf(who))
                label { "Name of the file: small letters, digits, hyphens"
                    input name="name" value=(sent.name) pattern="[a-z0-9\\-]{1,64}" required; }
                label { "Rules, as YAML" textarea.code name="text" rows="20" spellcheck="false" required { (sent.text) } }
                label { "Why" input name="note" value=(sent.note) maxlength="200"; }
                (choose(&captures(api), sent, most))
                div.bottom {
                    button name="act" value="check" { "Check" }
                    button name="act" value="try" { "Try on the capture" }
                    button.main name="act" value="put" { "Put in force" }
                }
            }
            p.dim { "Rules that are wrong change nothing. Try them with status: shadow first: they count, and stay silent." }
        },
    }
    .show(api)
}

fn choose(captures: &[PathBuf], sent: &Sent, most: u64) -> Markup {
    html! {
        fieldset { legend { "A capture to try them on" }
            label { "One of yours (pcap or pcapng, at most " (marks::bytes(most)) "); it is read once, and deleted" input type="file" name="capture"; }
            @if !captures.is_empty() { label { "or one that the configuration names"
                select name="configured" { option value="" { "none" } @for (at, path) in captures.iter().enumerate() {
                    option value=(at) selected[sent.configured == Some(at)] { (path.file_name().unwrap_or_default().to_string_lossy()) }
                } } } }
        }
    }
}

pub(super) async fn send(State(api): State<Api>, upload: Upload) -> Result<Response, Problem> {
    let Upload { who, mut sent } = upload;
    let outcome = match sent.act.as_str() {
        "put" => put(&api, &who, &sent, false).await.map(|_| None),
        "try" => attempt(&api, &mut sent).await.map(Some),
        _ => put(&api, &who, &sent, true).await.map(Some),
    };
    match outcome {
        Ok(None) => Ok(page::go("/rules/history")),
        Ok(Some(says)) => Ok(form(&api, &who, &sent, &says)),
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
    files.insert(sent.name.clone(), sent.text.clone());
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

/// Runs the rules in force with these beside them, in a worker of its own.
async fn attempt(api: &Api, sent: &mut Sent) -> Result<Markup, Problem> {
    api::check_rule_file(&sent.name)?;
    let bytes = std::mem::take(&mut sent.capture);
    let configured = sent
        .configured
        .and_then(|at| captures(api).get(at).cloned());
    let capture = match configured {
        _ if !bytes.is_empty() => Capture::Sent(bytes),
        Some(file) => Capture::Configured(file),
        None => {
            let what = "choose a capture to try the rules on";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what));
        }
    };
    let mut own = api.own().await?;
    own.files.insert(sent.name.clone(), sent.text.clone());
    let (tried, loaded) = api::try_rules(api, own, Some(capture)).await?;
    Ok(told(&tried, &loaded, &sent.name))
}

fn told(tried: &Tried, loaded: &Loaded, name: &str) -> Markup {
    let file = format!("{name}.yaml");
    let fired = |id: &str| tried.alerts.iter().find(|fired| fired.rule == id);
    let rules = loaded.ruleset.rules().iter();
    let new: Vec<_> = rules.filter(|rule| *rule.file == *file).collect();
    let others = tried
        .alerts
        .iter()
        .filter(|fired| !new.iter().any(|rule| *rule.id == *fired.rule));
    html! {
        div.right role="status" #tried {
            p { strong { "What would have fired" } " in " (marks::grouped(tried.frames)) " frames. Nothing was changed." }
            @if !tried.unread.is_empty() { ul { @for one in &tried.unread { li { "Not read: " (one) } } } }
            table.rows {
                thead { tr { th { "Of " (file) } th { "Severity" } th { "State" } th.number { "Would have fired" } } }
                tbody { @for rule in &new { tr {
                    td.first { (rule.title) " " span.dim.mono { (rule.id) } } td { (marks::severity(rule.severity.word())) }
                    td { (super::state(rule.status.word(), rule.armed.as_ref().err().map_or(&[], Vec::as_slice))) }
                    td.number data-name="would have fired" { strong { (marks::grouped(fired(&rule.id).map_or(0, |fired| fired.alerts))) } }
                } } }
            }
            details { summary { "The other rules" } ul { @for one in others { li {
                @match alerts::rule(loaded, &one.rule) { Some(rule) => a href={ "/rules/" (one.rule) } { (rule.title) }, None => (one.rule) }
                ": " (marks::grouped(one.alerts)) } } } }
            @if !tried.warnings.is_empty() { ul { @for one in &tried.warnings { li { (one) } } } }
        }
    }
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
