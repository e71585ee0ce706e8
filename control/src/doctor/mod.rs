//! `vitalwire doctor`: what stands between this machine and a clean capture, each finding with the
//! exact command that mends it. It reads and listens; it changes nothing.

mod bpf;
mod card;
mod dpdk;
mod host;
mod huge;
mod interface;
mod interrupts;
pub mod link;
mod listen;
#[cfg(feature = "dpdk")]
mod port;
mod report;
mod room;
mod span;
mod switch;
mod system;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::cli::DoctorArgs;
use crate::config::{self, CaptureSource, Config};
use crate::error::Error;
use crate::terminal::show;

pub use switch::Dialect;

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// Costs frames, or makes noise.
    Warn,
    /// Capture cannot work.
    Fail,
}

/// What a finding is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// The machine.
    Machine,
    /// An interface of it.
    Interface,
    /// What comes in, or what a recording holds.
    Span,
}

/// One finding.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What it is of.
    pub about: About,
    /// The interface or the recording, or empty for the machine.
    pub interface: String,
    /// What was looked at, in a word.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub what: String,
    /// The command that mends it, or empty.
    pub fix: String,
    /// What mends it on a switch: commands by dialect.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub switch: BTreeMap<&'static str, Vec<String>>,
    /// Numbers behind it, for programs.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub facts: Value,
}

impl Finding {
    fn machine(check: &'static str, verdict: Verdict, what: impl Into<String>) -> Self {
        Self {
            about: About::Machine,
            interface: String::new(),
            check,
            verdict,
            what: what.into(),
            fix: String::new(),
            switch: BTreeMap::new(),
            facts: Value::Null,
        }
    }

    fn of(interface: &str, check: &'static str, verdict: Verdict, what: impl Into<String>) -> Self {
        Self {
            about: About::Interface,
            interface: interface.to_owned(),
            ..Self::machine(check, verdict, what)
        }
    }

    fn span(source: &str, check: &'static str, verdict: Verdict, what: impl Into<String>) -> Self {
        Self {
            about: About::Span,
            ..Self::of(source, check, verdict, what)
        }
    }

    /// With the command that mends it.
    fn fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: fix.into(),
            ..self
        }
    }
}

/// Examines, listens, and prints.
///
/// # Errors
/// No such interface or recording, or a reader that went away. Findings are no errors, but that
/// capture cannot work is.
pub fn run(args: &DoctorArgs) -> Result<(), Error> {
    let config = match &args.config {
        Some(path) => config::read(path)?,
        None => Config::default(),
    };
    let named = args
        .interface
        .as_ref()
        .or(config.capture.interface.as_ref());
    let findings = match (&args.capture, named) {
        (Some(capture), _) => listen::recording(capture, &config, args.switch)?,
        (None, Some(name)) => {
            let mut findings = examine(Some(name), &config)?;
            if !args.no_listen {
                findings.extend(listen::live(name, args.listen.0, &config, args.switch)?);
            }
            findings
        }
        (None, None) if config.capture.source == CaptureSource::Dpdk => {
            let mut findings = machine(&config);
            if !args.no_listen {
                findings.extend(listen::dpdk(args.listen.0, &config, args.switch));
            }
            findings
        }
        (None, None) => examine(None, &config)?,
    };
    if args.json {
        let mut text = serde_json::to_string_pretty(&findings).unwrap_or_default();
        text.push('\n');
        show(&text)?;
    } else {
        show(&report::text(&findings))?;
    }
    let is_dpdk = config.capture.source == CaptureSource::Dpdk;
    let failed = findings.iter().filter(|f| f.verdict == Verdict::Fail);
    match failed.count() {
        0 => Ok(()),
        _ if named.is_none() && args.capture.is_none() && !is_dpdk => Ok(()),
        1 => Err(Error::Failed(
            "1 finding keeps capture from working; mend it as said above".to_owned(),
        )),
        several => Err(Error::Failed(format!(
            "{several} findings keep capture from working; mend them as said above"
        ))),
    }
}

/// Whether this process may capture at all: asked before anything else is opened or made.
///
/// # Errors
/// It may not; says what to do.
pub fn may_capture(interface: &str) -> Result<(), Error> {
    if system::may_capture() {
        return Ok(());
    }
    Err(Error::Config(format!(
        "{interface}: not allowed to capture: this process has no CAP_NET_RAW; run it as root, by \
         its systemd unit, or: sudo setcap cap_net_raw+ep {}",
        system::program()
    )))
}

/// Looks at the machine, and at one interface or all but the loopback.
///
/// # Errors
/// No such interface.
pub fn examine(interface: Option<&str>, config: &Config) -> Result<Vec<Finding>, Error> {
    let mut findings = machine(config);
    let names = match interface {
        Some(name) => vec![name.to_owned()],
        None => link::names()
            .into_iter()
            .filter(|name| name != "lo")
            .collect(),
    };
    for name in names {
        let link = link::Link::read(&name)?;
        if interface.is_none() && !link.addresses.is_empty() {
            findings.push(interface::in_use(&link));
        } else {
            findings.extend(interface::all(&link));
            findings.extend(card::all(&name));
            findings.extend(interrupts::all(&name));
        }
    }
    Ok(findings)
}

/// What is the same whatever is captured from.
fn machine(config: &Config) -> Vec<Finding> {
    let mut findings = host::all();
    findings.extend(bpf::all(config));
    findings.extend(room::all(config));
    findings.extend(huge::all(config));
    findings.extend(dpdk::all(config));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_can_be_examined_and_is_noisy() {
        let findings = examine(Some("lo"), &Config::default()).unwrap();
        assert!(findings.iter().any(|f| f.check == "link"));
        for finding in findings.iter().filter(|f| f.verdict >= Verdict::Warn) {
            assert!(!finding.fix.is_empty(), "{finding:?} has no fix");
        }
    }

    #[test]
    fn a_missing_interface_is_named_beside_those_that_exist() {
        let missing = examine(Some("lp"), &Config::default());
        let text = missing.unwrap_err().to_string();
        assert!(
            text.contains("no such interface") && text.contains("lo"),
            "{text}"
        );
    }
}
