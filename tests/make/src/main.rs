//! Writes or records the captures under `pcaps/`, and larger ones for benchmarks.

use std::path::{Path, PathBuf};
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
    /// Record real peers in a network of namespaces (needs root).
    #[command(subcommand)]
    Record(Record),
    /// Write a capture of HL7 and pump messages with their ACKs, for benchmarks.
    Hl7 {
        /// The capture to write.
        #[arg(long)]
        out: PathBuf,
        /// How large it is to be.
        #[arg(long, default_value_t = 100)]
        megabytes: u64,
    },
    /// Repeat a pcap file with other IP addresses in each copy, for benchmarks.
    Multiply {
        /// The capture to repeat.
        #[arg(long)]
        input: PathBuf,
        /// How many copies.
        #[arg(long, default_value_t = 10)]
        times: u32,
        /// The capture to write.
        #[arg(long)]
        out: PathBuf,
    },
    /// Write the table of Ethernet vendors from the IEEE's public listings.
    Oui {
        /// A folder with the listings as CSV: MA-L, MA-M, MA-S, IAB.
        listings: PathBuf,
        /// The table to write.
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"),
            "/../../rules/src/correlate/inventory/oui.bin"))]
        out: PathBuf,
    },
}

#[derive(Subcommand)]
enum Record {
    /// The captures that ship, below `ward/`.
    Ward {
        /// Only this one.
        #[arg(long, value_parser = ["imaging", "hl7-pumps", "attack"])]
        only: Option<String>,
    },
    /// Images with HL7 and pump feeds beside them, for benchmarks.
    Mix {
        /// The capture to write.
        #[arg(long)]
        out: PathBuf,
        /// About how large it is to be.
        #[arg(long, default_value_t = 150)]
        megabytes: u32,
    },
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
        Command::Record(what) => record(what, &arguments.pcaps)?,
        Command::Hl7 { out, megabytes } => {
            make::bulk::hl7(out, megabytes * 1_000_000).map_err(|error| error.to_string())?;
        }
        Command::Oui { listings, out } => {
            let count = make::oui::write(listings, out)?;
            println!("{count} blocks written to {}", out.display());
        }
        Command::Multiply { input, times, out } => {
            make::multiply::multiply(input, *times, out).map_err(|error| error.to_string())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn record(what: &Record, pcaps: &Path) -> Result<(), String> {
    let folder = pcaps.join("ward");
    let done = match what {
        Record::Ward { only } => match only.as_deref() {
            Some("imaging") => make::record::imaging(&folder.join("imaging.pcap"), None),
            Some("hl7-pumps") => make::record::pumps(&folder.join("hl7-pumps.pcap"), None),
            Some(_) => make::record::attack(&folder.join("attack.pcap"), None),
            None => make::record::ward(&folder),
        },
        Record::Mix { out, megabytes } => make::record::mix(
            out,
            &make::record::Mix {
                megabytes: *megabytes,
            },
        ),
    };
    done.map_err(|error| error.to_string())
}
