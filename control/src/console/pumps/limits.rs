//! Limits of a pump: those that it told, and those that rules in force look at.

use maud::{Markup, html};

use super::super::marks;
use crate::ruleset::Loaded;
use crate::seen::Limits;

/// A rate above which a rule in force speaks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RateLimit {
    /// The rule.
    pub(super) rule: String,
    /// How bad it is.
    pub(super) severity: &'static str,
    /// In ml/h.
    pub(super) rate: f64,
}

/// What a condition compares the rate with, if it is above something.
fn above(condition: &str) -> Option<f64> {
    let (_, after) = condition.split_once("pump.rate_ml_per_h >")?;
    let after = after.trim_start_matches('=').trim_start();
    let digits = |c: char| !(c.is_ascii_digit() || c == '.');
    after.split(digits).next()?.parse().ok()
}

/// The limits of rules that may fire, the least first.
pub(super) fn of_rules(loaded: &Loaded) -> Vec<RateLimit> {
    let armed = loaded.ruleset.rules().iter();
    let limits = armed.filter(|rule| rule.armed.is_ok()).filter_map(|rule| {
        Some(RateLimit {
            rule: rule.id.to_string(),
            severity: rule.severity.word(),
            rate: above(&rule.when).filter(|rate| *rate > 0.0)?,
        })
    });
    let mut limits: Vec<RateLimit> = limits.collect();
    limits.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    limits
}

/// Both kinds, as people read them.
pub(super) fn show(told: &Limits, watched: &[RateLimit]) -> Markup {
    let told = [
        told.dose
            .as_ref()
            .map(|(most, unit)| format!("at most {most} {unit} on demand")),
        told.volume
            .map(|most| format!("at most {most} ml on demand")),
        told.period
            .map(|seconds| format!("within {} min", seconds / 60.0)),
        told.per_hour
            .map(|doses| format!("at most {doses} doses an hour")),
        told.lockout
            .map(|seconds| format!("{} min between doses", seconds / 60.0)),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    html! {
        ul.plain {
            @for limit in watched { li {
                strong { (limit.rate) " ml/h" } " " (marks::severity(limit.severity)) " "
                a href={ "/rules/" (limit.rule) } { "rule " (limit.rule) }
            } }
            @if !told.is_empty() { li { "Hard, as the pump told it: " (told.join(", ")) "." } }
        }
        @if told.is_empty() { p.dim { "The pump told no limit of its own. IHE PCD carries those of patient-controlled doses only; \
            soft and hard limits of the drug library stay in the pump." } }
    }
}

#[cfg(test)]
mod tests {
    use super::above;

    #[test]
    fn a_limit_is_what_a_condition_compares_the_rate_with() {
        assert_eq!(
            above("pump.source == \"pcd-03\" and pump.rate_ml_per_h > 999"),
            Some(999.0)
        );
        assert_eq!(above("pump.rate_ml_per_h >= 62.5 and x"), Some(62.5));
        assert_eq!(above("pump.rate_ml_per_h <= 0"), None);
        assert_eq!(above("pump.rate_ml_per_h > pump.dose"), None);
    }
}
