//! Rule files that people upload: compiled before they are kept, in force at once, and every version
//! of them can be had back.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::caller::{May, permit};
use super::super::params::{ByName, ByVersion};
use super::super::{Api, IfMatch, Json, Mistake, Path, Problem, Query, blocking};
use crate::auth::Caller;
use crate::config::Config;
use crate::desk::Own;
use crate::error::Error;
use crate::ruleset::Loaded;
use crate::store::uploads::{self, Files, Version};

/// The most mistakes that are told.
const MISTAKES_MAX: usize = 100;

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/rules/files",
            get_with(list, |op| {
                op.id("ruleFiles").summary("The rule files that were uploaded")
            }),
        )
        .api_route(
            "/rules/files/{name}",
            get_with(get, |op| op.id("ruleFile").summary("An uploaded rule file"))
                .put_with(put, |op| {
                    op.id("putRuleFile")
                        .summary("Uploads a rule file, and puts it in force")
                        .description("It is compiled first: mistakes are told with line and column, and nothing changes.")
                })
                .delete_with(delete, |op| {
                    op.id("deleteRuleFile")
                        .summary("Takes an uploaded rule file out of force")
                }),
        )
        .api_route(
            "/rules/versions",
            get_with(versions, |op| {
                op.id("ruleVersions")
                    .summary("Versions of the uploaded rules, the newest first")
            }),
        )
        .api_route(
            "/rules/versions/{version}/diff",
            get_with(diff, |op| {
                op.id("diffRules")
                    .summary("What differs between two versions")
            }),
        )
        .api_route(
            "/rules/versions/{version}/restore",
            post_with(restore, |op| {
                op.id("restoreRules")
                    .summary("Puts the files of a version in force again, as a new version")
                    .description("`if-match` is of the files that it replaces: GET /api/v1/rules/files.")
            }),
        )
}

/// An uploaded file, without its text.
#[derive(JsonSchema, Serialize)]
struct File {
    /// Its name.
    name: String,
    /// Its length.
    bytes: usize,
}

/// The uploaded files.
#[derive(JsonSchema, Serialize)]
struct Uploaded {
    /// The newest version; 0 if nothing was uploaded ever.
    version: i64,
    /// Its files.
    files: Vec<File>,
}

async fn list(
    State(api): State<Api>,
    _: May<permit::Read>,
) -> Result<axum::Json<Uploaded>, Problem> {
    uploaded(&api).await.map(axum::Json)
}

async fn uploaded(api: &Api) -> Result<Uploaded, Problem> {
    let (version, files) = api.read(uploads::newest).await?;
    let files = files.into_iter().map(|(name, text)| File {
        name,
        bytes: text.len(),
    });
    Ok(Uploaded {
        version,
        files: files.collect(),
    })
}

/// An uploaded file.
#[derive(JsonSchema, Serialize)]
struct Whole {
    /// Its name.
    name: String,
    /// Its text.
    text: String,
}

fn missing() -> Problem {
    Problem::missing("uploaded rule file of this name")
}

async fn get(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(ByName { name }): Path<ByName>,
) -> Result<axum::Json<Whole>, Problem> {
    let (_, mut files) = api.read(uploads::newest).await?;
    let text = files.remove(&name).ok_or_else(missing)?;
    Ok(axum::Json(Whole { name, text }))
}

/// A file to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewFile {
    /// The rules, as YAML.
    text: String,
    /// Why.
    #[serde(default)]
    note: String,
    /// Only say whether it is right.
    #[serde(default)]
    dry_run: bool,
}

/// What came of it.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Outcome {
    /// The version that is in force now; none if nothing was changed.
    pub(crate) version: Option<i64>,
    /// Rules that may fire.
    pub(crate) armed: usize,
    /// Rules that lack a list.
    pub(crate) unarmed: usize,
    /// What is probably not as meant.
    pub(crate) warnings: Vec<String>,
}

/// A name becomes part of messages and of addresses.
pub(crate) fn check_name(name: &str) -> Result<(), Problem> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "a file's name has 1 to 64 small letters, digits and hyphens",
        ));
    }
    Ok(())
}

async fn put(
    State(api): State<Api>,
    who: May<permit::Configure>,
    seen: IfMatch,
    Path(ByName { name }): Path<ByName>,
    Json(new): Json<NewFile>,
) -> Result<axum::Json<Outcome>, Problem> {
    check_name(&name)?;
    let _one = api.desk().changing.lock().await;
    let mut files = api.read(uploads::newest).await?.1;
    as_seen(&seen, &name, files.get(&name))?;
    files.insert(name, new.text);
    change(&api, &who, files, new.note, new.dry_run).await
}

/// Whether a file is as the client saw it; one that is not there has no text.
fn as_seen(seen: &IfMatch, name: &str, text: Option<&String>) -> Result<(), Problem> {
    let whole = Whole {
        name: name.to_owned(),
        text: text.cloned().unwrap_or_default(),
    };
    seen.check(&whole)
}

