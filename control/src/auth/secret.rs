//! Secrets that the appliance makes: 256 random bits, told once as hex, stored as their SHA-256. A
//! slow hash is for what people choose; nobody guesses these.

use std::fs::File;
use std::io::Read;

use sha2::{Digest, Sha256};

use crate::store::Error;

/// A secret. It has no `Debug`, so that no log has it by accident.
#[derive(Clone)]
pub struct Secret([u8; 32]);

/// What is stored of a secret.
pub type Hash = [u8; 32];

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// A system without randomness.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut bytes))
            .map_err(|error| Error::Files(format!("/dev/urandom: {error}")))?;
        Ok(Self(bytes))
    }

    /// From what somebody presents.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, two) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let two = std::str::from_utf8(two).ok()?;
            if !two.bytes().all(|c| c.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(two, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// What its owner is told, once.
    #[must_use]
    pub fn tell(&self) -> String {
        hex(&self.0)
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Sha256::digest(self.0).into()
    }

    /// Another secret that follows from this one, for a purpose.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(purpose)
            .chain_update([0])
            .chain_update(self.0);
        Self(hash.finalize().into())
    }
}

/// Whether two texts are the same, in a time that does not tell where they differ.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    let (a, b): (Hash, Hash) = (Sha256::digest(a).into(), Sha256::digest(b).into());
    a == b
}

/// Bytes in hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Secret, same};

    #[test]
    fn a_secret_is_read_as_it_is_told() {
        let secret = Secret::random().unwrap();
        let again = Secret::parse(&secret.tell()).unwrap();
        assert_eq!(secret.hash(), again.hash());
        assert_ne!(secret.hash(), secret.derive("csrf").hash());
        for wrong in ["", "zz", &"z".repeat(64), &"+1".repeat(32), &"é".repeat(32)] {
            assert!(Secret::parse(wrong).is_none(), "{wrong}");
        }
        assert!(same("a", "a") && !same("a", "b"));
    }
}
