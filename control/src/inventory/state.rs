//! What was learnt of devices, kept across restarts: one file in the state directory.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rules::correlate::inventory::{Snapshot, VERSION};

use crate::error::Error;

/// The file's name in a state directory.
pub const FILE_NAME: &str = "inventory.json";
/// Bytes that are read of it: the inventory is bounded, and so is its file.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// The devices that were known; none where there is no file. A damaged file is set aside and said.
///
/// # Errors
/// A file that cannot be read, or was written by a newer version.
pub fn load(dir: &Path) -> Result<Option<Snapshot>, Error> {
    let path = dir.join(FILE_NAME);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::file(
                &path,
                error,
                "who runs vitalwire has to read it",
            ));
        }
    };
    let limited = BufReader::new(file).take(FILE_BYTES_MAX);
    let read: Result<serde_json::Value, _> = serde_json::from_reader(limited);
    let version = read.as_ref().ok().and_then(|value| value.get("version"));
    let version = version.and_then(serde_json::Value::as_u64);
    if let Some(version) = version.filter(|version| *version > u64::from(VERSION)) {
        return Err(Error::Config(format!(
            "{}: of version {version}, this program knows {VERSION}; run the newer program, or \
             move the file away",
            path.display()
        )));
    }
    match read.and_then(serde_json::from_value) {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(error) => {
            set_aside(&path, &error);
            Ok(None)
        }
    }
}

fn set_aside(path: &Path, error: &serde_json::Error) {
    let aside = path.with_extension("json.damaged");
    let moved = std::fs::rename(path, &aside);
    tracing::error!(
        file = %path.display(),
        aside = %aside.display(),
        moved = moved.is_ok(),
        "the inventory is damaged and begun anew: {error}"
    );
}

/// Writes the devices that are known: whole, or not at all.
///
/// # Errors
/// What the system says.
pub fn save(dir: &Path, snapshot: &Snapshot) -> Result<(), Error> {
    let hint = "name a writable directory: state_dir in the configuration, or --state DIR";
    let path = dir.join(FILE_NAME);
    let fresh = path.with_extension("json.new");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(dir)
        .map_err(|error| Error::file(dir, error, hint))?;
    write(&fresh, snapshot)
        .and_then(|()| std::fs::rename(&fresh, &path))
        .and_then(|()| File::open(dir)?.sync_all())
        .map_err(|error| Error::file(&path, error, hint))
}

fn write(path: &Path, snapshot: &Snapshot) -> std::io::Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    let mut file = BufWriter::new(file);
    serde_json::to_writer(&mut file, snapshot)?;
    file.write_all(b"\n")?;
    file.into_inner()?.sync_all()
}

/// Writes it again and again, each time in a thread of its own: a slow disk holds nobody up.
#[derive(Debug)]
pub(super) struct Keeper {
    dir: PathBuf,
    writing: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Of a state directory.
    pub(super) const fn new(dir: PathBuf) -> Self {
        Self { dir, writing: None }
    }

    /// Writes it, unless the time before is not done yet.
    pub(super) fn keep(&mut self, snapshot: Arc<Snapshot>) {
        if self.writing.as_ref().is_some_and(|w| !w.is_finished()) {
            return;
        }
        let dir = self.dir.clone();
        let write = move || say(save(&dir, &snapshot));
        let named = std::thread::Builder::new().name("inventory".to_owned());
        self.writing = named.spawn(write).ok();
    }

    /// Writes it for the last time.
    pub(super) fn finish(&mut self, snapshot: &Snapshot) {
        if let Some(writing) = self.writing.take() {
            drop(writing.join());
        }
        say(save(&self.dir, snapshot));
    }
}

fn say(outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        tracing::error!("the inventory is not kept: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ONE: &str = r#"{"version":1,"time":5,"assets":[{"key":"ip-10.0.0.1","ip":"10.0.0.1",
        "first_seen":1,"last_seen":5,"frame":3,"router":false,"told":true,"facts":[{"attribute":
        "ae_title","value":"CT01","source":"dicom.calling_ae","frame":2,"ip":null,"first_seen":1,
        "last_seen":5}],"peers":[]}]}"#;

    #[test]
    fn what_is_kept_is_read_again_and_kept_secret() {
        let dir = crate::testing::dir("inventory-kept");
        assert!(load(&dir).unwrap().is_none());
        let snapshot: Snapshot = serde_json::from_str(ONE).unwrap();
        save(&dir, &snapshot).unwrap();
        let read = load(&dir).unwrap().unwrap();
        assert_eq!(read.assets[0].facts, snapshot.assets[0].facts);
        let mode = std::fs::metadata(dir.join(FILE_NAME))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_a_newer_one_refused() {
        let dir = crate::testing::dir("inventory-damaged");
        std::fs::write(dir.join(FILE_NAME), &ONE.as_bytes()[..100]).unwrap();
        assert!(load(&dir).unwrap().is_none());
        assert!(dir.join("inventory.json.damaged").exists());
        assert!(!dir.join(FILE_NAME).exists());
        std::fs::write(
            dir.join(FILE_NAME),
            ONE.replace("\"version\":1", "\"version\":2"),
        )
        .unwrap();
        let error = load(&dir).unwrap_err().to_string();
        assert!(error.contains("version 2"), "{error}");
    }
}
