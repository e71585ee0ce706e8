//! The folder of evidence: bounded by size, number and age, the oldest goes first.

use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dataplane::telemetry::Sample;

use super::{is_id, manifest_name, pcapng_name};
use crate::clock;
use crate::metrics::{counter, gauge};

/// What the folder may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Alerts.
    pub alerts: usize,
    /// How long ago they were written; nothing keeps them whatever their age.
    pub age: Option<Duration>,
}

/// What became of evidence.
#[derive(Debug, Default)]
pub struct Counts {
    /// Alerts whose files were written.
    pub written: AtomicU64,
    /// Alerts whose files could not be written.
    pub failed: AtomicU64,
    /// Alerts whose files were removed: size, number, age.
    removed: [AtomicU64; 3],
    /// What is there now.
    alerts: AtomicU64,
    bytes: AtomicU64,
}

impl Counts {
    /// For metrics and stats.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        let of = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let mut all = vec![
            counter(
                "vitalwire_evidence_written_alerts_total",
                "Alerts whose evidence was written.",
                of(&self.written),
            ),
            counter(
                "vitalwire_evidence_lost_alerts_total",
                "Alerts whose evidence could not be written.",
                of(&self.failed),
            ),
            gauge(
                "vitalwire_evidence_stored_alerts",
                "Alerts whose evidence is in the folder.",
                of(&self.alerts),
            ),
            gauge(
                "vitalwire_evidence_stored_bytes",
                "Bytes of evidence in the folder.",
                of(&self.bytes),
            ),
        ];
        for (bound, removed) in ["size", "count", "age"].into_iter().zip(&self.removed) {
            all.push(Sample {
                labels: vec![("bound", bound.to_owned())],
                ..counter(
                    "vitalwire_evidence_removed_alerts_total",
                    "Alerts whose evidence was removed to stay within a bound.",
                    of(removed),
                )
            });
        }
        all
    }
}

/// One alert's files.
#[derive(Debug)]
struct Stored {
    id: String,
    bytes: u64,
    /// When, in seconds.
    written: i64,
}

/// The folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    bounds: Bounds,
    /// Whether files are on the disk before they get their names.
    durable: bool,
    /// The oldest first.
    stored: VecDeque<Stored>,
    bytes: u64,
}

impl Folder {
    /// Opens a folder that goes on with what it holds.
    pub(super) fn resumed(path: &Path, bounds: Bounds) -> std::io::Result<Self> {
        make(path)?;
        let mut folder = Self::new(path, bounds, true);
        for stored in folder.found()? {
            folder.bytes = folder.bytes.saturating_add(stored.bytes);
            folder.stored.push_back(stored);
        }
        Ok(folder)
    }

