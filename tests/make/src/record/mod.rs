//! Captures recorded from real peers in a [`Lab`](crate::lab::Lab).

mod dcmtk;
mod mix;
mod stage;
mod ward;

pub use mix::{Mix, mix};
pub use stage::Beside;
pub use ward::{attack, imaging, pumps};

use std::io;
use std::path::Path;

/// Records the captures below `folder`, each with its `*.peers.json`.
pub fn ward(folder: &Path) -> io::Result<()> {
    imaging(&folder.join("imaging.pcap"), None)?;
    pumps(&folder.join("hl7-pumps.pcap"), None)?;
    attack(&folder.join("attack.pcap"), None)
}
