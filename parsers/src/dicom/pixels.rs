//! How much Pixel Data an image should have (PS3.3 C.7.6.3, C.7.6.6).

use super::attributes::at;
use super::dataset::Dataset;

/// Number of Frames.
pub(super) fn frames(dataset: &Dataset) -> Option<u64> {
    let text = std::str::from_utf8(dataset.values.get(at::FRAMES)?).ok()?;
    text.trim().parse().ok()
}

/// Rows, columns, samples, bits and frames multiplied: the bytes that native Pixel Data has.
pub(super) fn pixel_bytes_expected(dataset: &Dataset) -> Option<u64> {
    let encoding = dataset.encoding?;
    let values = &dataset.values;
    let number = |place| values.number(place, encoding).map(u64::from);
    let frames = match values.get(at::FRAMES) {
        Some(_) => frames(dataset)?,
        None => 1,
    };
    let bits = number(at::ROWS)?
        .checked_mul(number(at::COLUMNS)?)?
        .checked_mul(number(at::SAMPLES).unwrap_or(1))?
        .checked_mul(number(at::BITS_ALLOCATED)?)?;
    bits.div_ceil(8).checked_mul(frames)
}
