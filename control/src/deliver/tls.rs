//! TLS towards receivers: rustls, with the system's authorities or configured ones, our certificate
//! where one is configured, and always with the receiver's name checked.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::config::Tls;

/// What we and a receiver have, read from files.
pub(super) struct Material {
    pub(super) roots: Vec<CertificateDer<'static>>,
    pub(super) own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// The one implementation of cryptography in this program.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Reads what is configured.
pub(super) fn material(tls: &Tls) -> Result<Material, String> {
    let roots = match &tls.ca {
        Some(path) => certificates("tls.ca", path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let own = match (&tls.certificate, &tls.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((
            certificates("tls.certificate", certificate)?,
            PrivateKeyDer::from_pem_file(key)
                .map_err(|error| format!("tls.key: {}: {error}", key.display()))?,
        )),
        _ => return Err("tls.certificate and tls.key go together".to_owned()),
    };
    Ok(Material { roots, own })
}

/// A client's side.
pub(super) fn client(tls: &Tls) -> Result<ClientConfig, String> {
    let material = material(tls)?;
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(material.roots);
    if taken == 0 {
        return Err(
            "tls.ca: no authority to trust; name the receiver's certificate authority".to_owned(),
        );
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("tls: {error}"))?
        .with_root_certificates(roots);
    match material.own {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| format!("tls.certificate, tls.key: {error}")),
    }
}

/// An error with what is behind it, where a wrong certificate is.
pub(super) fn explained(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut inner = error.source();
    while let Some(cause) = inner {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        inner = cause.source();
    }
    // An authority of the trusted one's name, but with another key, is a bad signature.
    let hint = if text.contains("UnknownIssuer") || text.contains("BadSignature") {
        "; the receiver's certificate is of an authority that is not trusted: look at tls.ca"
    } else if text.contains("NotValidForName") || text.contains("not valid for") {
        "; the receiver's certificate bears another name"
    } else {
        ""
    };
    format!("{text}{hint}")
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{key}: {}: {error}", path.display());
    let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
    let found: Vec<_> = found
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(&error))?;
    if found.is_empty() {
        return Err(wrong(&"no certificate in it; PEM is wanted"));
    }
    Ok(found)
}
