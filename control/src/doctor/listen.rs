//! Listening to an interface for some seconds, or reading a recording, with a judge before it.

use std::path::Path;
use std::time::Duration;

use dataplane::capture::files::Files;
use dataplane::capture::live::{Live, Settings};
use dataplane::capture::{Losses, Source};
use dataplane::span::{self, Judge};
use indicatif::{ProgressBar, ProgressStyle};

use super::link::Link;
use super::span::{expect, told};
use super::switch::Dialect;
use super::system::text;
use super::{Finding, Verdict};
use crate::clock::{self, Stopwatch};
use crate::config::Config;
use crate::error::Error;
use crate::{doctor, terminal};

/// Listens and judges what comes in.
///
/// # Errors
/// The interface went away meanwhile.
pub(super) fn live(
    name: &str,
    span: Duration,
    config: &Config,
    dialect: Option<Dialect>,
) -> Result<Vec<Finding>, Error> {
    let before = Link::read(name)?;
    let not = |why: String| {
        let what = format!("not listened to: {why}");
        Ok(vec![Finding::span(name, "heard", Verdict::Note, what)])
    };
    if doctor::may_capture(name).is_err() {
        return not("this process may not capture".to_owned());
    }
    if !before.is_up() {
        return not("the interface is down".to_owned());
    }
    let mut source = match Live::open(&settings(name, config)) {
        Ok(source) => source,
        Err(error) => return not(error.to_string()),
    };
    let own = mac(&text(format!("/sys/class/net/{name}/address")));
    let mut judge = Judge::new(expect(config, own));
    judge.begin(clock::now());
    let mut promiscuous = None;
    let watch = Stopwatch::start();
    let bar = progress(name, span);
    let listened = span::watch(&mut source, &mut judge, |judge| {
        promiscuous.get_or_insert_with(|| Link::read(name).is_ok_and(|now| now.is_promiscuous()));
        let elapsed = watch.elapsed();
        bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
        bar.set_message(format!("{} frames", judge.tally().frames));
        elapsed < span
    });
    bar.finish_and_clear();
    let mut findings = told(name, name, &judge, clock::now(), dialect);
    if let Err(error) = listened {
        let what = format!("listening ended early: {error}");
        findings.push(Finding::span(name, "heard", Verdict::Fail, what));
    }
    if config.capture.promiscuous && promiscuous == Some(false) {
        let what = "the driver did not switch promiscuous mode on: frames for others are not seen";
        findings.push(
            Finding::span(name, "promiscuous", Verdict::Fail, what)
                .fix(format!("sudo ip link set dev {name} promisc on")),
        );
    }
    findings.push(losses(name, source.losses(), &before, &Link::read(name)?));
    findings.extend(spoken(name, &before, &Link::read(name)?));
    Ok(findings)
}

/// Opens the port of DPDK as `run` would, tells how it came to be, and judges what comes in. The
/// port is closed again.
#[cfg(feature = "dpdk")]
pub(super) fn dpdk(span: Duration, config: &Config, dialect: Option<Dialect>) -> Vec<Finding> {
    let mut port = match crate::dpdk::listen(config) {
        Ok(port) => port,
        Err(error) => return vec![super::port::closed(&error.to_string())],
    };
    let name = port.device.clone();
    let mut findings = super::port::all(config, &port);
    let mut judge = Judge::new(expect(config, None));
    judge.begin(clock::now());
    let watch = Stopwatch::start();
    let bar = progress(&name, span);
    while watch.elapsed() < span {
        for queue in &mut port.queues {
            // One batch of each queue in turn.
            if let Err(error) = span::watch(queue, &mut judge, |_| false) {
                let what = format!("listening ended early: {error}");
                findings.push(Finding::span(&name, "heard", Verdict::Fail, what));
                break;
            }
        }
        bar.set_position(u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX));
        bar.set_message(format!("{} frames", judge.tally().frames));
    }
    bar.finish_and_clear();
    findings.extend(told(&name, "IF", &judge, clock::now(), dialect));
    let lost = port.queues.first_mut().map(Source::losses);
    findings.push(super::port::losses(&name, lost.unwrap_or_default()));
    findings
}

/// A configuration that wants DPDK is refused before where there is none.
#[cfg(not(feature = "dpdk"))]
pub(super) fn dpdk(_: Duration, _: &Config, _: Option<Dialect>) -> Vec<Finding> {
    Vec::new()
}

/// Judges a recording.
///
/// # Errors
/// The file cannot be read at all.
pub(super) fn recording(
    path: &Path,
    config: &Config,
    dialect: Option<Dialect>,
) -> Result<Vec<Finding>, Error> {
    let mut source = Files::new(vec![path.to_path_buf()]);
    let mut judge = Judge::new(expect(config, None));
    let read = span::watch(&mut source, &mut judge, |_| true);
    let name = path.display().to_string();
    if let Err(error) = &read
        && judge.tally().frames == 0
    {
        return Err(Error::Capture(vec![error.to_string()]));
    }
    let mut findings = told(&name, "IF", &judge, judge.now(), dialect);
    if let Err(error) = read {
        let what = format!("read in part only: {error}");
        findings.push(Finding::span(&name, "recording", Verdict::Warn, what));
    }
    Ok(findings)
}

