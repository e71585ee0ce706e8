//! `vitalwire sinks`: which there are, and does a message arrive?

use serde_json::json;

use super::make;
use crate::cli::{SinksCommand, SinksTestArgs};
use crate::clock::{self, Stopwatch};
use crate::config::{self, Config, Sink};
use crate::error::{Error, did_you_mean};
use crate::outbox::{Entry, Kind};
use crate::{engine, terminal};

/// Does it.
///
/// # Errors
/// No such sink, or what keeps the message from being delivered.
pub fn run(command: &SinksCommand) -> Result<(), Error> {
    match command {
        SinksCommand::Test(args) => test(args),
    }
}

fn test(args: &SinksTestArgs) -> Result<(), Error> {
    let config = config::read(&args.config)?;
    let told = send(&config, &args.name)?;
    terminal::show(&format!("{told}\n"))
}

/// Sends one message to a sink, past the outbox, and says what became of it.
///
/// # Errors
/// No such sink, or what keeps the message from being delivered.
pub fn send(config: &Config, name: &str) -> Result<String, Error> {
    let sink = find(config, name)?;
    let entry = message(config);
    let mut way = make(sink, None)?;
    let since = Stopwatch::start();
    let outcome = way.deliver(std::slice::from_ref(&entry));
    let (name, id, millis) = (sink.name(), &entry.id, since.elapsed().as_millis());
    outcome.map_err(|failure| {
        let also = if failure.again {
            ""
        } else {
            " (such an answer gives an entry up)"
        };
        Error::Failed(format!("{name}: not delivered: {}{also}", failure.why))
    })?;
    let how = match sink {
        Sink::Syslog(_) => "written; syslog acknowledges nothing, so look whether it arrived",
        _ => "taken by the receiver",
    };
    Ok(format!("{name}: {how}: {id}, {millis} ms"))
}

fn find<'a>(config: &'a Config, name: &str) -> Result<&'a Sink, Error> {
    let names = || config.sinks.iter().map(Sink::name);
    let found = config.sinks.iter().find(|sink| sink.name() == name);
    found.ok_or_else(|| {
        let hint = did_you_mean(name, names());
        let known: Vec<&str> = names().collect();
        Error::Usage(format!(
            "no sink is named `{name}`{hint}; there are: {}",
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        ))
    })
}

/// A message that says what it is.
fn message(config: &Config) -> Entry {
    let now = clock::now();
    let id = format!("test-{}", now.0);
    let body = json!({
        "id": id,
        "explain": "Somebody asked Vitalwire to send a message, to see whether it arrives.",
    });
    let mut line = Vec::with_capacity(512);
    let eve = engine::eve(config);
    eve.open(now, Kind::Test.word(), &mut line);
    eve.ours(&mut line);
    line.extend_from_slice(format!("}},\"test\":{body}}}").as_bytes());
    Entry {
        seq: 0,
        kind: Kind::Test,
        id,
        action: "create".to_owned(),
        created: now.0.div_euclid(1_000),
        json: String::from_utf8_lossy(&line).into_owned(),
    }
}
