//! The words of the store: how far people are with something, what they judged it to be, and the
//! ranks of severities and clinical impacts.

use rules::{Impact, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far people are with an alert or an incident.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nobody has looked.
    Open,
    /// Somebody is at it.
    Acknowledged,
    /// It is judged.
    Closed,
}

/// What a person judged an incident, or one alert, to be.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was what the rule says, and it should not have been.
    True,
    /// It was what the rule says, and it was all right.
    Benign,
    /// It was not what the rule says.
    False,
    /// It was told elsewhere.
    Duplicate,
    /// Somebody tried something out.
    Test,
}

impl Status {
    /// All of them, as ranked in the tables.
    pub const ALL: [Self; 3] = [Self::Open, Self::Acknowledged, Self::Closed];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
        }
    }
}

impl Verdict {
    /// All of them, as ranked in the tables.
    pub const ALL: [Self; 5] = [
        Self::True,
        Self::Benign,
        Self::False,
        Self::Duplicate,
        Self::Test,
    ];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::Benign => "benign",
            Self::False => "false",
            Self::Duplicate => "duplicate",
            Self::Test => "test",
        }
    }
}

/// The place of something in a list, as the tables have it.
pub(super) fn rank<T: PartialEq>(all: &[T], one: &T) -> i64 {
    let at = all.iter().position(|known| known == one);
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or(0)
}

/// What stands at a rank.
pub(super) fn at<T: Copy>(all: &[T], rank: i64) -> Option<T> {
    all.get(usize::try_from(rank).ok()?).copied()
}

/// The rank of a severity's word.
pub(crate) fn severity_rank(word: &str) -> i64 {
    let at = Severity::ALL.iter().position(|s| s.word() == word);
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or(0)
}

/// The rank of a clinical impact's word.
pub(super) fn impact_rank(word: &str) -> i64 {
    let at = Impact::ALL.iter().position(|i| i.word() == word);
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or(0)
}

/// The word of a severity's rank.
pub(crate) fn severity_word(rank: i64) -> &'static str {
    at(&Severity::ALL, rank).map_or("info", Severity::word)
}

/// The word of a clinical impact's rank.
pub(super) fn impact_word(rank: i64) -> &'static str {
    at(&Impact::ALL, rank).map_or("none", Impact::word)
}

/// Microseconds as events write time.
#[must_use]
pub fn stamp(micros: i64) -> String {
    let mut text = Vec::with_capacity(32);
    rules::eve::timestamp(parsers::time::Time(micros.saturating_mul(1_000)), &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The machine's time in microseconds.
pub(crate) fn now() -> i64 {
    crate::clock::now().0.div_euclid(1_000)
}
