//! Searching alerts: by fields and by words, newest first, in pages that stay where they are while
//! alerts come in.

mod facets;
mod page;
mod sql;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use rules::{Impact, Severity};

pub use facets::{FACET_ALERTS_MAX, Facets, facets};
pub use page::{Alert, Cursor, Page, after, alert, last, line, page, search};

use super::words::{Status, Verdict};

/// What is looked for. Within a list one has to hold, of the parts all; what is empty holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Not before this, in microseconds of packet time.
    pub from: Option<i64>,
    /// Before this.
    pub to: Option<i64>,
    /// One of these.
    pub severities: Vec<Severity>,
    /// One of these.
    pub impacts: Vec<Impact>,
    /// One of these.
    pub statuses: Vec<Status>,
    /// Judged as one of these.
    pub verdicts: Vec<Verdict>,
    /// Of one of these rules.
    pub slugs: Vec<String>,
    /// Of one of these categories.
    pub categories: Vec<String>,
    /// From or to one of these.
    pub ips: Vec<IpAddr>,
    /// Of this incident.
    pub incident: Option<String>,
    /// All of these words, or their beginnings, in the explanation, the title, the addresses, the
    /// rule's id, or the words for severity, impact, tier, category and protocol.
    pub text: String,
}
