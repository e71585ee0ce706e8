//! A judge before a source.

use super::Judge;
use crate::capture::{Batch, CaptureError, Fill, Source};
use crate::decode::decode;

/// Shows a source's frames to a judge until the source ends or `go_on` says no; it is asked after
/// every fill.
///
/// # Errors
/// What could not be read. The judge has seen what came before.
pub fn watch(
    source: &mut dyn Source,
    judge: &mut Judge,
    mut go_on: impl FnMut(&Judge) -> bool,
) -> Result<(), CaptureError> {
    let mut batch = Batch::default();
    loop {
        batch.clear();
        let fill = source.fill(&mut batch)?;
        for frame in &batch.frames {
            let bytes = frame.bytes(&batch.blocks);
            match decode(frame, bytes) {
                Ok(packet) => judge.frame(frame, bytes, &packet),
                Err(issue) => judge.undecoded(frame, issue),
            }
        }
        judge.tick(batch.now);
        if fill == Fill::End || !go_on(judge) {
            return Ok(());
        }
    }
}
