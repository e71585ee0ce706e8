//! The packs that ship.

use std::collections::BTreeSet;

use crate::{Ruleset, SourceFile};

const PACKS: [(&str, &str); 4] = [
    ("dicom.yaml", include_str!("../../../packs/dicom.yaml")),
    ("hl7.yaml", include_str!("../../../packs/hl7.yaml")),
    ("net.yaml", include_str!("../../../packs/net.yaml")),
    ("pump.yaml", include_str!("../../../packs/pump.yaml")),
];

fn packs() -> Ruleset {
    let files = PACKS.map(|(name, text)| SourceFile {
        name: name.into(),
        text: text.into(),
    });
    match Ruleset::compile(&files, &std::collections::BTreeMap::new()) {
        Ok(ruleset) => ruleset,
        Err(wrong) => panic!("{wrong:#?}"),
    }
}

#[test]
fn the_packs_compile_without_warnings() {
    let ruleset = packs();
    assert!(ruleset.warnings().is_empty(), "{:#?}", ruleset.warnings());
    assert!(ruleset.rules().len() >= 38);
}

#[test]
fn every_shipped_rule_is_complete() {
    for rule in packs().rules() {
        let id = &rule.id;
        let firing = rule.tests.iter().any(|test| test.alerts > 0);
        let quiet = rule.tests.iter().any(|test| test.alerts == 0);
        assert!(firing && quiet, "{id} has no firing or no quiet test");
        assert!(!rule.attack.is_empty(), "{id} names no technique");
        assert!(!rule.references.is_empty(), "{id} has no reference");
        assert!(!rule.category.is_empty(), "{id} has no category");
        assert!(!rule.what_to_do.is_empty(), "{id} does not say what to do");
        assert!(!rule.false_positives.is_empty(), "{id} names no false positives");
        let armed_by_test = rule.tests.iter().all(|test| {
            let names = &rule.requires;
            names.iter().all(|name| test.sets.contains_key(name))
        });
        assert!(armed_by_test, "a test of {id} leaves it unarmed");
    }
}

#[test]
fn ids_and_numbers_are_used_once() {
    let ruleset = packs();
    let ids: BTreeSet<_> = ruleset.rules().iter().map(|rule| &rule.id).collect();
    let sids: BTreeSet<_> = ruleset.rules().iter().map(|rule| rule.sid).collect();
    assert_eq!((ids.len(), sids.len()), (ruleset.rules().len(), ruleset.rules().len()));
}

#[test]
fn no_rule_calls_statistics_an_attack() {
    for (name, text) in PACKS {
        let spoken = text.lines().filter(|line| !line.trim_start().starts_with("attack:"));
        let found = spoken.into_iter().find(|line| line.to_lowercase().contains("attack"));
        assert_eq!(found, None, "{name}");
    }
}
