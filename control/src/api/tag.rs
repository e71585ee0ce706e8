//! Entity tags: a hash over what is shown. Whoever has it already is told so; whoever changes
//! something may say which state of it was seen.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::Problem;
use crate::auth::secret::hex;

/// Our own answers are bounded by the lengths of pages.
const BODY_MAX: usize = 64 << 20;

/// The tag of what is shown.
pub(super) fn of(body: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(body).into();
    let (kept, _) = digest.split_at(16);
    format!("\"{}\"", hex(kept))
}

/// Whether a list of tags, as clients send them, has this one. Weak ones count: a proxy may have
/// compressed what it is the tag of.
pub(super) fn lists(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// Tags answers that are data, and leaves out what the client has.
pub(super) async fn layer(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let has = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !reads || response.status() != StatusCode::OK || !is_data(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = match to_bytes(body, BODY_MAX).await {
        Ok(body) => body,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let tag = of(&body);
    let same = has
        .as_ref()
        .and_then(|list| list.to_str().ok())
        .is_some_and(|list| lists(list, &tag));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    if same {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

/// Whether it is JSON or a spreadsheet: neither a stream nor a page.
fn is_data(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind == "application/json" || kind.starts_with("text/csv")
}
