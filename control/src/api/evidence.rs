//! Evidence of an alert: the headers of its flow as pcapng, and the manifest. The addresses in it are
//! as they were on the wire, so every look at it is in the audit log.

use std::path::PathBuf;

use aide::OperationOutput;
use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Documented};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::caller::{May, permit};
use super::params::ById;
use super::{Api, Path, Problem, blocking};
use crate::auth::Caller;
use crate::store::audit::{self, Act};
use crate::store::query;

/// As Wireshark has it.
const MEDIA_TYPE: &str = "application/x-pcapng";
/// The most bytes of one: what writes evidence writes less.
const BYTES_MAX: u64 = 64 << 20;

/// The routes.
pub(super) fn routes() -> ApiRouter<Api> {
    ApiRouter::new()
        .api_route(
            "/alerts/{id}/evidence",
            get_with(manifest, |op| {
                op.id("evidence")
                    .summary("The manifest of an alert's evidence")
                    .response::<200, axum::Json<Value>>()
            }),
        )
        .api_route(
            "/alerts/{id}/evidence.pcapng",
            get_with(capture, |op| {
                op.id("evidenceCapture")
                    .summary("The headers of an alert's flow, as pcapng")
                    .description("Each download is in the audit log.")
                    .response::<200, Pcapng>()
            }),
        )
}

/// A capture, for the document.
struct Pcapng;

impl OperationOutput for Pcapng {
    type Inner = Self;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        let content = [(MEDIA_TYPE.to_owned(), MediaType::default())];
        Some(Documented {
            description: "The capture.".to_owned(),
            content: content.into_iter().collect(),
            ..Documented::default()
        })
    }
}

async fn manifest(
    State(api): State<Api>,
    _: May<permit::Read>,
    Path(ById { id }): Path<ById>,
) -> Result<Response, Problem> {
    let text = read(&api, &id, "json").await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

async fn capture(
    State(api): State<Api>,
    who: May<permit::Read>,
    Path(ById { id }): Path<ById>,
) -> Result<Response, Problem> {
    let bytes = read(&api, &id, "pcapng").await?;
    note(&api, &who, id.clone()).await?;
    let mut response = ([(header::CONTENT_TYPE, MEDIA_TYPE)], bytes).into_response();
    // The id is letters and digits.
    let name = format!("attachment; filename=\"{id}.pcapng\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

async fn note(api: &Api, who: &Caller, id: String) -> Result<(), Problem> {
    let (actor, address) = (who.actor(), who.address.to_string());
    api.write(move |change| {
        let act = Act {
            actor: &actor,
            action: "evidence.read",
            object: &format!("alert:{id}"),
        };
        audit::append(change, act, &json!({"address": address})).map(drop)
    })
    .await
}

/// A file of an alert that is stored. Its id becomes the name of a file, so it has to be plain.
async fn read(api: &Api, id: &str, kind: &str) -> Result<Vec<u8>, Problem> {
    let missing = || Problem::missing("evidence of this alert");
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
        return Err(missing());
    }
    let known = id.to_owned();
    let alert = api.read(move |conn| query::alert(conn, &known)).await?;
    alert.ok_or_else(missing)?;
    let path: PathBuf = api.evidence_dir().join(format!("{id}.{kind}"));
    let found = blocking(move || {
        let size = std::fs::symlink_metadata(&path)
            .ok()
            .filter(std::fs::Metadata::is_file)
            .map(|about| about.len())?;
        (size <= BYTES_MAX).then(|| std::fs::read(&path).ok())?
    });
    found.await?.ok_or_else(missing)
}
