//! A compiled rule's metadata, and the parts of it that the correlator works with.

use std::collections::BTreeMap;
use std::sync::Arc;

use parsers::catalogue::KindId;

use crate::record::RuleIx;
use crate::template::Template;
use crate::{FieldRef, Severity};

/// A rule, compiled. What its `when` says is in the rule set's program.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its place in [`crate::Ruleset::rules`].
    pub ix: RuleIx,
    /// Its name, as `dicom-cfind-wildcard-mass`.
    pub id: Arc<str>,
    /// Its number.
    pub sid: u32,
    /// Its revision.
    pub rev: u32,
    /// Whether it speaks.
    pub status: Status,
    /// One line for people.
    pub title: String,
    /// How bad, for security.
    pub severity: Severity,
    /// What it means at the bedside.
    pub impact: Impact,
    /// Whom to tell, and how urgently.
    pub tier: Tier,
    /// What it is about, in one word.
    pub category: String,
    /// MITRE ATT&CK techniques.
    pub attack: Vec<String>,
    /// Where to read more.
    pub references: Vec<String>,
    /// The kind of event that it is about.
    pub kind: KindId,
    /// The condition, as written.
    pub when: String,
    /// How often it has to happen, if not once.
    pub count: Option<Count>,
    /// The sets without which it means nothing.
    pub requires: Vec<String>,
    /// Whether it can fire; else the sets that are empty.
    pub armed: Result<(), Vec<String>>,
    /// What happened, with places for values.
    pub explain: Template,
    /// What to do about it, with places for values.
    pub what_to_do: Template,
    /// What else it may be.
    pub false_positives: String,
    /// Which side of the event acted.
    pub source: Side,
    /// Which side was acted on.
    pub target: Side,
    /// What it has to find, and what not.
    pub tests: Vec<RuleTest>,
    /// Changes whenever state that was gathered for it must be forgotten.
    pub stateful_hash: u64,
    /// The pack that it came in.
    pub pack: Option<Arc<Pack>>,
    /// The file that it came in.
    pub file: String,
    /// The line on which it begins.
    pub line: u32,
}

/// A rule that fires when something has happened often enough.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Count {
    /// The key: events that agree in these are counted together.
    pub by: Vec<FieldRef>,
    /// Count different values of this field, not events.
    pub distinct: Option<FieldRef>,
    /// How many.
    pub at_least: u32,
    /// Within how much packet time, in nanoseconds.
    pub within_ns: i64,
}

/// One of a rule's tests.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RuleTest {
    /// The capture, under `pcaps/`.
    pub pcap: String,
    /// What happens to the watching behind its last frame.
    pub then: Then,
    /// How many alerts of this rule it brings.
    pub alerts: u32,
    /// Sets that the test defines.
    pub sets: BTreeMap<String, Vec<String>>,
}

/// What happens to the watching itself, which no capture can show.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Then {
    /// Nothing.
    #[default]
    End,
    /// The source goes blind.
    Blind,
    /// The source loses a thousand frames.
    Loss,
}

impl Then {
    /// The word in rules.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Blind => "blind",
            Self::Loss => "loss",
        }
    }
}

/// Where a rule file says what it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pack {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line for people.
    pub description: String,
}

/// Whether a rule speaks.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Status {
    /// It alerts.
    #[default]
    Active,
    /// It is counted, silently.
    Shadow,
}

impl Status {
    /// The word in rules.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Shadow => "shadow",
        }
    }
}

/// What an alert means at the bedside.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Impact {
    /// Nothing.
    #[default]
    None,
    /// It may matter.
    Possible,
    /// It probably matters.
    Likely,
    /// It is about treatment itself.
    Direct,
}

impl Impact {
    /// All of them, mildest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Possible, Self::Likely, Self::Direct];

    /// The word in rules and in our object.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Direct => "direct",
        }
    }
}

/// Whom to tell, and how urgently.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Tier {
    /// Wake somebody.
    Page,
    /// Tell somebody today.
    #[default]
    Notify,
    /// Put it in the next summary.
    Digest,
}

impl Tier {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Page, Self::Notify, Self::Digest];

    /// The word in rules and in our object.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Notify => "notify",
            Self::Digest => "digest",
        }
    }
}

/// A side of an event: the envelope's `src` or its `dest`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Side {
    /// Who sent it.
    #[default]
    Src,
    /// To whom.
    Dest,
}

impl Side {
    /// The word in rules.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Src => "src",
            Self::Dest => "dest",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Src => Self::Dest,
            Self::Dest => Self::Src,
        }
    }
}
