//! Every route, and the document that describes them.

use aide::axum::ApiRouter;
use aide::openapi::{OpenApi, SecurityScheme};
use aide::transform::TransformOpenApi;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Router, middleware};

use super::{
    Api, Problem, alerts, assets, audit, events, evidence, findings, incidents, responses, rules,
    session, suppressions, system, tag, users,
};
use crate::api::caller::PERMISSION;

/// All of them, with the document. `body` is the bound of bodies.
fn described(body: u64) -> (Router<Api>, OpenApi) {
    let routes = ApiRouter::new()
        .merge(session::routes())
        .merge(system::routes())
        .merge(alerts::routes())
        .merge(incidents::routes())
        .merge(evidence::routes())
        .merge(responses::routes())
        .merge(assets::routes())
        .merge(findings::routes())
        .merge(rules::routes(body))
        .merge(suppressions::routes())
        .merge(events::routes())
        .merge(users::routes())
        .merge(audit::routes());
    let mut document = OpenApi::default();
    let routes = ApiRouter::new()
        .nest("/api/v1", routes)
        .finish_api_with(&mut document, describe);
    say_what_is_needed(&mut document);
    (routes, document)
}

/// The permission of each operation, for people too.
fn say_what_is_needed(document: &mut OpenApi) {
    let paths = document.paths.iter_mut();
    let paths = paths.flat_map(|paths| paths.paths.values_mut());
    for item in paths.filter_map(|path| path.as_item_mut()) {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            let Some(needs) = operation.extensions.get(PERMISSION) else {
                continue;
            };
            let needs = needs.as_str().unwrap_or_default();
            let said = operation.description.take().filter(|said| !said.is_empty());
            let said = said.map_or_else(String::new, |said| format!("{said} "));
            operation.description = Some(format!("{said}Needs the permission `{needs}`."));
        }
    }
}

fn describe(api: TransformOpenApi<'_>) -> TransformOpenApi<'_> {
    api.title("Vitalwire")
        .version(env!("CARGO_PKG_VERSION"))
        .summary("Alerts, incidents, assets, rules and health of a Vitalwire appliance")
        .description(
            "Times are UTC. Lists are paged by `cursor`, which the page before gave as `next`. Every \
             refusal is problem details (RFC 9457) with an id that is in the appliance's log. Answers \
             have an `etag`; changes heed `if-match`. Programs send a token; browsers have a session, \
             and bring `x-csrf-token` with changes.",
        )
        .security_scheme(
            "token",
            SecurityScheme::Http {
                scheme: "bearer".to_owned(),
                bearer_format: Some("vw_ and 64 hex digits".to_owned()),
                description: Some("A token, as POST /api/v1/tokens tells it once.".to_owned()),
                extensions: Default::default(),
            },
        )
        .security_scheme(
            "session",
            SecurityScheme::ApiKey {
                location: aide::openapi::ApiKeyLocation::Cookie,
                name: super::caller::COOKIE.to_owned(),
                description: Some("A login's cookie.".to_owned()),
                extensions: Default::default(),
            },
        )
        .default_response::<Problem>()
}

/// The OpenAPI document.
#[must_use]
pub fn schema() -> String {
    let (_, document) = described(0);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// All routes, ready to be served.
pub(super) fn router(body: u64) -> Router<Api> {
    let (routes, document) = described(body);
    let text: axum::body::Bytes = serde_json::to_vec(&document).unwrap_or_default().into();
    let document = move || async move { ([(header::CONTENT_TYPE, "application/json")], text) };
    routes
        .route("/api/v1/openapi.json", axum::routing::get(document))
        .method_not_allowed_fallback(not_allowed)
        .fallback(nothing)
        .layer(middleware::from_fn(tag::layer))
}

async fn nothing() -> impl IntoResponse {
    Problem::missing("such page; GET /api/v1/openapi.json lists what there is")
}

async fn not_allowed() -> impl IntoResponse {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this method does nothing here; the header `allow` names those that do",
    )
}
