//! The command line of `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `backup`.
#[derive(Args, Clone, Debug)]
#[command(
    after_long_help = "Works while the appliance runs: the store is copied by SQLite as it is at one moment. In
it are the state directory (site key, store, inventory, evidence), the configuration, and the keys,
certificates and rules that it names; not eve.json, nor captures. FILE is a zstd-compressed tar with
mode 0600 and checksums. Whoever has it can link pseudonyms to patients: keep it as safe as the
site key.

Exit codes: 0 written; 1 something cannot be read or written; 2 bad arguments or configuration.

Examples:
  sudo vitalwire backup /backup/sensor.tar.zst
  sudo vitalwire backup --no-evidence --force /backup/sensor.tar.zst     nightly, the same file"
)]
pub struct BackupArgs {
    /// The file to write.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The configuration of the sensor.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/vitalwire/vitalwire.yaml"
    )]
    pub config: PathBuf,
    /// Leave out evidence, which may be large.
    #[arg(long)]
    pub no_evidence: bool,
    /// Write over a file that is there.
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `restore`.
#[derive(Args, Clone, Debug)]
#[command(
    after_long_help = "Stop the appliance first. The whole backup is checked before anything is changed.
Files go to where they were, and belong to whoever owns the folder that they are put in. With
--config the state goes to where that configuration says, and configuration, keys and rules
outside of the state directory stay as they are.

Exit codes: 0 restored; 1 damaged, from a newer version, or an appliance runs; 2 something is in the
way (see --force), or bad arguments or configuration.

Examples:
  sudo systemctl stop vitalwire && sudo vitalwire restore /backup/sensor.tar.zst
  vitalwire restore --config new.yaml sensor.tar.zst     to other folders"
)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Put the state where this configuration says.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Overwrite what is there; what the backup does not have stays.
    #[arg(long)]
    pub force: bool,
}
