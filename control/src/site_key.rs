//! The site key: read, or made once.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use parsers::phi::{KEY_BYTES, Pseudonymizer};

use crate::config::Config;
use crate::error::Error;

/// The key's name in a state directory.
pub const FILE_NAME: &str = "site.key";

/// The key that a configuration names, else the one of the state directory, made if missing.
///
/// # Errors
/// What is wrong with the file, and what to do.
pub fn of_config(config: &Config) -> Result<Pseudonymizer, Error> {
    match &config.site_key_file {
        Some(path) => read(path),
        None => of_state(&config.state_dir),
    }
}

/// The key of a state directory, made if missing.
///
/// # Errors
/// What is wrong with the directory, and what to do.
pub fn of_state(dir: &Path) -> Result<Pseudonymizer, Error> {
    let path = dir.join(FILE_NAME);
    match read(&path) {
        Err(Error::File { error, .. }) if error.kind() == ErrorKind::NotFound => make(dir, &path),
        other => other,
    }
}

/// Where a person's own key is kept: `$XDG_STATE_HOME/vitalwire`, else `~/.local/state/vitalwire`.
#[must_use]
pub fn home_state() -> PathBuf {
    let base = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    base.filter(|path| path.is_absolute())
        .or_else(home)
        .unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join("vitalwire")
}

/// Reads a key: 32 bytes, or 64 hex digits and perhaps white space.
///
/// # Errors
/// A file that cannot be read, that others may read, or that is no key.
pub fn read(path: &Path) -> Result<Pseudonymizer, Error> {
    let unreadable = |error| {
        Error::file(
            path,
            error,
            "the site key has to be readable by whoever runs vitalwire",
        )
    };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(Error::Config(format!(
            "{}: everybody may read the site key; run: chmod 600 {}",
            path.display(),
            path.display()
        )));
    }
    let mut bytes = Vec::new();
    file.take(4096)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let key = decode(&bytes).ok_or_else(|| {
        Error::Config(format!(
            "{}: no site key; it has to be 32 bytes, or 64 hex digits (openssl rand -hex 32)",
            path.display()
        ))
    })?;
    Ok(Pseudonymizer::new(&key))
}

fn decode(bytes: &[u8]) -> Option<[u8; KEY_BYTES]> {
    if let Ok(raw) = <[u8; KEY_BYTES]>::try_from(bytes) {
        return Some(raw);
    }
    let digits: Vec<u8> = std::str::from_utf8(bytes)
        .ok()?
        .trim()
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let key: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    key.try_into().ok()
}

fn make(dir: &Path, path: &Path) -> Result<Pseudonymizer, Error> {
    let hint = "name a writable directory: state_dir in the configuration, or --state DIR";
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(dir)
        .map_err(|error| Error::file(dir, error, hint))?;
    let failed = |error| Error::file(path, error, hint);
    let mut key = [0_u8; KEY_BYTES];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut key))
        .map_err(failed)?;
    let mut file = match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        // Another process was faster: its key is the key.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return read(path),
        other => other.map_err(failed)?,
    };
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    file.write_all(format!("{hex}\n").as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    tracing::info!(file = %path.display(), "made a site key; back it up");
    Ok(Pseudonymizer::new(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_secret() {
        let dir = crate::testing::dir("site-key");
        let first = of_state(&dir).unwrap();
        let again = of_state(&dir).unwrap();
        assert_eq!(first.key_id(), again.key_id());
        let mode = std::fs::metadata(dir.join(FILE_NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn raw_and_hex_are_the_same_key() {
        let dir = crate::testing::dir("site-key-forms");
        let (raw, hex) = (dir.join("raw"), dir.join("hex"));
        std::fs::write(&raw, [0xab; 32]).unwrap();
        std::fs::write(&hex, format!("{}\n", "AB".repeat(32))).unwrap();
        for path in [&raw, &hex] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        assert_eq!(read(&raw).unwrap().key_id(), read(&hex).unwrap().key_id());
    }

    #[test]
    fn a_key_that_everybody_may_read_or_that_is_none_is_refused() {
        let dir = crate::testing::dir("site-key-bad");
        let path = dir.join("key");
        std::fs::write(&path, "abc").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(
            read(&path)
                .unwrap_err()
                .to_string()
                .contains("64 hex digits")
        );
    }
}
