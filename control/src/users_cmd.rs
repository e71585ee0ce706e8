//! `vitalwire users`: for those who have the machine and no login any more.

use crate::auth::secret::Secret;
use crate::auth::{password, users};
use crate::cli::{ResetPasswordArgs, UsersCommand};
use crate::config;
use crate::engine;
use crate::error::Error;
use crate::store::{self, Store};
use crate::terminal;

/// Does it.
///
/// # Errors
/// No such user, a store that is in use or cannot be written.
pub fn run(command: &UsersCommand) -> Result<(), Error> {
    match command {
        UsersCommand::ResetPassword(args) => reset(args),
    }
}

fn reset(args: &ResetPasswordArgs) -> Result<(), Error> {
    let config = config::read(&args.config)?;
    let dir = config.store.dir.as_ref().unwrap_or(&config.state_dir);
    let settings = store::Settings::new(&config.store, engine::eve(&config));
    let store = Store::open(dir, settings, None)
        .map_err(|error| Error::Failed(format!("{error}; stop the appliance first")))?;
    // 96 bits, to be typed once.
    let fresh: String = Secret::random()?.tell().chars().take(24).collect();
    let edit = users::Edit {
        password: Some(password::hash(&fresh)?),
        enabled: Some(true),
        ..users::Edit::default()
    };
    let name = args.name.clone();
    let user = store.write(move |change| users::edit(change, &name, &edit, "system"));
    let user = user.map_err(|error| Error::Usage(error.to_string()))?;
    store.close();
    terminal::show(&format!(
        "{}: the password is {fresh} now; change it after the next login\n",
        user.name
    ))
}
