//! `vitalwire doctor`: what stands between this machine and a clean capture, each finding with the
//! exact command that mends it.

mod checks;
pub mod link;

use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::error::Error;
use crate::terminal::show;

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

/// One finding.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The interface, or empty for the machine.
    pub interface: String,
    /// What was looked at, in a word.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub what: String,
    /// The command that mends it, or empty.
    pub fix: String,
}

/// Examines and prints.
///
/// # Errors
/// No such interface, or a reader that went away. Findings are no errors, but that capture cannot
/// work is.
pub fn run(args: &DoctorArgs) -> Result<(), Error> {
    let findings = examine(args.interface.as_deref())?;
    if args.json {
        let mut text = serde_json::to_string_pretty(&findings).unwrap_or_default();
        text.push('\n');
        show(&text)?;
    } else {
        show(&as_text(&findings))?;
    }
    let failed = findings
        .iter()
        .filter(|f| f.verdict == Verdict::Fail)
        .count();
    if failed > 0 && args.interface.is_some() {
        return Err(Error::Failed(format!(
            "{failed} findings keep capture from working; mend them with the commands above"
        )));
    }
    Ok(())
}

/// Whether this process may capture at all: asked before anything else is opened or made.
///
/// # Errors
/// It may not; says what to do.
pub fn may_capture(interface: &str) -> Result<(), Error> {
    if checks::has_capability(checks::CAP_NET_RAW) {
        return Ok(());
    }
    Err(Error::Config(format!(
        "{interface}: not allowed to capture: this process has no CAP_NET_RAW; run it as root, by \
         its systemd unit, or: sudo setcap cap_net_raw+ep {}",
        checks::program()
    )))
}

/// Looks at the machine, and at one interface or all but the loopback.
///
/// # Errors
/// No such interface.
pub fn examine(interface: Option<&str>) -> Result<Vec<Finding>, Error> {
    let mut findings = checks::machine();
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
            findings.push(checks::in_use(&link));
        } else {
            findings.extend(checks::interface(&link));
        }
    }
    Ok(findings)
}

fn as_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    let mut section = None;
    for finding in findings {
        if section != Some(&finding.interface) {
            let title = if finding.interface.is_empty() {
                "this machine"
            } else {
                &finding.interface
            };
            text.push_str(&format!(
                "{}{title}\n",
                if section.is_some() { "\n" } else { "" }
            ));
            section = Some(&finding.interface);
        }
        let word = match finding.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Note => "note",
            Verdict::Warn => "WARN",
            Verdict::Fail => "FAIL",
        };
        text.push_str(&format!("  {word}  {}: {}\n", finding.check, finding.what));
        if !finding.fix.is_empty() {
            text.push_str(&format!("        mend: {}\n", finding.fix));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_can_be_examined_and_is_noisy() {
        let findings = examine(Some("lo")).unwrap();
        assert!(findings.iter().any(|f| f.check == "link"));
        for finding in findings.iter().filter(|f| f.verdict >= Verdict::Warn) {
            assert!(!finding.fix.is_empty(), "{finding:?} has no fix");
        }
    }

    #[test]
    fn a_missing_interface_is_named_beside_those_that_exist() {
        let text = examine(Some("lp")).unwrap_err().to_string();
        assert!(
            text.contains("no such interface") && text.contains("lo"),
            "{text}"
        );
    }
}
