//! `vitalwire backup` and `vitalwire restore`: everything that a sensor is, in one file.
//!
//! The file is a zstd-compressed tar: `backup.json` first (what and whose it is), then the entries,
//! then `checksums.json`. An entry is called after where it belongs: `state/…` in the state
//! directory, `store/…` in the store's where that is another, `config` the configuration, `file/…`
//! a key, certificate or rule that it names, by its full path.

pub mod args;
mod names;
mod read;
mod sources;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::{BackupArgs, RestoreArgs};
use crate::config;
use crate::error::Error;
use crate::terminal::show;

/// What this program writes, and the newest that it reads.
const FORMAT: u32 = 1;
/// The names of the first entry and the last.
const ABOUT: &str = "backup.json";
const CHECKSUMS: &str = "checksums.json";
/// What these two may be long: a line for each of some hundred thousand files.
const LIST_MAX: u64 = 64 << 20;

/// What a backup says of itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct About {
    format: u32,
    made: String,
    made_by: String,
    sensor: String,
    key_id: String,
    /// Where the configuration was.
    config: std::path::PathBuf,
}

/// SHA-256 by entry.
type Checksums = BTreeMap<String, String>;

/// Makes a backup.
///
/// # Errors
/// What cannot be read or written, and what to do.
pub fn backup(args: &BackupArgs) -> Result<(), Error> {
    let config = config::read(&args.config)?;
    let file = &args.file;
    if file.exists() && !args.force {
        return Err(Error::Usage(format!(
            "{}: is there already; name another file, or say --force",
            file.display()
        )));
    }
    let written = write::write(file, &config, &args.config, !args.no_evidence)?;
    show(&format!(
        "{}: {} files, {} bytes; key {}. It holds the site key: keep it as safe as that.\n",
        file.display(),
        written.files,
        written.bytes,
        written.about.key_id
    ))
}

/// Puts a backup back.
///
/// # Errors
/// A damaged or newer backup, something in the way, or a running appliance. Then nothing was
/// changed.
pub fn restore(args: &RestoreArgs) -> Result<(), Error> {
    let opened = read::open(&args.file)?;
    let places = match &args.config {
        Some(path) => names::Places::of(config::read(path)?, None),
        None => {
            let original = opened.about.config.clone();
            let name = original.display().to_string();
            names::Places::of(config::parse(&name, &opened.config)?, Some(original))
        }
    };
    let restored = read::restore(&args.file, &opened, &places, args.force)?;
    show(&format!(
        "{}: {restored} files of sensor {}, made {}; key {}, state in {}\n",
        args.file.display(),
        opened.about.sensor,
        opened.about.made,
        opened.about.key_id,
        places.state().display()
    ))
}

fn damaged(file: &Path, what: &str) -> Error {
    Error::Failed(format!(
        "{}: {what}; take another backup, nothing was changed",
        file.display()
    ))
}
