//! Secrets: from a file or from the environment, never from the configuration itself, which people
//! copy and mail. They are never printed.

use std::path::Path;

use crate::config::Secret;

/// More is no secret but a mistake.
const SECRET_BYTES_MAX: usize = 64 * 1024;

/// A secret of `key` in the configuration, or of `key_file`.
pub(super) fn read(
    key: &str,
    inline: Option<&Secret>,
    file: Option<&Path>,
) -> Result<Option<String>, String> {
    match (inline, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!("{key} and {key}_file exclude each other; keep one")),
        (Some(Secret(text)), None) => of_environment(key, text).map(Some),
        (None, Some(path)) => of_file(key, path).map(Some),
    }
}

fn of_environment(key: &str, text: &str) -> Result<String, String> {
    let name = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    let name = name.ok_or_else(|| {
        format!(
            "{key}: a secret does not stand in the configuration; write it to a file and name it \
             in {key}_file, or write ${{NAME}} for the environment variable NAME"
        )
    })?;
    let value = std::env::var(name)
        .map_err(|_| format!("{key}: the environment variable {name} is not set"))?;
    not_empty(key, &value)
}

fn of_file(key: &str, path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{key}_file: {}: {error}", path.display()))?;
    not_empty(&format!("{key}_file: {}", path.display()), &text)
}

/// Without the line feed that editors leave behind.
fn not_empty(whence: &str, text: &str) -> Result<String, String> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.len() > SECRET_BYTES_MAX {
        return Err(format!(
            "{whence}: it has to be 1 to {SECRET_BYTES_MAX} bytes"
        ));
    }
    Ok(text.to_owned())
}
