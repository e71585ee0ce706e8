//! What the running appliance finds wrong with its mirror, told when it changes.

use std::collections::BTreeMap;

use dataplane::pipeline::Sources;
use dataplane::span::{Expect, Finding, Observer, Severity, Told};
use dataplane::telemetry::Sample;

use crate::config::Capture;
use crate::metrics::gauge;

/// The mirror of one interface.
#[derive(Default)]
pub struct Mirror {
    interface: String,
    /// By source: several share an interface, each with the flows that are steered to it.
    told: Vec<Told>,
    /// Each finding that there was, by name, while it holds.
    findings: BTreeMap<&'static str, Option<Finding>>,
}

/// A finding that began or ended.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its name.
    pub name: &'static str,
    /// The finding, or nothing when it is over.
    pub finding: Option<Finding>,
}

impl Mirror {
    /// Has the sources of an interface looked at while they are read.
    #[must_use]
    pub fn of(capture: &Capture, sources: Sources) -> (Sources, Self) {
        let mut told = Vec::new();
        let mut observed = |source| -> Box<dyn dataplane::capture::Source> {
            let expect = Expect {
                vlans: capture.expect_vlans.clone(),
                own: None,
                silent_after: 0,
            };
            let (observer, said) = Observer::new(source, expect);
            told.push(said);
            Box::new(observer)
        };
        let sources = match sources {
            Sources::Spread(source) => Sources::Spread(observed(source)),
            Sources::Steered(sources) => {
                Sources::Steered(sources.into_iter().map(observed).collect())
            }
        };
        let mirror = Self {
            interface: capture.name().to_owned(),
            told,
            findings: BTreeMap::new(),
        };
        (sources, mirror)
    }

    /// Whose mirror it is.
    #[must_use]
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// What changed since the last question.
    pub fn changes(&mut self) -> Vec<Change> {
        let told: Option<Vec<Vec<Finding>>> = self.told.iter().map(Told::findings).collect();
        let Some(told) = told.filter(|told| !told.is_empty()) else {
            return Vec::new(); // somebody still looks for the first time
        };
        let now = together(&told);
        let mut changes = Vec::new();
        for (name, held) in &mut self.findings {
            if held.is_some() && !now.contains_key(name) {
                *held = None;
                changes.push(Change {
                    name,
                    finding: None,
                });
            }
        }
        for (name, finding) in now {
            let held = self.findings.entry(name).or_default();
            if held.replace(finding).is_none() {
                changes.push(Change {
                    name,
                    finding: Some(finding),
                });
            }
        }
        changes
    }

    /// Says a change in the log.
    pub fn log(&self, change: &Change) {
        let interface = self.interface.as_str();
        let name = change.name;
        match &change.finding {
            None => tracing::info!(interface, finding = name, "the mirror is mended"),
            Some(found) if found.severity() == Severity::Note => {
                tracing::info!(interface, finding = name, "{found}");
            }
            Some(found) => {
                let fix = found.fix(interface);
                tracing::warn!(interface, finding = name, "{found}; {fix}");
            }
        }
    }

    /// 1 for each finding that holds, 0 for one that held.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        let sample = |(name, held): (&&'static str, &Option<Finding>)| Sample {
            labels: vec![("finding", (*name).to_owned())],
            ..gauge(
                "vitalwire_span_finding",
                "1 while something is wrong with the mirror; the doctor says what mends it.",
                u64::from(held.is_some()),
            )
        };
        self.findings.iter().map(sample).collect()
    }
}

/// What the sources of one interface found, taken together: something that was heard by one of
/// them was heard, so silence has to be found by all.
fn together(told: &[Vec<Finding>]) -> BTreeMap<&'static str, Finding> {
    let mut all = BTreeMap::new();
    for finding in told.iter().flatten() {
        let same =
            |other: &Finding| std::mem::discriminant(other) == std::mem::discriminant(finding);
        let by_all = told.iter().all(|found| found.iter().any(same));
        if by_all || !is_absence(finding) {
            all.entry(finding.name()).or_insert(*finding);
        }
    }
    all
}

const fn is_absence(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::Silent { .. }
            | Finding::AccessPort { .. }
            | Finding::SilentVlan { .. }
            | Finding::NothingMedical { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_source_heard_is_not_silent() {
        let silent = Finding::NothingMedical { frames: 7 };
        let twice = Finding::Duplicates(dataplane::span::Share::new(1, 2));
        let one = together(&[vec![silent, twice], vec![]]);
        assert_eq!(one.keys().copied().collect::<Vec<_>>(), ["duplicates"]);
        let both = together(&[vec![silent], vec![silent]]);
        assert_eq!(
            both.keys().copied().collect::<Vec<_>>(),
            ["nothing-medical"]
        );
    }
}