/// As `run` would listen, but nothing is prepared, since a doctor changes nothing, and nothing is
/// filtered: the mirror is judged, not what a filter leaves of it.
fn settings(name: &str, config: &Config) -> Settings {
    let capture = &config.capture;
    Settings {
        interface: name.to_owned(),
        snap_len: capture.snaplen,
        ring_bytes: u32::try_from(capture.buffer.0).unwrap_or(u32::MAX),
        promiscuous: capture.promiscuous,
        inbound_only: false,
        filter: None,
        prepare: None,
    }
}

/// A bar on stderr, if somebody watches.
fn progress(name: &str, span: Duration) -> ProgressBar {
    if !terminal::is_watched() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    if let Ok(style) =
        ProgressStyle::with_template("listening on {prefix} {bar:30} {msg}, {eta} left")
    {
        bar.set_style(style);
    }
    bar.set_prefix(name.to_owned());
    bar
}

fn losses(name: &str, ours: Losses, before: &Link, after: &Link) -> Finding {
    let card = after.missed.saturating_sub(before.missed);
    if ours.kernel == 0 && card == 0 {
        let what = "nothing was lost while listening";
        return Finding::span(name, "losses", Verdict::Ok, what);
    }
    let what = format!(
        "while listening, {} frames were lost in the kernel's ring and {card} in card or driver",
        ours.kernel
    );
    let fix = if ours.kernel > 0 {
        "in the configuration: capture: {buffer: 512MiB}".to_owned()
    } else {
        format!("ethtool -S {name} | grep -iE 'drop|miss|error'")
    };
    Finding::span(name, "losses", Verdict::Warn, what).fix(fix)
}

fn spoken(name: &str, before: &Link, after: &Link) -> Option<Finding> {
    let sent = after.sent.saturating_sub(before.sent);
    let what = format!("this machine sent {sent} frames on it while we listened");
    (sent > 0).then(|| {
        Finding::span(name, "sent", Verdict::Warn, what).fix(format!(
            "sudo systemctl start vitalwire-silence@{name}.service"
        ))
    })
}

/// `02:00:00:00:00:01`.
fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = text.split(':').map(|hex| u8::from_str_radix(hex, 16).ok());
    let mut mac = [0; 6];
    for byte in &mut mac {
        *byte = bytes.next()??;
    }
    bytes.next().is_none().then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_six_bytes() {
        assert_eq!(mac("02:00:00:00:00:0a"), Some([2, 0, 0, 0, 0, 10]));
        assert_eq!(mac(""), None);
        assert_eq!(mac("02:00:00:00:00:0a:0b"), None);
    }

    #[test]
    fn a_recording_is_judged_and_a_missing_one_is_an_error() {
        let ward = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps/ward/imaging.pcap");
        let findings = recording(&ward, &Config::default(), None).unwrap();
        let has = |check| findings.iter().any(|f| f.check == check);
        assert!(
            has("heard") && has("medical") && has("directions"),
            "{findings:?}"
        );
        assert!(!has("one-sided") && !has("access-port"), "{findings:?}");
        assert!(recording(Path::new("no-such.pcap"), &Config::default(), None).is_err());
    }

    #[test]
    fn a_recording_without_the_tags_that_were_expected_is_mended_on_the_switch() {
        let ward = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps/ward/imaging.pcap");
        let mut config = Config::default();
        config.capture.expect_vlans = vec![30, 40];
        let findings = recording(&ward, &config, Some(Dialect::Ios)).unwrap();
        let untagged = findings.iter().find(|f| f.check == "untagged").unwrap();
        assert_eq!(untagged.switch.len(), 1, "{untagged:?}");
        assert!(untagged.switch["ios"][0].ends_with("encapsulation replicate"));
        assert!(!findings.iter().any(|f| f.check == "silent-vlan"));
    }

    #[test]
    fn losses_while_listening_are_told_with_where() {
        let before = Link::default();
        let after = Link {
            missed: 3,
            ..Link::default()
        };
        let none = losses("span0", Losses::default(), &before, &before);
        assert_eq!(none.verdict, Verdict::Ok);
        let card = losses("span0", Losses::default(), &before, &after);
        assert!(card.fix.starts_with("ethtool -S span0"), "{card:?}");
        let ring = Losses {
            kernel: 5,
            ..Losses::default()
        };
        let ring = losses("span0", ring, &before, &before);
        assert!(ring.fix.contains("buffer"), "{ring:?}");
    }
}
