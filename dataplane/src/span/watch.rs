//! A judge before a source.

use super::Judge;
use crate::capture::{Batch, CaptureError, Fill, Source};

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
        judge.batch(&batch);
        if fill == Fill::End || !go_on(judge) {
            return Ok(());
        }
    }
}
