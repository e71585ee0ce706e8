//! Whether the keys of a query narrow its answer at all (PS3.4 C.2.2.2).

use super::attributes::at;
use super::dataset::Dataset;

/// A span of more days than this lists an archive, not a day's work.
const NARROW_DAYS_MAX: i64 = 31;

/// Whether no key narrows the answer to a patient, a study, a few weeks or an order.
pub(super) fn is_universal(dataset: &Dataset) -> bool {
    let narrow = |place| {
        dataset
            .values
            .get(place)
            .is_some_and(|key| !is_wildcard(key))
    };
    let by_identity = [
        at::PATIENT_NAME,
        at::PATIENT_ID,
        at::BIRTH_DATE,
        at::ACCESSION,
        at::STUDY_UID,
        at::SERIES_UID,
        at::SOP_INSTANCE,
        at::STATION_AE,
    ]
    .into_iter()
    .any(narrow);
    let by_date = [at::STUDY_DATE, at::SCHEDULED_DATE]
        .into_iter()
        .filter_map(|place| dataset.values.get(place))
        .any(is_narrow_date);
    !by_identity && !by_date
}

/// Empty, or nothing but wildcards and the delimiters of name components.
fn is_wildcard(key: &[u8]) -> bool {
    key.iter()
        .all(|b| matches!(b, b'*' | b'?' | b'^' | b'=' | b' '))
}

/// A date, or a range of at most [`NARROW_DAYS_MAX`] days.
fn is_narrow_date(key: &[u8]) -> bool {
    match key.iter().position(|b| *b == b'-') {
        None => day(key).is_some(),
        Some(dash) => {
            let from = key.get(..dash).and_then(day);
            let to = key.get(dash.saturating_add(1)..).and_then(day);
            match (from, to) {
                (Some(from), Some(to)) => to.saturating_sub(from) <= NARROW_DAYS_MAX,
                _ => false,
            }
        }
    }
}

/// Days of YYYYMMDD since some day, good enough for differences: months have 31.
fn day(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    if text.len() != 8 {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    Some(year.saturating_mul(372) + month.saturating_mul(31) + day)
}
