//! Whether somebody keeps the machine's clock right: it stamps every live frame.

use std::mem::MaybeUninit;

/// What the kernel says of its clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Steered {
    /// Whether somebody (NTP, PTP) steers it.
    pub synchronised: bool,
    /// How wrong it may be at most, in microseconds, if it is synchronised.
    pub error_max_us: i64,
}

/// Asks; nothing where the kernel does not answer.
#[must_use]
#[expect(unsafe_code, reason = "no library at hand has adjtimex")]
pub fn clock() -> Option<Steered> {
    let timex = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: a timex is integers only, of which zero is one. `modes` of zero changes nothing.
    let mut timex = unsafe { timex.assume_init() };
    // SAFETY: the pointer is to a whole timex that nobody else has.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    (state >= 0).then_some(Steered {
        synchronised: state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0,
        error_max_us: timex.maxerror,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_changes_nothing_and_gives_an_answer() {
        let told = clock().unwrap();
        assert!(told.error_max_us >= 0);
    }
}
