//! Times as dialects write them.

use parsers::time::Time;

/// Microseconds since the epoch, of a time as EVE writes it: `2026-11-21T21:38:11.087399+0000`.
pub(crate) fn micros(stamp: &str) -> Option<i64> {
    let number = |from: usize, to: usize| stamp.get(from..to)?.parse::<i64>().ok();
    let days = days(number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let secs = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(secs * 1_000_000 + number(20, 26)?)
}

/// Days since the epoch, in the Gregorian calendar. A year begins in March, so that the day that
/// leap years add is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// EVE's offset has no colon, which RFC 3339 wants: `…+0000` becomes `…Z`.
pub(crate) fn rfc3339(stamp: &str) -> String {
    stamp
        .strip_suffix("+0000")
        .map_or_else(|| stamp.to_owned(), |time| format!("{time}Z"))
}

/// The same of a time.
pub(crate) fn of_time(time: Time) -> String {
    let mut text = Vec::with_capacity(32);
    rules::eve::timestamp(time, &mut text);
    rfc3339(&String::from_utf8_lossy(&text))
}
