//! `vitalwire pseudonym`: what a value somebody already knows is called in our events. Forward only.

use std::io::Read;

use parsers::phi::Class;

use crate::cli::PseudonymArgs;
use crate::error::{Error, did_you_mean};
use crate::{config, site_key, terminal};

/// Prints the pseudonym.
///
/// # Errors
/// No such class, or no key.
pub fn run(args: &PseudonymArgs) -> Result<(), Error> {
    let class = class(&args.class)?;
    let site = match (&args.config, &args.key_file, &args.state) {
        (Some(path), ..) => site_key::of_config(&config::read(path)?)?,
        (_, Some(path), _) => site_key::read(path)?,
        (_, _, Some(dir)) => site_key::of_state(dir)?,
        _ => site_key::of_state(&site_key::home_state())?,
    };
    let value = if args.value == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Error::Failed(format!("stdin: {error}")))?;
        text.trim_end_matches(['\n', '\r']).to_owned()
    } else {
        args.value.clone()
    };
    terminal::show(&format!("{}\n", site.of_value(class, value.as_bytes())))
}

fn class(word: &str) -> Result<Class, Error> {
    let words = || Class::PSEUDONYMOUS.iter().map(|class| class.word());
    Class::PSEUDONYMOUS
        .iter()
        .copied()
        .find(|class| class.word() == word)
        .ok_or_else(|| {
            let known: Vec<&str> = words().collect();
            Error::Usage(format!(
                "--class {word}: no such class{}; known: {}",
                did_you_mean(word, words()),
                known.join(", ")
            ))
        })
}
