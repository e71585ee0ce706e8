//! The console: pages for people, from the same binary, without anything from elsewhere.
//!
//! Every page is whole without script: forms are plain, and what one looks at is in the URL. The script
//! adds live updates, keys and the reader's own time zone.

mod alerts;
mod assets;
mod chart;
mod devices;
mod facets;
mod fault;
mod imaging;
mod incidents;
mod login;
mod marks;
mod network;
mod now;
mod page;
mod plot;
mod pumps;
mod rules;
mod settings;
mod stay;
mod strip;
mod table;
mod triage;
mod view;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use crate::api::{Api, May, Problem, permit};

/// All pages.
pub fn router(api: &Api) -> Router<Api> {
    let pages = Router::new()
        .merge(login::routes())
        .merge(now::routes())
        .merge(alerts::routes())
        .merge(incidents::routes())
        .merge(devices::routes())
        .merge(pumps::routes())
        .merge(imaging::routes())
        .merge(network::routes())
        .merge(rules::routes(api))
        .merge(settings::routes())
        .route("/strip", get(strip))
        .route("/{*path}", any(fault::missing))
        .method_not_allowed_fallback(fault::not_allowed)
        .layer(from_fn_with_state(api.clone(), fault::as_page))
        .layer(from_fn_with_state(api.clone(), page::around));
    pages.merge(assets::routes())
}

/// The strip by itself, for live updates.
async fn strip(State(api): State<Api>, _: May<permit::Read>) -> Result<Response, Problem> {
    Ok(page::fragment(strip::strip(&api)).into_response())
}
