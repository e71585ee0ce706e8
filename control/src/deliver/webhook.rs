//! HTTP webhook: one POST a message, signed.
//!
//! The body is `{"version":"1","id":…,"message_id":…,"action":…,"kind":…,"sent":…,"event":…}`. `id` is
//! of the thing that it is about: an incident, and an alert by itself, is created, updated and closed
//! under one id. A message that comes twice has the same `message_id`, which is in the `Idempotency-Key` header too.
//!
//! With `batch` the body is a list of such messages, always, and there is no such header. A list that
//! is refused is sent again one by one, so that only what is wrong is given up.
//!
//! `X-Vitalwire-Signature: t=SECONDS,v1=HEX`: HMAC-SHA-256 under the shared secret over the decimal
//! seconds, a full stop and the body. A receiver refuses what is old, and compares in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::http::{self, Client, Verdict};
use super::{parse, secret};
use crate::clock;
use crate::config::Webhook as Config;
use crate::formats::{self, Event, Format};
use crate::outbox::{Deliver, Entry, Failure};

pub(super) fn make(config: &Config) -> Result<Box<dyn Deliver>, String> {
    let key = secret::read(
        "secret",
        config.secret.as_ref(),
        config.secret_file.as_deref(),
    )?;
    let token = secret::read("token", config.token.as_ref(), config.token_file.as_deref())?;
    let client = Client::new(&config.url, &config.tls, config.timeout.0)?;
    if config.batch == 0 {
        return Err("batch: the most messages in one request; 1 or more".to_owned());
    }
    Ok(Box::new(Webhook {
        batch: usize::from(config.batch),
        url: config.url.clone(),
        format: config.format,
        key,
        client: client.authorized(token.map(|token| format!("Bearer {token}"))),
    }))
}

/// Messages that are read at a time where each goes alone.
const SINGLY: usize = 64;

struct Webhook {
    batch: usize,
    url: String,
    format: Format,
    key: Option<String>,
    client: Client,
}

impl Deliver for Webhook {
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        if self.batch > 1 && batch.len() > 1 {
            match self.post(batch) {
                Err((Verdict::Refused, _)) => {}
                outcome => return outcome.map_err(|(_, why)| Failure::later(0, why)),
            }
        }
        for (at, entry) in batch.iter().enumerate() {
            match self.post(std::slice::from_ref(entry)) {
                Ok(()) => {}
                Err((Verdict::Refused, why)) => return Err(Failure::refused(at, why)),
                Err((_, why)) => return Err(Failure::later(at, why)),
            }
        }
        Ok(())
    }

    fn batch_max(&self) -> usize {
        if self.batch > 1 { self.batch } else { SINGLY }
    }
}

impl Webhook {
    fn post(&self, entries: &[Entry]) -> Result<(), (Verdict, String)> {
        let messages = entries.iter().map(|entry| self.message(entry));
        let messages: Vec<Value> = messages
            .collect::<Result<_, _>>()
            .map_err(|why| (Verdict::Refused, why))?;
        let (body, id) = match messages.as_slice() {
            [one] if self.batch <= 1 => (one.to_string(), one["message_id"].as_str()),
            all => (Value::from(all).to_string(), None),
        };
        let signature = self.key.as_ref();
        let signature = signature.map(|key| sign(key, clock::now().secs(), &body));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(id.map(|id| ("idempotency-key", id)));
        if let Some(signature) = &signature {
            headers.push(("x-vitalwire-signature", signature));
        }
        let answer = self.client.send("POST", &self.url, &headers, &body);
        let status = answer.map_err(|why| (Verdict::Later, why))?.status;
        match http::verdict(status) {
            // 409: the receiver knows it already.
            Verdict::Taken => Ok(()),
            Verdict::Refused if status.as_u16() == 409 && entries.len() == 1 => Ok(()),
            other => Err((other, http::said(&self.url, status))),
        }
    }

    fn message(&self, entry: &Entry) -> Result<Value, String> {
        let line = parse(entry)?;
        let text = self.format.render(&line);
        let event = match self.format {
            Format::Cef => Value::from(text),
            _ => serde_json::from_str(&text).unwrap_or_default(),
        };
        let about = Event::new(&line);
        Ok(json!({
            "version": "1",
            "id": about.id(),
            "message_id": about.message_id(),
            "action": entry.action,
            "kind": about.kind(),
            "sent": formats::of_time(clock::now()),
            "event": event,
        }))
    }
}

/// The value of the signature's header.
pub(super) fn sign(key: &str, seconds: i64, body: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{seconds}.{body}").as_bytes());
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}
