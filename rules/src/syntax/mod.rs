//! Rule files: YAML to a source tree in which everything knows its place.
//!
//! The tree is read generically first and by name second, so that every unknown key and every
//! wrong shape is told in one run.

mod read;
mod reader;
mod tree;
mod yaml;

pub(crate) use read::{RULE_KEYS, file};
pub(crate) use tree::{CountTree, FileTree, RuleTree, SuppressionTree, Text, duration};
