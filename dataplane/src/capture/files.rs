//! Capture files, one after the other, as one source.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::batch::Frame;
use crate::capture::blocks::BATCH_FRAMES_MAX;
use crate::capture::clock::Clock;
use crate::capture::compressed::{self, Input, Wrapping};
use crate::capture::pcap_file::Pcap;
use crate::capture::pcapng::Pcapng;
use crate::capture::record::{Damage, Names, Raw, Step};
use crate::capture::window::Window;
use crate::capture::{
    Batch, CaptureError, Fill, Losses, ReadProgress, Source, gone, listing, waiting,
};
use crate::telemetry::{Sample, counter};

/// Reads capture files in the order given; of a directory, the captures in it by name. Frame
/// numbers and packet time go on from one to the next; a file that cannot be read (on) is said
/// once, and the next one follows.
pub struct Files {
    /// Those not begun, the next one last.
    rest: Vec<PathBuf>,
    /// Whether the last one is still being written.
    follow: bool,
    /// The directory that the last one is of, where further ones may appear.
    watched: Option<PathBuf>,
    open: Option<Open>,
    window: Window,
    clock: Clock,
    names: Names,
    /// Of the files that are through.
    lost_before: Losses,
    /// To be said once the frames before it have been given.
    damage: Option<CaptureError>,
    read: Arc<AtomicU64>,
    total: u64,
}

/// The file being read.
struct Open {
    path: PathBuf,
    input: Input,
    wrapping: Wrapping,
    format: Format,
    /// Bytes still to leave out.
    skip: u64,
}

enum Format {
    Unknown,
    Pcap(Pcap, u16),
    Pcapng(Pcapng),
}

impl Files {
    /// Nothing is opened yet: what cannot be opened is said in its turn.
    #[must_use]
    pub fn new(mut paths: Vec<PathBuf>) -> Self {
        paths.reverse();
        let mut files = Self {
            rest: paths,
            follow: false,
            watched: None,
            open: None,
            window: Window::new(),
            clock: Clock::default(),
            names: Names::default(),
            lost_before: Losses::default(),
            damage: None,
            read: Arc::default(),
            total: 0,
        };
        files.total = files.rest.iter().map(|path| bytes_below(path)).sum();
        files
    }

    /// The last file is still being written: it is read as it grows, until somebody says stop. Of
    /// a directory, it is given up for the next one as soon as there is one.
    #[must_use]
    pub const fn following(mut self) -> Self {
        self.follow = true;
        self
    }

    /// A file that is in memory.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        let mut files = Self::new(Vec::new());
        let input = compressed::recognise(std::io::Cursor::new(bytes));
        files.open = input
            .ok()
            .map(|(bytes, wrapping)| Open::new(PathBuf::new(), (Input::Stream(bytes), wrapping)));
        files
    }

    /// Opens the next file. Without one, says whether to wait for it.
    fn open_next(&mut self) -> Result<Fill, CaptureError> {
        let Some(path) = self.rest.pop() else {
            return self.look_again();
        };
        if path.is_dir() {
            self.enter(path, None)?;
            return Ok(Fill::More);
        }
        self.window.restart();
        let last = self.rest.is_empty();
        match compressed::open(&path, self.follow && last, &self.read) {
            Ok(input) => self.open = Some(Open::new(path, input)),
            // Somebody has only just begun to write it.
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.rest.push(path),
            Err(error) => return Err(CaptureError::Io { path, error }),
        }
        Ok(Fill::More)
    }

    /// Takes the captures of a directory that come after one.
    fn enter(&mut self, dir: PathBuf, after: Option<&Path>) -> Result<(), CaptureError> {
        let found = listing::captures(&dir, after);
        let found = found.map_err(|error| CaptureError::Io {
            path: dir.clone(),
            error,
        })?;
        self.watched = Some(dir);
        self.rest.extend(found.into_iter().rev());
        Ok(())
    }

    /// A directory that is followed may hold its first capture later.
    fn look_again(&mut self) -> Result<Fill, CaptureError> {
        match self.watched.take().filter(|_| self.follow) {
            Some(dir) => {
                waiting::pause();
                self.enter(dir, None)?;
                Ok(Fill::More)
            }
            None => Ok(Fill::End),
        }
    }

    /// Nothing more is there of the last file: has the next one been begun?
    fn look_further(&mut self) -> Result<(), CaptureError> {
        if let Some(dir) = self.watched.take()
            && let Some(path) = self.open.as_ref().map(|open| open.path.clone())
        {
            self.enter(dir, Some(&path))?;
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some(Open {
            format: Format::Pcapng(pcapng),
            ..
        }) = self.open.take()
        {
            self.lost_before = self.lost_before.plus(pcapng.losses());
        }
    }

    /// Reads records of the open file into the batch.
    fn records(&mut self, batch: &mut Batch) -> Result<Stop, CaptureError> {
        let Some(open) = &mut self.open else {
            return Ok(Stop::End);
        };
        while batch.frames.len() < BATCH_FRAMES_MAX {
            if open.skip > 0 {
                open.skip = self.window.skip(open.skip);
            }
            let step = if open.skip > 0 {
                Step::More("the file ends inside a block")
            } else {
                let step = open.format.next(self.window.bytes(), &mut self.names);
                step.map_err(|d| open.damaged(d, self.window.offset()))?
            };
            match step {
                Step::Frame(raw) => push(batch, &mut self.window, &mut self.clock, &raw),
                Step::Skip(bytes) => open.skip = bytes,
                Step::More(what) => {
                    if !batch.frames.is_empty() {
                        return Ok(Stop::Full); // refilled next time, into a block of its own
                    }
                    match open.read_on(&mut self.window)? {
                        More::Here => {}
                        More::Later if self.rest.is_empty() => return Ok(Stop::Later),
                        More::Later | More::Never => {
                            return open.at_end(what, &self.window).map(|()| Stop::End);
                        }
                    }
                }
            }
        }
        Ok(Stop::Full)
    }
}

