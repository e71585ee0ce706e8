//! The example rule that the language was designed around.

use std::collections::BTreeMap;

use parsers::event::Value;
use parsers::kinds::dicom::{COMMAND, QUERY_PATIENT_NAME, QUERY_STUDY_DATE};
use parsers::kinds::envelope;

use super::{compile, dicom, envelope, ids, source};
use crate::{FieldRef, Impact, Ruleset, Severity, Side, Status, Tier};

const EXAMPLE: &str = r#"
rules:
  - id: dicom-cfind-wildcard-mass
    sid: 1000021               # 1000000-1999999 and our own gid: other ranges belong to other rule sets
    rev: 1
    status: active             # shadow (counted, silent) | active
    title: Patient list pulled with a wildcard query
    severity: high             # info | low | medium | high | critical: security
    clinical_impact: none      # none | possible | likely | direct: what it means at the bedside
    tier: notify               # page | notify | digest
    category: phi
    attack: [T1213, T1119, ICS/T0811]
    references: ["DICOM PS3.4 C.2.2.2"]
    on: dicom
    when: >
      dicom.command == "C-FIND-RQ" and (empty(dicom.query.patient_name) or dicom.query.patient_name in ("*", "**"))
      and empty(dicom.query.study_date) and not src_ip in $archives
    count: { by: [src_ip, dest_ip], at_least: 20, within: 10m }
    explain: "{src_ip} ({asset.src.name}) listed patients on {dest_ip} {count} times in {window}"
    what_to_do: Ask the owner of {src_ip} whether a migration or an archive job runs; if not, call the privacy office.
    false_positives: archive reconciliation, migrations
    tests:
      - { pcap: dicom/cfind-wildcard.pcap, alerts: 1 }
      - { pcap: dicom/cfind-by-id.pcap, alerts: 0, sets: { archives: [10.0.0.9] } }
"#;

#[test]
fn it_compiles_as_it_stands() {
    let ruleset = compile(EXAMPLE).unwrap();
    assert_eq!(ruleset.warnings(), []);
    let rule = &ruleset.rules()[0];
    assert_eq!(&*rule.id, "dicom-cfind-wildcard-mass");
    assert_eq!(
        (rule.sid, rule.rev, rule.status),
        (1_000_021, 1, Status::Active)
    );
    assert_eq!(
        (rule.severity, rule.impact, rule.tier),
        (Severity::High, Impact::None, Tier::Notify)
    );
    assert_eq!(rule.attack, ["T1213", "T1119", "ICS/T0811"]);
    assert_eq!((rule.source, rule.target), (Side::Src, Side::Dest));
    assert_eq!(rule.armed, Ok(()));
    assert_eq!(rule.line, 3);
    let count = rule.count.as_ref().unwrap();
    let by = |name| FieldRef::Envelope(envelope::by_name(name).unwrap().0);
    assert_eq!(count.by, [by("src_ip"), by("dest_ip")]);
    assert_eq!((count.at_least, count.within_ns), (20, 600_000_000_000));
    assert_eq!(rule.tests.len(), 2);
    assert_eq!(rule.tests[1].sets["archives"], ["10.0.0.9"]);
    let builtin = crate::correlate::builtin_needs(rule.kind);
    assert_eq!(ruleset.needs(rule.kind).len(), builtin.len());
}

#[test]
fn it_finds_what_it_is_about() {
    let ruleset = compile(EXAMPLE).unwrap();
    let wildcard = dicom(&[
        (COMMAND, "C-FIND-RQ".into()),
        (QUERY_PATIENT_NAME, "*".into()),
    ]);
    assert_eq!(ids(&ruleset, &wildcard, &envelope()).len(), 1);
    let nobody = dicom(&[(COMMAND, "C-FIND-RQ".into())]);
    assert_eq!(ids(&ruleset, &nobody, &envelope()).len(), 1);
    for (field, value) in [
        (QUERY_PATIENT_NAME, Value::from("DOE^*")),
        (QUERY_STUDY_DATE, Value::from("20260101")),
        (COMMAND, Value::from("C-STORE-RQ")),
    ] {
        let mut event = wildcard_again();
        event.set(field, value);
        assert_eq!(ids(&ruleset, &event, &envelope()).len(), 0);
    }
}

fn wildcard_again() -> parsers::event::Event<'static> {
    dicom(&[
        (COMMAND, "C-FIND-RQ".into()),
        (QUERY_PATIENT_NAME, "*".into()),
    ])
}

#[test]
fn a_configured_set_excludes() {
    let sets = BTreeMap::from([(
        "archives".to_owned(),
        vec!["10.0.0.0/30".into(), "10.0.0.9".into()],
    )]);
    let ruleset = Ruleset::compile(&[source(EXAMPLE)], &sets).unwrap();
    assert_eq!(ids(&ruleset, &wildcard_again(), &envelope()).len(), 0);
}

#[test]
fn its_template_has_places_for_values() {
    let ruleset = compile(EXAMPLE).unwrap();
    let text = ruleset.rules()[0].explain.render(&mut |slot, out| {
        use std::fmt::Write;
        match slot {
            crate::Slot::Count => out.push_str("20"),
            other => write!(out, "<{other:?}>").unwrap(),
        }
    });
    assert_eq!(
        text,
        "<Field(Envelope(FieldIx(0)))> (<SrcName>) listed patients on <Field(Envelope(FieldIx(1)))> \
         20 times in <Window>"
    );
}
