//! What sinks send: a line of EVE as it is, or what another dialect calls the same.
//!
//! `source` and `destination` of every dialect but EVE are who acted and on whom, as the rule says;
//! where no rule says so, who sent the packet and to whom.

mod cef;
mod document;
mod ecs;
mod event;
mod ocsf;
pub mod schema;
mod shorten;
mod stamp;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use event::Event;
pub use shorten::render_within;
pub(crate) use stamp::{of_time, rfc3339};

/// A dialect.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Suricata's EVE JSON, as in eve.json.
    #[default]
    Eve,
    /// Elastic Common Schema 9.
    Ecs,
    /// OCSF 1.6; findings about the mirror and the appliance are Compliance Findings (2003).
    Ocsf,
    /// The same, but such findings are Detection Findings (2004), for receivers that know no 2003.
    OcsfDetections,
    /// ArcSight's Common Event Format, one line.
    Cef,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Eve,
        Self::Ecs,
        Self::Ocsf,
        Self::OcsfDetections,
        Self::Cef,
    ];

    /// A line of EVE in this dialect, without a line feed.
    #[must_use]
    pub fn render(self, line: &Value) -> String {
        let event = Event::new(line);
        match self {
            Self::Eve => line.to_string(),
            Self::Ecs => ecs::document(&event).to_string(),
            Self::Ocsf => ocsf::document(&event, ocsf::Posture::Compliance).to_string(),
            Self::OcsfDetections => ocsf::document(&event, ocsf::Posture::Detection).to_string(),
            Self::Cef => cef::line(&event),
        }
    }

    /// What HTTP calls it.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Cef => "text/plain; charset=utf-8",
            _ => "application/json",
        }
    }
}

#[cfg(test)]
mod tests;
