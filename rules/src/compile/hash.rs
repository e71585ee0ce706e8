//! Hashes that are the same on every machine and in every version.

use std::collections::BTreeMap;

use parsers::catalogue::Kind;
use sha2::{Digest, Sha256};

use crate::diagnostic::SourceFile;
use crate::rule::Count;

/// What a rule's state rests on: the same state means nothing under another condition.
pub(super) fn stateful_hash(kind: &Kind, when: &str, count: Option<&Count>) -> u64 {
    let mut hash = Fnv::default();
    hash.add(kind.name);
    hash.add(when);
    hash.add(&format!("{count:?}"));
    hash.0
}

pub(super) fn version_hash(sources: &[SourceFile], sets: &BTreeMap<String, Vec<String>>) -> u64 {
    let mut hash = Fnv::default();
    for source in sources {
        hash.add(&source.name);
        hash.add(&source.text);
    }
    for (name, entries) in sets {
        hash.add(name);
        entries.iter().for_each(|entry| hash.add(entry));
    }
    hash.0
}

/// SHA-256 over the same: names a rule set for somebody who does not trust its author.
pub(super) fn digest(sources: &[SourceFile], sets: &BTreeMap<String, Vec<String>>) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut put = |text: &str| {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    };
    for source in sources {
        put(&source.name);
        put(&source.text);
    }
    for (name, entries) in sets {
        put(name);
        entries.iter().for_each(|entry| put(entry));
    }
    hash.finalize().into()
}

/// FNV-1a, 64 bits: the same on every machine and in every version, which `std`'s hash is not.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}
