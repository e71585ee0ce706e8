//! Sinks: where alerts, incidents and the like are sent, and responses: what is done about them.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::select::Select;
use super::units::{Bytes, Span};
use crate::formats::Format;
use crate::outbox::Kind;

/// A place that alerts and the like are sent to. It goes on where it stopped after a restart or an
/// outage; a message may come twice then, with the same id.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Sink {
    /// RFC 5424 over UDP, TCP or TLS.
    Syslog(Syslog),
    /// HTTP POST.
    Webhook(Webhook),
    /// The bulk interface of OpenSearch and Elasticsearch, in ECS.
    Opensearch(Opensearch),
    /// NATS JetStream.
    Nats(Nats),
    /// Prometheus Alertmanager: the sensor's health, and incidents that page somebody.
    Alertmanager(Alertmanager),
    /// Kafka, in builds with the feature.
    Kafka(Kafka),
}

impl Sink {
    /// Its name, which names its cursor and is in metrics.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Syslog(sink) => &sink.name,
            Self::Webhook(sink) => &sink.name,
            Self::Opensearch(sink) => &sink.name,
            Self::Nats(sink) => &sink.name,
            Self::Alertmanager(sink) => &sink.name,
            Self::Kafka(sink) => &sink.name,
        }
    }

    /// What it takes.
    #[must_use]
    pub fn select(&self) -> Cow<'_, Select> {
        match self {
            Self::Syslog(sink) => Cow::Borrowed(&sink.select),
            Self::Webhook(sink) => Cow::Borrowed(&sink.select),
            Self::Opensearch(sink) => Cow::Borrowed(&sink.select),
            Self::Nats(sink) => Cow::Borrowed(&sink.select),
            Self::Alertmanager(_) => Cow::Owned(Select {
                kinds: vec![Kind::Incident, Kind::Finding, Kind::Heartbeat, Kind::Test],
                events: Vec::new(),
            }),
            Self::Kafka(sink) => Cow::Borrowed(&sink.select),
        }
    }

    /// Whether it keeps a thing under its id, so that what becomes of an alert changes what is there.
    #[must_use]
    pub const fn keeps_state(&self) -> bool {
        matches!(self, Self::Webhook(_) | Self::Opensearch(_))
    }

    /// Whether it takes as much as protocol events are.
    #[must_use]
    pub const fn is_bulk(&self) -> bool {
        !matches!(self, Self::Webhook(_) | Self::Alertmanager(_))
    }
}

const fn default_timeout() -> Span {
    Span::secs(10)
}

/// A secret: from a file, from the environment, or as it stands. It is never printed.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// TLS towards a receiver. The receiver's name is always checked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Certificates of the authorities that are trusted, as PEM; without it those of the system.
    pub ca: Option<PathBuf>,
    /// Our certificate, as PEM, with the chain; for mutual TLS, with `key`.
    pub certificate: Option<PathBuf>,
    /// Its private key, as PEM.
    pub key: Option<PathBuf>,
    /// The name that the receiver's certificate has to bear; without it the address's host.
    pub server_name: Option<String>,
}

/// RFC 5424 over UDP, TCP or TLS (RFC 5425).
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Syslog {
    /// Its name.
    pub name: String,
    /// What it takes.
    #[serde(default)]
    pub select: Select,
    /// Host and port: 514, or 6514 for TLS.
    pub address: String,
    /// How.
    #[serde(default)]
    pub transport: Transport,
    /// How messages are parted, with TCP and TLS.
    #[serde(default)]
    pub framing: Framing,
    /// `eve`, `ecs`, `ocsf`, `ocsf-detections` or `cef`.
    #[serde(default)]
    pub format: Format,
    /// The facility.
    #[serde(default)]
    pub facility: Facility,
    /// The longest message that the receiver takes. A longer one is sent without what matters least,
    /// and says so; it is never cut. Many receivers take 8 KiB unless they are told otherwise.
    #[serde(default = "Syslog::max_size")]
    pub max_size: Bytes,
    /// With `transport: tls`.
    #[serde(default)]
    pub tls: Tls,
    /// For connecting and for each message.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

impl Syslog {
    /// What RFC 5425 4.3.1 wants of receivers.
    const fn max_size() -> Bytes {
        Bytes(8192)
    }
}

/// How syslog travels.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams, which may be lost.
    Udp,
    /// A connection.
    #[default]
    Tcp,
    /// An encrypted connection.
    Tls,
}

/// How messages are parted on a connection (RFC 6587 3.4).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// Each with its length before it.
    #[default]
    OctetCounted,
    /// Each with a line feed behind it.
    Lf,
}

