//! Writes or records the captures under `pcaps/`, and larger ones for benchmarks.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes captures.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Where the captures that ship are.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pcaps"))]
    pcaps: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write every written capture and the page that describes them.
    All,
    /// Say which written captures are not what this program writes.
    Check,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("make: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    match &arguments.command {
        Command::All => {
            let count = make::written::write_all(&arguments.pcaps)
                .map_err(|error| format!("{}: {error}", arguments.pcaps.display()))?;
            println!("{count} files written below {}", arguments.pcaps.display());
        }
        Command::Check => {
            let differing = make::written::differing(&arguments.pcaps);
            for path in &differing {
                println!("{} is not what `make all` writes", path.display());
            }
            return Ok(if differing.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}
