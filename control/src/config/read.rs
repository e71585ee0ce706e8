//! Reading the configuration: every mistake with line, column and what was probably meant.

use std::path::Path;

use super::{Capture, CaptureSource, Config, place};
use crate::error::{Error, did_you_mean};

/// Reads and checks a file.
///
/// # Errors
/// One line: where the mistake is and what to do.
pub fn read(path: &Path) -> Result<Config, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::Config(format!(
            "{}: {error}; `vitalwire config example` prints a configuration to start from",
            path.display()
        ))
    })?;
    parse(&path.display().to_string(), &text)
}

/// Parses and checks a text; `name` is for messages.
///
/// # Errors
/// One line: where the mistake is and what to do.
pub fn parse(name: &str, text: &str) -> Result<Config, Error> {
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        return Ok(Config::default());
    }
    let options = serde_yaml::options! { with_snippet: false };
    let mut config: Config = serde_yaml::from_str_with_options(text, options)
        .map_err(|error| Error::Config(explain(name, text, error)))?;
    let buffer = &mut config.capture.buffer;
    if buffer.0 == 0 {
        *buffer = Capture::share(config.limits.memory);
    }
    check(&config).map_err(|what| placed(name, text, &what))?;
    Ok(config)
}

/// Tries whether sinks can be made of a configuration that was read from a file: their secrets are
/// there, and what they name can be read. Nothing is sent.
///
/// # Errors
/// One line: where the mistake is and what to do.
pub fn try_sinks(path: &Path, config: &Config) -> Result<(), Error> {
    let tried = config
        .sinks
        .iter()
        .try_for_each(|sink| crate::deliver::make(sink, None).map(drop));
    tried.map_err(|error| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        placed(&path.display().to_string(), &text, &error.to_string())
    })
}

fn placed(name: &str, text: &str, what: &str) -> Error {
    let place = place::of(text, what);
    let place = place.map_or_else(String::new, |(line, column)| format!("{line}:{column}:"));
    Error::Config(format!("{name}:{place} {what}"))
}

fn explain(name: &str, text: &str, error: serde_yaml::Error) -> String {
    let error = error.without_snippet();
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let at = error.location();
    let at = at.map(|at| (count(at.line()), count(at.column())));
    // Of what has a type only the begin is known.
    let place = match (&error, at) {
        (serde_yaml::Error::SerdeUnknownField { field, .. }, Some(begin)) => {
            place::behind(text, begin, field).or(at)
        }
        _ => at,
    };
    let place = place.map_or_else(String::new, |(line, column)| format!("{line}:{column}: "));
    let what = match &error {
        serde_yaml::Error::SerdeUnknownField {
            field, expected, ..
        } => format!(
            "unknown key `{field}`{}; known here: {}",
            did_you_mean(field, expected.iter().copied()),
            expected.join(", ")
        ),
        serde_yaml::Error::SerdeUnknownVariant {
            variant, expected, ..
        } => format!(
            "`{variant}` is not one of {}{}",
            expected.join(", "),
            did_you_mean(variant, expected.iter().copied())
        ),
        other => plain(&first_line(&other.to_string())),
    };
    format!("{name}:{place}{what}")
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    line.split(" at line ").next().unwrap_or(line).to_owned()
}

/// What the parser says, as somebody says it who has to mend it.
fn plain(said: &str) -> String {
    let better = match said {
        "expected sequence start" => "expected a list, as [one, another]",
        "expected mapping start" => "expected keys with values here, as `key: value`",
        "invalid u16" => "expected a whole number from 0 to 65535",
        "invalid u32" => "expected a whole number from 0 to 4294967295",
        "invalid u64" => "expected a whole number, 0 or more",
        "invalid socket address syntax" => "expected an address and a port, as 127.0.0.1:9470",
        _ => said
            .split(", set DuplicateKeyPolicy")
            .next()
            .unwrap_or(said),
    };
    better.to_owned()
}

