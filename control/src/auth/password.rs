//! Passwords: Argon2id with OWASP's parameters, as PHC strings.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use super::secret::Secret;
use crate::store::Error;

/// NIST SP 800-63B: length is what counts, composition rules are not.
const CHARS_MIN: usize = 12;
/// Longer ones only cost time.
const CHARS_MAX: usize = 256;

/// Against this, passwords of unknown users are checked: it takes as long as for known ones.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let random = Secret::random().map(|secret| secret.tell());
    random.and_then(|text| hash(&text)).unwrap_or_default()
});

/// The stored form of a password. Takes tens of milliseconds: not for a thread that others wait for.
///
/// # Errors
/// A password that is too short or too long; a system without randomness.
pub fn hash(password: &str) -> Result<String, Error> {
    if !(CHARS_MIN..=CHARS_MAX).contains(&password.chars().count()) {
        return Err(Error::Refused(format!(
            "a password has {CHARS_MIN} to {CHARS_MAX} characters"
        )));
    }
    let salt = Secret::random()?.hash();
    let (salt, _) = salt.split_at(16);
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), salt)
        .map(|hash| hash.to_string())
        .map_err(|error| Error::Files(format!("password: {error}")))
}

/// Whether it is the user's; of no user it is not, and takes as long.
#[must_use]
pub fn verify(password: &str, stored: Option<&str>) -> bool {
    let against = stored.unwrap_or(&NOBODY);
    let Ok(hash) = PasswordHash::new(against) else {
        return false;
    };
    let short = password.chars().count() <= CHARS_MAX;
    let tried = if short { password } else { "" };
    let fits = Argon2::default()
        .verify_password(tried.as_bytes(), &hash)
        .is_ok();
    fits && short && stored.is_some()
}

#[cfg(test)]
mod tests {
    use super::{hash, verify};

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let stored = hash("correct horse battery").unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(verify("correct horse battery", Some(&stored)));
        assert!(!verify("correct horse batterz", Some(&stored)));
        assert!(!verify("correct horse battery", None));
        assert!(!verify(&"é".repeat(500), Some(&stored)));
        assert_ne!(stored, hash("correct horse battery").unwrap());
    }

    #[test]
    fn a_short_or_endless_password_is_refused() {
        assert!(hash("short").is_err());
        assert!(hash(&"x".repeat(257)).is_err());
    }
}
