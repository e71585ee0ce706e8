//! Devices: what each is, whose it is, whom it talks to, and where each of these comes from.

mod list;
mod map;
mod one;
mod upload;

use axum::Router;
use axum::routing::get;

use crate::api::Api;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/devices", get(list::show))
        .route("/devices.csv", get(list::csv))
        .route("/devices/list", get(upload::show).post(upload::send))
        .route("/devices/{id}", get(one::show))
}

/// Devices that were first seen at this time, in microseconds, or later.
pub(super) fn since(api: &Api, time: i64) -> usize {
    let (now, since) = (api.desk().devices().now(), time.saturating_mul(1_000));
    now.all()
        .filter(|one| one.asset.first_seen >= since)
        .count()
}
