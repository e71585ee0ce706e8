//! HTTP webhook: one POST a message, signed.
//!
//! The body is `{"version":"1","id":…,"message_id":…,"action":…,"kind":…,"sent":…,"event":…}`. `id` is
//! of the thing that it is about: an incident is created, updated and closed under one id. A message
//! that comes twice has the same `message_id`, which is in the `Idempotency-Key` header too.
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
    Ok(Box::new(Webhook {
        url: config.url.clone(),
        format: config.format,
        key,
        client: client.authorized(token.map(|token| format!("Bearer {token}"))),
    }))
}

struct Webhook {
    url: String,
    format: Format,
    key: Option<String>,
    client: Client,
}

impl Deliver for Webhook {
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        for (at, entry) in batch.iter().enumerate() {
            match self.post(entry) {
                Ok(()) => {}
                Err((Verdict::Refused, why)) => return Err(Failure::refused(at, why)),
                Err((_, why)) => return Err(Failure::later(at, why)),
            }
        }
        Ok(())
    }
}

impl Webhook {
    fn post(&self, entry: &Entry) -> Result<(), (Verdict, String)> {
        let line = parse(entry).map_err(|why| (Verdict::Refused, why))?;
        let message_id = Event::new(&line).message_id();
        let body = self.body(entry, &line, &message_id);
        let seconds = clock::now().secs();
        let signature = self.key.as_ref().map(|key| sign(key, seconds, &body));
        let mut headers = vec![
            ("content-type", "application/json"),
            ("idempotency-key", message_id.as_str()),
        ];
        if let Some(signature) = &signature {
            headers.push(("x-vitalwire-signature", signature));
        }
        let answer = self.client.send("POST", &self.url, &headers, &body);
        let status = answer.map_err(|why| (Verdict::Later, why))?.status;
        match http::verdict(status) {
            // 409: the receiver knows it already.
            Verdict::Taken => Ok(()),
            Verdict::Refused if status.as_u16() == 409 => Ok(()),
            other => Err((other, http::said(&self.url, status))),
        }
    }

    fn body(&self, entry: &Entry, line: &Value, message_id: &str) -> String {
        let text = self.format.render(line);
        let event = match self.format {
            Format::Cef => Value::from(text),
            _ => serde_json::from_str(&text).unwrap_or_default(),
        };
        json!({
            "version": "1",
            "id": Event::new(line).id(),
            "message_id": message_id,
            "action": entry.action,
            "kind": entry.kind,
            "sent": formats::of_time(clock::now()),
            "event": event,
        })
        .to_string()
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
