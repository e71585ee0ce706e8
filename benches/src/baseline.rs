//! The yardstick: how fast libpcap alone walks the same file, looking at nothing.

use std::path::Path;

/// Frames and bytes of a file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Walked {
    /// Frames.
    pub frames: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// Walks a file with libpcap's own loop.
///
/// # Errors
/// What libpcap says of the file.
pub fn walk(path: &Path) -> Result<Walked, pcap::Error> {
    let mut capture = pcap::Capture::from_file(path)?;
    let mut walked = Walked::default();
    loop {
        match capture.next_packet() {
            Ok(packet) => {
                walked.frames = walked.frames.saturating_add(1);
                walked.bytes = walked.bytes.saturating_add(u64::from(packet.header.len));
            }
            Err(pcap::Error::NoMorePackets) => return Ok(walked),
            Err(error) => return Err(error),
        }
    }
}
