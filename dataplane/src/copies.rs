//! Frames that a mirror gave twice: where it takes a packet as it comes in and as it goes out, or
//! in two VLANs, we see each packet twice within moments, with another tag, MAC address or TTL.
//!
//! A packet is a copy when one with the same addresses, ports, identification, sequence numbers,
//! flags, length and transport checksum went by shortly before. A retransmission is none: it
//! comes later, and with another identification.

use parsers::time::Time;
use wide::u32x8;

use crate::prefetch;

/// What went by shortly before. Its size is fixed; what it had to forget too early is counted.
pub(crate) struct Copies {
    buckets: Box<[Bucket]>,
    /// Prints forgotten before their time.
    pub(crate) forgotten: u64,
}

/// One cache line.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket {
    /// Those of the ways, and behind them which way is used next: the one used longest ago. All
    /// are compared at once, so it lies with them.
    prints: [u32; WAYS + 1],
    /// When each went by, in [`UNIT_BITS`]; 0 is never.
    at: [u32; WAYS],
}

const WAYS: usize = 7;
/// With seven ways, enough for a million packets a second within the window.
const BUCKETS: usize = 2048;
/// Time is counted in 2^20 nanoseconds, about a millisecond.
const UNIT_BITS: u32 = 20;
/// Copies come within microseconds of each other, or a few milliseconds where a tunnel brings
/// one; the fastest retransmission waits longer.
const WINDOW: u32 = 10;

impl Copies {
    pub(crate) fn new() -> Self {
        Self {
            buckets: vec![Bucket::default(); BUCKETS].into_boxed_slice(),
            forgotten: 0,
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.buckets.fill(Bucket::default());
    }

    /// Soon it will be asked about this print.
    #[inline]
    pub(crate) fn soon(&self, print: u64) {
        if let Some(bucket) = self.buckets.get(which(print)) {
            prefetch::line(bucket);
        }
    }

    /// Whether a packet with this print went by shortly before; from now on one did. `now` is the
    /// newest time stamp of all: of frames far behind it, as of a second capture of the same hour,
    /// nothing can be said.
    #[inline]
    pub(crate) fn is_copy(&mut self, print: u64, time: Time, now: Time) -> bool {
        if now.since(time) > BEHIND_NANOS {
            return false;
        }
        let at = unit(time);
        let Some(bucket) = self.buckets.get_mut(which(print)) else {
            return false;
        };
        let [a, b, c, d, ..] = print.to_le_bytes();
        let print = u32::from_le_bytes([a, b, c, d]);
        if bucket.knows(print, at) {
            return true;
        }
        let [.., next] = &mut bucket.prints;
        let way = *next as usize;
        *next = if way.saturating_add(1) < WAYS {
            next.saturating_add(1)
        } else {
            0
        };
        if let (Some(known), Some(seen)) = (bucket.prints.get_mut(way), bucket.at.get_mut(way)) {
            self.forgotten = self.forgotten.saturating_add(is_fresh(*seen, at).into());
            (*known, *seen) = (print, at);
        }
        false
    }
}

impl Bucket {
    /// All ways at once; hardly ever is there one.
    #[inline]
    fn knows(&self, print: u32, at: u32) -> bool {
        let prints = u32x8::new(self.prints);
        let same = prints.simd_eq(u32x8::splat(print)).to_bitmask();
        let mut ways = self.at.iter().enumerate();
        same != 0 && ways.any(|(way, seen)| same >> way & 1 == 1 && is_fresh(*seen, at))
    }
}

/// Whether what went by then counts at that time.
#[inline]
const fn is_fresh(seen: u32, at: u32) -> bool {
    seen != 0 && at.wrapping_sub(seen) <= WINDOW
}

/// The bucket that a print is kept in.
#[inline]
fn which(print: u64) -> usize {
    let [_, _, _, _, e, f, ..] = print.to_le_bytes();
    usize::from(u16::from_le_bytes([e, f])) % BUCKETS
}

/// How far behind the newest stamp a copy may be: mirrors reorder within milliseconds.
const BEHIND_NANOS: i64 = (WINDOW as i64) << UNIT_BITS;

/// Never 0.
fn unit(now: Time) -> u32 {
    let units = now.0.cast_unsigned() >> UNIT_BITS;
    u32::try_from(units & u64::from(u32::MAX)).unwrap_or(0) | 1 << 31
}

/// What tells a packet from all others of its flow, mixed with the flow's hash.
#[inline]
pub(crate) fn print(flow: u64, parts: [u64; 2]) -> u64 {
    let [a, b] = parts;
    fold(flow ^ fold(a ^ MIX_A, MIX_B), b ^ MIX_B)
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a).wrapping_mul(u128::from(b));
    let [low, high] = [wide & u128::from(u64::MAX), wide >> 64];
    u64::try_from(low ^ high).unwrap_or(0)
}

/// Digits of pi, which nobody chose.
const MIX_A: u64 = 0x243f_6a88_85a3_08d3;
const MIX_B: u64 = 0x1319_8a2e_0370_7344;

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: i64 = 1_000_000;

    #[test]
    fn a_copy_is_one_that_comes_at_once() {
        let mut copies = Copies::new();
        let at = |ms: i64| Time(1_700_000_000_000_000_000 + ms * MILLISECOND);
        let one = print(1, [2, 3]);
        assert!(!copies.is_copy(one, at(0), at(0)));
        assert!(copies.is_copy(one, at(5), at(6)));
        assert!(!copies.is_copy(print(1, [2, 4]), at(5), at(5)));
        assert!(
            !copies.is_copy(one, at(100), at(100)),
            "a repetition, not a copy"
        );
        assert!(!copies.is_copy(one, at(100), at(200)), "far behind");
        assert_eq!(copies.forgotten, 0);
    }

    #[test]
    fn what_is_forgotten_too_early_is_counted() {
        let mut copies = Copies::new();
        let now = Time(MILLISECOND);
        for n in 0..200_000 {
            assert!(!copies.is_copy(print(n, [n, 1]), now, now), "{n}");
        }
        assert_eq!(copies.forgotten, 200_000 - (BUCKETS * WAYS) as u64);
    }
}
