//! The stylesheet, the script and the icon: part of the binary, named by their hash so that browsers
//! keep them until they change.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::api::Api;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const ICON: &str = include_str!("icon.svg");

/// What follows the name of a file in pages.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest: [u8; 32] = Sha256::digest([STYLE, SCRIPT, ICON].concat()).into();
    digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(
            "/static/style.css",
            get(async || file("text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/static/script.js",
            get(async || file("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(
            "/static/icon.svg",
            get(async || file("image/svg+xml", ICON)),
        )
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=31536000, immutable"),
        ),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::{SCRIPT, STYLE};

    #[test]
    fn style_and_script_stay_small_and_ask_nobody_else() {
        assert!(STYLE.len() < 20_000, "{} bytes of style", STYLE.len());
        assert!(SCRIPT.len() < 10_000, "{} bytes of script", SCRIPT.len());
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("//cdn") && !text.contains("http:") && !text.contains("https:"));
        }
    }
}
