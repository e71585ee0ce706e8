//! What was sent lately, and may not have been read.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Stopwatch;

/// For how long a message is kept. Longer than it takes to notice that a connection leads nowhere.
const KEPT: Duration = Duration::from_secs(30);
/// The most bytes that are kept: what the kernel holds of a connection is less.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Messages, the oldest first.
#[derive(Default)]
pub(super) struct Recent {
    messages: VecDeque<(Stopwatch, Vec<u8>)>,
    bytes: usize,
}

impl Recent {
    pub(super) fn keep(&mut self, message: Vec<u8>) {
        self.bytes = self.bytes.saturating_add(message.len());
        self.messages.push_back((Stopwatch::start(), message));
        while self.bytes > BYTES_MAX {
            self.drop_oldest();
        }
    }

    /// Lets go of what is old enough to have been read.
    pub(super) fn forget(&mut self) {
        while self
            .messages
            .front()
            .is_some_and(|(since, _)| since.elapsed() > KEPT)
        {
            self.drop_oldest();
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.messages.iter().map(|(_, message)| message.as_slice())
    }

    fn drop_oldest(&mut self) {
        if let Some((_, message)) = self.messages.pop_front() {
            self.bytes = self.bytes.saturating_sub(message.len());
        } else {
            self.bytes = 0;
        }
    }
}
