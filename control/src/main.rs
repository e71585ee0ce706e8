//! The binary: arguments in, exit code out.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use control::cli::{ApiCommand, Cli, Command, ConfigCommand};
use control::error::Error;
use control::{
    api, audit_cmd, backup, config, deliver, doctor, evidence, fields, formats, inspect, inventory,
    metrics, pseudonym, rules_cmd, ruleset, run,
};
use control::{terminal, users_cmd, version};

fn main() -> ExitCode {
    match dispatch(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn dispatch(cli: &Cli) -> Result<(), Error> {
    match &cli.command {
        _ if cli.version => terminal::show(&version::text()),
        None => Err(Error::Usage(
            "say what to do; see vitalwire --help".to_owned(),
        )),
        Some(Command::Inspect(args)) => inspect::run(args),
        Some(Command::Run(args)) => run::run(args),
        Some(Command::Rules(command)) => rules_cmd::run(command),
        Some(Command::Fields(args)) => fields::run(args),
        Some(Command::Assets(args)) => inventory::run(args),
        Some(Command::Metrics) => terminal::show(metrics::PAGE),
        Some(Command::Pseudonym(args)) => pseudonym::run(args),
        Some(Command::Config(ConfigCommand::Check { file })) => check(file),
        Some(Command::Config(ConfigCommand::Schema)) => terminal::show(&config::schema()),
        Some(Command::Config(ConfigCommand::Example)) => terminal::show(config::EXAMPLE),
        Some(Command::Audit(command)) => audit_cmd::run(command),
        Some(Command::Api(ApiCommand::Schema)) => terminal::show(&api::schema()),
        Some(Command::Users(command)) => users_cmd::run(command),
        Some(Command::Sinks(command)) => deliver::test::run(command),
        Some(Command::Schema(args)) => terminal::show(&formats::schema::of(args.dialect)),
        Some(Command::Doctor(args)) => doctor::run(args),
        Some(Command::Backup(args)) => backup::backup(args),
        Some(Command::Restore(args)) => backup::restore(args),
        Some(Command::Evidence(args)) => evidence::run(args),
    }
}

fn check(file: &Path) -> Result<(), Error> {
    let config = config::read(file)?;
    config::try_sinks(file, &config)?;
    let loaded = ruleset::load(&config)?;
    loaded
        .notes
        .iter()
        .for_each(|note| terminal::complain(note));
    let (armed, unarmed) = loaded.counts();
    terminal::show(&format!(
        "{}: good; {armed} rules armed, {unarmed} unarmed\n",
        file.display()
    ))
}
