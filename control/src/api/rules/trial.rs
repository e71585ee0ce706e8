//! Trying rules on a capture before they are in force.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path as FilePath, PathBuf};

use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::caller::{May, permit};
use super::super::{Api, Json, Problem, blocking};
use super::files::compile;
use crate::config::Config;
use crate::desk::{self, Own};
use crate::error::Error;
use crate::inspect::Report;
use crate::ledger;
use crate::ruleset::Loaded;

/// Where a capture is while it is tried, in `state_dir`.
const FILE: &str = "api-trial.pcap";
/// A capture, in Base64, may have so many times the length of other bodies.
const CAPTURE_FACTOR: u64 = 16;

/// The routes. `body` is the bound of other bodies.
pub(super) fn routes(body: u64) -> ApiRouter<Api> {
    let most = capture_max(body);
    let routes = ApiRouter::new().api_route(
        "/rules/test",
        post_with(test, |op| {
            op.id("testRules")
                .summary("Compiles rules, and runs them on a capture")
                .description(
                    "Changes nothing. The capture is read with the rules in force and the text's \
                     beside them, and is deleted. Without a capture the rules are compiled only.",
                )
        }),
    );
    routes.layer(DefaultBodyLimit::max(most))
}

/// The most bytes of a body with a capture.
pub(crate) fn capture_max(body: u64) -> usize {
    let most = body.saturating_mul(CAPTURE_FACTOR);
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// What is tried.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Trial {
    /// Rules, as YAML, beside those in force; in the place of the uploaded file `name`.
    #[serde(default)]
    text: Option<String>,
    /// The uploaded file whose place it takes.
    #[serde(default)]
    name: Option<String>,
    /// A capture (pcap or pcapng), in Base64.
    #[serde(default)]
    capture: Option<String>,
}

/// What came of it.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Tried {
    /// Rules that may fire.
    pub(crate) armed: usize,
    /// Rules that lack a list.
    pub(crate) unarmed: usize,
    /// What is probably not as meant.
    pub(crate) warnings: Vec<String>,
    /// Frames of the capture.
    pub(crate) frames: u64,
    /// What could not be read of it.
    pub(crate) unread: Vec<String>,
    /// Alerts by rule.
    pub(crate) alerts: Vec<Fired>,
}

/// Alerts of a rule.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Fired {
    /// The rule's id.
    pub(crate) rule: String,
    /// How often it fired.
    pub(crate) alerts: u64,
}

/// What rules are tried on.
pub(crate) enum Capture {
    /// What somebody sent; it is deleted again.
    Sent(Vec<u8>),
    /// A file that the configuration names.
    Configured(PathBuf),
}

async fn test(
    State(api): State<Api>,
    _: May<permit::Configure>,
    Json(trial): Json<Trial>,
) -> Result<axum::Json<Tried>, Problem> {
    let mut own = api.own().await?;
    if let Some(text) = trial.text {
        let name = trial.name.unwrap_or_else(|| "trial".to_owned());
        own.files.insert(name.chars().take(64).collect(), text);
    }
    let capture = trial.capture.map(|text| STANDARD.decode(text.trim()));
    let capture = capture
        .transpose()
        .map_err(|_| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "capture has to be Base64"))?;
    let (tried, _) = attempt(&api, own, capture.map(Capture::Sent)).await?;
    Ok(axum::Json(tried))
}

/// Compiles rules, and runs them on a capture if there is one.
pub(crate) async fn attempt(
    api: &Api,
    own: Own,
    capture: Option<Capture>,
) -> Result<(Tried, Loaded), Problem> {
    let loaded = compile(api, own).await?;
    let (armed, unarmed) = loaded.counts();
    let mut tried = Tried {
        armed,
        unarmed,
        warnings: loaded.warnings(),
        frames: 0,
        unread: Vec::new(),
        alerts: Vec::new(),
    };
    let Some(capture) = capture else {
        return Ok((tried, loaded));
    };
    let (config, _) = api.desk().in_force();
    // One at a time: each starts threads and tables of its own.
    let _one = api.trial().await;
    let read = loaded.clone();
    let report = blocking(move || read_capture(&config, &read, capture));
    let report = report.await?.map_err(|error| Problem::internal(&error))?;
    tried.frames = report.finished.snapshot.total(ledger::FRAMES_READ);
    let unread = report.finished.errors.iter();
    tried.unread = unread
        .map(|error| without_path(&error.to_string()))
        .collect();
    let rules = loaded.ruleset.rules().iter().map(|rule| Fired {
        rule: rule.id.to_string(),
        alerts: report.alerts_of(&rule.id),
    });
    tried.alerts = rules.filter(|fired| fired.alerts > 0).collect();
    Ok((tried, loaded))
}

fn read_capture(config: &Config, loaded: &Loaded, capture: Capture) -> Result<Report, Error> {
    let bytes = match capture {
        Capture::Configured(file) => return desk::try_on(config, loaded, &file),
        Capture::Sent(bytes) => bytes,
    };
    let file = config.state_dir.join(FILE);
    forget(&config.state_dir);
    keep(&file, &bytes).map_err(|error| Error::file(&file, error, "state_dir has to have room"))?;
    let report = desk::try_on(config, loaded, &file);
    forget(&config.state_dir);
    report
}

/// There may be patients in it: nobody else reads it.
fn keep(file: &FilePath, bytes: &[u8]) -> std::io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?
        .write_all(bytes)
}

/// Deletes the capture, also one of an appliance that was killed while it tried.
pub(in crate::api) fn forget(state_dir: &FilePath) {
    let file = state_dir.join(FILE);
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::error!(file = %file.display(), %error, "delete this: a capture is in it");
        }
        _ => {}
    }
}

/// Where we keep it is nobody's business.
fn without_path(text: &str) -> String {
    let at = text.find(FILE);
    at.and_then(|at| text.get(at..)).unwrap_or(text).to_owned()
}