/// Facilities of syslog (RFC 5424 6.2.1).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words are the standard's")]
pub enum Facility {
    User = 1,
    Daemon = 3,
    Auth = 4,
    Authpriv = 10,
    #[default]
    Local0 = 16,
    Local1 = 17,
    Local2 = 18,
    Local3 = 19,
    Local4 = 20,
    Local5 = 21,
    Local6 = 22,
    Local7 = 23,
}

/// HTTP POST of one JSON object a message.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// What it takes.
    #[serde(default)]
    pub select: Select,
    /// Where to.
    pub url: String,
    /// The most messages in one request; with more than one the body is a list of messages.
    #[serde(default = "Webhook::one")]
    pub batch: u16,
    /// What `event` in the body is: `eve`, `ecs`, `ocsf`, `ocsf-detections` or `cef`.
    #[serde(default)]
    pub format: Format,
    /// The key that bodies are signed with; without it they are not.
    pub secret: Option<Secret>,
    /// The same from a file.
    pub secret_file: Option<PathBuf>,
    /// A bearer token.
    pub token: Option<Secret>,
    /// The same from a file.
    pub token_file: Option<PathBuf>,
    /// TLS.
    #[serde(default)]
    pub tls: Tls,
    /// For one request.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

impl Webhook {
    const fn one() -> u16 {
        1
    }
}

/// The bulk interface of OpenSearch and Elasticsearch.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Opensearch {
    /// Its name.
    pub name: String,
    /// What it takes.
    #[serde(default)]
    pub select: Select,
    /// The server, as `https://siem:9200`.
    pub url: String,
    /// Indices are named `INDEX-alert`, `INDEX-incident` and so on.
    #[serde(default = "Opensearch::index")]
    pub index: String,
    /// Whether the index template is put there at the start.
    #[serde(default = "yes")]
    pub template: bool,
    /// For basic authentication.
    pub username: Option<String>,
    /// For basic authentication.
    pub password: Option<Secret>,
    /// The same from a file.
    pub password_file: Option<PathBuf>,
    /// An API key of Elasticsearch, base64 as it gives it.
    pub api_key: Option<Secret>,
    /// The same from a file.
    pub api_key_file: Option<PathBuf>,
    /// TLS.
    #[serde(default)]
    pub tls: Tls,
    /// For one request.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

impl Opensearch {
    fn index() -> String {
        "vitalwire".to_owned()
    }
}

const fn yes() -> bool {
    true
}

/// NATS JetStream.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// Its name.
    pub name: String,
    /// What it takes.
    #[serde(default)]
    pub select: Select,
    /// Servers, as `nats://broker:4222` or `tls://broker:4222`.
    pub servers: Vec<String>,
    /// Messages go to `SUBJECT.alert`, `SUBJECT.incident` and so on.
    #[serde(default = "Nats::subject")]
    pub subject: String,
    /// A stream that is made at the start if it is not there; without it one has to be.
    pub stream: Option<String>,
    /// `eve`, `ecs`, `ocsf`, `ocsf-detections` or `cef`.
    #[serde(default)]
    pub format: Format,
    /// A user's name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The same from a file.
    pub password_file: Option<PathBuf>,
    /// A token.
    pub token: Option<Secret>,
    /// The same from a file.
    pub token_file: Option<PathBuf>,
    /// A file with a JWT and its key.
    pub credentials_file: Option<PathBuf>,
    /// TLS.
    #[serde(default)]
    pub tls: Tls,
    /// For connecting and for each message.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

impl Nats {
    fn subject() -> String {
        "vitalwire".to_owned()
    }
}

/// Prometheus Alertmanager.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Alertmanager {
    /// Its name.
    pub name: String,
    /// The server, as `http://alertmanager:9093`.
    pub url: String,
    /// How often what is active is told again.
    #[serde(default = "Alertmanager::every")]
    pub repeat: Span,
    /// For basic authentication.
    pub username: Option<String>,
    /// For basic authentication.
    pub password: Option<Secret>,
    /// The same from a file.
    pub password_file: Option<PathBuf>,
    /// TLS.
    #[serde(default)]
    pub tls: Tls,
    /// For one request.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

impl Alertmanager {
    const fn every() -> Span {
        Span::secs(60)
    }
}

/// Kafka.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// Its name.
    pub name: String,
    /// What it takes.
    #[serde(default)]
    pub select: Select,
    /// Brokers, as `kafka1:9092`.
    pub brokers: Vec<String>,
    /// Messages go to `TOPIC.alert`, `TOPIC.incident` and so on.
    #[serde(default = "Kafka::topic")]
    pub topic: String,
    /// `eve`, `ecs`, `ocsf`, `ocsf-detections` or `cef`.
    #[serde(default)]
    pub format: Format,
    /// For a batch of messages.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

impl Kafka {
    fn topic() -> String {
        "vitalwire".to_owned()
    }
}
