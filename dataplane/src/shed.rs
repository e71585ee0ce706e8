//! What a worker that falls behind leaves out, so that less has to be lost.
//!
//! Behind a worker is a bounded buffer: the kernel's ring, or a queue. As it fills, work is left out
//! in this order:
//!
//! 1. Bulk payload is never looked at, so it costs nothing that could be saved.
//! 2. From half full: payload of flows that are known not to be medical (TLS, DNS, SMB, …).
//! 3. From three quarters: also payload of flows that nobody has recognised yet.
//! 4. Full: whatever comes next is lost before we see it, and counted by who lost it.
//!
//! Recognised medical flows are looked into to the last. Flows and their packets are counted
//! throughout, so scans and floods are still seen. What was left out of a stream is a gap in it, so
//! that alerts say so in their coverage.

use parsers::protocol::Spec;

use crate::counters::Count;

/// How much is left out.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Shed {
    /// Nothing.
    #[default]
    Nothing,
    /// What is known not to be medical.
    Others,
    /// And what is not known yet.
    Unknown,
}

/// Percent of the buffer at which to begin to leave something out.
const OTHERS_FROM: u8 = 50;
const UNKNOWN_FROM: u8 = 75;
/// It ends this much below, so that it does not flap.
const ENDS_BELOW: u8 = 25;

impl Shed {
    /// What to leave out with a buffer so full (percent), after what was left out so far.
    pub(crate) const fn next(self, backlog: u8) -> Self {
        let up = if backlog >= UNKNOWN_FROM {
            Self::Unknown
        } else if backlog >= OTHERS_FROM {
            Self::Others
        } else {
            Self::Nothing
        };
        match self {
            Self::Unknown if backlog >= UNKNOWN_FROM - ENDS_BELOW => Self::Unknown,
            Self::Unknown | Self::Others
                if matches!(up, Self::Nothing) && backlog >= OTHERS_FROM - ENDS_BELOW =>
            {
                Self::Others
            }
            _ => up,
        }
    }

    /// Whether payload of a flow in which this was recognised is left out, and as what that counts.
    pub(crate) fn leaves_out(self, app: Option<&Spec>) -> Option<Count> {
        match app {
            Some(spec) if spec.medical => None,
            Some(_) => (self >= Self::Others).then_some(Count::ShedOthers),
            None => (self >= Self::Unknown).then_some(Count::ShedUnknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_at_once_and_falls_late() {
        let steps = [
            (49, Shed::Nothing),
            (50, Shed::Others),
            (26, Shed::Others),
            (24, Shed::Nothing),
            (100, Shed::Unknown),
            (50, Shed::Unknown),
            (49, Shed::Others),
            (30, Shed::Others),
            (75, Shed::Unknown),
            (0, Shed::Nothing),
        ];
        let mut shed = Shed::Nothing;
        for (backlog, expected) in steps {
            shed = shed.next(backlog);
            assert_eq!(shed, expected, "at {backlog}");
        }
    }
}
