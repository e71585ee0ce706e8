//! A signed request to something that acts: a NAC, a SOAR platform. The signature is the webhook
//! sink's.

use serde_json::json;

use super::Effect;
use super::state::Active;
use crate::clock;
use crate::config::ActionHook as Config;
use crate::deliver::http::{self, Client, Verdict};
use crate::deliver::{secret, webhook::sign};

/// The request.
pub(super) struct Action {
    name: String,
    url: String,
    key: Option<String>,
    client: Client,
}

impl Action {
    pub(super) fn new(name: &str, config: &Config) -> Result<Self, String> {
        let key = secret::read(
            "secret",
            config.secret.as_ref(),
            config.secret_file.as_deref(),
        )?;
        Ok(Self {
            name: name.to_owned(),
            url: config.url.clone(),
            key,
            client: Client::new(&config.url, &config.tls, config.timeout.0)?,
        })
    }
}

impl Effect for Action {
    fn begin(&mut self, active: &Active, _: &[Active]) -> Result<(), String> {
        let id = format!("{}:{}", self.name, active.alert_id);
        let body = json!({
            "version": "1", "id": id, "action": "respond", "response": self.name,
            "target": active.ip, "rule": active.rule, "alert_id": active.alert_id,
            "until": active.until_text(),
        })
        .to_string();
        let signature = self
            .key
            .as_ref()
            .map(|key| sign(key, clock::now().secs(), &body));
        let mut headers = vec![
            ("content-type", "application/json"),
            ("idempotency-key", id.as_str()),
        ];
        if let Some(signature) = &signature {
            headers.push(("x-vitalwire-signature", signature));
        }
        let status = self.client.send("POST", &self.url, &headers, &body)?.status;
        match http::verdict(status) {
            Verdict::Taken => Ok(()),
            _ if status.as_u16() == 409 => Ok(()),
            _ => Err(http::said(&self.url, status)),
        }
    }

    /// The receiver was told until when.
    fn end(&mut self, _: &[Active]) -> Result<(), String> {
        Ok(())
    }
}
