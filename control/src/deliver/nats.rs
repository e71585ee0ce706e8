//! NATS JetStream: each message is acknowledged by the stream, and has an id by which the stream
//! knows it when it comes again (`Nats-Msg-Id`).

use std::future::IntoFuture as _;
use std::time::Duration;

use async_nats::jetstream::{self, Context, message::PublishMessage, stream};
use async_nats::{ConnectOptions, HeaderMap};
use tokio::runtime::{Builder, Runtime};

use super::http::place;
use super::publish::publish;
use super::{secret, tls};
use crate::config::Nats as Config;
use crate::formats::{Event, Format};
use crate::outbox::{Deliver, Entry, Failure};

/// For how long a stream that we make knows ids, as NATS itself has it.
const KNOWN: Duration = Duration::from_secs(120);

pub(super) fn make(config: &Config) -> Result<Box<dyn Deliver>, String> {
    if config.servers.is_empty() {
        return Err("servers: name one, as nats://broker:4222".to_owned());
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if config.subject.is_empty() || !config.subject.chars().all(fits) {
        return Err(format!(
            "subject: `{}` is no subject to publish to",
            config.subject
        ));
    }
    let options = options(config)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("runtime: {error}"))?;
    Ok(Box::new(Nats {
        servers: config.servers.clone(),
        subject: config.subject.clone(),
        stream: config.stream.clone(),
        format: config.format,
        timeout: config.timeout.0,
        options,
        runtime,
        context: None,
    }))
}

fn options(config: &Config) -> Result<ConnectOptions, String> {
    let password = secret::read(
        "password",
        config.password.as_ref(),
        config.password_file.as_deref(),
    )?;
    let token = secret::read("token", config.token.as_ref(), config.token_file.as_deref())?;
    let options = ConnectOptions::new()
        .name("vitalwire")
        .connection_timeout(config.timeout.0);
    let options = match (&config.username, password, token, &config.credentials_file) {
        (None, None, None, None) => options,
        (Some(username), Some(password), None, None) => {
            options.user_and_password(username.clone(), password)
        }
        (None, None, Some(token), None) => options.token(token),
        (None, None, None, Some(path)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("credentials_file: {}: {error}", path.display()))?;
            options
                .credentials(&text)
                .map_err(|error| format!("credentials_file: {}: {error}", path.display()))?
        }
        _ => {
            return Err("one of username with password, token, and credentials_file".to_owned());
        }
    };
    if config.tls.server_name.is_some() {
        return Err(
            "tls.server_name: with NATS the name is the server's; write it there".to_owned(),
        );
    }
    let encrypted = config
        .servers
        .iter()
        .any(|server| server.starts_with("tls:"));
    if encrypted || config.tls != crate::config::Tls::default() {
        return Ok(options
            .require_tls(true)
            .tls_client_config(tls::client(&config.tls)?));
    }
    Ok(options)
}

struct Nats {
    servers: Vec<String>,
    subject: String,
    stream: Option<String>,
    format: Format,
    timeout: Duration,
    options: ConnectOptions,
    runtime: Runtime,
    context: Option<Context>,
}

impl Deliver for Nats {
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        let context = match self.context.clone() {
            Some(context) => context,
            None => self.connect().map_err(|why| Failure::later(0, why))?,
        };
        let outcome = self.runtime.block_on(self.publish(&context, batch));
        if outcome.as_ref().is_err_and(|failure| failure.again) {
            self.context = None;
        } else {
            self.context = Some(context);
        }
        outcome
    }

    /// Lets the connection answer the server's pings.
    fn idle(&mut self) {
        self.runtime
            .block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
    }
}

impl Nats {
    fn connect(&self) -> Result<Context, String> {
        self.runtime.block_on(async {
            let servers: Vec<String> = self.servers.iter().map(|url| place(url)).collect();
            let servers = servers.join(", ");
            let client = self
                .options
                .clone()
                .connect(self.servers.clone())
                .await
                .map_err(|error| format!("{servers}: {}", tls::explained(&error)))?;
            let context = jetstream::new(client);
            let Some(name) = &self.stream else {
                return Ok(context);
            };
            let config = stream::Config {
                name: name.clone(),
                subjects: vec![format!("{}.*", self.subject)],
                duplicate_window: KNOWN,
                ..stream::Config::default()
            };
            let made = tokio::time::timeout(self.timeout, context.get_or_create_stream(config));
            match made.await {
                Ok(Ok(_)) => Ok(context),
                Ok(Err(error)) => Err(format!("{servers}: stream {name}: {error}")),
                Err(_) => Err(format!("{servers}: stream {name}: no answer")),
            }
        })
    }

    async fn publish(&self, context: &Context, batch: &[Entry]) -> Result<(), Failure> {
        publish(batch, self.timeout, async |entry, line| {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", Event::new(line).message_id());
            headers.insert("Content-Type", self.format.media_type());
            let message = PublishMessage::build()
                .headers(headers)
                .payload(self.format.render(line).into());
            let subject = format!("{}.{}", self.subject, entry.kind.word());
            let sent = context.send_publish(subject, message).await;
            let sent = sent.map_err(|error| error.to_string())?;
            Ok(async move {
                let taken = sent.into_future().await;
                taken.map(drop).map_err(|error| error.to_string())
            })
        })
        .await
    }
}
