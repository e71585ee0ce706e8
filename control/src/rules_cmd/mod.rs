//! `vitalwire rules`: check, test, list, explain, bench, schema.

mod bench;
mod ending;
mod list;
mod test;

use rules::Rule;

use crate::cli::{RulePaths, RulesCommand, RulesExplainArgs};
use crate::config;
use crate::error::{Error, did_you_mean};
use crate::ruleset::{Loaded, Sources};
use crate::terminal::{complain, show};

/// Does what was asked.
///
/// # Errors
/// Mistakes in rules, a failed test.
pub fn run(command: &RulesCommand) -> Result<(), Error> {
    match command {
        RulesCommand::Check(args) => check(args),
        RulesCommand::Test(args) => test::run(args),
        RulesCommand::List(args) => list::run(args),
        RulesCommand::Explain(args) => explain(args),
        RulesCommand::Bench(args) => bench::run(args),
        RulesCommand::Schema => show(&schema()),
    }
}

fn sources(args: &RulePaths) -> Result<Sources, Error> {
    let config = match &args.config {
        Some(path) => config::read(path)?,
        None => config::Config::default(),
    };
    Sources::of_paths(&args.paths, &config)
}

fn load(args: &RulePaths) -> Result<Loaded, Error> {
    sources(args)?.compile()
}

fn check(args: &RulePaths) -> Result<(), Error> {
    let loaded = load(args)?;
    for warning in loaded.warnings() {
        complain(&warning);
    }
    let (armed, unarmed) = loaded.counts();
    show(&format!("good: {armed} rules armed, {unarmed} unarmed\n"))?;
    for (rule, sets) in loaded.unarmed() {
        show(&format!("  {rule} waits for {}\n", sets.join(", ")))?;
    }
    Ok(())
}

fn explain(args: &RulesExplainArgs) -> Result<(), Error> {
    let loaded = load(&args.rules)?;
    let all = loaded.ruleset.rules();
    for id in &args.id {
        if !all.iter().any(|rule| *rule.id == **id) {
            let hint = did_you_mean(id, all.iter().map(|rule| &*rule.id));
            return Err(Error::Usage(format!("--id {id}: no such rule{hint}")));
        }
    }
    let wanted = |rule: &&Rule| args.id.is_empty() || args.id.iter().any(|id| **id == *rule.id);
    for rule in all.iter().filter(wanted) {
        show(&format!("{}\n", loaded.ruleset.explain(rule)))?;
    }
    Ok(())
}

fn schema() -> String {
    let mut text = rules::schema::schema();
    text.push('\n');
    text
}
