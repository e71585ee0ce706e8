//! Certificates for tests.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// A certificate authority, the receiver's certificate and ours, as files.
pub fn certificates(dir: &Path) {
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("written");
    let mut ca = CertificateParams::default();
    ca.distinguished_name
        .push(DnType::CommonName, "A hospital's CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().expect("a key");
    write("ca.pem", &ca.self_signed(&ca_key).expect("signed").pem());
    let issuer = Issuer::new(ca, ca_key);
    for (file, name) in [
        ("server", "siem.example.org"),
        ("client", "sensor-1.example.org"),
    ] {
        let mut params =
            CertificateParams::new(vec![name.to_owned(), "localhost".to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &issuer).expect("signed");
        write(&format!("{file}.pem"), &signed.pem());
        write(&format!("{file}.key"), &key.serialize_pem());
    }
}
