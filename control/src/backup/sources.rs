//! What goes into a backup.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::names::{self, CONFIG};
use crate::config::Config;
use crate::error::Error;
use crate::store::FILE as STORE;

/// Keys below which no file is the sensor's own: what it captures and what it writes.
const NOT_BELOW: &[&str] = &[
    "capture",
    "outputs",
    "state_dir",
    "evidence",
    "sandbox",
    "sets",
];
/// The largest file that a key may name and that is taken: keys, certificates, rules.
const NAMED_MAX: u64 = 16 << 20;
/// How deep folders are looked into.
const DEPTH: usize = 8;

/// Files by the names of their entries. The store is not among them: it is copied by SQLite.
pub(super) fn files(
    config: &Config,
    config_file: &Path,
    evidence: bool,
) -> Result<BTreeMap<PathBuf, PathBuf>, Error> {
    let mut found = BTreeMap::new();
    found.insert(CONFIG.into(), config_file.to_path_buf());
    let state = &config.state_dir;
    below(state, Path::new("state"), DEPTH, &mut found)?;
    let dir = config.evidence_dir();
    if !evidence {
        found.retain(|_, path| !path.starts_with(&dir));
    }
    let values = serde_json::to_value(config).unwrap_or_default();
    for (key, value) in values.as_object().into_iter().flatten() {
        if !NOT_BELOW.contains(&key.as_str()) {
            named(value, &mut found)?;
        }
    }
    Ok(found)
}

/// The files below a folder, but for those that only a running program needs.
fn below(
    dir: &Path,
    name: &Path,
    depth: usize,
    found: &mut BTreeMap<PathBuf, PathBuf>,
) -> Result<(), Error> {
    let unreadable = |error| Error::file(dir, error, "run it as root, or as the appliance's user");
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(unreadable)?,
    };
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() && depth > 0 {
            below(&path, &name, depth.saturating_sub(1), found)?;
        } else if kind.is_file() && !is_stores(&path) {
            found.insert(name, path);
        }
    }
    Ok(())
}

/// The store, its log, lock, and damaged ones that were set aside.
fn is_stores(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name == "store.lock" || name.starts_with(STORE)
}

/// Files that keys name: the site key, certificates, rules.
fn named(value: &Value, found: &mut BTreeMap<PathBuf, PathBuf>) -> Result<(), Error> {
    match value {
        Value::Array(all) => all.iter().try_for_each(|one| named(one, found)),
        Value::Object(all) => all.values().try_for_each(|one| named(one, found)),
        Value::String(text) if text.contains('/') => {
            let Ok(path) = std::path::absolute(text) else {
                return Ok(());
            };
            if path.is_dir() && !found.values().any(|known| known.starts_with(&path)) {
                return below(&path, &names::elsewhere(&path), DEPTH, found);
            }
            let known = found.values().any(|known| *known == path);
            let small = std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= NAMED_MAX);
            if path.is_file() && small && !known {
                found.insert(names::elsewhere(&path), path);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
