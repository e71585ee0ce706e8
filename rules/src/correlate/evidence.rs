//! Evidence: which alerts want the frames of their flow or address, and what is told of such an alert.
//!
//! The frames themselves are kept by the worker of the flow; a record says where, and only an
//! alert that is really told asks for them.

use std::num::NonZeroU64;
use std::sync::Arc;

use parsers::time::Time;
use smallvec::SmallVec;

use super::Correlator;
use super::alert::Met;
use super::counters::Counter;
use super::subject::Subject;
use crate::Severity;

/// The most alerts of one second of packet time that get evidence: a storm of alerts costs its
/// lines, not the disk as well.
pub const EVIDENCE_SECOND_MAX: usize = 32;
/// And of these, the most of one flow.
pub const EVIDENCE_FLOW_MAX: usize = 4;

/// Counts alerts that a bound left without evidence.
pub const CUT_NAME: &str = "vitalwire_evidence_cut_alerts_total";
/// What that counter is.
pub const CUT_HELP: &str = "Alerts without evidence because of a bound: too many in one second of packet time, or asked \
                            for at once.";

/// An alert that was told, and where the frames of its flow are kept.
#[derive(Debug)]
pub struct Wanted {
    /// Where, as [`crate::record::Record::trail`] had it.
    pub trail: NonZeroU64,
    /// Of what.
    pub alert: Box<Facts>,
}

/// What goes with the evidence of an alert.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Names the alert, as on its line.
    pub alert_id: String,
    /// The rule's id.
    pub slug: Arc<str>,
    /// The rule's number.
    pub sid: u32,
    /// The rule's revision.
    pub rev: u32,
    /// The rule's title.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// The rule's pack and its version, if it is of one.
    pub pack: Option<(String, String)>,
    /// The rule set that matched, as [`crate::Ruleset::digest`].
    pub ruleset: [u8; 32],
    /// The time stamp of the event.
    pub time: Time,
    /// The frame that completed it.
    pub frame: u64,
    /// The flow, as on the alert's line, if it is of one.
    pub flow: Option<u64>,
    /// Its recognised protocol, or empty.
    pub app: &'static str,
    /// Whether the flow's beginning was not seen.
    pub midstream: bool,
    /// What was seen of the traffic in the minute before: the line's `coverage` object.
    pub coverage: String,
}

/// The bounds of one second.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    second: i64,
    flows: SmallVec<[u64; EVIDENCE_SECOND_MAX]>,
    /// Alerts without evidence because of the bounds.
    cut: u64,
}

impl Evidence {
    pub(super) fn counter(&self) -> Counter {
        let labels = vec![("bound", "second".to_owned())];
        (CUT_NAME, CUT_HELP, labels, self.cut)
    }

    /// Whether an alert of this flow may have some now.
    fn may(&mut self, flow: u64, second: i64) -> bool {
        if self.second != second {
            self.second = second;
            self.flows.clear();
        }
        let of_flow = self.flows.iter().filter(|other| **other == flow).count();
        let may = self.flows.len() < EVIDENCE_SECOND_MAX && of_flow < EVIDENCE_FLOW_MAX;
        if may {
            self.flows.push(flow);
        } else {
            self.cut = self.cut.saturating_add(1);
        }
        may
    }
}

impl Correlator {
    /// Asks for the frames of an alert's flow, if its worker keeps some.
    pub(super) fn evidence(
        &mut self,
        subject: &Subject<'_>,
        met: &Met<'_>,
        alert_id: String,
    ) -> Option<Wanted> {
        let (trail, flow) = (self.trail?, subject.envelope.flow);
        let second = Time(self.now).secs();
        let of = flow.map_or_else(|| address(subject), |flow| flow.id);
        if !self.evidence.may(of, second) {
            return None;
        }
        let mut coverage = Vec::new();
        met.coverage.write(&mut coverage);
        let coverage = String::from_utf8_lossy(&coverage);
        let coverage = coverage.trim_start_matches(",\"coverage\":").to_owned();
        let rule = met.rule;
        let pack = rule.pack.as_ref();
        Some(Wanted {
            trail,
            alert: Box::new(Facts {
                alert_id,
                slug: Arc::clone(&rule.id),
                sid: rule.sid,
                rev: rule.rev,
                title: rule.title.clone(),
                severity: rule.severity,
                pack: pack.map(|pack| (pack.name.clone(), pack.version.clone())),
                ruleset: subject.ruleset.digest(),
                time: subject.envelope.time,
                frame: subject.envelope.frame,
                flow: flow.map(|flow| flow.id),
                app: flow.map_or("", |flow| flow.app),
                midstream: flow.is_some_and(|flow| flow.midstream),
                coverage,
            }),
        })
    }
}

/// Whom an alert of no flow is about, as a number that no flow has.
fn address(subject: &Subject<'_>) -> u64 {
    let [a, b, c, d, e, f] = subject.envelope.src.mac.unwrap_or_default();
    u64::from_be_bytes([0xff, 0xff, a, b, c, d, e, f])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_gets_a_bounded_number_of_each_flow_and_in_all() {
        let mut evidence = Evidence::default();
        let of_one = (0..10).filter(|_| evidence.may(7, 0)).count();
        assert_eq!(of_one, EVIDENCE_FLOW_MAX);
        let of_others = (100..200).filter(|flow| evidence.may(*flow, 0)).count();
        assert_eq!(of_one + of_others, EVIDENCE_SECOND_MAX);
        assert_eq!(evidence.cut, 110 - EVIDENCE_SECOND_MAX as u64);
        assert!(evidence.may(7, 1), "the next second has its own");
    }
}
