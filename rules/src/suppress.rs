//! Suppressions: alerts that somebody answers for not wanting, for a reason, until a date.

use std::sync::Arc;

use parsers::time::{NANOS_PER_SEC, Time};

use crate::program::{NodeIx, OnRecord, Program, Scratch};

/// A suppression, compiled. The correlator tests it on what crossed of an event.
#[derive(Debug)]
pub struct Suppression {
    /// The rule that it silences.
    pub rule: Arc<str>,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The end of its last day, UTC.
    pub expires: Time,
    /// Its last day, as written.
    pub expires_text: String,
    /// Its condition, as written; empty if it silences the rule altogether.
    pub condition: String,
    pub(crate) root: NodeIx,
    pub(crate) program: Program,
}

impl Suppression {
    /// Whether its last day is over.
    #[must_use]
    pub fn has_expired(&self, now: Time) -> bool {
        now > self.expires
    }

    pub(crate) fn covers(&self, scratch: &mut Scratch, on: &OnRecord<'_>) -> bool {
        self.program.holds(scratch, on, self.root)
    }
}

/// The last nanosecond of a day written as 2027-03-31, UTC.
pub(crate) fn end_of_day(text: &str) -> Option<Time> {
    let mut parts = text.split('-');
    let mut part = |len: usize| {
        let part = parts.next().filter(|part| part.len() == len)?;
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<i64>().ok().filter(|_| digits)
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || !(1..=last).contains(&day) {
        return None;
    }
    // Days since the epoch by the civil calendar, the year beginning in March.
    let year = if month <= 2 {
        year.checked_sub(1)?
    } else {
        year
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = ((153 * ((month + 9) % 12)) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let end = days.checked_add(1)?.checked_mul(86_400 * NANOS_PER_SEC)?;
    Some(Time(end.checked_sub(1)?))
}
