//! Whatever is written, the compiler answers.

use proptest::prelude::*;

use super::{compile, dicom, envelope, ids, one, source};
use crate::Ruleset;

/// Pieces that expressions are made of, right or wrong.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "and",
        "or",
        "not",
        "(",
        ")",
        "in",
        ",",
        "==",
        "!=",
        "<",
        ">=",
        "contains",
        "matches",
        "starts_with",
        "dicom.command",
        "dicom.status",
        "src_ip",
        "dicom.roles",
        "len(",
        "count(",
        "lower(",
        "empty(",
        "is_private(",
        "\"C-FIND-RQ\"",
        "\"*\"",
        "'a'",
        "5",
        "0x10",
        "1.5",
        "10m",
        "10.0.0.0/8",
        "00:11:22:33:44:55",
        "fe80::1",
        "$set",
        "true",
        "&&",
        "||",
        "!",
        "\"",
        "\\",
        "hl7.pid.3",
        "asset.src",
        "dicom.patient_name",
        "dicom.query.universal",
        "é",
        "\n",
    ];
    prop_oneof![
        9 => proptest::sample::select(words.to_vec()).prop_map(|w: &str| w.to_owned()),
        1 => "\\PC{0,8}",
    ]
}

proptest! {
    #[test]
    fn random_expressions_never_panic(pieces in prop::collection::vec(piece(), 0..24)) {
        let when = format!(">\n      {}", pieces.join(" ").replace('\n', "\n      "));
        if let Ok(ruleset) = compile(&one("dicom", &when)) {
            ids(&ruleset, &dicom(&[]), &envelope());
            prop_assert!(!ruleset.explain(&ruleset.rules()[0]).is_empty());
        }
    }

    #[test]
    fn random_files_never_panic(text in "[-a-z0-9:\\[\\]{}\"'>|#&*! \n$(),.=]{0,120}") {
        let file = source(&text);
        // Only that there is an answer counts.
        drop(Ruleset::compile(&[file], &std::collections::BTreeMap::new()));
    }

    #[test]
    fn a_condition_and_its_negation_exclude_each_other(
        status in prop::option::of(-3_i64..3), bound in -3_i64..3,
        op in proptest::sample::select(&["==", "!=", "<", "<=", ">", ">="][..]),
    ) {
        let when = format!("dicom.status {op} {bound}");
        let event = match status {
            Some(status) => dicom(&[(parsers::kinds::dicom::STATUS, status.into())]),
            None => dicom(&[]),
        };
        let holds = |when: &str| !ids(&super::ruleset("dicom", when), &event, &envelope()).is_empty();
        prop_assert_ne!(holds(&when), holds(&format!("not {when}")));
        if status.is_none() {
            prop_assert!(!holds(&when));
        }
    }
}
