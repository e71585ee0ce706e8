//! When a file is put away, under what name, and which old ones are kept.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use crate::clock::{Stopwatch, file_stamp, now};
use crate::config::Rotate;

/// Puts files away.
pub struct Rotator {
    path: PathBuf,
    config: Rotate,
    since: Stopwatch,
    /// The second of the last name, and how many names it had.
    stamp: String,
    serial: u32,
    /// At work on the last file that was put away.
    packing: Option<JoinHandle<()>>,
}

impl Rotator {
    /// For that file.
    #[must_use]
    pub fn new(path: &Path, config: &Rotate) -> Self {
        Self {
            path: path.to_path_buf(),
            config: config.clone(),
            since: Stopwatch::start(),
            stamp: String::new(),
            serial: 0,
            packing: None,
        }
    }

    /// Whether a file of that length is to be put away.
    #[must_use]
    pub fn is_due(&self, len: u64) -> bool {
        let size = self.config.size.0;
        let interval = self.config.interval.0;
        let old = !interval.is_zero() && self.since.elapsed() >= interval;
        len > 0 && (old || (size > 0 && len >= size))
    }

    /// Renames the file; packs it and removes old ones beside the work.
    pub fn put_away(&mut self) {
        self.since = Stopwatch::start();
        self.wait();
        let target = self.free_name();
        if let Err(error) = std::fs::rename(&self.path, &target) {
            tracing::error!(file = %self.path.display(), %error, "cannot rotate; going on");
            return;
        }
        let (path, keep) = (self.path.clone(), self.config.keep);
        let compress = self.config.compress;
        let work = move || {
            if compress {
                pack(&target);
            }
            remove_old(&path, keep);
        };
        self.packing = std::thread::Builder::new()
            .name("rotate".to_owned())
            .spawn(work)
            .inspect_err(|error| tracing::error!(%error, "cannot pack rotated files"))
            .ok();
    }

    /// Waits for the packing of the last file.
    pub fn wait(&mut self) {
        if self
            .packing
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("packing a rotated file failed");
        }
    }

    /// `eve-20261121T221500Z-000.json`, counting up within a second: names sort by age.
    fn free_name(&mut self) -> PathBuf {
        let (stem, extension) = parts(&self.path);
        let stamp = file_stamp(now());
        let from = if stamp == self.stamp {
            self.serial.saturating_add(1)
        } else {
            0
        };
        let name = |at: u32| {
            self.path
                .with_file_name(format!("{stem}-{stamp}-{at:03}.{extension}"))
        };
        let free = |at: &u32| !name(*at).exists() && !packed_name(&name(*at)).exists();
        let at = (from..u32::MAX).find(free).unwrap_or(u32::MAX);
        let path = name(at);
        self.serial = at;
        self.stamp = stamp;
        path
    }
}

fn parts(path: &Path) -> (String, String) {
    let text = |part: Option<&std::ffi::OsStr>, or: &str| {
        part.map_or_else(|| or.to_owned(), |p| p.to_string_lossy().into_owned())
    };
    (
        text(path.file_stem(), "eve"),
        text(path.extension(), "json"),
    )
}

fn packed_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    PathBuf::from(name)
}

/// Compresses beside the file and removes it only when that is complete.
fn pack(path: &Path) {
    let to = packed_name(path);
    let partial = to.with_extension("gz.partial");
    let packed = (|| {
        let mut from = std::fs::File::open(path)?;
        let file = std::fs::File::create(&partial)?;
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        std::io::copy(&mut from, &mut encoder)?;
        encoder.finish()?.sync_all()?;
        std::fs::rename(&partial, &to)?;
        std::fs::remove_file(path)
    })();
    if let Err(error) = packed {
        tracing::error!(file = %path.display(), %error, "cannot compress; it stays as it is");
        drop(std::fs::remove_file(&partial));
    }
}

fn remove_old(path: &Path, keep: u32) {
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let (stem, extension) = parts(path);
    let (prefix, suffix) = (format!("{stem}-"), format!(".{extension}"));
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let Ok(entries) = std::fs::read_dir(dir.unwrap_or_else(|| Path::new("."))) else {
        return;
    };
    let mut old: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            name.as_deref()
                .and_then(|name| name.strip_prefix(&prefix))
                .map(|rest| rest.trim_end_matches(".gz"))
                .and_then(|rest| rest.strip_suffix(&suffix))
                .is_some_and(|stamp| stamp.starts_with(|c: char| c.is_ascii_digit()))
        })
        .collect();
    old.sort();
    let surplus = old.len().saturating_sub(keep);
    if keep == 0 {
        return;
    }
    for path in old.iter().take(surplus) {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::error!(file = %path.display(), %error, "cannot remove an old file");
        }
    }
}
