//! JSON lines in a file. Lines are written whole; a full disk costs lines, counted, and nothing
//! that was already written.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parsers::time::Time;
use rules::correlate::Out;

use super::rotate::Rotator;
use super::{Counts, Sink};
use crate::error::Error;

/// Lines gathered before they are written at once.
const BUFFER_BYTES_MAX: usize = 256 * 1024;

/// The file.
pub struct EveFile {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines in the file: where it is cut back to after a failed write.
    len: u64,
    buffer: Vec<u8>,
    buffered_lines: u64,
    types: Vec<String>,
    rotator: Option<Rotator>,
    counts: Arc<Counts>,
    failing: bool,
    newest: Time,
}

impl EveFile {
    /// Opens a file that is written anew, and never rotated.
    ///
    /// # Errors
    /// A directory or file that cannot be made.
    pub fn anew(path: &Path, counts: Arc<Counts>) -> Result<Self, Error> {
        Self::open(path, true, Vec::new(), None, counts)
    }

    /// Opens a file that goes on where it ended.
    ///
    /// # Errors
    /// A directory or file that cannot be made.
    pub fn resumed(config: &crate::config::EveFile, counts: Arc<Counts>) -> Result<Self, Error> {
        let rotator = Rotator::new(&config.path, &config.rotate);
        Self::open(
            &config.path,
            false,
            config.types.clone(),
            Some(rotator),
            counts,
        )
    }

    fn open(
        path: &Path,
        anew: bool,
        types: Vec<String>,
        rotator: Option<Rotator>,
        counts: Arc<Counts>,
    ) -> Result<Self, Error> {
        let hint = "name a writable place for eve.json";
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            std::fs::create_dir_all(dir).map_err(|error| Error::file(dir, error, hint))?;
        }
        let (file, len) = open(path, anew).map_err(|error| Error::file(path, error, hint))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            len,
            buffer: Vec::with_capacity(BUFFER_BYTES_MAX),
            buffered_lines: 0,
            types,
            rotator,
            counts,
            failing: false,
            newest: Time::ZERO,
        })
    }

    /// The newest time stamp of any line, of the epoch if there was none.
    #[must_use]
    pub const fn newest(&self) -> Time {
        self.newest
    }

    fn write(&mut self) -> std::io::Result<()> {
        self.file.write_all(&self.buffer)
    }

    fn failed(&mut self, error: &std::io::Error) {
        self.counts.failed(self.buffered_lines, error);
        if !self.failing {
            tracing::error!(file = %self.path.display(), %error,
                "cannot write events; they are lost, and counted, until there is room again");
            self.failing = true;
        }
        // Half a line may be there: cut it off, so that what follows is whole again.
        let cut = self.file.set_len(self.len);
        if let Err(error) = cut.and_then(|()| self.file.seek(SeekFrom::End(0)).map(drop)) {
            tracing::debug!(%error, "cannot cut off half a line");
        }
    }

    fn written(&mut self) {
        let bytes = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        self.len = self.len.saturating_add(bytes);
        self.counts
            .written
            .fetch_add(self.buffered_lines, Ordering::Relaxed);
        self.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
        if self.failing {
            let lost = self.counts.lost.load(Ordering::Relaxed);
            tracing::info!(file = %self.path.display(), lost, "events are written again");
            self.failing = false;
        }
    }

    fn rotate_if_due(&mut self) {
        let len = self.len;
        if self
            .rotator
            .as_mut()
            .is_some_and(|rotator| rotator.is_due(len))
        {
            if let Some(rotator) = &mut self.rotator {
                rotator.put_away();
            }
            self.reopen();
        }
    }
}

impl Sink for EveFile {
    fn take(&mut self, out: &Out) {
        for item in &out.items {
            self.newest = self.newest.max(item.time);
            if !self.types.is_empty() && !self.types.iter().any(|name| name == item.event_type) {
                continue;
            }
            let (from, to) = (item.line.start as usize, item.line.end as usize);
            if let Some(line) = out.arena.get(from..to) {
                self.buffer.extend_from_slice(line);
                self.buffered_lines = self.buffered_lines.saturating_add(1);
            }
        }
        if self.buffer.len() >= BUFFER_BYTES_MAX {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        match self.write() {
            Ok(()) => self.written(),
            Err(error) => self.failed(&error),
        }
        self.buffer.clear();
        self.buffered_lines = 0;
        self.rotate_if_due();
    }

    fn tick(&mut self) {
        self.rotate_if_due();
    }

    fn reopen(&mut self) {
        match open(&self.path, false) {
            Ok((file, len)) => {
                self.file = file;
                self.len = len;
            }
            Err(error) => {
                tracing::error!(file = %self.path.display(), %error,
                    "cannot open the file anew; going on with the old one");
            }
        }
    }
}

impl Drop for EveFile {
    fn drop(&mut self) {
        self.flush();
        if let Some(rotator) = &mut self.rotator {
            rotator.wait();
        }
    }
}

/// Opens for writing and says how long it is. Half a line that a crash left is cut off.
fn open(path: &Path, anew: bool) -> std::io::Result<(File, u64)> {
    let mut file = OpenOptions::new()
        .write(true)
        .read(true)
        .create(true)
        .truncate(anew)
        .mode(0o640)
        .open(path)?;
    let len = whole_lines(&mut file)?;
    Ok((file, len))
}

/// The length up to the last line feed within the last 64 KiB; the file is cut to it.
fn whole_lines(file: &mut File) -> std::io::Result<u64> {
    if !file.metadata()?.is_file() {
        return Ok(0); // A pipe or a device has no tail to mend.
    }
    let len = file.seek(SeekFrom::End(0))?;
    let from = len.saturating_sub(rules::eve::LINE_BYTES_MAX as u64);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(rules::eve::LINE_BYTES_MAX as u64)
        .read_to_end(&mut tail)?;
    let whole = match tail.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => from.saturating_add(at as u64).saturating_add(1),
        None if from == 0 => 0,
        None => len,
    };
    if whole < len {
        file.set_len(whole)?;
    }
    file.seek(SeekFrom::Start(whole))?;
    Ok(whole)
}

#[cfg(test)]
mod tests;
