//! The fuzzer's body: bytes as a capture file, read to their end and spread.

use std::sync::Arc;

use rules::Ruleset;

use crate::capture::files::Files;
use crate::capture::{Batch, Fill, Source};
use crate::spread::{Spread, Work};

/// Whatever the bytes are, reading them ends, frames are numbered without a hole, and packets
/// point into what they came in.
pub fn fuzz(data: &[u8]) {
    let mut source = Files::of_bytes(data.to_vec());
    let mut spread = Spread::new(2);
    let ruleset = Arc::<Ruleset>::default();
    let mut works = [Work::new(Arc::clone(&ruleset)), Work::new(ruleset)];
    let mut batch = Batch::default();
    let (mut frames, mut errors) = (0_u64, 0_u32);
    loop {
        batch.clear();
        match source.fill(&mut batch) {
            Ok(Fill::End) => break,
            Ok(Fill::More) => {}
            Err(_) => errors = errors.saturating_add(1),
        }
        for frame in &batch.frames {
            frames = frames.saturating_add(1);
            assert_eq!(frame.no, frames);
            assert_eq!(frame.bytes(&batch.blocks).len(), frame.len as usize);
        }
        spread.spread(&mut batch, &mut works);
        for item in works
            .iter()
            .flat_map(|w| w.items.iter().zip(std::iter::repeat(w)))
        {
            let (item, work) = item;
            assert_eq!(
                item.frame.bytes(&work.blocks).len(),
                item.frame.len as usize
            );
        }
    }
    assert!(errors <= 1, "one file, one word about it");
    let handed = spread.counters();
    assert_eq!(handed.frames, frames);
}
