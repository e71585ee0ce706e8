//! Capture files, one after the other, as one source.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::batch::Frame;
use crate::capture::blocks::BATCH_FRAMES_MAX;
use crate::capture::clock::Clock;
use crate::capture::compressed::{self, Wrapping};
use crate::capture::pcap_file::Pcap;
use crate::capture::pcapng::Pcapng;
use crate::capture::record::{Damage, Names, Raw, Step};
use crate::capture::window::{Input, Window};
use crate::capture::{Batch, CaptureError, Fill, Losses, ReadProgress, Source};

/// Reads capture files in the order given. Frame numbers and packet time go on from one to the
/// next; a file that cannot be read (on) is said once, and the next one follows.
pub struct Files {
    /// Those not begun, the next one last.
    rest: Vec<PathBuf>,
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
        let total = paths
            .iter()
            .filter_map(|p| std::fs::metadata(p).ok())
            .map(|m| m.len())
            .sum();
        paths.reverse();
        Self {
            rest: paths,
            open: None,
            window: Window::new(),
            clock: Clock::default(),
            names: Names::default(),
            lost_before: Losses::default(),
            damage: None,
            read: Arc::default(),
            total,
        }
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

    fn open_next(&mut self, path: PathBuf) -> Result<(), CaptureError> {
        self.window.restart();
        match compressed::open(&path, &self.read) {
            Ok(input) => {
                self.open = Some(Open::new(path, input));
                Ok(())
            }
            Err(error) => Err(CaptureError::Io { path, error }),
        }
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

    /// Reads records of the open file until the batch is full, the file wants to be read on while
    /// the batch has frames, or the file ends (true).
    fn records(&mut self, batch: &mut Batch) -> Result<bool, CaptureError> {
        let Some(open) = &mut self.open else {
            return Ok(true);
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
                        return Ok(false); // refilled next time, into a block of its own
                    }
                    if !open.read_on(&mut self.window)? {
                        return open.at_end(what, &self.window).map(|()| true);
                    }
                }
            }
        }
        Ok(false)
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
    window.skip(raw.take as u64);
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

    fn read_on(&mut self, window: &mut Window) -> Result<bool, CaptureError> {
        match window.refill(&mut self.input) {
            Ok(more) => Ok(more),
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
            let Some(path) = self.rest.pop() else {
                return Ok(Fill::End);
            };
            self.open_next(path)?;
        }
        let ended = self.records(batch);
        batch.now = self.clock.now();
        match ended {
            Ok(false) => {}
            Ok(true) => self.close(),
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
}
