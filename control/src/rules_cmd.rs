//! `vitalwire rules`: check, test, list, explain, bench, schema.

use crate::cli::RulesCommand;
use crate::error::Error;

/// Does what was asked.
///
/// # Errors
/// Mistakes in rules, a failed test.
pub fn run(_command: &RulesCommand) -> Result<(), Error> {
    Err(Error::Failed("not yet".to_owned()))
}
