//! `vitalwire inspect`: the same pipeline as `run`, over files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use dataplane::capture::{ReadProgress, Source};
use dataplane::pipeline::{self, Finished, Running, Sources};
use indicatif::{ProgressBar, ProgressStyle};
use parsers::phi::Pseudonymizer;
use parsers::time::Time;
use rules::correlate::inventory::Snapshot;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::InspectArgs;
use crate::clock::{self, Stopwatch};
use crate::config::{self, Config};
use crate::error::Error;
use crate::observed::{Observed, Watched};
use crate::ruleset::Loaded;
use crate::sinks::file::EveFile;
use crate::sinks::tally::Tally;
use crate::sinks::{self, Counts};
use crate::stats::{self, About};
use crate::{engine, evidence, inventory, ruleset, site_key, summary, terminal};

/// What came of reading captures.
#[derive(Debug)]
pub struct Report {
    /// How the pipeline ended.
    pub finished: Finished,
    /// What was found.
    pub tally: Tally,
    /// Alerts whose evidence was written.
    pub evidence: u64,
    /// What the captures hold.
    pub seen: Observed,
    /// How long it took.
    pub elapsed: Duration,
    /// Lines that found no place on the disk.
    pub lost_lines: u64,
    /// What the system said to the last line that was lost.
    pub why_lost: Option<String>,
}

impl Report {
    /// Alerts of one rule.
    #[must_use]
    pub fn alerts_of(&self, rule: &str) -> u64 {
        self.tally.alerts.get(rule).map_or(0, |alerts| alerts.count)
    }
}

/// Reads the captures, writes eve.json, prints the summary.
///
/// # Errors
/// What could not be read or written.
pub fn run(args: &InspectArgs) -> Result<(), Error> {
    let config = configuration(args)?;
    let loaded = ruleset::load(&config)?;
    let site = match (&args.config, &args.state) {
        (_, Some(dir)) => site_key::of_state(dir)?,
        (Some(_), None) if config.site_key_file.is_some() => site_key::of_config(&config)?,
        _ => site_key::of_state(&site_key::home_state())?,
    };
    let before = match &args.state {
        Some(dir) => inventory::load(dir)?.map(Arc::new),
        None => None,
    };
    loaded
        .notes
        .iter()
        .for_each(|note| terminal::complain(note));
    let eve = args.out.join("eve.json");
    let watched = !args.quiet && terminal::is_watched();
    let run = Run {
        source: engine::files(&config.capture, &args.captures),
        eve: Some(&eve),
        watched,
        before,
    };
    let report = process_from(&config, &loaded, site, run)?;
    if let Some(dir) = &args.state {
        inventory::save(dir, &report.finished.summary.inventory)?;
    }
    if !args.quiet {
        terminal::show(&summary::text(&report, &loaded, &eve, &args.captures))?;
    }
    if report.lost_lines > 0 {
        return Err(Error::Failed(format!(
            "{}: {} lines could not be written and are missing: {}; make room, or name another --out",
            eve.display(),
            report.lost_lines,
            report.why_lost.as_deref().unwrap_or("the output stopped")
        )));
    }
    if report.finished.errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Capture(
            report
                .finished
                .errors
                .iter()
                .map(ToString::to_string)
                .collect(),
        ))
    }
}

fn configuration(args: &InspectArgs) -> Result<Config, Error> {
    let mut config = match &args.config {
        Some(path) => config::read(path)?,
        None => Config::default(),
    };
    config.rules.paths.extend(args.rules.iter().cloned());
    config.rules.default &= !args.no_default_rules;
    if let Some(workers) = args.workers {
        config.workers = workers;
    }
    config.capture.follow |= args.follow;
    Ok(config)
}

/// Runs the pipeline over files; writes lines to `eve` if there is one.
///
/// # Errors
/// An output that cannot be opened, a thread that the system refuses. What cannot be read of the
/// captures is in the report.
pub fn process(
    config: &Config,
    captures: &[PathBuf],
    loaded: &Loaded,
    site: Pseudonymizer,
    eve: Option<&Path>,
    watched: bool,
) -> Result<Report, Error> {
    let source = engine::files(&config.capture, captures);
    process_source(config, source, loaded, site, eve, watched)
}

/// The same over any source that ends.
///
/// # Errors
/// As [`process`].
pub fn process_source(
    config: &Config,
    source: Box<dyn Source>,
    loaded: &Loaded,
    site: Pseudonymizer,
    eve: Option<&Path>,
    watched: bool,
) -> Result<Report, Error> {
    let run = Run {
        source,
        eve,
        watched,
        before: None,
    };
    process_from(config, loaded, site, run)
}

/// What is read, and where to.
struct Run<'a> {
    source: Box<dyn Source>,
    eve: Option<&'a Path>,
    watched: bool,
    /// The devices that were known before.
    before: Option<Arc<Snapshot>>,
}

