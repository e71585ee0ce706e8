//! Certificates: the configured one, or one that is made once and kept.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::{RootCertStore, crypto};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::config::Config;
use crate::error::Error;

/// For how long a certificate of our own holds, in years.
const YEARS: i32 = 10;

/// The files of a certificate of our own, in `state_dir`.
const CERT: &str = "api-cert.pem";
const KEY: &str = "api-key.pem";

/// The server's side of TLS, as configured.
///
/// # Errors
/// Files that cannot be read or written, or are none of these.
pub(super) fn server(config: &Config) -> Result<Arc<ServerConfig>, Error> {
    let tls = &config.api.tls;
    let (cert, key) = match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => (cert.clone(), key.clone()),
        _ => own(&config.state_dir, &names(config))?,
    };
    let chain = certificates(&cert)?;
    if let Some(first) = chain.first() {
        tracing::info!(
            certificate = %cert.display(),
            sha256 = fingerprint(first),
            "api: compare this fingerprint with what the browser shows"
        );
    }
    let secret = PrivateKeyDer::from_pem_file(&key)
        .map_err(|error| unusable(&key, &error, "it has to be a private key as PEM"))?;
    let wrong = |error: &dyn std::fmt::Display| Error::Config(format!("api.tls: {error}"));
    let builder = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(clients(path)?),
    };
    let mut server = builder
        .with_single_cert(chain, secret)
        .map_err(|error| wrong(&error))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

fn clients(path: &Path) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|error| unusable(path, &error, "it has to hold authorities' certificates"))?;
    }
    let provider = Arc::new(crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| unusable(path, &error, "it has to hold authorities' certificates"))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let hint = "it has to hold certificates as PEM";
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|error| unusable(path, &error, hint))?
        .collect();
    let all = all.map_err(|error| unusable(path, &error, hint))?;
    if all.is_empty() {
        return Err(unusable(path, &"no certificate in it", hint));
    }
    Ok(all)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display, hint: &str) -> Error {
    Error::Config(format!("api.tls: {}: {error}; {hint}", path.display()))
}

/// As `openssl x509 -fingerprint -sha256` and browsers print it.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest: [u8; 32] = Sha256::digest(certificate).into();
    let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

/// What a browser may call us.
fn names(config: &Config) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    let ip = config.api.listen.ip();
    if !ip.is_unspecified() && !ip.is_loopback() {
        names.push(ip.to_string());
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if !host.is_empty() && host.chars().all(fits) {
        names.push(host.to_owned());
    }
    names
}

/// The certificate of our own, made if it is not there.
fn own(dir: &Path, names: &[String]) -> Result<(PathBuf, PathBuf), Error> {
    let (cert, key) = (dir.join(CERT), dir.join(KEY));
    if cert.is_file() && key.is_file() {
        return Ok((cert, key));
    }
    let (cert_pem, key_pem) =
        make(names).map_err(|error| Error::Failed(format!("api.tls: {error}")))?;
    let hint = "state_dir has to be a directory that this user may write";
    std::fs::create_dir_all(dir).map_err(|error| Error::file(dir, error, hint))?;
    write(&key, &key_pem, 0o600).map_err(|error| Error::file(&key, error, hint))?;
    write(&cert, &cert_pem, 0o644).map_err(|error| Error::file(&cert, error, hint))?;
    tracing::info!(certificate = %cert.display(), "api: made a certificate of its own");
    Ok((cert, key))
}

fn make(names: &[String]) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "vitalwire");
    let year = year();
    params.not_before = rcgen::date_time_ymd(year, 1, 1);
    params.not_after = rcgen::date_time_ymd(year.saturating_add(YEARS), 1, 1);
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn year() -> i32 {
    let stamp = clock::file_stamp(clock::now());
    let year: String = stamp.chars().take(4).collect();
    year.parse().unwrap_or(2026)
}

/// Whole or not at all, never readable by others even for a moment.
fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let made = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&beside);
    let mut file: File = made?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::own;
    use crate::testing;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_nobody_elses() {
        let dir = testing::dir("api-cert");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let (cert, key) = own(&dir, &names).unwrap();
        let first = std::fs::read(&cert).unwrap();
        let mode = std::fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        own(&dir, &names).unwrap();
        assert_eq!(std::fs::read(&cert).unwrap(), first);
    }
}
