//! Reading a backup: all of it is checked before anything is changed.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use sha2::{Digest, Sha256};
use tar::{Archive, Entry};

use super::names::{CONFIG, Places};
use super::write::{hex, replace};
use super::{ABOUT, About, CHECKSUMS, Checksums, FORMAT, LIST_MAX, damaged};
use crate::error::Error;
use crate::store;

type Decoder = zstd::Decoder<'static, std::io::BufReader<File>>;

/// A backup that is whole.
pub(super) struct Opened {
    pub(super) about: About,
    /// The text of the configuration.
    pub(super) config: String,
    names: Vec<String>,
}

/// Reads all of it once and checks every sum.
pub(super) fn open(file: &Path) -> Result<Opened, Error> {
    let mut about: Option<About> = None;
    let mut config = String::new();
    let mut found = Checksums::new();
    let mut wanted: Option<Checksums> = None;
    each(file, |name, entry| {
        let failed = |error: &dyn std::fmt::Display| damaged(file, &format!("{name}: {error}"));
        match name {
            ABOUT => about = Some(json(entry).map_err(|error| failed(&error))?),
            CHECKSUMS => wanted = Some(json(entry).map_err(|error| failed(&error))?),
            _ => {
                let mut sum = Sha256::new();
                let mut kept = (name == CONFIG).then_some(&mut config);
                summed(entry, &mut sum, &mut kept).map_err(|error| failed(&error))?;
                found.insert(name.to_owned(), hex(sum));
            }
        }
        // Before anything else is believed.
        match &about {
            None => Err(damaged(file, "no backup of vitalwire")),
            Some(about) if about.format > FORMAT => Err(Error::Failed(format!(
                "{}: made by {}, in a newer form; restore it with that version",
                file.display(),
                about.made_by
            ))),
            Some(_) => Ok(()),
        }
    })?;
    let (Some(about), Some(wanted)) = (about, wanted) else {
        return Err(damaged(file, "is not whole"));
    };
    if let Some(name) = differing(&found, &wanted) {
        return Err(damaged(file, &format!("{name} is not what was backed up")));
    }
    Ok(Opened {
        about,
        config,
        names: found.into_keys().collect(),
    })
}

fn differing<'a>(found: &'a Checksums, wanted: &'a Checksums) -> Option<&'a String> {
    let names = found.keys().chain(wanted.keys());
    let mut names = names.filter(|name| found.get(*name) != wanted.get(*name));
    names.next()
}

/// Puts every entry in its place. Says how many.
pub(super) fn restore(
    file: &Path,
    opened: &Opened,
    places: &Places,
    force: bool,
) -> Result<usize, Error> {
    for name in &opened.names {
        let place = places.place(name).map_err(|what| damaged(file, &what))?;
        if let Some(place) = place.filter(|place| place.exists() && !force) {
            return Err(Error::Usage(format!(
                "{}: is there already, nothing was changed; move it away, or say --force to \
                 overwrite what the backup has",
                place.display()
            )));
        }
    }
    let _lock = lock(places.store())?;
    let mut count: usize = 0;
    each(file, |name, entry| {
        if [ABOUT, CHECKSUMS].contains(&name) {
            return Ok(());
        }
        let place = places.place(name).map_err(|what| damaged(file, &what))?;
        let Some(place) = place else {
            return Ok(());
        };
        put(&place, entry)?;
        count = count.saturating_add(1);
        Ok(())
    })?;
    Ok(count)
}

fn put(place: &Path, entry: &mut Entry<'_, Decoder>) -> Result<(), Error> {
    let failed = |error| Error::file(place, error, "run it as root, or mend that and try again");
    if let Some(dir) = place.parent() {
        let mut builder = std::fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o750)
            .create(dir)
            .map_err(failed)?;
    }
    if place.file_name().is_some_and(|name| name == store::FILE) {
        // The log of another store would be read into this one.
        for end in ["-wal", "-shm"] {
            let mut log = place.as_os_str().to_owned();
            log.push(end);
            drop(std::fs::remove_file(log));
        }
    }
    let mode = entry.header().mode().unwrap_or(0o600);
    replace(place, mode, entry).map_err(failed)
}

/// Keeps an appliance from starting, or finds one that runs.
fn lock(dir: &Path) -> Result<Option<File>, Error> {
    let path = dir.join("store.lock");
    let Ok(lock) = File::options().write(true).open(&path) else {
        return Ok(None);
    };
    match lock.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Failed(format!(
            "{}: an appliance runs on this state; stop it first: systemctl stop vitalwire",
            dir.display()
        ))),
        _ => Ok(Some(lock)),
    }
}

/// Calls for each entry, in order.
fn each(
    file: &Path,
    mut with: impl FnMut(&str, &mut Entry<'_, Decoder>) -> Result<(), Error>,
) -> Result<(), Error> {
    let opened = File::open(file);
    let opened = opened.map_err(|error| Error::file(file, error, "name a backup"))?;
    // What it says may quote bytes of the file.
    let broken = |error: std::io::Error| {
        let said: String = error.to_string().escape_debug().collect();
        damaged(file, &format!("no backup, or damaged ({said})"))
    };
    let mut archive = Archive::new(zstd::Decoder::new(opened).map_err(broken)?);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        if !entry.header().entry_type().is_file() {
            return Err(damaged(file, "something in it is no file"));
        }
        let name = entry.path().map_err(broken)?.display().to_string();
        with(&name, &mut entry)?;
    }
    // To the end, where zstd has the sum of it all.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).map_err(broken)?;
    Ok(())
}

fn json<T: serde::de::DeserializeOwned>(entry: &mut impl Read) -> Result<T, serde_json::Error> {
    serde_json::from_reader(entry.take(LIST_MAX))
}

fn summed(
    entry: &mut impl Read,
    sum: &mut Sha256,
    kept: &mut Option<&mut String>,
) -> std::io::Result<()> {
    if let Some(kept) = kept {
        entry.take(LIST_MAX).read_to_string(kept)?;
        sum.update(kept.as_bytes());
    }
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = entry.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        sum.update(buffer.get(..read).unwrap_or_default());
    }
}
