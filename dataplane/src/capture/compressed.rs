//! Captures in gzip or zstd, told by their first bytes and read as a stream.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::capture::mapped::Mapped;
use crate::capture::waiting::{Growing, Pipe};

/// The bytes of a capture.
pub(crate) enum Input {
    /// Read one after the other.
    Stream(Stream),
    /// Looked at in place.
    Mapped(Mapped),
}

/// Bytes, unwrapped.
pub(crate) type Stream = Box<dyn Read + Send>;

/// What a capture is wrapped in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wrapping {
    None,
    Gzip,
    Zstd,
}

impl Wrapping {
    pub(crate) const fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// The bytes of a capture file, unwrapped, and what it is wrapped in; `-` is standard input. Bytes
/// read of the file itself are added to `read`. With `follow`, the file's end is not the end.
pub(crate) fn open(
    path: &Path,
    follow: bool,
    read: &Arc<AtomicU64>,
) -> io::Result<(Input, Wrapping)> {
    let (bytes, wrapping) = if path == Path::new(STDIN) {
        stream(Pipe::stdin()?, read)?
    } else if follow {
        stream(Growing(File::open(path)?), read)?
    } else {
        match Mapped::of(File::open(path)?, read) {
            Ok(mapped) => return Ok((Input::Mapped(mapped), Wrapping::None)),
            Err(file) => stream(file, read)?,
        }
    };
    Ok((Input::Stream(bytes), wrapping))
}

/// What standard input is called where files are named.
pub(super) const STDIN: &str = "-";

fn stream(
    inner: impl Read + Send + 'static,
    read: &Arc<AtomicU64>,
) -> io::Result<(Stream, Wrapping)> {
    let read = Arc::clone(read);
    recognise(Counted { inner, read })
}

/// The same for what is open already.
pub(crate) fn recognise(mut bytes: impl Read + Send + 'static) -> io::Result<(Stream, Wrapping)> {
    let mut magic = Vec::with_capacity(4);
    bytes.by_ref().take(4).read_to_end(&mut magic)?;
    let wrapping = Wrapping::of(&magic);
    let whole = io::Cursor::new(magic).chain(bytes);
    Ok((unwrapped(whole, wrapping)?, wrapping))
}

fn unwrapped(bytes: impl Read + Send + 'static, wrapping: Wrapping) -> io::Result<Stream> {
    Ok(match wrapping {
        Wrapping::None => Box::new(bytes),
        Wrapping::Gzip => {
            let bytes = BufReader::with_capacity(WRAPPED_BYTES, bytes);
            Box::new(flate2::bufread::MultiGzDecoder::new(bytes))
        }
        Wrapping::Zstd => {
            let mut decoder = zstd::Decoder::new(bytes)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
    })
}

/// Compressed bytes read at a time.
const WRAPPED_BYTES: usize = 256 * 1024;

/// 128 MiB: what `zstd` itself accepts without being asked; a header may claim terabytes.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// A reader that can be watched from outside.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(room)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
