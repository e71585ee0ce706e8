//! The form of new rules: texts, and perhaps a capture, as browsers send files.

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;

use crate::api::{Api, May, Problem, known, permit};

/// Bytes of a text; a capture may be as long as the body.
const TEXT_MAX: usize = 1 << 20;

/// What was filled in.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) note: String,
    /// Which button.
    pub(super) act: String,
    /// The configured capture that was chosen, by its place in the list.
    pub(super) configured: Option<usize>,
    /// A capture of one's own.
    pub(super) capture: Vec<u8>,
    pub(super) csrf: String,
}

/// The form, from somebody who may send it.
pub(super) struct Upload {
    pub(super) who: May<permit::Configure>,
    pub(super) sent: Sent,
}

fn wrong(error: &MultipartError) -> Problem {
    let status = error.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let what = "this capture is too long; api.limits.body in the configuration says how long one may be";
        return Problem::new(status, what);
    }
    Problem::bad(format!("the form: {error}"))
}

async fn text(field: Field<'_>) -> Result<String, Problem> {
    let bytes = field.bytes().await.map_err(|error| wrong(&error))?;
    if bytes.len() > TEXT_MAX {
        return Err(Problem::bad(format!("a text has at most {TEXT_MAX} bytes")));
    }
    // Browsers end lines as HTTP does.
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

async fn read(mut form: Multipart) -> Result<Sent, Problem> {
    let mut sent = Sent::default();
    while let Some(field) = form.next_field().await.map_err(|error| wrong(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "capture" => {
                let bytes = field.bytes().await.map_err(|error| wrong(&error))?;
                sent.capture = bytes.to_vec();
            }
            "configured" => sent.configured = text(field).await?.parse().ok(),
            "name" => sent.name = text(field).await?,
            "text" => sent.text = text(field).await?,
            "note" => sent.note = text(field).await?,
            "act" => sent.act = text(field).await?,
            "csrf" => sent.csrf = text(field).await?,
            _ => {}
        }
    }
    Ok(sent)
}

impl FromRequest<Api> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let who = known(&parts, api).await?;
        // Whoever may not is told before a capture is read.
        drop(May::<permit::Configure>::look(who.clone())?);
        let request = Request::from_parts(parts, body);
        let form = Multipart::from_request(request, api).await;
        let form = form.map_err(|error| {
            let what = format!("the form: {error}");
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what)
        })?;
        let sent = read(form).await?;
        let who = May::new(who, Some(&sent.csrf))?;
        Ok(Self { who, sent })
    }
}
