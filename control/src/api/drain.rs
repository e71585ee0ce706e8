//! A request's body that nobody wanted is read to its end all the same, within bounds: a client that
//! is refused while it still sends would otherwise see its stream reset, and not the refusal.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use futures_util::StreamExt;
use hyper::body::{Frame, SizeHint};

/// So much is read for nothing.
const BYTES_MAX: usize = 1 << 20;
/// For so long.
const LONGEST: Duration = Duration::from_secs(5);

/// A body that is read to its end when it is dropped.
pub(super) struct Drained(Option<Body>);

impl Drained {
    pub(super) fn of(body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Self(Some(body)))
    }
}

impl HttpBody for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        if let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) {
            tokio::spawn(tokio::time::timeout(
                LONGEST,
                drain(body.into_data_stream()),
            ));
        }
    }
}

async fn drain(mut body: BodyDataStream) {
    let mut left = BYTES_MAX;
    while let Some(Ok(bytes)) = body.next().await
        && left > 0
    {
        left = left.saturating_sub(bytes.len());
    }
}
