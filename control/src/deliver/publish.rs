//! What brokers have in common: all messages of a batch are on their way before the first
//! acknowledgment is waited for.

use std::time::Duration;

use serde_json::Value;

use super::parse;
use crate::outbox::{Entry, Failure};

/// Sends all of them, then waits for each acknowledgment. `send` queues a message and gives what its
/// acknowledgment comes by.
pub(super) async fn publish<A>(
    batch: &[Entry],
    patience: Duration,
    mut send: impl AsyncFnMut(&Entry, &Value) -> Result<A, String>,
) -> Result<(), Failure>
where
    A: Future<Output = Result<(), String>>,
{
    let mut waited = Vec::with_capacity(batch.len());
    let mut wrong = Ok(());
    for (at, entry) in batch.iter().enumerate() {
        match parse(entry) {
            Ok(line) => {
                let sent = send(entry, &line).await;
                waited.push(sent.map_err(|why| Failure::later(0, why))?);
            }
            Err(why) => {
                wrong = Err(Failure::refused(at, why));
                break;
            }
        }
    }
    for (at, acknowledged) in waited.into_iter().enumerate() {
        match tokio::time::timeout(patience, acknowledged).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Err(Failure::later(at, why)),
            Err(_) => return Err(Failure::later(at, "no acknowledgment".to_owned())),
        }
    }
    wrong
}
