//! What the compiler hands to the correlator.

use std::collections::BTreeMap;

use parsers::kinds::dicom as d;
use parsers::time::Time;

use super::{compile, dicom, envelope, ids, one, source};
use crate::record::Owned;
use crate::{FieldRef, Ruleset, Scratch};

const WHEN: &str = "dicom.command == \"C-FIND-RQ\"";

fn with(lines: &str) -> String {
    format!("{}{lines}", one("dicom", WHEN))
}

#[test]
fn needs_are_the_fields_of_the_correlators_part() {
    let text = with(
        "    count: { by: [src_ip, dicom.patient_id], at_least: 2, within: 1m, distinct: \
         dicom.calling_ae }\n    what_to_do: ask {dicom.called_ae} about {dicom.patient_id}\n",
    );
    let text = format!(
        "{text}suppressions:\n  - {{ rule: a-rule, when: dicom.modality == \"CT\", owner: me, \
         reason: known, expires: 2027-01-31 }}\n"
    );
    let ruleset = compile(&text).unwrap();
    let builtin = crate::correlate::builtin_needs(d::KIND.id);
    let mut expected = builtin.to_vec();
    for field in [d::PATIENT_ID, d::CALLING_AE, d::CALLED_AE, d::MODALITY] {
        if !expected.contains(&field) {
            expected.push(field);
        }
    }
    let expected: Vec<_> = expected.into_iter().map(FieldRef::Field).collect();
    assert_eq!(ruleset.needs(d::KIND.id), expected);
    let place = expected
        .iter()
        .position(|need| *need == FieldRef::Field(d::CALLED_AE));
    assert_eq!(
        ruleset.need(d::KIND.id, FieldRef::Field(d::CALLED_AE)),
        place
    );
    assert!(ruleset.watches(d::KIND.id));
    assert!(!ruleset.watches(parsers::kinds::hl7::KIND.id));
}

#[test]
fn a_rule_without_its_sets_is_unarmed() {
    let text = with("    requires: [approved, others]\n");
    let ruleset = compile(&text).unwrap();
    let missing = vec!["approved".to_owned(), "others".to_owned()];
    assert_eq!(ruleset.rules()[0].armed, Err(missing));
    assert!(!ruleset.watches(d::KIND.id));
    let event = dicom(&[(d::COMMAND, "C-FIND-RQ".into())]);
    assert!(ids(&ruleset, &event, &envelope()).is_empty());
    let sets = ["approved", "others"].map(|name| (name.to_owned(), vec!["10.0.0.1".to_owned()]));
    let ruleset = Ruleset::compile(&[source(&text)], &BTreeMap::from(sets)).unwrap();
    assert_eq!(ruleset.rules()[0].armed, Ok(()));
    assert_eq!(ids(&ruleset, &event, &envelope()), ["a-rule"]);
    assert!(ruleset.set("approved").unwrap().configured);
}

fn suppressed(
    suppression: &str,
    now: &str,
    fields: &[(parsers::catalogue::FieldIx, &str)],
) -> bool {
    let text = with(&format!(
        "suppressions:\n  - {{ rule: a-rule, owner: me, reason: known, expires: 2027-01-31, {suppression} }}\n"
    ));
    let ruleset = match compile(&text) {
        Ok(ruleset) => ruleset,
        Err(errors) => panic!("{}", errors[0]),
    };
    let owned = |need: &FieldRef| {
        let value = fields.iter().find(|(f, _)| FieldRef::Field(*f) == *need);
        value.map_or(Owned::Absent, |(_, text)| Owned::Text((*text).into()))
    };
    let fields: Vec<_> = ruleset.needs(d::KIND.id).iter().map(owned).collect();
    let now = Time(crate::suppress::end_of_day(now).unwrap().0 - 1);
    let rule = &ruleset.rules()[0];
    let envelope = envelope();
    let found = ruleset.suppressed(
        &mut Scratch::default(),
        rule,
        (&envelope, &fields, crate::correlate::inventory::Sides::NONE),
        now,
    );
    found.is_some()
}

