//! The loss ledger as one reads it out of a snapshot: `seen = handled + Σ dropped{cause}`.

use dataplane::telemetry::{Sample, Snapshot};

/// Frames that the source gave.
pub const FRAMES_READ: &str = "vitalwire_capture_frames_total";

/// Frames that workers are done with, one way or the other.
#[must_use]
pub fn frames_done(snapshot: &Snapshot) -> u64 {
    let dropped = snapshot.total("vitalwire_worker_dropped_frames_total");
    snapshot
        .total("vitalwire_worker_handled_frames_total")
        .saturating_add(dropped)
}

/// What a counter of losses has in its name. A duplicate segment brought nothing new and is no loss.
const LOSS_WORDS: [&str; 7] = ["dropped", "lost", "gap", "late", "cut", "truncated", "shed"];

/// One line of the ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loss {
    /// Where: `capture`, `decode`, `flow`, …
    pub stage: String,
    /// Why.
    pub cause: String,
    /// How many.
    pub count: u64,
    /// Of what, in a few words.
    pub help: &'static str,
}

/// Everything that was lost or could not be read, worst first.
#[must_use]
pub fn losses(snapshot: &Snapshot) -> Vec<Loss> {
    let mut losses: Vec<Loss> = snapshot
        .samples
        .iter()
        .filter(|sample| sample.value > 0 && is_loss(sample))
        .map(loss)
        .collect();
    losses.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.stage.cmp(&b.stage)));
    losses
}

/// Shared bounds that were reached; while none is, reading files gives the same bytes with any
/// number of workers.
#[must_use]
pub fn bounds_hit(snapshot: &Snapshot) -> u64 {
    snapshot
        .samples
        .iter()
        .filter(|sample| sample.name.contains("bounds_hit"))
        .map(|sample| sample.value)
        .sum()
}

fn is_loss(sample: &Sample) -> bool {
    let named = |word: &str| {
        sample
            .name
            .split('_')
            .any(|part| part.trim_end_matches('s') == word)
    };
    let duplicate = ("cause", "duplicate".to_owned());
    sample.counter && LOSS_WORDS.into_iter().any(named) && !sample.labels.contains(&duplicate)
}

fn loss(sample: &Sample) -> Loss {
    let name = sample
        .name
        .trim_start_matches("vitalwire_")
        .trim_end_matches("_total");
    let (stage, what) = name.split_once('_').unwrap_or((name, ""));
    let labels: Vec<&str> = sample
        .labels
        .iter()
        .map(|(_, value)| value.as_str())
        .collect();
    Loss {
        stage: stage.to_owned(),
        cause: if labels.is_empty() {
            what.replace('_', " ")
        } else {
            labels.join(" ")
        },
        count: sample.value,
        help: sample.help,
    }
}
