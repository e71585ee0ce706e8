//! What the appliance gives up once its source is open.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the appliance gives up once its source is open. What the kernel cannot do is said.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// Whether capabilities go that opening the interface again does not need.
    pub capabilities: bool,
    /// Whether only files and folders that this configuration names stay open (Landlock).
    pub files: bool,
    /// Whether system calls are refused that no part of it needs, starting programs first (seccomp).
    pub calls: bool,
    /// Whether its memory is kept out of core files and debuggers.
    pub no_dumps: bool,
    /// Whether not to start where one of these cannot be had.
    pub required: bool,
    /// Further files and folders that may be read.
    pub read: Vec<PathBuf>,
    /// Further folders that may be written to.
    pub write: Vec<PathBuf>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            capabilities: true,
            files: true,
            calls: true,
            no_dumps: true,
            required: false,
            read: Vec::new(),
            write: Vec::new(),
        }
    }
}