/// Why no more records were read for now.
enum Stop {
    /// The batch is full, or the file wants to be read on while the batch has frames.
    Full,
    /// The file has ended.
    End,
    /// More of the file may come.
    Later,
}

/// Whether there are more bytes of a file.
enum More {
    Here,
    Later,
    Never,
}

/// Bytes of a file, or of the files in a directory.
fn bytes_below(path: &Path) -> u64 {
    let bytes = |path: &Path| path.metadata().map_or(0, |m| m.len());
    if path.is_dir() {
        let paths = listing::captures(path, None).unwrap_or_default();
        paths.iter().map(|path| bytes(path)).sum()
    } else {
        bytes(path)
    }
}

#[inline]
fn push(batch: &mut Batch, window: &mut Window, clock: &mut Clock, raw: &Raw) {
    let time = raw.time.unwrap_or_else(|| clock.now());
    let (no, now) = clock.frame(time);
    let block = window.attach(batch);
    let offset = window.at().saturating_add(raw.head);
    batch.frames.push(Frame {
        no,
        time,
        now,
        block,
        offset: u32::try_from(offset).unwrap_or(u32::MAX),
        len: raw.len,
        wire_len: raw.wire_len,
        link: raw.link,
        interface: raw.interface,
        vlan: None,
    });
    window.pass(raw.take);
}

impl Open {
    fn new(path: PathBuf, (input, wrapping): (Input, Wrapping)) -> Self {
        Self {
            path,
            input,
            wrapping,
            format: Format::Unknown,
            skip: 0,
        }
    }

    fn damaged(&self, damage: Damage, offset: u64) -> CaptureError {
        CaptureError::Damaged {
            path: self.path.clone(),
            what: damage.what,
            offset: offset.saturating_add(damage.at),
        }
    }

    /// # Errors
    /// What was read of it last may not have been in it.
    fn is_whole(&self) -> Result<(), CaptureError> {
        let Input::Mapped(file) = &self.input else {
            return Ok(());
        };
        file.is_whole().map_err(|error| CaptureError::Io {
            path: self.path.clone(),
            error,
        })
    }

    fn read_on(&mut self, window: &mut Window) -> Result<More, CaptureError> {
        match self.refill(window) {
            Ok(true) => Ok(More::Here),
            Ok(false) => Ok(More::Never),
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(More::Later),
            Err(e) if self.wrapping != Wrapping::None && !is_system(&e) => {
                let what = match e.kind() {
                    ErrorKind::UnexpectedEof => "the compressed data ends early",
                    _ => "the compressed data is damaged",
                };
                Err(self.damaged(Damage::new(what, 0), window.offset()))
            }
            Err(error) => Err(CaptureError::Io {
                path: self.path.clone(),
                error,
            }),
        }
    }

