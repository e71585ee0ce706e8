//! Where a sink's entries come from: the outbox, or a queue of protocol events.

use std::time::Duration;

use super::Entry;

/// What a sink has to deliver next.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The entries of the kinds that the sink takes, oldest first.
    pub entries: Vec<Entry>,
    /// Where the cursor stands once all of them are delivered.
    pub upto: i64,
}

/// What became of entries, for who counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Told<'a> {
    /// So many were taken by the receiver.
    Delivered(u64),
    /// One was given up: the receiver will never take it.
    Refused,
    /// An attempt failed: why.
    Failed(&'a str),
    /// The sink panicked.
    Panicked,
}

/// Entries for one sink, in order. What is not acknowledged comes again.
pub trait Feed: Send + 'static {
    /// The sink's name.
    fn sink(&self) -> &str;

    /// What findings about its delivery are about.
    fn label(&self) -> String {
        self.sink().to_owned()
    }

    /// The next entries, at most so many.
    ///
    /// # Errors
    /// What is in the way.
    fn next(&mut self, max: usize) -> Result<Batch, String>;

    /// Everything up to there is delivered.
    ///
    /// # Errors
    /// It could not be noted.
    fn ack(&mut self, upto: i64) -> Result<(), String>;

    /// Waits until something may have come, or for so long.
    fn wait(&self, at_most: Duration);

    /// Counts.
    fn tell(&self, told: Told<'_>);

    /// Whether what is left would be lost if the sink stopped now.
    fn owes(&self) -> bool {
        false
    }
}
