//! Writing a backup: beside its place first, moved there when it is whole and on the disk.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use super::{ABOUT, About, CHECKSUMS, Checksums, FORMAT, sources};
use crate::config::Config;
use crate::error::Error;
use crate::{clock, engine, site_key, store, version};

/// Little to be had from more, and the store is large.
const LEVEL: i32 = 3;

/// What was written.
pub(super) struct Written {
    pub(super) about: About,
    pub(super) files: usize,
    pub(super) bytes: u64,
}

type Archive = Builder<zstd::Encoder<'static, File>>;

pub(super) fn write(
    file: &Path,
    config: &Config,
    config_file: &Path,
    evidence: bool,
) -> Result<Written, Error> {
    let partial = Partial(with_end(file, ".partial"));
    let copy = Partial(with_end(file, ".store.partial"));
    let config_file = &std::path::absolute(config_file).unwrap_or_else(|_| config_file.into());
    let about = About {
        format: FORMAT,
        made: clock::file_stamp(clock::now()),
        made_by: format!("vitalwire {}", version::VERSION),
        sensor: engine::eve(config).sensor_id,
        key_id: format!("{:08x}", site_key::of_config(config)?.key_id()),
        config: config_file.clone(),
    };
    let mut archive = begin(&partial.0)?;
    let failed = |error| Error::file(file, error, "name a file where there is room");
    let mut sums = Checksums::new();
    add_json(&mut archive, ABOUT, &about).map_err(failed)?;
    for (name, path) in sources::files(config, config_file, evidence)? {
        add(&mut archive, &mut sums, &name, &path)?;
    }
    if let Some(name) = copy_store(config, &copy.0)? {
        add(&mut archive, &mut sums, &name, &copy.0)?;
    }
    add_json(&mut archive, CHECKSUMS, &sums).map_err(failed)?;
    let done = archive
        .into_inner()
        .and_then(zstd::Encoder::finish)
        .map_err(failed)?;
    done.sync_all().map_err(failed)?;
    let bytes = done.metadata().map_err(failed)?.len();
    std::fs::rename(&partial.0, file).map_err(failed)?;
    Ok(Written {
        about,
        files: sums.len(),
        bytes,
    })
}

fn begin(partial: &Path) -> Result<Archive, Error> {
    let failed = |error| Error::file(partial, error, "name a file in a folder you may write to");
    drop(std::fs::remove_file(partial));
    let file = secret(partial).map_err(failed)?;
    let mut encoder = zstd::Encoder::new(file, LEVEL).map_err(failed)?;
    // Of names and modes too, which our sums leave out.
    encoder.include_checksum(true).map_err(failed)?;
    Ok(Builder::new(encoder))
}

/// A new file for nobody else.
fn secret(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn add_json<T: serde::Serialize>(
    archive: &mut Archive,
    name: &str,
    value: &T,
) -> std::io::Result<()> {
    let text = serde_json::to_vec_pretty(value)?;
    let mut header = Header::new_gnu();
    header.set_size(text.len().try_into().unwrap_or(0));
    header.set_mode(0o600);
    archive.append_data(&mut header, name, text.as_slice())
}

fn add(archive: &mut Archive, sums: &mut Checksums, name: &Path, path: &Path) -> Result<(), Error> {
    let failed = |error| Error::file(path, error, "it changed or cannot be read; try again");
    let file = match File::open(path) {
        // Evidence goes when there is no room for it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed)?,
    };
    let meta = file.metadata().map_err(failed)?;
    let mut header = Header::new_gnu();
    header.set_size(meta.len());
    header.set_mode(meta.mode() & 0o777);
    header.set_mtime(u64::try_from(meta.mtime()).unwrap_or(0));
    let mut summed = Summed {
        inner: file.take(meta.len()),
        sum: Sha256::new(),
        left: meta.len(),
    };
    archive
        .append_data(&mut header, name, &mut summed)
        .map_err(failed)?;
    if summed.left > 0 {
        return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
    }
    sums.insert(name.display().to_string(), hex(summed.sum));
    Ok(())
}

/// Sums what is read.
struct Summed<R> {
    inner: R,
    sum: Sha256,
    left: u64,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(into)?;
        self.sum.update(into.get(..read).unwrap_or_default());
        self.left = self.left.saturating_sub(u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}

pub(super) fn hex(sum: Sha256) -> String {
    sum.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Copies the store as it is at one moment, while it is written to. Gives the name of its entry.
fn copy_store(config: &Config, copy: &Path) -> Result<Option<PathBuf>, Error> {
    let dir = config.store.dir.as_ref().unwrap_or(&config.state_dir);
    let path = dir.join(store::FILE);
    if !path.exists() {
        return Ok(None);
    }
    drop(std::fs::remove_file(copy));
    let made = secret(copy).map(drop);
    made.map_err(|error| Error::file(copy, error, "name a file in a folder you may write to"))?;
    let failed = |error: &dyn std::fmt::Display| {
        Error::Failed(format!("{}: cannot be copied: {error}", path.display()))
    };
    let from = store::to_copy(&path).map_err(|error| failed(&error))?;
    let mut to = rusqlite::Connection::open(copy).map_err(|error| failed(&error))?;
    let work = rusqlite::backup::Backup::new(&from, &mut to).map_err(|error| failed(&error))?;
    // In one go: a reader of a write-ahead log keeps nobody waiting.
    work.step(-1).map_err(|error| failed(&error))?;
    drop(work);
    to.close().map_err(|(_, error)| failed(&error))?;
    let kind = if config.store.dir.is_some() {
        "store"
    } else {
        "state"
    };
    Ok(Some(Path::new(kind).join(store::FILE)))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Removed when dropped, unless it was moved.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// Writes a file whole, or not at all.
pub(super) fn replace(path: &Path, mode: u32, from: &mut impl Read) -> std::io::Result<()> {
    let partial = Partial(with_end(path, ".restoring"));
    drop(std::fs::remove_file(&partial.0));
    let mut file = secret(&partial.0)?;
    std::io::copy(from, &mut file)?;
    file.flush()?;
    let folder = path.parent().map(std::fs::metadata).transpose()?;
    if let Some(folder) = folder {
        // As whoever owns the folder will read it.
        drop(std::os::unix::fs::fchown(
            &file,
            Some(folder.uid()),
            Some(folder.gid()),
        ));
    }
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode & 0o777))?;
    file.sync_all()?;
    std::fs::rename(&partial.0, path)
}
