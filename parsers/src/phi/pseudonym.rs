//! Keyed pseudonyms: the same person has the same one everywhere, and nobody can go back.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sha2::block_api::compress256;

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
    short: Short,
    key_id: u32,
}

/// HMAC-SHA-256 (RFC 2104) of what fits in one block: two steps of SHA-256 from the states behind
/// the key, which most values need and no more.
#[derive(Clone)]
struct Short {
    inner: [u32; 8],
    outer: [u32; 8],
}

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;
/// The initial state of SHA-256 (FIPS 180-4 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

impl Short {
    fn new(key: &[u8; BLOCK]) -> Self {
        let behind = |pad: u8| {
            let mut state = INITIAL;
            compress256(&mut state, &[key.map(|byte| byte ^ pad)]);
            state
        };
        Self {
            inner: behind(0x36),
            outer: behind(0x5c),
        }
    }

    /// The first words of the MAC; nothing for a text that is too long.
    fn of(&self, text: &[u8]) -> Option<[u32; 8]> {
        let inner = step(self.inner, text)?;
        let mut digest = [0_u8; 32];
        for (to, word) in digest.chunks_exact_mut(4).zip(inner) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        step(self.outer, &digest)
    }
}

/// The last step of SHA-256 behind one block, if its padding fits.
fn step(mut state: [u32; 8], text: &[u8]) -> Option<[u32; 8]> {
    let mut block = [0_u8; BLOCK];
    let (head, length) = block.split_last_chunk_mut::<8>()?;
    head.get_mut(..text.len())?.copy_from_slice(text);
    *head.get_mut(text.len())? = 0x80;
    let bits = (BLOCK as u64).saturating_add(text.len() as u64) << 3;
    *length = bits.to_be_bytes();
    compress256(&mut state, &[block]);
    Some(state)
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
            short: Short::new(&padded),
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
        let bytes = match self.short.of(&text) {
            Some([a, b, c, ..]) => {
                let words = [a, b, c].map(u32::to_be_bytes);
                let mut bytes = [0_u8; PSEUDONYM_BYTES];
                for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
                    to.copy_from_slice(&word);
                }
                bytes
            }
            None => self.long(&text),
        };
        Pseudonym { class, bytes }
    }

    fn long(&self, text: &[u8]) -> [u8; PSEUDONYM_BYTES] {
        let mut mac = self.keyed.clone();
        mac.update(text);
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        full.first_chunk().copied().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_is_the_same_mac() {
        let site = Pseudonymizer::new(&[0x5a; KEY_BYTES]);
        for len in 0..120 {
            let text = vec![b'x'; len];
            let short = site.short.of(&text).map(|[a, b, c, ..]| [a, b, c]);
            let long = site.long(&text);
            let words = [0, 4, 8].map(|at| u32::from_be_bytes(*long[at..].first_chunk().unwrap()));
            assert_eq!(short, (len < 56).then_some(words), "{len} bytes");
        }
    }
}
