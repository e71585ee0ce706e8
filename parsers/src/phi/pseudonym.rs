//! Keyed pseudonyms: the same person has the same one everywhere, and nobody can go back.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::canonical::{Canonical, canonical};
use super::{Class, Phi};
use crate::json::hex;

/// Length of the site key.
pub const KEY_BYTES: usize = 32;

/// Bytes of the MAC that make a pseudonym: 96 bits.
const PSEUDONYM_BYTES: usize = 12;

/// Makes pseudonyms under one site key. Cheap to clone; each worker has its own.
#[derive(Clone)]
pub struct Pseudonymizer {
    keyed: Hmac<Sha256>,
    key_id: u32,
}

impl Pseudonymizer {
    /// From the site key.
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let mut padded = [0_u8; 64];
        for (to, from) in padded.iter_mut().zip(key) {
            *to = *from;
        }
        let keyed = Hmac::<Sha256>::new(&padded.into());
        let mut named = keyed.clone();
        named.update(b"vitalwire key id");
        let [a, b, c, d, ..]: [u8; 32] = named.finalize().into_bytes().into();
        Self {
            keyed,
            key_id: u32::from_be_bytes([a, b, c, d]),
        }
    }

    /// Names the key without telling it; in every stats line.
    #[must_use]
    pub const fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The pseudonym of a value that is on the wire.
    #[must_use]
    pub fn of(&self, phi: Phi<'_>) -> Pseudonym {
        self.of_value(phi.class(), phi.expose_to_match())
    }

    /// The pseudonym of a value that somebody already knows, forward only.
    #[must_use]
    pub fn of_value(&self, class: Class, value: &[u8]) -> Pseudonym {
        let mut text = Canonical::from_slice(class.word().as_bytes());
        text.push(b':');
        canonical(class, value, &mut text);
        let mut mac = self.keyed.clone();
        mac.update(&text);
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut bytes = [0_u8; PSEUDONYM_BYTES];
        for (to, from) in bytes.iter_mut().zip(full) {
            *to = from;
        }
        Pseudonym { class, bytes }
    }
}

impl std::fmt::Debug for Pseudonymizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pseudonymizer of key {:08x}", self.key_id)
    }
}

/// What a value is called in our events: `mrn:` and 24 hex digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pseudonym {
    class: Class,
    bytes: [u8; PSEUDONYM_BYTES],
}

impl Pseudonym {
    fn digits(&self) -> [u8; 2 * PSEUDONYM_BYTES] {
        let mut digits = [0_u8; 2 * PSEUDONYM_BYTES];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.bytes) {
            pair.copy_from_slice(&hex(byte));
        }
        digits
    }

    /// Its bits.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends it: ASCII without anything that JSON escapes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.class.word().as_bytes());
        out.push(b':');
        out.extend_from_slice(&self.digits());
    }
}

impl std::fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.class.word())?;
        f.write_str(":")?;
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}
