//! Packet time: the only clock there is below `control`.

/// Nanoseconds since the Unix epoch, as stamped by whoever captured the frame.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(pub i64);

/// Nanoseconds in a second.
pub const NANOS_PER_SEC: i64 = 1_000_000_000;

impl Time {
    /// The epoch; what a source reports before it has seen a frame.
    pub const ZERO: Self = Self(0);

    /// From seconds and nanoseconds; saturates, since both come from a stranger's file.
    #[must_use]
    pub const fn new(secs: i64, nanos: u32) -> Self {
        Self(
            secs.saturating_mul(NANOS_PER_SEC)
                .saturating_add(nanos as i64),
        )
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SEC)
    }

    /// Microseconds within the second.
    #[must_use]
    pub const fn subsec_micros(self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the remainder is within 0..1_000_000"
        )]
        let micros = (self.0.rem_euclid(NANOS_PER_SEC).wrapping_div(1_000)) as u32;
        micros
    }

    /// Nanoseconds from `earlier` to `self`; negative when the clock stepped back.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `self` moved by nanoseconds.
    #[must_use]
    pub const fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}
