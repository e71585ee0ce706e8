//! HTTP towards receivers: one connection kept open, bounded in time and size, redirects not followed.

use std::io::Read as _;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{Request, StatusCode};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::tls;
use crate::config::Tls;

/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A client for one receiver.
pub(super) struct Client {
    agent: Agent,
    authorization: Option<String>,
}

/// What a receiver said.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

impl Client {
    pub(super) fn new(url: &str, config: &Tls, timeout: Duration) -> Result<Self, String> {
        check(url)?;
        if config.server_name.is_some() {
            return Err(
                "tls.server_name: with HTTP the name is the URL's; write it there".to_owned(),
            );
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(timeout))
            .user_agent(format!("vitalwire/{}", crate::version::VERSION))
            .tls_config(tls_config(config)?)
            .build()
            .new_agent();
        Ok(Self {
            agent,
            authorization: None,
        })
    }

    /// With an `Authorization` header.
    pub(super) fn authorized(mut self, header: Option<String>) -> Self {
        self.authorization = header;
        self
    }

    /// Sends something and reads the answer, whatever its status.
    pub(super) fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(url);
        let authorization = self.authorization.iter();
        let own = authorization.map(|value| ("authorization", value.as_str()));
        for (name, value) in headers.iter().copied().chain(own) {
            request = request.header(name, value);
        }
        let request = request
            .body(body)
            .map_err(|error| format!("{}: {error}", place(url)))?;
        let mut answer = self
            .agent
            .run(request)
            .map_err(|error| format!("{}: {}", place(url), tls::explained(&error)))?;
        let mut text = Vec::new();
        let reader = answer.body_mut().as_reader();
        reader
            .take(ANSWER_BYTES_MAX)
            .read_to_end(&mut text)
            .map_err(|error| format!("{}: {error}", place(url)))?;
        Ok(Answer {
            status: answer.status(),
            body: String::from_utf8_lossy(&text).into_owned(),
        })
    }
}

/// Whether it is an address that we can use.
fn check(url: &str) -> Result<(), String> {
    let known = url.starts_with("http://") || url.starts_with("https://");
    let uri: Result<ureq::http::Uri, _> = url.parse();
    if known && uri.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty())) {
        return Ok(());
    }
    Err(format!(
        "url: `{}` is no address such as https://siem.example.org/hook",
        place(url)
    ))
}

fn tls_config(config: &Tls) -> Result<TlsConfig, String> {
    let material = tls::material(config)?;
    let roots: Vec<_> = material
        .roots
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    let own = match &material.own {
        None => None,
        Some((chain, _)) => {
            let chain: Vec<_> = chain
                .iter()
                .map(|der| Certificate::from_der(der).to_owned())
                .collect();
            let path = config.key.as_ref().ok_or("tls.key is missing")?;
            let pem = std::fs::read(path).map_err(|error| format!("tls.key: {error}"))?;
            let key = PrivateKey::from_pem(&pem).map_err(|error| format!("tls.key: {error}"))?;
            Some(ClientCert::new_with_certs(&chain, key))
        }
    };
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(tls::provider())
        .root_certs(RootCerts::new_with_certs(&roots))
        .client_cert(own)
        .build())
}

/// What an answer means for what was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// It has it.
    Taken,
    /// Perhaps later: it is busy or broken, or we are not let in, which somebody has to mend.
    Later,
    /// Never.
    Refused,
}

/// By the status alone. Redirects, wrong passwords and wrong paths are mistakes that a person mends:
/// nothing is given up for them.
pub(super) fn verdict(status: StatusCode) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Taken,
        400 | 409 | 413 | 415 | 422 => Verdict::Refused,
        _ => Verdict::Later,
    }
}

/// An address as messages name it, which go to logs, pages and other receivers: its path and what comes
/// behind may be a secret, as those of chat services are, and so may be a user before the host.
pub(super) fn place(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let parted = if scheme.is_empty() { "" } else { "://" };
    let more = if path.len() > 1 { "/…" } else { "" };
    format!("{scheme}{parted}{host}{more}")
}

/// What is said of an answer: its status, and nothing of its body, which may repeat what was sent.
pub(super) fn said(url: &str, status: StatusCode) -> String {
    let hint = match status.as_u16() {
        300..=399 => "; redirects are not followed: configure where it leads to",
        401 | 403 => "; look at the credentials",
        404 | 405 => "; look at the path",
        _ => "",
    };
    format!("{}: HTTP {status}{hint}", place(url))
}

/// `Basic …` (RFC 7617).
pub(super) fn basic(username: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = format!("{username}:{password}");
    let coded = base64::engine::general_purpose::STANDARD.encode(pair);
    format!("Basic {coded}")
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn an_address_is_named_without_what_may_be_secret() {
        for (url, named) in [
            ("https://siem.example.org", "https://siem.example.org"),
            (
                "https://siem.example.org:8443/",
                "https://siem.example.org:8443",
            ),
            (
                "https://hooks.example.org/T0/s3cret",
                "https://hooks.example.org/…",
            ),
            (
                "https://u:s3cret@siem.example.org/x?key=y",
                "https://siem.example.org/…",
            ),
            (
                "https://siem.example.org?key=s3cret",
                "https://siem.example.org/…",
            ),
            (
                "nats://u:s3cret@[2001:db8::1]:4222",
                "nats://[2001:db8::1]:4222",
            ),
            ("bus.example.org:4222", "bus.example.org:4222"),
        ] {
            assert_eq!(place(url), named);
        }
    }
}
