//! `vitalwire rules test`: each rule on the captures that it names, through the same pipeline as
//! `inspect`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parsers::phi::Pseudonymizer;
use rules::{Rule, RuleTest, Then};

use crate::cli::RulesTestArgs;
use crate::config::Config;
use crate::engine;
use crate::error::Error;
use crate::inspect::{Report, process_source};
use crate::ruleset::{Loaded, Sources};
use crate::terminal::show;

use super::ending::Ending;

type Sets = BTreeMap<String, Vec<String>>;

/// Runs every test and prints how it went.
///
/// # Errors
/// Rules that do not compile; tests that failed.
pub(super) fn run(args: &RulesTestArgs) -> Result<(), Error> {
    let sources = super::sources(&args.rules)?;
    let loaded = sources.compile()?;
    let mut bench = Bench {
        sources,
        pcaps: args.pcaps.clone(),
        rulesets: BTreeMap::new(),
        reports: BTreeMap::new(),
    };
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for rule in loaded.ruleset.rules() {
        let outcomes = rule.tests.iter().map(|test| bench.test(rule, test));
        let mut outcomes: Vec<Result<String, String>> = outcomes.collect();
        outcomes.extend(missing(rule).map(|what| Err(what.to_owned())));
        for outcome in outcomes {
            let (word, text, count) = match outcome {
                Ok(text) => ("pass", text, &mut passed),
                Err(text) => ("FAIL", text, &mut failed),
            };
            *count = count.saturating_add(1);
            show(&format!("{word}  {}: {text}\n", rule.id))?;
        }
    }
    show(&format!("{passed} passed, {failed} failed\n"))?;
    if failed > 0 {
        return Err(Error::Failed(format!(
            "{failed} rule tests failed; see above"
        )));
    }
    Ok(())
}

/// A rule without a firing and a silent test does not ship.
fn missing(rule: &Rule) -> impl Iterator<Item = &'static str> {
    let fires = rule.tests.iter().any(|test| test.alerts > 0);
    let silent = rule.tests.iter().any(|test| test.alerts == 0);
    [
        (fires, "has no test that fires it"),
        (silent, "has no test on which it is silent"),
    ]
    .into_iter()
    .filter_map(|(there, what)| (!there).then_some(what))
}

/// What tests share: many name the same capture with the same sets.
struct Bench {
    sources: Sources,
    pcaps: PathBuf,
    rulesets: BTreeMap<Sets, Loaded>,
    reports: BTreeMap<(PathBuf, Then, Sets), Report>,
}

impl Bench {
    fn test(&mut self, rule: &Rule, test: &RuleTest) -> Result<String, String> {
        let capture = self.find(rule, test)?;
        let key = (capture, test.then, test.sets.clone());
        if !self.reports.contains_key(&key) {
            let report = self
                .read(&key.0, key.1, &key.2)
                .map_err(|error| error.to_string())?;
            self.reports.insert(key.clone(), report);
        }
        let report = self.reports.get(&key).ok_or("was not run")?;
        if let Some(error) = report.finished.errors.first() {
            return Err(error.to_string());
        }
        let alerts = report.alerts_of(&rule.id);
        let wanted = u64::from(test.alerts);
        if alerts == wanted {
            Ok(format!("{} gives {wanted}", test.pcap))
        } else {
            Err(format!(
                "{} gives {alerts} alerts, {wanted} expected",
                test.pcap
            ))
        }
    }

    /// Beside the rule file, else in the folder of captures.
    fn find(&self, rule: &Rule, test: &RuleTest) -> Result<PathBuf, String> {
        let beside = Path::new(&rule.file)
            .parent()
            .map(|dir| dir.join(&test.pcap));
        beside
            .into_iter()
            .chain([self.pcaps.join(&test.pcap)])
            .find(|path| path.is_file())
            .ok_or_else(|| {
                format!(
                    "{} is neither beside the rule file nor in {}; name the folder with --pcaps",
                    test.pcap,
                    self.pcaps.display()
                )
            })
    }

    fn read(&mut self, capture: &Path, then: Then, sets: &Sets) -> Result<Report, Error> {
        if !self.rulesets.contains_key(sets) {
            let loaded = self.sources.with_sets(sets).compile()?;
            self.rulesets.insert(sets.clone(), loaded);
        }
        let loaded = self.rulesets.get(sets).ok_or(Error::PipeClosed)?;
        let config = Config {
            workers: 1,
            ..Config::default()
        };
        let site = Pseudonymizer::new(&[0; 32]);
        let files = engine::files(&config.capture, &[capture.to_path_buf()]);
        let source = Box::new(Ending::new(files, then));
        process_source(&config, source, loaded, site, None, false)
    }
}