async fn delete(
    State(api): State<Api>,
    who: May<permit::Configure>,
    seen: IfMatch,
    Path(ByName { name }): Path<ByName>,
) -> Result<axum::Json<Outcome>, Problem> {
    let _one = api.desk().changing.lock().await;
    let mut files = api.read(uploads::newest).await?.1;
    let text = files.remove(&name).ok_or_else(missing)?;
    as_seen(&seen, &name, Some(&text))?;
    change(&api, &who, files, format!("without {name}"), false).await
}

async fn restore(
    State(api): State<Api>,
    who: May<permit::Configure>,
    seen: IfMatch,
    Path(ByVersion { version }): Path<ByVersion>,
) -> Result<axum::Json<Outcome>, Problem> {
    let _one = api.desk().changing.lock().await;
    seen.check(&uploaded(&api).await?)?;
    let files = api.read(move |conn| uploads::files(conn, version)).await?;
    change(&api, &who, files, format!("as version {version}"), false).await
}

/// Compiles, keeps and puts in force. Whoever calls holds the desk's `changing`.
pub(crate) async fn change(
    api: &Api,
    who: &Caller,
    files: Files,
    note: String,
    dry_run: bool,
) -> Result<axum::Json<Outcome>, Problem> {
    let own = Own {
        files,
        ..api.own().await?
    };
    let loaded = compile(api, own.clone()).await?;
    let (armed, unarmed) = loaded.counts();
    let mut outcome = Outcome {
        version: None,
        armed,
        unarmed,
        warnings: loaded.warnings(),
    };
    if !dry_run {
        let actor = who.actor();
        let put = api.write(move |change| uploads::put(change, &own.files, &note, &actor));
        outcome.version = Some(put.await.map_err(Problem::as_input)?);
        api.desk().adopt(loaded).await;
    }
    Ok(axum::Json(outcome))
}

/// Compiles what people gave with the configuration in force; every mistake with its place.
pub(in crate::api) async fn compile(api: &Api, own: Own) -> Result<Loaded, Problem> {
    let (config, _) = api.desk().in_force();
    compile_with(config, own).await
}

/// Compiles with another configuration.
pub(in crate::api) async fn compile_with(config: Arc<Config>, own: Own) -> Result<Loaded, Problem> {
    let compiled = blocking(move || {
        let sources = own.beside(&config)?;
        let mistakes = sources.mistakes();
        if mistakes.is_empty() {
            sources.compile().map(Ok)
        } else {
            Ok(Err(mistakes))
        }
    });
    let wrong = |error: Error| Problem::new(StatusCode::CONFLICT, error.to_string());
    let mistakes = match compiled.await?.map_err(wrong)? {
        Ok(loaded) => return Ok(loaded),
        Err(mistakes) => mistakes,
    };
    let detail = match mistakes.len() {
        1 => "1 mistake; nothing was changed".to_owned(),
        count => format!("{count} mistakes; nothing was changed"),
    };
    let mistakes = mistakes.into_iter().take(MISTAKES_MAX).map(|one| Mistake {
        file: one.file,
        line: one.line,
        column: one.column,
        message: one.message,
        help: one.help,
    });
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with(mistakes.collect()))
}

/// Versions.
#[derive(JsonSchema, Serialize)]
struct Versions {
    /// The newest first.
    versions: Vec<Version>,
}

async fn versions(
    State(api): State<Api>,
    _: May<permit::Read>,
) -> Result<axum::Json<Versions>, Problem> {
    let versions = api.read(uploads::versions).await?;
    Ok(axum::Json(Versions { versions }))
}

/// With which version.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct With {
    /// The other version; without it, the newest.
    #[serde(default)]
    to: Option<i64>,
}

/// What differs.
#[derive(JsonSchema, Serialize)]
struct Diff {
    /// By file, in unified form.
    files: Vec<FileDiff>,
}

/// What differs in a file.
#[derive(JsonSchema, Serialize)]
pub(crate) struct FileDiff {
    /// Its name.
    pub(crate) name: String,
    /// What differs, in unified form.
    pub(crate) diff: String,
}

async fn diff(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(ByVersion { version }): Path<ByVersion>,
    Query(with): Query<With>,
) -> Result<axum::Json<Diff>, Problem> {
    let (from, to) = api
        .read(move |conn| {
            let to = match with.to {
                Some(to) => uploads::files(conn, to)?,
                None => uploads::newest(conn)?.1,
            };
            Ok((uploads::files(conn, version)?, to))
        })
        .await?;
    let files = blocking(move || differences(&from, &to)).await?;
    Ok(axum::Json(Diff { files }))
}

pub(crate) fn differences(from: &Files, to: &Files) -> Vec<FileDiff> {
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort();
    names.dedup();
    let text = |files: &Files, name: &String| files.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .filter(|name| from.get(*name) != to.get(*name))
        .map(|name| {
            let (old, new) = (text(from, name), text(to, name));
            let diff = similar::TextDiff::from_lines(&old, &new);
            FileDiff {
                name: name.clone(),
                diff: diff.unified_diff().header(name, name).to_string(),
            }
        })
        .collect()
}
