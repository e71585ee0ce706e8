//! The body of the fuzz target `compile`; the target itself is one line.

use std::collections::BTreeMap;

use parsers::event::{Direction, Envelope, Event};
use parsers::kinds;
use smallvec::SmallVec;

use crate::{Ruleset, Scratch, SourceFile};

/// Compiles a stranger's rule file, then lets it look at an empty event of every kind.
///
/// Whatever the file, there is an answer: a rule set, or diagnostics that point into the file.
pub fn compile(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let lines = text.matches('\n').count().saturating_add(1);
    let source = SourceFile {
        name: "fuzz.yaml".to_owned(),
        text,
    };
    match Ruleset::compile(&[source], &BTreeMap::new()) {
        Ok(ruleset) => run(&ruleset),
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            for error in errors {
                assert!(error.line as usize <= lines, "points outside of the file");
                drop(error.to_string());
            }
        }
    }
}

fn run(ruleset: &Ruleset) {
    let mut scratch = Scratch::default();
    let envelope = Envelope::default();
    for kind in kinds::ALL {
        let event = Event::new(kind, Direction::ToServer);
        let mut matched = SmallVec::new();
        ruleset.matches(&mut scratch, &event, &envelope, &mut matched);
        assert!(
            matched.is_sorted(),
            "rules come in the order of their numbers"
        );
        for ix in matched {
            let about = ruleset.rule(ix).map(|rule| rule.kind);
            assert!(about == Some(kind.id), "a rule about another kind matched");
        }
    }
    for rule in ruleset.rules() {
        drop(ruleset.explain(rule));
    }
}