    /// Opens a folder that begins empty: what another run left there goes. It is made when there
    /// is something to put into it.
    pub(super) fn anew(path: &Path, bounds: Bounds) -> std::io::Result<Self> {
        let folder = Self::new(path, bounds, false);
        let found = match folder.found() {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        for stored in found {
            folder.unlink(&stored.id)?;
        }
        Ok(folder)
    }

    fn new(path: &Path, bounds: Bounds, durable: bool) -> Self {
        Self {
            path: path.to_path_buf(),
            bounds,
            durable,
            stored: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is there, the oldest first. Halves that a crash left are removed.
    fn found(&self) -> std::io::Result<Vec<Stored>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Some((id, rest)) = name.split_once('.').filter(|(id, _)| is_id(id)) else {
                continue;
            };
            match rest {
                "pcapng" => {
                    let meta = entry.metadata()?;
                    let manifest = std::fs::metadata(self.path.join(manifest_name(id)));
                    let manifest = manifest.map_or(0, |meta| meta.len());
                    found.push(Stored {
                        id: id.to_owned(),
                        bytes: meta.len().saturating_add(manifest),
                        written: meta.mtime(),
                    });
                }
                _ if rest.ends_with(PART) => std::fs::remove_file(entry.path())?,
                _ => {}
            }
        }
        found.sort_by(|a, b| (a.written, &a.id).cmp(&(b.written, &b.id)));
        Ok(found)
    }

    /// Puts an alert's files down, the manifest last, and makes room again.
    pub(super) fn put(
        &mut self,
        id: &str,
        pcapng: &[u8],
        manifest: &[u8],
        counts: &Counts,
    ) -> std::io::Result<()> {
        make(&self.path)?;
        self.write(&pcapng_name(id), pcapng)?;
        self.write(&manifest_name(id), manifest)?;
        if self.durable {
            File::open(&self.path)?.sync_all()?;
        }
        if let Some(at) = self.stored.iter().position(|stored| stored.id == id)
            && let Some(before) = self.stored.remove(at)
        {
            self.bytes = self.bytes.saturating_sub(before.bytes);
        }
        let bytes = u64::try_from(pcapng.len().saturating_add(manifest.len()));
        let stored = Stored {
            id: id.to_owned(),
            bytes: bytes.unwrap_or(u64::MAX),
            written: clock::now().secs(),
        };
        self.bytes = self.bytes.saturating_add(stored.bytes);
        self.stored.push_back(stored);
        self.make_room(counts);
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let part = self.path.join(format!("{name}{PART}"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o640)
            .open(&part)?;
        let written = file.write_all(bytes).and_then(|()| {
            if self.durable {
                file.sync_all()?;
            }
            std::fs::rename(&part, self.path.join(name))
        });
        if written.is_err() {
            drop(std::fs::remove_file(&part));
        }
        written
    }

    /// Removes what is beyond the bounds.
    pub(super) fn make_room(&mut self, counts: &Counts) {
        let now = clock::now().secs();
        let [by_size, by_count, by_age] = &counts.removed;
        while let Some(oldest) = self.stored.front() {
            let age = u64::try_from(now.saturating_sub(oldest.written)).unwrap_or(0);
            let old = self.bounds.age.is_some_and(|max| age > max.as_secs());
            let removed = if self.bytes > self.bounds.bytes {
                by_size
            } else if self.stored.len() > self.bounds.alerts {
                by_count
            } else if old {
                by_age
            } else {
                break;
            };
            if let Err(error) = self.unlink(&oldest.id) {
                tracing::error!(folder = %self.path.display(), %error, "cannot remove old evidence");
            }
            removed.fetch_add(1, Ordering::Relaxed);
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
            self.stored.pop_front();
        }
        let alerts = u64::try_from(self.stored.len()).unwrap_or(u64::MAX);
        counts.alerts.store(alerts, Ordering::Relaxed);
        counts.bytes.store(self.bytes, Ordering::Relaxed);
    }

    /// The manifest first, so that none is ever without its file.
    fn unlink(&self, id: &str) -> std::io::Result<()> {
        for name in [manifest_name(id), pcapng_name(id)] {
            match std::fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn make(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o750).create(path)
}

/// What a file is called until it is whole.
const PART: &str = ".part";

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> String {
        format!("{n:032x}")
    }

    fn ids(path: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    const WIDE: Bounds = Bounds {
        bytes: 1 << 20,
        alerts: 100,
        age: None,
    };

    #[test]
    fn the_oldest_goes_when_there_are_too_many_or_too_many_bytes() {
        let dir = crate::testing::dir("evidence-bounds");
        let counts = Counts::default();
        let two = Bounds { alerts: 2, ..WIDE };
        let mut folder = Folder::resumed(&dir, two).unwrap();
        for n in 1..=3 {
            folder.put(&id(n), &[0; 100], b"{}", &counts).unwrap();
        }
        let names = |ns: &[u32]| -> Vec<String> {
            ns.iter()
                .flat_map(|n| [manifest_name(&id(*n)), pcapng_name(&id(*n))])
                .collect()
        };
        assert_eq!(ids(&dir), names(&[2, 3]));
        let small = Bounds { bytes: 250, ..WIDE };
        let mut folder = Folder::resumed(&dir, small).unwrap();
        folder.put(&id(4), &[0; 100], b"{}", &counts).unwrap();
        let left = ids(&dir);
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(left.contains(&pcapng_name(&id(4))), "the newest stays");
        let removed = counts.removed.each_ref().map(|n| n.load(Ordering::Relaxed));
        assert_eq!(removed, [1, 1, 0]);
    }

    #[test]
    fn old_evidence_goes_and_nothing_else() {
        let dir = crate::testing::dir("evidence-age");
        let counts = Counts::default();
        let month = Bounds {
            age: Some(Duration::from_secs(30 * 86_400)),
            ..WIDE
        };
        let mut folder = Folder::resumed(&dir, month).unwrap();
        folder.put(&id(1), b"old", b"{}", &counts).unwrap();
        folder.put(&id(2), b"new", b"{}", &counts).unwrap();
        if let Some(first) = folder.stored.front_mut() {
            first.written -= 31 * 86_400;
        }
        std::fs::write(dir.join("notes.json"), b"mine").unwrap();
        folder.make_room(&counts);
        assert_eq!(ids(&dir).len(), 3);
        assert!(!dir.join(pcapng_name(&id(1))).exists());
        let again = Folder::anew(&dir, WIDE).unwrap();
        assert_eq!(again.stored.len(), 0);
        assert_eq!(ids(&dir), ["notes.json"]);
    }

    #[test]
    fn halves_that_a_crash_left_are_removed() {
        let dir = crate::testing::dir("evidence-halves");
        let half = dir.join(format!("{}{PART}", pcapng_name(&id(1))));
        std::fs::write(&half, b"half").unwrap();
        Folder::resumed(&dir, WIDE).unwrap();
        assert!(!half.exists());
    }
}
