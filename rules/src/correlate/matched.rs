//! An event and the rules that it met: written, counted, held back, suppressed, told.

use std::sync::Arc;

use parsers::kinds::pump;
use parsers::time::Time;
use smallvec::smallvec;

use super::alert::Met;
use super::line::{self, Parts};
use super::subject::Subject;
use super::window::{Spec, Windows};
use super::{AlertItem, Correlator, Out, RuleTally};
use crate::record::RuleIx;
use crate::rule::{Count, Rule, Status};

/// How often a rule was met.
struct Told {
    count: u64,
    first_seen: i64,
}

impl Correlator {
    /// An event whose rules were matched in its worker.
    pub(super) fn event_matched(
        &mut self,
        subject: &Subject<'_>,
        matched: &[RuleIx],
        written: bool,
        out: &mut Out,
    ) {
        let mut extra = std::mem::take(&mut self.extra);
        extra.clear();
        self.latency(subject, &mut extra);
        let subject = Subject {
            extra: &extra,
            ..*subject
        };
        self.conclude(&subject, matched, written, out);
        self.extra = extra;
    }

    /// Writes the event, tells of the rules that it met, learns from it.
    pub(super) fn conclude(
        &mut self,
        subject: &Subject<'_>,
        matched: &[RuleIx],
        written: bool,
        out: &mut Out,
    ) {
        if written {
            let cut = line::write(&self.eve, parts(subject), None, &[], out);
            self.line(cut);
        }
        if !matched.is_empty() {
            self.all_met(subject, matched, out);
        }
        self.learn(subject);
        self.inventory.observe(subject);
        self.tell_news(subject.ruleset, out);
    }

    fn all_met(&mut self, subject: &Subject<'_>, matched: &[RuleIx], out: &mut Out) {
        let inventory = std::mem::take(&mut self.inventory);
        let list = subject.ruleset.assets();
        let subject = Subject {
            sides: inventory.sides(subject.envelope, list, self.now),
            ..*subject
        };
        for ix in matched {
            if let Some(rule) = subject.ruleset.rules().get(usize::from(ix.0)) {
                self.met(&subject, rule, out);
            }
        }
        self.inventory = inventory;
    }

    fn met(&mut self, subject: &Subject<'_>, rule: &Rule, out: &mut Out) {
        if rule.armed.is_err() {
            return;
        }
        let crossed = (subject.envelope, subject.fields, subject.sides);
        if !subject
            .ruleset
            .holds_later(&mut self.scratch, rule, crossed)
        {
            return;
        }
        let counted = match &rule.count {
            Some(count) => match self.counted(subject, rule, count) {
                Some(told) => Some(told),
                None => return,
            },
            None => None,
        };
        if rule.status == Status::Shadow {
            let tally = self.tally(rule);
            tally.shadow = tally.shadow.saturating_add(1);
            return;
        }
        if self.suppressed(subject, rule) {
            let tally = self.tally(rule);
            tally.suppressed = tally.suppressed.saturating_add(1);
            return;
        }
        let Some(told) = counted.or_else(|| self.repeated(subject, rule)) else {
            let tally = self.tally(rule);
            tally.held = tally.held.saturating_add(1);
            return;
        };
        self.tell(subject, rule, &told, out);
    }

    /// Counts an event of a rule that counts; gives the window if that filled it.
    fn counted(&mut self, subject: &Subject<'_>, rule: &Rule, count: &Count) -> Option<Told> {
        let values = match count.distinct {
            Some(field) => subject.distinct(field),
            None => smallvec![0],
        };
        if values.is_empty() {
            return None;
        }
        let spec = Spec {
            at_least: count.at_least,
            within_ns: count.within_ns,
            distinct: count.distinct.is_some(),
        };
        let key = subject.key(&count.by);
        let id = (rule.stateful_hash, Arc::clone(&rule.id));
        let max = self.config.count_keys;
        let windows = self.windows.entry(id).or_insert_with(|| Windows::new(max));
        let reached = windows.observe(spec, &key, self.now, &values)?;
        Some(Told {
            count: reached.count,
            first_seen: reached.first_seen,
        })
    }

    /// Whether a rule that does not count is told again between the same two hosts.
    fn repeated(&mut self, subject: &Subject<'_>, rule: &Rule) -> Option<Told> {
        let envelope = subject.envelope;
        let hosts = (envelope.src.ip, envelope.dest.ip);
        let flow = envelope.flow.map_or(0, |flow| flow.id);
        let object = if subject.kind.id == pump::KIND.id {
            subject.text(pump::DEVICE).unwrap_or_default()
        } else {
            ""
        };
        let now = self.now;
        let stands = self.repeats.tell(&rule.id, hosts, object, flow, now)?;
        Some(Told {
            count: stands.count,
            first_seen: stands.first_seen,
        })
    }

    fn tell(&mut self, subject: &Subject<'_>, rule: &Rule, told: &Told, out: &mut Out) {
        let met = Met {
            rule,
            count: told.count,
            first_seen: Time(told.first_seen.min(subject.envelope.time.0)),
            coverage: self.coverage.figures(),
        };
        let explain = met.sentence(&rule.explain, subject);
        let (mut alert, mut ours) = (
            std::mem::take(&mut self.alert),
            std::mem::take(&mut self.ours),
        );
        alert.clear();
        ours.clear();
        met.eve(subject, &mut alert);
        let id = met.id(subject);
        met.ours(subject, &id, &explain, &mut ours);
        let item = AlertItem {
            slug: Arc::clone(&rule.id),
            severity: rule.severity,
            explain: explain.into(),
        };
        let cut = line::write(&self.eve, parts(subject), Some((&alert, item)), &ours, out);
        (self.alert, self.ours) = (alert, ours);
        out.wanted.extend(self.evidence(subject, &met, id));
        self.line(cut);
        let tally = self.tally(rule);
        tally.alerts = tally.alerts.saturating_add(1);
    }

    fn line(&mut self, cut: bool) {
        self.lines = self.lines.saturating_add(1);
        self.lines_cut = self.lines_cut.saturating_add(u64::from(cut));
    }

    fn tally(&mut self, rule: &Rule) -> &mut RuleTally {
        let slug = || Arc::clone(&rule.id);
        self.tallies.entry(slug()).or_insert_with(|| RuleTally {
            slug: slug(),
            title: rule.title.clone(),
            severity: rule.severity,
            alerts: 0,
            held: 0,
            suppressed: 0,
            shadow: 0,
        })
    }

    fn suppressed(&mut self, subject: &Subject<'_>, rule: &Rule) -> bool {
        let crossed = (subject.envelope, subject.fields, subject.sides);
        let (ruleset, scratch) = (subject.ruleset, &mut self.scratch);
        ruleset
            .suppressed(scratch, rule, crossed, Time(self.now))
            .is_some()
    }
}

const fn parts<'a>(subject: &Subject<'a>) -> Parts<'a> {
    Parts {
        time: subject.envelope.time,
        kind: subject.kind.name,
        head: subject.head,
        object: subject.object,
        extra: subject.extra,
    }
}
