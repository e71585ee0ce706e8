//! Around every request: its id, how often its address asks, how long it may take, what browsers have
//! to know, and a line in the log if it failed. Never what it asked with: that may be a person's.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::drain::Drained;
use super::problem::REQUEST;
use super::{Api, Problem};
use crate::auth::secret::Secret;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Peer {
    /// Its address, IPv4 as IPv4.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

/// What every answer tells browsers. Pages that need more say so themselves. No
/// `strict-transport-security`: it would hold for every port, and /metrics speaks plain HTTP.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    ),
];

/// Puts all of that around routes.
pub(super) fn around(routes: Router, api: Api) -> Router {
    let body = usize::try_from(api.0.config.limits.body.0).unwrap_or(usize::MAX);
    routes
        .layer(DefaultBodyLimit::max(body))
        .layer(from_fn_with_state(api, guard))
}

async fn guard(State(api): State<Api>, request: Request, next: Next) -> Response {
    // Eight bytes are enough to find a line in a log.
    let id = Secret::random().map(|secret| secret.tell());
    let id: String = id.unwrap_or_default().chars().take(16).collect();
    REQUEST
        .scope(id, async move {
            let said = format!("{} {}", request.method(), path(&request));
            let mut response = bounded(&api, request, next).await;
            log(&said, response.status());
            api.0.counts.answered(response.status());
            for (name, value) in HEADERS {
                response.headers_mut().entry(name).or_insert(value);
            }
            if let Ok(id) = HeaderValue::from_str(&super::problem::id()) {
                response.headers_mut().insert("x-request-id", id);
            }
            response
        })
        .await
}

/// Without its query, and not endless.
fn path(request: &Request) -> String {
    request.uri().path().chars().take(128).collect()
}

async fn bounded(api: &Api, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>();
    let Some(address) = peer.map(|peer| peer.ip()) else {
        return Problem::internal(&"a request without a peer").into_response();
    };
    if !api.0.rate.take(address) {
        return Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests from this address; slow down",
        )
        .after(1)
        .into_response();
    }
    let request = request.map(Drained::of);
    let within = api.0.config.limits.timeout.0;
    match tokio::time::timeout(within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "this took too long; ask for less",
        )
        .after(5)
        .into_response(),
    }
}

fn log(said: &str, status: StatusCode) {
    let id = super::problem::id();
    if status.is_server_error() {
        tracing::warn!(id, status = status.as_u16(), "api: {said}");
    } else if status.is_client_error() {
        tracing::info!(id, status = status.as_u16(), "api: {said}");
    } else {
        tracing::debug!(id, status = status.as_u16(), "api: {said}");
    }
}
