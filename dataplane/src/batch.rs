//! Frames on their way from a source to a worker: borrowed from recycled blocks, never copied.

use std::sync::Arc;

use parsers::time::Time;

/// Bytes that frames point into. Filled by one source, read by many workers, and recycled when the
/// last of them lets go.
pub type Block = Arc<[u8]>;

/// Link type of a frame, as pcap numbers it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct LinkType(pub u16);

/// One captured frame: where its bytes are, and what the capture said of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Frame {
    /// Number from 1, over all captures of a run, in the order in which they were read.
    pub no: u64,
    /// Time stamp.
    pub time: Time,
    /// The running maximum of time stamps, this one included.
    pub now: Time,
    /// Which of the batch's blocks.
    pub block: u16,
    /// Where in it.
    pub offset: u32,
    /// Bytes captured.
    pub len: u32,
    /// Bytes on the wire.
    pub wire_len: u32,
    /// What the first header is.
    pub link: LinkType,
    /// Index of the capture interface in the run's table.
    pub interface: u16,
    /// VLAN tag that the capture took off and told beside the frame (TCI), if any.
    pub vlan: Option<u16>,
}
