//! `vitalwire audit`: is the audit log as it was written?

use std::path::{Path, PathBuf};

use crate::cli::{AuditCommand, AuditVerifyArgs};
use crate::config::{self, Config};
use crate::error::Error;
use crate::store::{self, audit};
use crate::terminal;

/// Does it.
///
/// # Errors
/// A chain that is broken, a store that cannot be read.
pub fn run(command: &AuditCommand) -> Result<(), Error> {
    match command {
        AuditCommand::Verify(args) => verify(args),
    }
}

fn verify(args: &AuditVerifyArgs) -> Result<(), Error> {
    let file = file(args)?;
    let conn = store::read_only(&file).map_err(|error| unreadable(&file, &error))?;
    let chain = audit::verify(&conn, &args.contains).map_err(|error| unreadable(&file, &error))?;
    let file = file.display();
    if let Some((seq, fault)) = chain.broken {
        return Err(Error::Failed(format!(
            "{file}: the audit log is broken at entry {seq}: {fault}; \
             compare with what sinks received"
        )));
    }
    let begins = chain.begins;
    if !chain.contains {
        let or = if begins > 1 {
            format!(
                ", or it is older than entry {begins}, with which the log begins since retention"
            )
        } else {
            String::new()
        };
        return Err(Error::Failed(format!(
            "{file}: the audit log is whole, but {} is not in it: its end was cut, or all of it \
             written anew{or}",
            args.contains
        )));
    }
    let from = if begins > 1 {
        format!(" from {begins} on (retention removed those before)")
    } else {
        String::new()
    };
    terminal::show(&format!(
        "{file}: whole; {} entries{from}, the last one {}\n",
        chain.entries, chain.head
    ))
}

fn file(args: &AuditVerifyArgs) -> Result<PathBuf, Error> {
    if let Some(file) = &args.store {
        return Ok(file.clone());
    }
    let config = match &args.config {
        Some(path) => config::read(path)?,
        None => Config::default(),
    };
    let dir = config.store.dir.unwrap_or(config.state_dir);
    Ok(dir.join(store::FILE))
}

fn unreadable(file: &Path, error: &store::Error) -> Error {
    Error::Failed(format!(
        "{}: {error}; name the store with --store or --config",
        file.display()
    ))
}
