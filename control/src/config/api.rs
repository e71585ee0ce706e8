//! The API and the console.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Bytes, Span};

/// The API and the console: HTTPS, for people and programs that log in. Loopback by default.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Whether there is one. It needs the store.
    pub enabled: bool,
    /// Address and port.
    pub listen: SocketAddr,
    /// Certificates.
    pub tls: Tls,
    /// Logins of people.
    pub session: Session,
    /// What one client, and all of them, may take.
    pub limits: ApiLimits,
}

/// Certificates. Without a certificate of its own it makes one, once, in `state_dir`; its fingerprint
/// is in the log.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The certificate with its chain, as PEM.
    pub cert: Option<PathBuf>,
    /// Its key, as PEM; nobody else may read it.
    pub key: Option<PathBuf>,
    /// Only clients with a certificate of these authorities may connect, as PEM. They log in as well.
    pub client_ca: Option<PathBuf>,
}

/// Logins of people.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// A login ends when it was not used for this long.
    pub idle: Span,
    /// And after this, used or not.
    pub total: Span,
}

/// What one client, and all of them, may take.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiLimits {
    /// Connections at once.
    pub connections: u32,
    /// Of one address.
    pub connections_of_address: u32,
    /// Requests a second of one address, on average; bursts are ten times that.
    pub rate: u32,
    /// Bytes of a request's body. Captures that rules are tried on may have sixteen times that.
    pub body: Bytes,
    /// For how long a request may take.
    pub timeout: Span,
    /// Live event streams at once.
    pub streams: u32,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9443),
            tls: Tls::default(),
            session: Session::default(),
            limits: ApiLimits::default(),
        }
    }
}

impl Default for Session {
    fn default() -> Self {
        Self {
            idle: Span::secs(30 * 60),
            total: Span::secs(12 * 3600),
        }
    }
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            connections: 256,
            connections_of_address: 64,
            rate: 50,
            body: Bytes::mib(1),
            timeout: Span::secs(20),
            streams: 32,
        }
    }
}
