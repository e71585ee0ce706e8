//! Rule files: keys, places, defaults, limits.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{compile, one, source};
use crate::{Diagnostic, Ruleset, SourceFile};

/// Place and message of each error, with its help.
fn errors(text: &str) -> Vec<String> {
    match compile(text) {
        Ok(_) => panic!("compiled:\n{text}"),
        Err(errors) => errors.iter().map(short).collect(),
    }
}

fn warnings(text: &str) -> Vec<String> {
    let ruleset = compile(text).unwrap();
    ruleset.warnings().iter().map(short).collect()
}

fn short(d: &Diagnostic) -> String {
    let mut out = format!("{}:{} {}", d.line, d.column, d.message);
    if let Some(help) = &d.help {
        write!(out, " ({help})").unwrap();
    }
    out
}

const WHEN: &str = "dicom.command == \"C-ECHO-RQ\"";

fn with(lines: &str) -> String {
    format!("{}{lines}", one("dicom", WHEN))
}

#[test]
fn every_error_is_told_in_one_run() {
    let text = "rules:\n  - id: Bad_Id\n    sid: 5\n    titel: x\n    severity: hihg\n    \
                on: dicm\n    when: dicom.command == 5\n    explain: x\nrule: []\n";
    assert_eq!(
        errors(text),
        [
            "2:5 the key `title` is missing",
            "2:9 `Bad_Id` is not a rule id (lower case letters, digits and hyphens, at most 80)",
            "3:10 sid 5 is not one of ours (take one from 1000000 to 1999999)",
            "4:5 a rule has no key `titel` (did you mean `title`?)",
            "5:15 `hihg` is no severity (did you mean `high`?)",
            "6:9 there is no kind of event `dicm` (did you mean `dicom`?)",
            "9:1 a rule file has no key `rule` (did you mean `rules`?)",
        ]
    );
}

#[test]
fn shapes() {
    assert_eq!(
        errors("5\n"),
        ["1:1 a rule file is a mapping, not a number"]
    );
    assert_eq!(errors("rules: {}\n"), ["1:8 this is a list, not a mapping"]);
    assert_eq!(
        errors("rules: [5]\n"),
        ["1:9 a rule is a mapping, not a number"]
    );
    assert_eq!(
        errors("sets: { a: { b: c } }\n"),
        ["1:12 this is a text, not a mapping"]
    );
    assert_eq!(errors("rules: [\n"), ["1:8 not YAML: unclosed bracket '['"]);
    let text = with("    count: { by: [src_ip], at_least: 0, within: 10 }\n");
    assert_eq!(
        errors(&text),
        [
            "9:38 this is a whole number from 1 to 100000",
            "9:49 `10` is not a span of time up to a week (a number and ms, s, m, h or d, as 10m)",
        ]
    );
    let text = one("dicom", "!x");
    let expected = "2:5 `when` is empty (YAML takes a bare !, #, & or * for its own: write `>` \
                    before the text)";
    assert_eq!(errors(&text), [expected]);
}

#[test]
fn a_folded_scalar_is_told_by_line_and_column_of_the_file() {
    for style in [">", ">-", "|", ">2"] {
        let when =
            format!("{style}\n      src_port > 5 and\n      dicom.comand == \"é\" and zz > 1");
        let text = one("dicom", &when);
        let place = |e: &Diagnostic| (e.line, e.column, e.width);
        let found: Vec<_> = compile(&text).unwrap_err().iter().map(place).collect();
        assert_eq!(found, [(4, 7, 12), (4, 31, 2)], "{style}");
    }
    let plain = one(
        "dicom",
        "src_port > 5 and\n      dicom.comand == \"é\" and zz > 1",
    );
    assert_eq!(errors(&plain).len(), 2);
    assert!(errors(&plain)[0].starts_with("3:7 "));
}

