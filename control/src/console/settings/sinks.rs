//! Where alerts go: how each receiver is, and whether a message arrives.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::marks;
use super::super::page::{self, Page};
use crate::api::{self, Api, Path, Problem, permit};
use crate::auth::{Caller, Permission};
use crate::config::{Config, Sink};
use crate::deliver;
use crate::outbox::{Kind, State as How};

fn kind(sink: &Sink) -> &'static str {
    match sink {
        Sink::Syslog(_) => "syslog",
        Sink::Webhook(_) => "webhook",
        Sink::Opensearch(_) => "OpenSearch",
        Sink::Nats(_) => "NATS JetStream",
        Sink::Alertmanager(_) => "Alertmanager",
        Sink::Kafka(_) => "Kafka",
    }
}

pub(super) fn list(api: &Api, who: &Caller, config: &Config) -> Markup {
    let known = api.store().outbox_counts().states();
    let eve = &config.outputs.eve;
    html! {
        p { "The EVE file: " @if eve.enabled { "on, " span.mono { (eve.path.display()) } } @else { "off" } "." }
        @if config.sinks.is_empty() {
            (super::none("No sink is configured.", &html! { "Alerts stay in the store" @if eve.enabled { " and in eve.json" } ". "
                code { "sinks:" } " in the configuration sends them to syslog, a webhook, OpenSearch, NATS, Alertmanager or Kafka; "
                code { "vitalwire config example" } " shows each." }))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Sinks" { table.rows {
                thead { tr { th { "Sink" } th { "Takes" } th { "State" } th.number { "Waiting" } th.number { "Oldest waits, s" } th.number { "Delivered" } th.number { "Given up" } th { span.hidden { "Do" } } } }
                tbody { @for sink in &config.sinks {
                    @let how = known.iter().find(|how| how.sink == sink.name());
                    tr {
                        td { strong { (sink.name()) } " " span.dim { (kind(sink)) } }
                        td { @for one in sink.select().kinds.iter().filter(|one| **one != Kind::Test) { (one.word()) " " }
                            @for event in &sink.select().events { (event) " " } }
                        td.wide { (state(how)) }
                        @for (name, count) in numbers(how) { td.number data-name=(name) { (marks::grouped(count)) } }
                        td { @if who.may(Permission::Configure) {
                            form method="post" action={ "/settings/sinks/" (sink.name()) "/test" } { (page::csrf(who)) button { "Test" } }
                        } }
                    }
                } }
            } }
            p.dim { "Counts are since the start. What waits is on disk, and is delivered when the receiver is back." }
        }
    }
}

fn numbers(how: Option<&How>) -> [(&'static str, u64); 4] {
    let of = |of: fn(&How) -> u64| how.map_or(0, of);
    [
        ("waiting", of(|how| how.backlog)),
        ("oldest, s", of(|how| how.age_secs)),
        ("delivered", of(|how| how.delivered)),
        ("given up", of(|how| how.refused)),
    ]
}

fn state(how: Option<&How>) -> Markup {
    html! {
        @match how {
            Some(How { failing: Some(why), .. }) => { span.lost { "✕ fails" } " " span.dim { (why) } }
            Some(how) if how.delivered > 0 => { "✓ delivers" }
            _ => { span.unknown { "? unknown" } " " span.dim { "nothing was sent since the start" } }
        }
    }
}

/// What is said beside it need not be said again.
fn why(name: &str, error: &str) -> String {
    let said = format!("{name}: not delivered: ");
    error.strip_prefix(&said).unwrap_or(error).to_owned()
}

/// Sends one message past the outbox, as `vitalwire sinks test` does.
pub(super) async fn test(
    State(api): State<Api>,
    Path(name): Path<String>,
    sent: page::Pressed<permit::Configure>,
) -> Result<Response, Problem> {
    let who = sent.who;
    let (config, _) = api.desk().in_force();
    if !config.sinks.iter().any(|sink| sink.name() == name) {
        return Err(Problem::missing("sink of this name"));
    }
    api.note(who.actor(), "sink.test", format!("sink:{name}"))
        .await?;
    let of = name.clone();
    let _one = api.trial().await;
    let outcome = api::blocking(move || deliver::test::send(&config, &of)).await?;
    let body = html! {
        h1 { "A message to " (name) }
        @match &outcome {
            Ok(told) => div.right role="status" { p { strong { "✓ Sent." } " " (told) } },
            Err(error) => div.wrong role="alert" { p { strong { "✕ Not delivered." } " " (why(&name, &error.to_string())) }
                p { "Entries for this sink wait on disk meanwhile; nothing is lost." } },
        }
        p { "The message says that somebody asked for it, and went past what waits. This is in the audit log." }
        form.bottom method="post" action={ "/settings/sinks/" (name) "/test" } { (page::csrf(&who)) button { "Again" } a href="/settings#sinks" { "Back to the settings" } }
    };
    Ok(Page {
        title: "A message to a sink",
        here: "/settings",
        who: &who,
        body,
    }
    .show(&api))
}
