//! What handlers take out of requests. What does not fit is refused as problem details.

use aide::generate::GenContext;
use aide::openapi::{
    MediaType, Operation, ReferenceOr, RequestBody, Response as Documented, SchemaObject,
};
use aide::{OperationInput, OperationOutput};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::caller::{May, Permit, known};
use super::{Api, Problem, tag};
use crate::inventory;

/// A body of JSON.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is(&request, "application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body has to be JSON, with content-type: application/json",
            ));
        }
        let body = body(request, state).await?;
        // serde takes lists for objects; nobody means that.
        if body.trim_ascii_start().first().is_some_and(|c| *c == b'[') {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the body has to be an object",
            ));
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            // The message has names of fields and places, never a value that was sent.
            let status = if error.is_data() {
                StatusCode::UNPROCESSABLE_ENTITY
            } else {
                StatusCode::BAD_REQUEST
            };
            Problem::new(status, format!("the body: {}", without_values(&error)))
        })
    }
}

/// A message of serde's, without what it cites of the input.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let shown: String = text.chars().take(300).collect();
    if error.is_data() && shown.starts_with("invalid") {
        let expected = shown.split(", ").skip(1).collect::<Vec<_>>().join(", ");
        return format!("a value is not as it should be: {expected}");
    }
    shown
}

fn is(request: &Request, wanted: &str) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(wanted)
}

/// A body as it is, within its bound.
async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| unread(&rejection))
}

/// A body of text, of somebody who is not known yet.
#[derive(Debug)]
pub struct Text(pub String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = body(request, state).await?;
        let text = String::from_utf8(body.into());
        text.map(Self)
            .map_err(|_| Problem::bad("the body is no text in UTF-8"))
    }
}

fn unread(rejection: &BytesRejection) -> Problem {
    let status = rejection.status();
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(status, "the body is too long; see api.limits.body")
        }
        status => Problem::new(status, "the body could not be read"),
    }
}

impl<T: JsonSchema> OperationInput for Json<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        axum::Json::<T>::operation_input(ctx, operation);
    }
}

/// A body of CSV, as spreadsheets save it; as an answer, for the document.
#[derive(Debug)]
pub(super) struct Csv(pub(super) String);

impl<S: Send + Sync> FromRequest<S> for Csv {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is(&request, CSV) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body has to be CSV, with content-type: text/csv",
            ));
        }
        let body = body(request, state).await?;
        Ok(Self(inventory::decode(body.into())))
    }
}

const CSV: &str = "text/csv";

fn csv_content() -> [(String, MediaType); 1] {
    let schema = serde_json::json!({"type": "string"});
    let schema = serde_json::from_value(schema).unwrap_or_default();
    let media = MediaType {
        schema: Some(SchemaObject {
            json_schema: schema,
            external_docs: None,
            example: None,
        }),
        ..MediaType::default()
    };
    [(CSV.to_owned(), media)]
}

impl OperationInput for Csv {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        operation.request_body = Some(ReferenceOr::Item(RequestBody {
            description: Some("The list, UTF-8 or Windows-1252.".to_owned()),
            content: csv_content().into_iter().collect(),
            required: true,
            ..RequestBody::default()
        }));
    }
}

impl OperationOutput for Csv {
    type Inner = Self;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        Some(Documented {
            description: "A spreadsheet.".to_owned(),
            content: csv_content().into_iter().collect(),
            ..Documented::default()
        })
    }
}

/// A form of one of our own pages, sent by somebody who may: the form has to bring what its page was
/// given as `csrf`. For the console.
pub struct Form<P, T> {
    /// Who sent it.
    pub who: May<P>,
    /// What was filled in.
    pub form: T,
}

/// What every form brings.
#[derive(Deserialize)]
struct Brought {
    #[serde(default)]
    csrf: String,
}

impl<P: Permit, T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<P, T>
where
    Api: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, rest) = request.into_parts();
        let who = known(&parts, &Api::from_ref(state)).await?;
        let request = Request::from_parts(parts, rest);
        if !is(&request, "application/x-www-form-urlencoded") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body has to be a form",
            ));
        }
        let body = body(request, state).await?;
        let wrong = |error: serde_urlencoded::de::Error| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("the form: {error}"),
            )
        };
        let brought: Brought = serde_urlencoded::from_bytes(&body).map_err(wrong)?;
        // What somebody may not send is refused whatever is in it.
        let who = May::new(who, Some(&brought.csrf))?;
        let form = serde_urlencoded::from_bytes(&body).map_err(wrong)?;
        Ok(Self { who, form })
    }
}

/// What stands after the question mark.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        serde_urlencoded::from_str(query)
            .map(Self)
            .map_err(|error| {
                let shown: String = error.to_string().chars().take(300).collect();
                Problem::bad(format!("the query: {shown}"))
            })
    }
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        axum::extract::Query::<T>::operation_input(ctx, operation);
    }
}

/// What stands in the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            // There is nothing under a path that cannot be read.
            .map_err(|_| Problem::missing("such thing"))
    }
}

impl<T: JsonSchema> OperationInput for Path<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        axum::extract::Path::<T>::operation_input(ctx, operation);
    }
}

/// Which state of a thing the client has seen, if it says so (`If-Match`).
#[derive(Clone, Debug)]
pub struct IfMatch(Option<String>);

impl IfMatch {
    /// Whether that is the state it is in: `view` as a `GET` shows it.
    pub fn holds<T: Serialize>(&self, view: &T) -> bool {
        let Some(seen) = &self.0 else {
            return true;
        };
        let body = serde_json::to_vec(view).unwrap_or_default();
        tag::lists(seen, &tag::of(&body))
    }

    /// The same, for what is not changed in the store's own turn.
    ///
    /// # Errors
    /// It was changed meanwhile.
    pub fn check<T: Serialize>(&self, view: &T) -> Result<(), Problem> {
        self.holds(view).then_some(()).ok_or_else(Problem::changed)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Ok(Self(None));
        };
        let text = value
            .to_str()
            .map_err(|_| Problem::bad("if-match has to be an entity tag"))?;
        Ok(Self(Some(text.to_owned())))
    }
}

impl OperationInput for IfMatch {}