#[test]
fn a_quoted_scalar_is_told_by_its_column_too() {
    let double = one("dicom", r#""dicom.modality == \"CT\" and zz > 1""#);
    assert!(
        errors(&double)[0].starts_with("2:41 "),
        "{:?}",
        errors(&double)
    );
    let single = one("dicom", "'dicom.modality == ''CT'' and zz > 1'");
    assert!(
        errors(&single)[0].starts_with("2:41 "),
        "{:?}",
        errors(&single)
    );
}

#[test]
fn ids_and_sids_are_taken_once() {
    let rule = one("dicom", WHEN);
    let twice = format!("{rule}{}", rule.strip_prefix("rules:\n").unwrap());
    assert_eq!(
        errors(&twice),
        [
            "10:9 id `a-rule` is taken (by the rule at test.yaml:3)",
            "11:10 sid 1000001 is taken (by the rule at test.yaml:4)",
        ]
    );
}

#[test]
fn keys_and_templates_are_checked() {
    let text =
        with("    count: { by: [src_ipp], at_least: 2, within: 1m, distinct: dicom.calling }\n");
    assert_eq!(
        errors(&text),
        [
            "9:19 `dicom` events have no field `src_ipp` (did you mean `src_ip`?)",
            "9:64 `dicom` events have no field `dicom.calling` (did you mean `dicom.calling_ae`?)",
        ]
    );
    let secret = "    count: { by: [dicom.user_identity.credential], at_least: 2, within: 1m }\n";
    assert_eq!(
        errors(&with(secret)),
        ["9:19 `dicom.user_identity.credential` never leaves its worker"]
    );
    let text = with("    what_to_do: ask {dicom.calling_aet}, {count} of {asset.source.name} {\n");
    assert_eq!(
        errors(&text),
        [
            "9:21 `dicom` events have no field `dicom.calling_aet` (did you mean \
             `dicom.calling_ae`?)",
            "9:42 `{count}` has no value here: the rule has no `count`",
            "9:53 there is no `{asset.source.name}` (did you mean `asset.src.name`?)",
            "9:73 this brace has no partner (a brace that is meant as such is written twice)",
        ]
    );
    let secret = "    what_to_do: say {dicom.user_identity.credential}\n";
    assert_eq!(
        errors(&with(secret)),
        ["9:21 `dicom.user_identity.credential` is never shown"]
    );
}

#[test]
fn a_set_that_nobody_defines_is_probably_misspelt() {
    let text = format!(
        "sets: {{ archives: [] }}\n{}",
        one("dicom", "not src_ip in $archivse")
    );
    assert_eq!(
        warnings(&text),
        ["3:25 nobody defines the set `$archivse`: it is empty (did you mean `archives`?)"]
    );
    let text = one("dicom", "src_ip in $s") + "sets: { s: [10.0.0.1, nine] }\n";
    assert_eq!(
        errors(&text),
        ["9:23 `nine` in set `s` is no address (a rule compares this set with address fields)"]
    );
    let sets = BTreeMap::from([("s".to_owned(), vec!["nine".to_owned()])]);
    let errors = Ruleset::compile(&[source(&one("dicom", "src_ip in $s"))], &sets).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "sets: error: `nine` in set `s` is no address\n      = a rule compares this set with \
         address fields"
    );
}

#[test]
fn a_condition_without_anything_cheap_is_told() {
    let costly = [
        ("dicom", "dicom.patient_name contains \"X\""),
        ("hl7", "hl7.obx[*].5 == \"A\""),
        (
            "dicom",
            "dicom.patient_name matches \"X\" or dicom.command == \"C-ECHO-RQ\"",
        ),
    ];
    for (on, when) in costly {
        assert_eq!(
            warnings(&one(on, when)),
            [
                "2:11 no cheap condition comes before the costly ones (begin with a comparison of a \
              field with a text or a number)"
            ],
            "{when}"
        );
    }
    let cheap = "dicom.command == \"C-FIND-RQ\" and dicom.patient_name contains \"X\"";
    assert_eq!(warnings(&one("dicom", cheap)), [""; 0]);
}

#[test]
fn regular_expressions_are_bounded() {
    let long = format!("dicom.modality matches \"{}\"", "a".repeat(2000));
    for (when, expected) in [
        (
            "dicom.modality matches \"(\"",
            "2:34 this is no regular expression: unclosed group",
        ),
        ("dicom.modality matches \"(a)\\\\1\"", ""),
        (
            "dicom.modality matches \"[01]*1[01]{400}\"",
            "2:34 this regular expression is too large: its automaton would take more than 1024 \
             KiB",
        ),
        (
            "lower(dicom.modality) matches \"ct\"",
            "2:41 `matches` looks at the text as it is (a regular expression that begins with \
             (?i) ignores case)",
        ),
        (&long, "2:34 a regular expression has at most 1024 bytes"),
    ] {
        if expected.is_empty() {
            assert!(compile(&one("dicom", when)).is_ok(), "{when}");
        } else {
            assert_eq!(errors(&one("dicom", when)), [expected], "{when}");
        }
    }
}

#[test]
fn expressions_are_bounded() {
    let deep = format!("{}src_port > 1{}", "(".repeat(60), ")".repeat(60));
    assert!(errors(&one("dicom", &deep))[0].contains("nests at most 48 deep"));
    let nots = format!("{}src_port > 1", "not ".repeat(60));
    assert!(errors(&one("dicom", &nots))[0].contains("nests at most 48 deep"));
    let list = vec!["1"; 300].join(", ");
    let long = format!("src_port in ({list})");
    assert!(errors(&one("dicom", &long))[0].contains("a list has at most 256 elements"));
    let wide = vec!["src_port > 1"; 2000].join(" and ");
    assert!(errors(&one("dicom", &wide))[0].contains("at most 16384 bytes"));
}

#[test]
fn files_know_their_names() {
    let file = |name: &str, text: &str| SourceFile {
        name: name.into(),
        text: text.into(),
    };
    let sources = [file("a.yaml", "rules: []\n"), file("b.yaml", "rules: 5\n")];
    let errors = Ruleset::compile(&sources, &BTreeMap::new()).unwrap_err();
    assert_eq!((errors[0].file.as_str(), errors[0].line), ("b.yaml", 1));
}

#[test]
fn many_errors_are_counted() {
    let when = vec!["zz > 1"; 300].join(" and ");
    let found = errors(&one("dicom", &when));
    assert_eq!(found.len(), crate::limits::DIAGNOSTICS_MAX);
    assert!(found.last().unwrap().ends_with("(and 100 more errors)"));
}
