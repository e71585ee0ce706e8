//! `vitalwire rules list`: as a table for people, as JSON for programs.

use parsers::kinds::ALL;
use rules::{Rule, Slot, Template};

use serde_json::{Value, json};

use crate::cli::RulesListArgs;
use crate::error::Error;
use crate::terminal::{show, table};

/// Prints the rules.
///
/// # Errors
/// Mistakes in rules.
pub(super) fn run(args: &RulesListArgs) -> Result<(), Error> {
    let loaded = super::load(&args.rules)?;
    let rules = loaded.ruleset.rules();
    if args.json {
        let all: Vec<Value> = rules.iter().map(as_json).collect();
        let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
        text.push('\n');
        return show(&text);
    }
    let head = ["id", "sid", "severity", "tier", "state", "title"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    rows.extend(rules.iter().map(row));
    show(&table(&rows))
}

fn row(rule: &Rule) -> Vec<String> {
    let state = match &rule.armed {
        Ok(()) => rule.status.word().to_owned(),
        Err(sets) => format!("unarmed: set {}", sets.join(", ")),
    };
    vec![
        rule.id.to_string(),
        rule.sid.to_string(),
        rule.severity.word().to_owned(),
        rule.tier.word().to_owned(),
        state,
        rule.title.clone(),
    ]
}

/// Everything that a rule says of itself.
fn as_json(rule: &Rule) -> Value {
    let missing = rule.armed.as_ref().err().cloned().unwrap_or_default();
    json!({
        "id": &*rule.id,
        "sid": rule.sid,
        "rev": rule.rev,
        "status": rule.status.word(),
        "title": rule.title,
        "severity": rule.severity.word(),
        "clinical_impact": rule.impact.word(),
        "tier": rule.tier.word(),
        "category": rule.category,
        "attack": rule.attack,
        "references": rule.references,
        "on": ALL.get(rule.kind.index()).map(|kind| kind.name),
        "when": rule.when,
        "requires": rule.requires,
        "armed": rule.armed.is_ok(),
        "missing": missing,
        "explain": as_written(rule, &rule.explain),
        "what_to_do": as_written(rule, &rule.what_to_do),
        "false_positives": rule.false_positives,
        "pack": rule.pack.as_ref().map(|pack| format!("{} {}", pack.name, pack.version)),
        "file": rule.file,
        "line": rule.line,
    })
}

/// A text with its places still in it.
fn as_written(rule: &Rule, template: &Template) -> String {
    template.render(&mut |slot, out| match slot {
        Slot::Field(field) => {
            let name = rules::explain::field_name(rule.kind, field);
            out.push_str(&format!("{{{name}}}"));
        }
        other => out.push_str(&other.to_string()),
    })
}
