//! The captures that ship, for benches that need real frames.

use std::path::{Path, PathBuf};

use dataplane::batch::Frame;
use dataplane::capture::files::Files;
use dataplane::capture::{Batch, Fill, Source};

/// Every capture in `pcaps/ward`, by name.
#[must_use]
pub fn ward() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps/ward");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "pcap")
        })
        .collect();
    paths.sort();
    paths
}

/// Every frame of these files, each with its bytes. An unreadable file ends it.
#[must_use]
pub fn frames(paths: &[PathBuf]) -> Vec<(Frame, Vec<u8>)> {
    let mut files = Files::new(paths.to_vec());
    let mut frames = Vec::new();
    let mut batch = Batch::default();
    loop {
        batch.clear();
        let fill = files.fill(&mut batch);
        let bytes = |frame: &Frame| (*frame, frame.bytes(&batch.blocks).to_vec());
        frames.extend(batch.frames.iter().map(bytes));
        if !matches!(fill, Ok(Fill::More)) {
            return frames;
        }
    }
}
