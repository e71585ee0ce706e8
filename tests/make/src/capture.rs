//! Capture files: pcap in both precisions and byte orders, and pcapng with several interfaces.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Monday 2 March 2026, 08:00 UTC: the start of every written capture, in nanoseconds.
pub const START_NS: u64 = 1_772_438_400 * SECOND;
/// One second in nanoseconds.
pub const SECOND: u64 = 1_000_000_000;
/// One millisecond in nanoseconds.
pub const MILLISECOND: u64 = 1_000_000;
/// One microsecond in nanoseconds.
pub const MICROSECOND: u64 = 1_000;

const SNAP_LENGTH: u32 = 262_144;

/// One captured frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Nanoseconds since 1970.
    pub time_ns: u64,
    /// The bytes that are in the file.
    pub bytes: Vec<u8>,
    /// How long the frame was on the wire, when the file holds less of it.
    pub wire_length: Option<u32>,
    /// The number of the interface that saw it (pcapng).
    pub interface: u32,
}

impl Frame {
    /// A whole frame on the first interface.
    pub fn new(time_ns: u64, bytes: Vec<u8>) -> Self {
        Self {
            time_ns,
            bytes,
            wire_length: None,
            interface: 0,
        }
    }

    fn original_length(&self) -> u32 {
        self.wire_length.unwrap_or_else(|| length(&self.bytes))
    }
}

/// What the first bytes of a frame are, by tcpdump's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// BSD loopback: a 4-byte address family.
    Null = 0,
    /// Ethernet.
    Ethernet = 1,
    /// IPv4 or IPv6 with nothing before it.
    Raw = 101,
    /// Linux "any" device, version 1.
    Sll = 113,
    /// Linux "any" device, version 2.
    Sll2 = 276,
}

/// The unit of a pcap file's timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Magic `a1b2c3d4`.
    Micro,
    /// Magic `a1b23c4d`.
    Nano,
}

/// A list of frames that can be written to a file.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    /// The frames, in the order in which they are written.
    pub frames: Vec<Frame>,
}

impl Capture {
    /// An empty capture.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one frame.
    pub fn push(&mut self, time_ns: u64, bytes: Vec<u8>) -> &mut Self {
        self.frames.push(Frame::new(time_ns, bytes));
        self
    }

    /// Adds many frames, such as those of a [`Conversation`](crate::Conversation).
    pub fn add(&mut self, frames: impl IntoIterator<Item = Frame>) -> &mut Self {
        self.frames.extend(frames);
        self
    }

    /// Puts the frames in order of time; frames of one time stay in the order they were added.
    pub fn sort(&mut self) -> &mut Self {
        self.frames.sort_by_key(|frame| frame.time_ns);
        self
    }

    /// Changes every frame, for instance to put it into a tunnel.
    pub fn map(&mut self, change: impl Fn(&[u8]) -> Vec<u8>) -> &mut Self {
        for frame in &mut self.frames {
            frame.bytes = change(&frame.bytes);
        }
        self
    }

    /// Cuts every frame to `length` bytes, as a capture with a short snap length does.
    pub fn snap(&mut self, length: usize) -> &mut Self {
        for frame in &mut self.frames {
            frame.wire_length = Some(frame.original_length());
            frame.bytes.truncate(length);
        }
        self
    }

    /// The usual pcap file: Ethernet, microseconds, little-endian.
    pub fn pcap(&self) -> Vec<u8> {
        self.pcap_as(LinkType::Ethernet, Precision::Micro, false)
    }

    /// A pcap file of any kind. Frames are written as they are: see
    /// [`frame::relink`](crate::frame::relink) to change their link layer first.
    pub fn pcap_as(&self, link: LinkType, precision: Precision, big_endian: bool) -> Vec<u8> {
        let mut out = Words::new(big_endian);
        out.header(link, precision);
        for frame in &self.frames {
            out.record(frame, precision);
        }
        out.bytes
    }

    /// A pcapng file with one interface per entry of `links`, nanosecond timestamps.
    pub fn pcapng(&self, links: &[LinkType], big_endian: bool) -> Vec<u8> {
        let mut out = Words::new(big_endian);
        out.block(0x0a0d_0d0a, |body| {
            body.u32(0x1a2b_3c4d)
                .u16(1)
                .u16(0)
                .u32(u32::MAX)
                .u32(u32::MAX);
        });
        for link in links {
            out.block(1, |body| {
                body.u16(*link as u16).u16(0).u32(SNAP_LENGTH);
                // if_tsresol 9: ten to the minus nine.
                body.u16(9).u16(1).bytes.extend_from_slice(&[9, 0, 0, 0]);
                body.u16(0).u16(0);
            });
        }
        for frame in &self.frames {
            out.block(6, |body| {
                body.u32(frame.interface).u32(word(frame.time_ns >> 32));
                body.u32(word(frame.time_ns & 0xffff_ffff));
                body.u32(length(&frame.bytes)).u32(frame.original_length());
                body.bytes.extend_from_slice(&frame.bytes);
                body.pad();
            });
        }
        out.bytes
    }

    /// Writes [`pcap`](Self::pcap) to a file, making its folder.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        write(path, &self.pcap())
    }
}

/// Writes a file, making its folder.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}

/// Writes a pcap file (Ethernet, microseconds) that is too large to be held in memory.
pub struct Stream<W: Write> {
    file: W,
    /// How many bytes the file has so far.
    pub written: u64,
}

impl<W: Write> Stream<W> {
    /// Begins the file.
    pub fn new(mut file: W) -> io::Result<Self> {
        let mut out = Words::new(false);
        out.header(LinkType::Ethernet, Precision::Micro);
        file.write_all(&out.bytes)?;
        Ok(Self {
            file,
            written: out.bytes.len() as u64,
        })
    }

    /// Adds a frame.
    pub fn push(&mut self, frame: &Frame) -> io::Result<()> {
        let mut out = Words::new(false);
        out.record(frame, Precision::Micro);
        self.written += out.bytes.len() as u64;
        self.file.write_all(&out.bytes)
    }

    /// Writes what is still buffered.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Integers in the byte order of the file.
struct Words {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Words {
    fn new(big_endian: bool) -> Self {
        Self {
            bytes: Vec::new(),
            big_endian,
        }
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        let bytes = if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        };
        self.bytes.extend_from_slice(&bytes);
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        let bytes = if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        };
        self.bytes.extend_from_slice(&bytes);
        self
    }

    fn header(&mut self, link: LinkType, precision: Precision) {
        self.u32(match precision {
            Precision::Micro => 0xa1b2_c3d4,
            Precision::Nano => 0xa1b2_3c4d,
        });
        self.u16(2)
            .u16(4)
            .u32(0)
            .u32(0)
            .u32(SNAP_LENGTH)
            .u32(link as u32);
    }

    fn record(&mut self, frame: &Frame, precision: Precision) {
        let rest = frame.time_ns % SECOND;
        let fraction = match precision {
            Precision::Micro => rest / MICROSECOND,
            Precision::Nano => rest,
        };
        self.u32(word(frame.time_ns / SECOND)).u32(word(fraction));
        self.u32(length(&frame.bytes)).u32(frame.original_length());
        self.bytes.extend_from_slice(&frame.bytes);
    }

    fn pad(&mut self) {
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
    }

    fn block(&mut self, kind: u32, fill: impl FnOnce(&mut Self)) {
        let mut body = Self::new(self.big_endian);
        fill(&mut body);
        let total = length(&body.bytes) + 12;
        self.u32(kind)
            .u32(total)
            .bytes
            .extend_from_slice(&body.bytes);
        self.u32(total);
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn word(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
