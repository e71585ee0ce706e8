//! Responses: what is done about alerts.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sinks::{Secret, Tls};
use super::units::Span;

/// Something that is done about alerts of certain rules. Never to a device on which a life depends, that
/// is connected to a patient, or of which nobody said what it is, and never about an alert whose clinical
/// impact is likely or direct, unless clinical engineering approves that one action.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Its name.
    pub name: String,
    /// The ids of the rules that it answers.
    pub rules: Vec<String>,
    /// Whether it only says in the audit log what it would do.
    #[serde(default = "yes")]
    pub dry_run: bool,
    /// After which time it is over.
    #[serde(default = "an_hour")]
    pub expires: Span,
    /// The most actions within an hour.
    #[serde(default = "ten")]
    pub per_hour: u32,
    /// Files of addresses that firewalls and NACs poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_list: Option<BlockList>,
    /// A signed request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<ActionHook>,
}

const fn yes() -> bool {
    true
}

const fn an_hour() -> Span {
    Span::secs(3_600)
}

const fn ten() -> u32 {
    10
}

/// Files of addresses: `NAME.txt`, one a line, and `NAME.nft` for nftables.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BlockList {
    /// The directory that they are in.
    pub dir: PathBuf,
}

/// A signed request to something that acts.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ActionHook {
    /// Where to.
    pub url: String,
    /// The key that bodies are signed with.
    pub secret: Option<Secret>,
    /// The same from a file.
    pub secret_file: Option<PathBuf>,
    /// TLS.
    #[serde(default)]
    pub tls: Tls,
    /// For one request.
    #[serde(default = "ten_seconds")]
    pub timeout: Span,
}

const fn ten_seconds() -> Span {
    Span::secs(10)
}
