//! Every shipped rule fires on what it is for and stays quiet on what it is not.

use crate::support;

#[test]
fn shipped_rules_pass_their_own_tests() {
    let (code, stdout, stderr) = support::run(&["rules", "test"]);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
}

#[test]
fn there_are_enough_rules_and_each_is_whole() {
    let (code, stdout, stderr) = support::run(&["rules", "list", "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let rules: Vec<serde_json::Value> = serde_json::from_str(&stdout).expect("a JSON array");
    assert!(rules.len() >= 30, "{} rules", rules.len());
    for rule in &rules {
        for key in [
            "id",
            "sid",
            "title",
            "severity",
            "clinical_impact",
            "what_to_do",
            "explain",
        ] {
            let empty = rule[key].is_null() || rule[key] == "";
            assert!(!empty, "{}: {key} is missing", rule["id"]);
        }
    }
}
