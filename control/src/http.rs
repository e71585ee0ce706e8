//! `/metrics`, `/healthz`, `/readyz`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::config::Http;
use crate::error::Error;
use crate::health::Health;
use crate::metrics;

#[derive(Clone)]
struct Shared {
    health: Arc<Health>,
    max_silence: Duration,
}

/// Takes the port, before capture starts: a port in use is an error that somebody should see.
///
/// # Errors
/// The address is taken, or not ours.
pub async fn bind(http: &Http) -> Result<TcpListener, Error> {
    TcpListener::bind(http.listen).await.map_err(|error| {
        Error::Failed(format!(
            "http.listen {}: {error}; choose another port, or stop what uses it (ss -ltnp)",
            http.listen
        ))
    })
}

/// Serves until dropped.
pub async fn serve(listener: TcpListener, health: Arc<Health>, max_silence: Duration) {
    let shared = Shared {
        health,
        max_silence,
    };
    if let Err(error) = axum::serve(listener, router(shared)).await {
        tracing::error!(%error, "http stopped");
    }
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route(
            "/",
            get(|| async { "vitalwire: /metrics /healthz /readyz\n" }),
        )
        .route("/metrics", get(metrics_page))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(shared)
}

async fn metrics_page(State(shared): State<Shared>) -> Response {
    let mut snapshot = shared.health.fresh().await;
    let ready = shared.health.blind(shared.max_silence).is_none();
    snapshot.samples.push(metrics::build_info());
    snapshot.samples.push(metrics::gauge(
        "vitalwire_ready",
        "1 while the appliance sees traffic, 0 while it is blind.",
        u64::from(ready),
    ));
    (
        [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)],
        metrics::render(&snapshot),
    )
        .into_response()
}

async fn ready(State(shared): State<Shared>) -> Response {
    match shared.health.blind(shared.max_silence) {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}
