//! OpenSearch and Elasticsearch: the bulk interface, documents in ECS, one index for each kind.
//!
//! An alert is created under its id: when it comes again the server says that it has it, and that is
//! well. An incident and a finding are indexed under theirs, and an alert once somebody did something
//! to it, so that the newest state stands.

use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{self, Client};
use super::{parse, secret};
use crate::config::Opensearch as Config;
use crate::formats::{Event, Format};
use crate::outbox::{Deliver, Entry, Failure, Kind};

/// The index template: what each field is.
pub(crate) const TEMPLATE: &str = include_str!("../../../deploy/siem/elastic/index-template.json");

pub(super) fn make(config: &Config) -> Result<Box<dyn Deliver>, String> {
    let fits =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let begins = config.index.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || !config.index.chars().all(fits) {
        return Err(format!(
            "index: `{}` has to be lower-case letters, digits, hyphens, dots or underscores, a \
             letter first",
            config.index
        ));
    }
    let password = secret::read(
        "password",
        config.password.as_ref(),
        config.password_file.as_deref(),
    )?;
    let key = secret::read(
        "api_key",
        config.api_key.as_ref(),
        config.api_key_file.as_deref(),
    )?;
    let header = match (&config.username, password, key) {
        (None, None, None) => None,
        (Some(username), Some(password), None) => Some(http::basic(username, &password)),
        (None, None, Some(key)) => Some(format!("ApiKey {key}")),
        _ => return Err("either username and password, or api_key".to_owned()),
    };
    let client = Client::new(&config.url, &config.tls, config.timeout.0)?;
    Ok(Box::new(Opensearch {
        url: config.url.trim_end_matches('/').to_owned(),
        index: config.index.clone(),
        template: config.template,
        client: client.authorized(header),
    }))
}

struct Opensearch {
    url: String,
    index: String,
    /// Whether the template has still to be put there.
    template: bool,
    client: Client,
}

/// An answer of the bulk interface: what became of each item, in order.
#[derive(Deserialize)]
struct Answer {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(alias = "create")]
    index: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    error: Option<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(rename = "type")]
    kind: String,
}

impl Deliver for Opensearch {
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        if self.template {
            self.put_template().map_err(|why| Failure::later(0, why))?;
            self.template = false;
        }
        let (mut body, mut whole) = (String::new(), 0);
        let mut wrong = Ok(());
        for entry in batch {
            match parse(entry) {
                Ok(line) => self.item(entry, &line, &mut body),
                Err(why) => {
                    wrong = Err(Failure::refused(whole, why));
                    break;
                }
            }
            whole += 1;
        }
        if whole > 0 {
            self.bulk(&body, whole)?;
        }
        wrong
    }
}

impl Opensearch {
    fn put_template(&self) -> Result<(), String> {
        let url = format!("{}/_index_template/{}", self.url, self.index);
        let mut template: Value = serde_json::from_str(TEMPLATE).unwrap_or_default();
        let pattern = json!([format!("{}-*", self.index)]);
        if let Some(object) = template.as_object_mut() {
            object.insert("index_patterns".to_owned(), pattern);
        }
        let headers = [("content-type", "application/json")];
        let answer = self
            .client
            .send("PUT", &url, &headers, &template.to_string())?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(format!(
            "the index template: {}; or put it there yourself and set template to false",
            http::said(&url, answer.status)
        ))
    }

    fn item(&self, entry: &Entry, line: &Value, body: &mut String) {
        let event = Event::new(line);
        let changes = matches!(entry.kind, Kind::Incident | Kind::Finding | Kind::Triage);
        let operation = if changes { "index" } else { "create" };
        let index = format!("{}-{}", self.index, event.kind());
        let action = json!({operation: {"_index": index, "_id": event.id()}});
        body.push_str(&action.to_string());
        body.push('\n');
        body.push_str(&Format::Ecs.render(line));
        body.push('\n');
    }

    fn bulk(&self, body: &str, entries: usize) -> Result<(), Failure> {
        let url = format!("{}/_bulk", self.url);
        let headers = [("content-type", "application/x-ndjson")];
        let answer = self.client.send("POST", &url, &headers, body);
        let answer = answer.map_err(|why| Failure::later(0, why))?;
        if !answer.status.is_success() {
            return Err(Failure::later(0, http::said(&url, answer.status)));
        }
        let read: Result<Answer, _> = serde_json::from_str(&answer.body);
        let read = read.map_err(|error| {
            Failure::later(
                0,
                format!(
                    "{}: no answer of a bulk interface: {error}",
                    http::place(&url)
                ),
            )
        })?;
        if read.items.len() != entries {
            let why = format!(
                "{}: {} items answered of {entries}",
                http::place(&url),
                read.items.len()
            );
            return Err(Failure::later(0, why));
        }
        read.items
            .iter()
            .enumerate()
            .try_for_each(|(at, item)| judge(at, &item.index))
    }
}

/// What became of one item. What follows it is sent again, and known by its id.
fn judge(at: usize, outcome: &Outcome) -> Result<(), Failure> {
    let reason = outcome
        .error
        .as_ref()
        .map_or("", |error| error.kind.as_str());
    let why = format!("the server says {} {reason}", outcome.status);
    match outcome.status {
        // 409: it is there already.
        200..=299 | 409 => Ok(()),
        400 | 413 => Err(Failure::refused(at, why)),
        _ => Err(Failure::later(at, why)),
    }
}

#[cfg(test)]
mod tests {
    use super::TEMPLATE;

    #[test]
    fn the_template_is_json() {
        let template: serde_json::Value = serde_json::from_str(TEMPLATE).unwrap();
        assert!(template["template"]["mappings"]["properties"]["@timestamp"].is_object());
    }
}
