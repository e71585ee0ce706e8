//! `vitalwire rules bench`: the same captures with and without the rules.

use std::time::Duration;

use parsers::phi::Pseudonymizer;
use rules::Ruleset;

use crate::cli::RulesBenchArgs;
use crate::config::Config;
use crate::error::Error;
use crate::inspect::process;
use crate::ledger;
use crate::ruleset::Loaded;
use crate::summary::grouped;
use crate::terminal::show;

/// Measures and prints.
///
/// # Errors
/// Rules that do not compile; captures that cannot be read.
pub(super) fn run(args: &RulesBenchArgs) -> Result<(), Error> {
    let with = super::load(&args.rules)?;
    let without = Loaded::new(Ruleset::empty());
    let mut times = [Vec::new(), Vec::new()];
    let mut frames = 0;
    // Interleaved, so that a machine that slows down slows down both.
    for _ in 0..args.repeat.max(1) {
        for (loaded, times) in [&without, &with].into_iter().zip(&mut times) {
            let site = Pseudonymizer::new(&[0; 32]);
            let report = process(&Config::default(), &args.capture, loaded, site, None, false)?;
            if let Some(error) = report.finished.errors.first() {
                return Err(Error::Capture(vec![error.to_string()]));
            }
            frames = report.finished.snapshot.total(ledger::FRAMES_READ);
            times.push(report.elapsed);
        }
    }
    let [without, with_rules] = times.map(median);
    let (armed, _) = with.counts();
    show(&format!(
        "{} frames, median of {}\n  without rules  {:>9.3} ms\n  {armed:>4} rules     {:>9.3} ms\n",
        grouped(frames),
        args.repeat.max(1),
        without.as_secs_f64() * 1e3,
        with_rules.as_secs_f64() * 1e3,
    ))?;
    let cost = with_rules.saturating_sub(without).as_nanos();
    let per_frame = cost.checked_div(u128::from(frames)).unwrap_or(0);
    show(&format!("  the rules cost {per_frame} ns a frame\n"))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
