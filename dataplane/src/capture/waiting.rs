//! Bytes that are still being written: a pipe, a growing file. Where nothing is at present, a read
//! waits a little and then says [`ErrorKind::WouldBlock`], so that whoever reads can be stopped.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What a capture file or a compressed stream is told by: so much is waited for as long as it
/// takes.
const MAGIC_BYTES: u64 = 4;

/// The longest wait in a read.
const WAIT: Duration = Duration::from_millis(100);

/// Waits for what is not there yet.
#[expect(
    clippy::disallowed_methods,
    reason = "for Source::fill, the one place that may wait"
)]
pub(crate) fn pause() {
    std::thread::sleep(WAIT);
}

/// Standard input, or another pipe.
pub(crate) struct Pipe {
    file: File,
    read: u64,
}

impl Pipe {
    /// Standard input.
    pub(crate) fn stdin() -> io::Result<Self> {
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Self { file, read: 0 })
    }
}

impl Read for Pipe {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: WAIT.subsec_nanos().into(),
        };
        let timeout = (self.read >= MAGIC_BYTES).then_some(&wait);
        let mut fds = [PollFd::new(&self.file, PollFlags::IN)];
        if poll(&mut fds, timeout)? == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = self.file.read(room)?;
        self.read = self.read.saturating_add(n as u64);
        Ok(n)
    }
}

/// A file that somebody may still write: its end is not the end.
pub(crate) struct Growing(pub(crate) File);

impl Read for Growing {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(room)?;
        if n == 0 && !room.is_empty() {
            pause();
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(n)
    }
}