    /// Whether more bytes came. What cannot be mapped (any more) is read.
    fn refill(&mut self, window: &mut Window) -> std::io::Result<bool> {
        if let Input::Mapped(file) = &self.input {
            if let Ok(came) = window.remap(file) {
                return Ok(came);
            }
            self.input = file.stream(window.end())?;
        }
        match &mut self.input {
            Input::Stream(bytes) => window.refill(bytes),
            Input::Mapped(_) => Ok(false),
        }
    }

    /// The file has no more bytes: fine between records, damage within one.
    fn at_end(&self, what: &'static str, window: &Window) -> Result<(), CaptureError> {
        let unknown = matches!(self.format, Format::Unknown);
        if window.bytes().is_empty() && self.skip == 0 && !unknown {
            return Ok(());
        }
        Err(self.damaged(Damage::new(what, 0), window.offset()))
    }
}

/// Whether an error comes from the operating system and not from a decompressor.
fn is_system(error: &std::io::Error) -> bool {
    error.raw_os_error().is_some()
}

impl Format {
    #[inline]
    fn next(&mut self, bytes: &[u8], names: &mut Names) -> Result<Step, Damage> {
        match self {
            Self::Pcap(pcap, interface) => {
                let mut step = pcap.next(bytes)?;
                if let Step::Frame(raw) = &mut step {
                    raw.interface = *interface;
                }
                Ok(step)
            }
            Self::Pcapng(pcapng) => pcapng.next(bytes, names),
            Self::Unknown => self.recognise(bytes, names),
        }
    }

    fn recognise(&mut self, bytes: &[u8], names: &mut Names) -> Result<Step, Damage> {
        let Some(&magic) = bytes.first_chunk::<4>() else {
            return Ok(Step::More("the file is too short for a capture"));
        };
        if Pcapng::is(magic) {
            *self = Self::Pcapng(Pcapng::new());
            return Ok(Step::Skip(0));
        }
        if !Pcap::is(magic) {
            let what = "neither pcap nor pcapng: editcap (of Wireshark) may convert it";
            return Err(Damage::new(what, 0));
        }
        if bytes.len() < 24 {
            return Ok(Step::More("the file ends inside its header"));
        }
        let (pcap, skip) = Pcap::open(bytes)?;
        // pcap does not name its interface.
        *self = Self::Pcap(pcap, names.intern(""));
        Ok(Step::Skip(skip as u64))
    }
}

impl Source for Files {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        self.window.next_batch();
        batch.now = self.clock.now();
        if let Some(error) = self.damage.take() {
            return Err(error);
        }
        if self.open.is_none() {
            let next = self.open_next()?;
            if self.open.is_none() {
                return Ok(next);
            }
        }
        let mut ended = self.records(batch);
        if let Some(Err(cut)) = self.open.as_ref().map(Open::is_whole) {
            // Zeros, which are frames of nothing.
            batch.clear();
            ended = Err(cut);
        }
        batch.now = self.clock.now();
        match ended {
            Ok(Stop::Full) => {}
            Ok(Stop::End) => self.close(),
            Ok(Stop::Later) if batch.frames.is_empty() && self.rest.is_empty() => {
                self.look_further()?;
            }
            Ok(Stop::Later) => {}
            Err(error) => {
                self.close();
                if batch.frames.is_empty() {
                    return Err(error);
                }
                self.damage = Some(error);
            }
        }
        Ok(Fill::More)
    }

    fn interfaces(&self) -> &[String] {
        self.names.all()
    }

    fn losses(&mut self) -> Losses {
        match &self.open {
            Some(Open {
                format: Format::Pcapng(pcapng),
                ..
            }) => self.lost_before.plus(pcapng.losses()),
            _ => self.lost_before,
        }
    }

    fn progress(&self) -> ReadProgress {
        ReadProgress {
            bytes: self.read.load(Ordering::Relaxed),
            total: self.total,
        }
    }

    fn samples(&self) -> Vec<Sample> {
        vec![counter(
            "vitalwire_capture_gone_pages_total",
            "Pages of capture files that were cut while frames of them were out, read as zeros.",
            &[],
            gone::pages(),
        )]
    }
}
