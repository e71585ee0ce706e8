//! Frames of a capture, in memory before the clock runs, a source for each worker.

use std::path::Path;

use dataplane::capture::files::Files;
use dataplane::capture::{Batch, CaptureError, Fill, Losses, Source};
use dataplane::spread::{Spread, Work};
use rules::Ruleset;

/// One worker's frames.
pub struct Preloaded {
    /// The last one first.
    batches: Vec<Batch>,
    names: Vec<String>,
}

/// Reads a capture and deals its frames out as the spread does; says how many there are.
///
/// # Errors
/// What cannot be read.
pub fn preload(file: &Path, workers: usize) -> Result<(Vec<Preloaded>, u64), CaptureError> {
    let mut files = Files::new(vec![file.to_path_buf()]);
    let mut spread = Spread::new(workers);
    let nothing = std::sync::Arc::new(Ruleset::default());
    let mut works: Vec<Work> = std::iter::repeat_with(|| Work::new(nothing.clone()))
        .take(workers)
        .collect();
    let mut dealt: Vec<Vec<Batch>> = std::iter::repeat_with(Vec::new).take(workers).collect();
    let mut frames = 0_u64;
    loop {
        let mut batch = Batch::default();
        let filled = files.fill(&mut batch)?;
        frames = frames.saturating_add(batch.frames.len() as u64);
        spread.spread(&mut batch, &mut works);
        for (batches, work) in dealt.iter_mut().zip(&works) {
            batches.push(Batch {
                frames: work.items.iter().map(|item| item.frame).collect(),
                blocks: work.blocks.clone(),
                now: work.now,
                upto: work.dispatched_upto,
                read_at: 0,
                backlog: 0,
            });
        }
        if filled == Fill::End {
            break;
        }
    }
    let names = files.interfaces().to_vec();
    let source = |mut batches: Vec<Batch>| {
        batches.reverse();
        Preloaded {
            batches,
            names: names.clone(),
        }
    };
    Ok((dealt.into_iter().map(source).collect(), frames))
}

impl Source for Preloaded {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        match self.batches.pop() {
            Some(next) => *batch = next,
            None => return Ok(Fill::End),
        }
        Ok(Fill::More)
    }

    fn interfaces(&self) -> &[String] {
        &self.names
    }

    fn losses(&mut self) -> Losses {
        Losses::default()
    }
}
