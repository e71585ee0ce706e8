//! What stands in queries: lists parted by commas, times, lengths of pages.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rules::{Impact, Severity};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::Problem;
use crate::inventory::search::{By, Order};
use crate::store::{Status, Verdict};

/// The id of an alert, an incident or a rule, in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ById {
    /// The id.
    pub(super) id: String,
}

/// A name in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ByName {
    /// The name.
    pub(super) name: String,
}

/// A number in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ByNumber {
    /// The number.
    pub(super) number: i64,
}

/// A version in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ByVersion {
    /// The version.
    pub(super) version: i64,
}

/// Where a page begins, as the page before said.
pub(super) fn cursor<T: FromStr>(text: Option<&str>) -> Result<Option<T>, Problem> {
    let place = |text: &str| text.parse().map_err(|_| bad_cursor());
    text.map(place).transpose()
}

/// A cursor that is none.
pub(super) fn bad_cursor() -> Problem {
    Problem::bad("this is no cursor; take `next` of the page before")
}

/// Values parted by commas.
#[derive(Clone, Debug)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Something that a list may hold.
pub trait Listed: Sized {
    /// From its text.
    fn of(text: &str) -> Option<Self>;

    /// What there is to choose from; empty where that is open.
    fn words() -> Vec<&'static str> {
        Vec::new()
    }
}

macro_rules! listed {
    ($($word:ty),*) => {
        $(impl Listed for $word {
            fn of(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.word() == text)
            }

            fn words() -> Vec<&'static str> {
                Self::ALL.into_iter().map(Self::word).collect()
            }
        })*
    };
}

listed!(Severity, Impact, Status, Verdict);

impl Listed for String {
    fn of(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl Listed for IpAddr {
    fn of(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Listed for u16 {
    fn of(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl<'de, T: Listed> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let all: Option<Vec<T>> = text.split(',').map(|part| T::of(part.trim())).collect();
        all.map(Self).ok_or_else(|| {
            let words = T::words().join(", ");
            D::Error::custom(format!("a value of a list is none; there are: {words}"))
        })
    }
}

impl<T: Listed> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "List".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = T::words().join("|");
        if words.is_empty() {
            return json_schema!({"type": "string", "minLength": 1});
        }
        json_schema!({"type": "string", "pattern": format!("^({words})(,({words}))*$")})
    }
}

/// The order of devices: a word, with `-` before it where the last come first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sort(pub Order);

impl<'de> Deserialize<'de> for Sort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let order = Order::of_word(&text).map(Self);
        order.ok_or_else(|| {
            let words = By::ALL.map(|(word, _)| word).join(", ");
            D::Error::custom(format!(
                "sort is one of {words}, with - before it for downwards"
            ))
        })
    }
}

impl JsonSchema for Sort {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Sort".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = By::ALL.map(|(word, _)| word).join("|");
        json_schema!({"type": "string", "pattern": format!("^-?({words})$"), "default": "id"})
    }
}

/// How many there may be on a page.
#[derive(Clone, Copy, Debug)]
pub struct Limit(pub u32);

/// The most on a page.
const LIMIT_MAX: u32 = 1_000;

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            limit @ 1..=LIMIT_MAX => Ok(Self(limit)),
            _ => Err(D::Error::custom(format!("limit is 1 to {LIMIT_MAX}"))),
        }
    }
}

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 100})
    }
}

/// The length of a timeline's bars, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Bar(pub u32);

/// A year.
const BAR_MAX: u32 = 31_536_000;

impl Default for Bar {
    fn default() -> Self {
        Self(3_600)
    }
}

impl<'de> Deserialize<'de> for Bar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            bar @ 1..=BAR_MAX => Ok(Self(bar)),
            _ => Err(D::Error::custom(format!("bar is 1 to {BAR_MAX}"))),
        }
    }
}

impl JsonSchema for Bar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Bar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": BAR_MAX, "default": 3_600})
    }
}

/// A time, in microseconds: `2026-11-22T04:00:00Z`, with any offset, as RFC 3339 or as events have it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment(pub i64);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        moment(&text).map(Self).ok_or_else(|| {
            D::Error::custom("a time is as 2026-11-22T04:00:00Z (a plus is %2B in a query)")
        })
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::store::words::stamp(self.0))
    }
}

fn moment(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(at)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let fits = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !fits || fraction.is_empty() || !fraction.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let seconds = days(year, month, day)
        .checked_mul(86_400)?
        .checked_add(hour * 3_600 + minute * 60 + second)?
        .checked_sub(offset(zone)?)?;
    seconds
        .checked_mul(1_000_000)?
        .checked_add(micros.parse().ok()?)
}

/// Three numbers of so many digits.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut found = [0; 3];
    for (slot, digits) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// `Z`, `+01:00` or `+0100`, in seconds.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits = rest.replacen(':', "", 1);
    if digits.len() != 4 || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = digits.split_at_checked(2)?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Days since 1970, in the Gregorian calendar (Hinnant, `days_from_civil`).
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::{List, moment};
    use crate::store::words::{Status, stamp};

    #[test]
    fn times_are_read_as_they_are_written() {
        for micros in [
            0,
            1_790_000_000_123_456,
            951_782_400_000_000,
            4_102_444_799_999_999,
        ] {
            assert_eq!(moment(&stamp(micros)), Some(micros), "{}", stamp(micros));
        }
        let noon = moment("2026-11-22T12:00:00Z").unwrap();
        assert_eq!(moment("2026-11-22T14:00:00+02:00"), Some(noon));
        assert_eq!(moment("2026-11-22t10:30:00.0-01:30"), Some(noon));
        for wrong in [
            "",
            "2026-11-22",
            "2026-13-01T00:00:00Z",
            "2026-11-22T00:00:00",
            "9".repeat(50).as_str(),
            "2026-11-22T00:00:00+1:00",
            "é-11-22T00:00:00Z",
        ] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lists_are_parted_by_commas() {
        #[derive(serde::Deserialize)]
        struct Query {
            status: List<Status>,
        }
        let query: Query = serde_urlencoded::from_str("status=open%2Cclosed").unwrap();
        assert_eq!(query.status.0, [Status::Open, Status::Closed]);
        assert!(serde_urlencoded::from_str::<Query>("status=open,shut").is_err());
    }
}