#[test]
fn suppressions_hold_by_condition_by_value_and_until_a_day() {
    assert!(suppressed("when: src_ip in 10.0.0.0/8", "2027-01-31", &[]));
    assert!(!suppressed("when: src_ip in 10.0.0.0/8", "2027-02-01", &[]));
    assert!(!suppressed("when: src_ip in 11.0.0.0/8", "2027-01-31", &[]));
    assert!(suppressed(
        "match: { src_ip: 10.0.0.9, dest_port: [104, 105] }",
        "2026-12-01",
        &[]
    ));
    assert!(!suppressed(
        "match: { src_ip: 10.0.0.9, dest_port: 105 }",
        "2026-12-01",
        &[]
    ));
    let ae = [(d::CALLING_AE, "CT1")];
    assert!(suppressed(
        "match: { dicom.calling_ae: [CT1] }",
        "2026-12-01",
        &ae
    ));
    assert!(!suppressed(
        "match: { dicom.calling_ae: [CT2] }",
        "2026-12-01",
        &ae
    ));
    let patient = [(d::PATIENT_ID, "mrn:0123456789abcdef01234567")];
    let by = "match: { dicom.patient_id: \"mrn:0123456789abcdef01234567\" }";
    assert!(suppressed(by, "2026-12-01", &patient));
}

#[test]
fn phi_is_not_compared_in_the_correlator() {
    for (suppression, expected) in [
        (
            "when: dicom.patient_id == \"X\"",
            "`dicom.patient_id` is PHI, which does not reach the correlator",
        ),
        (
            "match: { dicom.patient_id: 4711 }",
            "`dicom.patient_id` is PHI and matched by its pseudonym, mrn:…, this is none",
        ),
    ] {
        let text = with(&format!(
            "suppressions:\n  - {{ rule: a-rule, owner: me, reason: r, expires: 2027-01-31, {suppression} }}\n"
        ));
        assert_eq!(compile(&text).unwrap_err()[0].message, expected);
    }
    let text =
        with("suppressions:\n  - { rule: a-rle, owner: me, reason: r, expires: 2027-02-30 }\n");
    assert_eq!(
        compile(&text).unwrap_err()[0].message,
        "`2027-02-30` is not a date"
    );
    let text =
        with("suppressions:\n  - { rule: a-rle, owner: me, reason: r, expires: 2027-02-28 }\n");
    let ruleset = compile(&text).unwrap();
    assert_eq!(
        ruleset.warnings()[0].help.as_deref(),
        Some("did you mean `a-rule`?")
    );
}

#[test]
fn days_end_when_they_end() {
    let end = |text| crate::suppress::end_of_day(text).map(|time| time.secs());
    assert_eq!(end("1970-01-01"), Some(86_399));
    assert_eq!(end("2026-11-21"), Some(1_795_305_599));
    assert_eq!(end("2028-02-29"), Some(1_835_481_599));
    for wrong in [
        "",
        "2027-2-1",
        "2027-13-01",
        "2027-02-29",
        "2027-01-01-01",
        "x027-01-01",
    ] {
        assert_eq!(end(wrong), None, "{wrong}");
    }
}