fn process_from(
    config: &Config,
    loaded: &Loaded,
    site: Pseudonymizer,
    run: Run<'_>,
) -> Result<Report, Error> {
    let Run {
        source,
        eve,
        watched,
        before,
    } = run;
    let watch = Stopwatch::start();
    let about = About {
        eve: engine::eve(config),
        key_id: site.key_id(),
        rules: loaded.counts(),
        packs: loaded.packs(),
    };
    let mut settings = engine::settings(config, site, false);
    settings.inventory = before;
    let evidence = evidence(config, &about, eve)?;
    settings.evidence = evidence.as_ref().map(evidence::Running::queue);
    let (source, seen) = Watched::new(source);
    let counts = Arc::new(Counts::default());
    let depth = settings.queue_depth;
    let file = match eve {
        Some(path) => {
            let file = EveFile::anew(path, Arc::clone(&counts))?;
            Some(sinks::spawn("eve", file, depth)?)
        }
        None => None,
    };
    let tally = sinks::spawn("tally", Tally::default(), depth)?;
    let mut outputs = vec![("tally", tally.queue())];
    outputs.extend(file.as_ref().map(|file| ("eve", file.queue())));
    let running = pipeline::start(
        settings,
        Sources::Spread(Box::new(source)),
        Arc::clone(&loaded.ruleset),
        outputs,
    )
    .map_err(|error| Error::Failed(format!("threads: {error}")))?;
    wait(&running, watched)?;
    let finished = running.wait();
    let tally = tally.finish().unwrap_or_default();
    let evidence = evidence.map_or(0, finished_evidence);
    if let Some(file) = file {
        let time = if tally.newest == Time::ZERO {
            clock::now()
        } else {
            tally.newest
        };
        file.send(stats::line(
            &about,
            time,
            watch.elapsed(),
            &finished.snapshot,
        ));
        drop(file.finish());
    }
    Ok(Report {
        finished,
        tally,
        evidence,
        seen: seen.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        elapsed: watch.elapsed(),
        lost_lines: counts.lost.load(Ordering::Relaxed),
        why_lost: counts.last_error(),
    })
}

/// Evidence goes beside the events.
fn evidence(
    config: &Config,
    about: &About,
    eve: Option<&Path>,
) -> Result<Option<evidence::Running>, Error> {
    let Some(eve) = eve.filter(|_| config.evidence.enabled) else {
        return Ok(None);
    };
    let about = evidence::About {
        eve: about.eve.clone(),
        key_id: about.key_id,
        live: false,
    };
    let bounds = engine::evidence_bounds(config);
    evidence::spawn(&evidence_dir(eve), bounds, about, true).map(Some)
}

/// Where it is, beside the events.
pub(crate) fn evidence_dir(eve: &Path) -> PathBuf {
    eve.with_file_name("evidence")
}

fn finished_evidence(running: evidence::Running) -> u64 {
    let counts = Arc::clone(running.counts());
    running.finish();
    counts.written.load(Ordering::Relaxed)
}

/// Until the pipeline has read everything, or somebody interrupts it: the first time it stops
/// reading, the second time at once.
fn wait(running: &Running, watched: bool) -> Result<(), Error> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let again = Arc::clone(&interrupted);
        flag::register_conditional_shutdown(signal, 1, again)
            .and_then(|_| flag::register(signal, Arc::clone(&interrupted)))
            .map_err(|error| Error::Failed(format!("signals: {error}")))?;
    }
    let bar = watched.then(|| bar(running.progress()));
    while !running.ends_within(POLL) {
        if interrupted.load(Ordering::Relaxed) {
            running.stop();
        }
        if let Some(bar) = &bar {
            let progress = running.progress();
            bar.set_length(progress.total.max(progress.bytes));
            bar.set_position(progress.bytes);
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(())
}

/// How often to look for signals, and to move the bar.
const POLL: Duration = Duration::from_millis(20);

/// A bar on stderr; of a pipe nobody knows how long it is.
fn bar(progress: ReadProgress) -> ProgressBar {
    let template = if progress.total == 0 {
        "{spinner} {bytes}  {bytes_per_sec}"
    } else {
        "{bar:40} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left"
    };
    let bar = ProgressBar::new(progress.total);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ward(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../pcaps/ward")
            .join(name)
    }

    /// The lines of one run, the stats line apart.
    fn lines(workers: u16, captures: &[PathBuf]) -> (Vec<String>, String, Report) {
        let config = Config {
            workers,
            ..Config::default()
        };
        let loaded = ruleset::load(&config).unwrap();
        let site = Pseudonymizer::new(&[7; 32]);
        let eve = crate::testing::dir(&format!("inspect-{workers}-{}", captures.len())).join("e");
        let report = process(&config, captures, &loaded, site, Some(&eve), false).unwrap();
        let text = std::fs::read_to_string(&eve).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let stats = lines.pop().unwrap();
        (lines, stats, report)
    }

    #[test]
    fn the_same_bytes_come_of_any_number_of_workers_and_stats_come_last() {
        let captures = ["attack.pcap", "hl7-pumps.pcap", "imaging.pcap"].map(ward);
        let (one, stats, report) = lines(1, &captures);
        assert!(report.finished.errors.is_empty());
        assert!(report.alerts_of("dicom-ae-brute") > 0);
        assert!(stats.contains("\"event_type\":\"stats\""));
        for workers in [2, 4, 8] {
            assert_eq!(one, lines(workers, &captures).0, "{workers} workers");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_and_the_rest_is_read() {
        let captures = [PathBuf::from("no-such.pcap"), ward("attack.pcap")];
        let (lines, _, report) = lines(1, &captures);
        assert_eq!(report.finished.errors.len(), 1);
        assert!(!lines.is_empty());
    }
}