/// What types cannot say. A message begins with its key.
fn check(config: &Config) -> Result<(), String> {
    if config.capture.interface.is_some() && !config.capture.files.is_empty() {
        return Err("capture.interface and capture.files exclude each other; keep one".to_owned());
    }
    if config.capture.follow && config.capture.repeat {
        return Err("capture.follow and capture.loop exclude each other; keep one".to_owned());
    }
    if !config.capture.round.0.is_zero() && !config.capture.repeat {
        return Err(
            "capture.round is the length of a round of capture.loop; set that too".to_owned(),
        );
    }
    check_source(config)?;
    check_api(&config.api)?;
    crate::deliver::check(config)?;
    if config.limits.memory < super::Bytes::mib(64) {
        return Err("limits.memory is below 64MiB, the least that the tables need".to_owned());
    }
    if config.limits.queue_depth == 0 {
        return Err("limits.queue_depth has to be at least 1".to_owned());
    }
    if !(64..=262_144).contains(&config.capture.snaplen) {
        return Err("capture.snaplen has to be within 64 and 262144".to_owned());
    }
    if config.capture.buffer > super::Bytes::mib(2047) {
        return Err("capture.buffer has to be below 2GiB, the most that libpcap takes".to_owned());
    }
    let vlans = &config.capture.expect_vlans;
    if let Some(wrong) = vlans.iter().find(|id| !(1..=4094).contains(*id)) {
        return Err(format!(
            "capture.expect_vlans: {wrong} is no VLAN; they are 1 to 4094"
        ));
    }
    for name in &config.outputs.eve.types {
        let known = event_types();
        if !known.contains(&name.as_str()) {
            let hint = did_you_mean(name, known.iter().copied());
            return Err(format!("outputs.eve.types: no event type `{name}`{hint}"));
        }
    }
    Ok(())
}

/// What does not go together, and what would lock everybody out.
fn check_api(api: &super::Api) -> Result<(), String> {
    if api.tls.cert.is_some() != api.tls.key.is_some() {
        return Err("api.tls.cert and api.tls.key belong together; name both".to_owned());
    }
    let limits = &api.limits;
    let counts = [
        limits.connections,
        limits.connections_of_address,
        limits.rate,
    ];
    if counts.contains(&0) || limits.timeout.0.is_zero() || limits.body.0 == 0 {
        return Err("api.limits: 0 would let nobody in".to_owned());
    }
    if api.session.idle.0.is_zero() || api.session.total < api.session.idle {
        return Err("api.session: idle has to be above 0s, total at least idle".to_owned());
    }
    Ok(())
}

/// What the source needs, and what does not go with it.
fn check_source(config: &Config) -> Result<(), String> {
    let capture = &config.capture;
    let named = capture.interface.is_some() || !capture.files.is_empty();
    match capture.source {
        CaptureSource::Remote if named => Err(
            "capture.source remote takes what is sent to capture.remote.address; leave out \
             capture.interface and capture.files"
                .to_owned(),
        ),
        CaptureSource::Remote if capture.remote.ports.is_empty() && !capture.remote.gre => {
            Err("capture.remote: no port and no gre; name what mirrors send".to_owned())
        }
        CaptureSource::Dpdk => check_dpdk(capture, named),
        _ => Ok(()),
    }
}

fn check_dpdk(capture: &Capture, named: bool) -> Result<(), String> {
    if cfg!(not(feature = "dpdk")) {
        return Err(crate::dpdk::MISSING.to_owned());
    }
    if named {
        return Err(
            "capture.source dpdk takes its port from capture.dpdk.port; leave out \
             capture.interface and capture.files"
                .to_owned(),
        );
    }
    if capture.dpdk.burst == 0 || capture.dpdk.mbufs < 2 * u32::from(capture.dpdk.burst) {
        return Err(
            "capture.dpdk.burst has to be at least 1, and mbufs at least twice that".to_owned(),
        );
    }
    Ok(())
}

/// Every `event_type` that an output may be limited to.
fn event_types() -> Vec<&'static str> {
    let ours = [
        "alert",
        "stats",
        "heartbeat",
        "incident",
        "finding",
        "audit",
    ];
    parsers::kinds::ALL
        .iter()
        .map(|kind| kind.name)
        .chain(ours)
        .collect()
}
