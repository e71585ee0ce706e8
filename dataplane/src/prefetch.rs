//! Brings bytes nearer before somebody looks at them.
#![expect(unsafe_code, reason = "a prefetch is an intrinsic")]

/// Bytes that one prefetch brings.
const LINE: usize = 64;

/// Asks for the first two lines of some bytes: where a frame's headers are. A frame read by another
/// core is in that core's cache, far away, and frames lie too irregularly for the processor to
/// guess the next one.
#[inline]
pub(crate) fn headers(bytes: &[u8]) {
    line(bytes);
    line(bytes.get(LINE..).unwrap_or_default());
}

/// Asks for the line that a thing begins in.
#[inline]
pub(crate) fn line<T: ?Sized>(thing: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults at no address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(thing).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = thing;
}
