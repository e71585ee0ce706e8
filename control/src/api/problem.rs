//! What is told to a client that cannot be served: RFC 9457, with an id that is in the log.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{
    MediaType, Operation, Response as Documented, SchemaObject, StatusCode as Code,
};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::store;

tokio::task_local! {
    /// The id of the request that is being served.
    pub(super) static REQUEST: String;
}

const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not served. Making one of an error of the store logs what the client is not told.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: Box<str>,
    mistakes: Box<[Mistake]>,
    retry_after: Option<u32>,
}

/// Where something is wrong in what was sent.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Mistake {
    /// The file that it is in.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(default)]
    pub file: String,
    /// From 1; 0 where there is none.
    pub line: u32,
    /// From 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Problem details, RFC 9457.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Problem")]
struct Body<'a> {
    /// Always `about:blank`: the status says what kind it is.
    r#type: &'static str,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened, and what to do.
    detail: &'a str,
    /// This request's: the log says more under it.
    id: String,
    /// Each mistake in what was sent.
    #[serde(skip_serializing_if = "<[Mistake]>::is_empty")]
    #[schemars(default)]
    errors: &'a [Mistake],
}

impl Problem {
    /// A status with what happened, and what to do.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into().into(),
            mistakes: Box::default(),
            retry_after: None,
        }
    }

    /// There is no such thing.
    pub fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what}"))
    }

    /// What was sent makes no sense.
    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// It may not be done; says why.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// It was changed meanwhile.
    pub fn changed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "it was changed meanwhile; read it again",
        )
    }

    /// Nobody knows why. The reason goes to the log, and not to the client.
    pub fn internal(reason: &dyn std::fmt::Display) -> Self {
        tracing::error!(id = id(), "api: {reason}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this failed, and nothing was changed; the appliance's log says more under this id",
        )
    }

    /// What the store refused was a value that was sent.
    #[must_use]
    pub fn as_input(mut self) -> Self {
        if self.status == StatusCode::CONFLICT {
            self.status = StatusCode::UNPROCESSABLE_ENTITY;
        }
        self
    }

    /// What the store refused was what was asked for.
    #[must_use]
    pub fn as_query(mut self) -> Self {
        if self.status == StatusCode::CONFLICT {
            self.status = StatusCode::BAD_REQUEST;
        }
        self
    }

    /// When to try again.
    #[must_use]
    pub const fn after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Each mistake in what was sent.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Where the mistakes are.
    #[must_use]
    pub fn with(mut self, mistakes: Vec<Mistake>) -> Self {
        self.mistakes = mistakes.into();
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What is told.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// The id of the request that is being served.
#[must_use]
pub(super) fn id() -> String {
    REQUEST.try_with(Clone::clone).unwrap_or_default()
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Missing(_) => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            store::Error::Refused(why) => Self::new(StatusCode::CONFLICT, why),
            store::Error::TooSlow => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).after(5)
            }
            store::Error::Unwritten => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).after(10)
            }
            other => Self::internal(&other),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            id: id(),
            errors: &self.mistakes,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (
            self.status,
            [(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))],
            text,
        )
            .into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl OperationOutput for Problem {
    type Inner = Self;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        let schema = SchemaObject {
            json_schema: ctx.schema.subschema_for::<Body<'static>>(),
            external_docs: None,
            example: None,
        };
        let media = MediaType {
            schema: Some(schema),
            ..MediaType::default()
        };
        Some(Documented {
            description: "Why it was not served.".to_owned(),
            content: [(MEDIA_TYPE.to_owned(), media)].into_iter().collect(),
            ..Documented::default()
        })
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<Code>, Documented)> {
        Self::operation_response(ctx, operation)
            .map(|response| (None, response))
            .into_iter()
            .collect()
    }
}
