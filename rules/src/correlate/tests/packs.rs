//! The packs that ship.

use std::collections::BTreeSet;

use crate::{Ruleset, packs};

fn shipped() -> Ruleset {
    match Ruleset::compile(&packs::embedded(), &std::collections::BTreeMap::new()) {
        Ok(ruleset) => ruleset,
        Err(wrong) => panic!("{wrong:#?}"),
    }
}

#[test]
fn the_packs_compile_without_warnings() {
    let ruleset = shipped();
    assert!(ruleset.warnings().is_empty(), "{:#?}", ruleset.warnings());
    assert!(ruleset.rules().len() >= 38);
}

#[test]
fn every_shipped_rule_is_complete() {
    for rule in shipped().rules() {
        let id = &rule.id;
        let firing = rule.tests.iter().any(|test| test.alerts > 0);
        let quiet = rule.tests.iter().any(|test| test.alerts == 0);
        assert!(firing && quiet, "{id} has no firing or no quiet test");
        assert!(!rule.attack.is_empty(), "{id} names no technique");
        assert!(!rule.references.is_empty(), "{id} has no reference");
        assert!(!rule.category.is_empty(), "{id} has no category");
        assert!(!rule.what_to_do.is_empty(), "{id} does not say what to do");
        assert!(
            !rule.false_positives.is_empty(),
            "{id} names no false positives"
        );
        let armed_by_test = rule.tests.iter().all(|test| {
            let names = &rule.requires;
            names.iter().all(|name| test.sets.contains_key(name))
        });
        assert!(armed_by_test, "a test of {id} leaves it unarmed");
    }
}

#[test]
fn ids_and_numbers_are_used_once() {
    let ruleset = shipped();
    let ids: BTreeSet<_> = ruleset.rules().iter().map(|rule| &rule.id).collect();
    let sids: BTreeSet<_> = ruleset.rules().iter().map(|rule| rule.sid).collect();
    assert_eq!(
        (ids.len(), sids.len()),
        (ruleset.rules().len(), ruleset.rules().len())
    );
}

#[test]
fn no_rule_calls_statistics_an_attack() {
    for pack in packs::embedded() {
        let lines = pack.text.lines();
        let mut spoken = lines.filter(|line| !line.trim_start().starts_with("attack:"));
        let found = spoken.find(|line| line.to_lowercase().contains("attack"));
        assert_eq!(found, None, "{}", pack.name);
    }
}