#[test]
fn shared_predicates_are_one_and_rules_come_in_order() {
    let rule = |n: u32, when: &str| {
        format!(
            "  - {{ id: r{n}, sid: {}, title: t, severity: low, on: dicom, explain: e, when: '{when}' }}\n",
            1_000_000 + n
        )
    };
    let mut text = String::from("rules:\n");
    let conditions = [
        "dicom.patient_name contains \"AB\" and dicom.status == 1",
        "dicom.command == \"C-FIND-RQ\" and dicom.patient_name contains \"BC\"",
        "dicom.command in (\"C-FIND-RQ\", \"C-MOVE-RQ\") and dicom.patient_name starts_with \"BC\"",
        "dicom.command == \"C-FIND-RQ\"",
        "src_port > 5",
        "dicom.command == \"C-FIND-RQ\" and lower(dicom.patient_name) contains \"bcd\"",
        "dicom.command == \"C-FIND-RQ\" and lower(dicom.patient_name) contains \"cde\"",
        "dicom.command == \"C-FIND-RQ\" and dicom.patient_name ends_with \"CD\"",
    ];
    for (n, when) in (0..).zip(conditions) {
        text.push_str(&rule(n, when));
    }
    let ruleset = compile(&text).unwrap();
    let event = dicom(&[
        (d::COMMAND, "C-FIND-RQ".into()),
        (d::PATIENT_NAME, "ABCD".into()),
        (d::STATUS, 1_u8.into()),
    ]);
    assert_eq!(
        ids(&ruleset, &event, &envelope()),
        ["r0", "r1", "r3", "r4", "r5", "r7"]
    );
    let stranger = dicom(&[
        (d::COMMAND, "C-MOVE-RQ".into()),
        (d::PATIENT_NAME, "BC".into()),
    ]);
    assert_eq!(ids(&ruleset, &stranger, &envelope()), ["r2", "r4"]);
}

#[test]
fn hashes_change_with_what_they_stand_for() {
    let hash = |text: &str| compile(text).unwrap().rules()[0].stateful_hash;
    let count = "    count: { at_least: 2, within: 1m }\n";
    let longer = "    count: { at_least: 2, within: 2m }\n";
    assert_eq!(hash(&with(count)), hash(&(with(count) + "    rev: 2\n")));
    assert_ne!(hash(&with(count)), hash(&with(longer)));
    let version = |text: &str| compile(text).unwrap().version_hash();
    assert_ne!(version(&with(count)), version(&with(longer)));
    assert_eq!(version(&with(count)), version(&with(count)));
}

#[test]
fn a_rule_explains_itself() {
    let text =
        with("    count: { by: [src_ip], at_least: 5, within: 90s, distinct: dicom.patient_id }\n");
    let ruleset = compile(&text).unwrap();
    let said = ruleset.explain(&ruleset.rules()[0]);
    let (own, crossing) = said.split_once("    fields of").unwrap();
    assert_eq!(
        own,
        "a-rule (sid 1000001, rev 1): A rule\n  from:        test.yaml:3\n  state:       active\n  \
         in the worker, for each `dicom` event:\n    dicom.command == \"C-FIND-RQ\"\n    reads:     \
         dicom.command\n    found by:  dicom.command: \"C-FIND-RQ\"\n  in the correlator:\n    an \
         alert once there are 5 different dicom.patient_id within 90s, by src_ip\n"
    );
    assert!(crossing.contains("dicom.patient_id"), "{crossing}");
}

#[test]
fn the_schema_is_json_and_knows_the_words() {
    let schema: serde_json::Value = serde_json::from_str(&crate::schema::schema()).unwrap();
    let rule = &schema["properties"]["rules"]["items"];
    assert_eq!(rule["properties"]["severity"]["enum"][4], "critical");
    assert_eq!(rule["additionalProperties"], false);
    assert_eq!(rule["properties"]["sid"]["minimum"], 1_000_000);
    assert!(
        rule["properties"]["when"]["examples"]
            .as_array()
            .unwrap()
            .len()
            > 100
    );
    let keys: Vec<_> = rule["properties"].as_object().unwrap().keys().collect();
    assert_eq!(keys, crate::syntax::RULE_KEYS);
}

#[test]
fn the_packs_that_ship_compile_without_a_warning() {
    let ruleset = match Ruleset::compile(&crate::packs::embedded(), &BTreeMap::new()) {
        Ok(ruleset) => ruleset,
        Err(errors) => panic!("{}", errors[0]),
    };
    assert_eq!(ruleset.warnings(), []);
}
