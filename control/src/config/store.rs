//! The embedded store and the outbox.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Bytes, Span};

/// The embedded store: alerts, incidents, findings and the audit log. Protocol events are
/// not in it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Whether there is one. Sinks and the console need it.
    pub enabled: bool,
    /// Its directory; without it, `state_dir`.
    pub dir: Option<PathBuf>,
    /// Beyond this size the oldest alerts of the mildest severity go.
    pub max_size: Bytes,
    /// What may wait in memory while the disk stalls. Severe alerts may fill all of it, milder ones
    /// three quarters; what finds no room is counted, and in eve.json all the same.
    pub queue: Bytes,
    /// For how long things are kept.
    pub keep: Keep,
    /// Incidents.
    pub incidents: Incidents,
    /// What waits for sinks.
    pub outbox: Outbox,
}

/// For how long things are kept; 0s for ever. What is held stays.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// Alerts of this severity.
    pub critical: Span,
    /// Alerts of this severity.
    pub high: Span,
    /// Alerts of this severity.
    pub medium: Span,
    /// Alerts of this severity.
    pub low: Span,
    /// Alerts of this severity.
    pub info: Span,
    /// Incidents of which no alert is left.
    pub incidents: Span,
    /// Entries of the audit log. What stays is verified as before.
    pub audit: Span,
}

/// Incidents.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Incidents {
    /// Alerts of one category, by one actor, on one victim, are one incident while no more than this
    /// lies between them.
    pub window: Span,
}

/// What waits for sinks. Beyond these bounds the oldest entries of the lowest class go: heartbeats,
/// then by severity, audit entries last.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbox {
    /// The most entries.
    pub entries: u64,
    /// The most bytes.
    pub bytes: Bytes,
    /// A sink that has taken nothing for so long is a finding (`sink-failing`), which the other sinks
    /// and Alertmanager get.
    pub tell_after: Span,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            enabled: true,
            dir: None,
            // Two million alerts.
            max_size: Bytes::mib(8 * 1024),
            // Some tens of thousands of alerts: ten seconds of a storm.
            queue: Bytes::mib(64),
            keep: Keep::default(),
            incidents: Incidents::default(),
            outbox: Outbox::default(),
        }
    }
}

impl Default for Keep {
    fn default() -> Self {
        let days = |count: u64| Span::secs(count.saturating_mul(86_400));
        Self {
            critical: days(730),
            high: days(730),
            medium: days(365),
            low: days(180),
            info: days(90),
            incidents: days(730),
            // As long as HIPAA wants such records kept: six years (45 CFR 164.316).
            audit: days(2192),
        }
    }
}

impl Default for Incidents {
    fn default() -> Self {
        Self {
            window: Span::secs(4 * 3600),
        }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            bytes: Bytes::mib(2048),
            tell_after: Span::secs(120),
        }
    }
}
