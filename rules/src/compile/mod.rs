//! Source trees to a rule set.

mod hash;
mod later;
mod suppression;

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use parsers::catalogue::Kind;
use parsers::kinds;

use crate::check::{Checker, Part, names};
use crate::diagnostic::{At, Diagnostic, Report, SourceFile, Span};
use crate::expr::ast::Expr;
use crate::limits::{FILES_MAX, RULES_MAX};
use crate::program::{NodeIx, Nodes, Program, Regexes};
use crate::record::RuleIx;
use crate::rule::{Count, Rule, Side};
use crate::sets::Sets;
use crate::suppress::Suppression;
use crate::syntax::{self, CountTree, FileTree, RuleTree};
use crate::template::{Slot, Template};
use crate::{FieldRef, Later, Places, Ruleset, builtin_needs, expr};
use hash::{digest, stateful_hash, version_hash};

/// Compiles rule files; tells everything that is wrong, or returns the rule set with its warnings.
pub(crate) fn compile(
    sources: &[SourceFile],
    configured: &BTreeMap<String, Vec<String>>,
) -> Result<Ruleset, Vec<Diagnostic>> {
    let mut report = Report::new(sources);
    let mut sets = Sets::new(configured, &mut report);
    if sources.len() > FILES_MAX {
        let message = format!("there are at most {FILES_MAX} rule files");
        report.error_nowhere("rules", message, None);
    }
    let mut trees = Vec::new();
    for (at, source) in sources.iter().take(FILES_MAX).enumerate() {
        let index = u16::try_from(at).unwrap_or(u16::MAX);
        trees.push(syntax::file(index, &source.text, &mut report));
    }
    for set in trees.iter().flat_map(|tree| &tree.sets) {
        sets.add_default(&set.name, &set.entries, &mut report);
    }
    let mut compiler = Compiler {
        report,
        sets,
        regexes: Regexes::default(),
        nodes: kinds::ALL.iter().map(|_| Nodes::default()).collect(),
        roots: Vec::new(),
        later: Vec::new(),
        rules: Vec::new(),
        suppressions: Vec::new(),
        needs: kinds::ALL.iter().map(|kind| builtin(kind)).collect(),
    };
    compiler.trees(trees);
    let mut ruleset = compiler.finish(version_hash(sources, configured))?;
    ruleset.digest = digest(sources, configured);
    Ok(ruleset)
}

fn builtin(kind: &Kind) -> Vec<FieldRef> {
    let fields = builtin_needs(kind.id).iter();
    fields.map(|field| FieldRef::Field(*field)).collect()
}

struct Compiler<'s> {
    report: Report<'s>,
    sets: Sets,
    regexes: Regexes,
    /// By kind.
    nodes: Vec<Nodes>,
    /// By rule.
    roots: Vec<NodeIx>,
    /// By rule: what of its condition is tested in the correlator.
    later: Vec<Option<Later>>,
    rules: Vec<Rule>,
    suppressions: Vec<Suppression>,
    /// By kind.
    needs: Vec<Vec<FieldRef>>,
}

impl Compiler<'_> {
    fn trees(&mut self, trees: Vec<FileTree>) {
        self.duplicates(&trees);
        let mut expected: Vec<String> = Vec::new();
        for rule in trees.iter().flat_map(|tree| &tree.rules) {
            let sets = rule.tests.iter().flat_map(|test| &test.sets);
            expected.extend(
                rule.requires
                    .iter()
                    .chain(sets)
                    .map(|set| set.value.clone()),
            );
        }
        let mut suppressions = Vec::new();
        for tree in trees {
            let pack = tree.pack.map(Arc::new);
            for rule in tree.rules {
                self.rule(rule, pack.clone(), &expected);
            }
            suppressions.extend(tree.suppressions);
        }
        for suppression in suppressions {
            self.suppression(suppression, &expected);
        }
    }

    fn rule(&mut self, tree: RuleTree, pack: Option<Arc<crate::rule::Pack>>, expected: &[String]) {
        let kind = tree.on.value;
        let Some((root, later)) = self.parted(kind, &tree.when, expected) else {
            return;
        };
        if self.rules.len() >= RULES_MAX {
            let message = format!("there are at most {RULES_MAX} rules");
            self.report.error(tree.id.span, message);
            return;
        }
        let ix = RuleIx(u16::try_from(self.rules.len()).unwrap_or(u16::MAX));
        let count = tree
            .count
            .as_ref()
            .and_then(|count| self.count(kind, count));
        let explain = Template::compile(&tree.explain, kind, &mut self.report);
        let what_to_do = Template::compile(&tree.what_to_do, kind, &mut self.report);
        for slot in explain.slots().chain(what_to_do.slots()) {
            self.check_slot(slot, &tree, count.as_ref());
        }
        let (file, line) = self.report.place(tree.id.span);
        let source = tree
            .source
            .unwrap_or_else(|| tree.target.map_or(Side::Src, Side::other));
        let missing: Vec<String> = tree
            .requires
            .iter()
            .filter(|set| self.sets.is_empty(&set.value))
            .map(|set| set.value.clone())
            .collect();
        let when: Vec<_> = tree.when.value.split_whitespace().collect();
        let when = when.join(" ");
        self.prefilter(kind, root, &tree);
        self.roots.push(root);
        self.later.push(later);
        self.rules.push(Rule {
            ix,
            sid: tree.sid.value,
            rev: tree.rev,
            status: tree.status,
            title: tree.title,
            severity: tree.severity,
            impact: tree.impact,
            tier: tree.tier,
            category: tree.category,
            attack: tree.attack,
            references: tree.references,
            kind: kind.id,
            stateful_hash: stateful_hash(kind, &when, count.as_ref()),
            when,
            count,
            requires: tree.requires.into_iter().map(|set| set.value).collect(),
            armed: if missing.is_empty() {
                Ok(())
            } else {
                Err(missing)
            },
            explain,
            what_to_do,
            false_positives: tree.false_positives,
            source,
            target: tree.target.unwrap_or_else(|| source.other()),
            tests: tree.tests.into_iter().map(|test| test.test).collect(),
            pack,
            file,
            line,
            id: tree.id.value.into(),
        });
    }

    /// A condition's node among those of its kind.
    fn condition(
        &mut self,
        kind: &'static Kind,
        text: &syntax::Text,
        part: Part,
        expected: &[String],
    ) -> Option<NodeIx> {
        let expr = expr::parse(text, &mut self.report)?;
        self.checked(kind, &expr, part, expected)
    }

    fn checked(
        &mut self,
        kind: &'static Kind,
        expr: &Expr,
        part: Part,
        expected: &[String],
    ) -> Option<NodeIx> {
        let nodes = self.nodes.get_mut(kind.id.index())?;
        let mut checker = Checker {
            kind,
            part,
            nodes,
            sets: &mut self.sets,
            regexes: &mut self.regexes,
            report: &mut self.report,
            expected_sets: expected,
        };
        checker.expr(expr)
    }

    fn count(&mut self, kind: &'static Kind, tree: &CountTree) -> Option<Count> {
        let by: Vec<_> = tree.by.iter().map(|name| self.key(kind, name)).collect();
        let distinct = tree.distinct.as_ref().map(|name| self.key(kind, name));
        let count = Count {
            by: by.into_iter().collect::<Option<_>>()?,
            distinct: match distinct {
                Some(field) => Some(field?),
                None => None,
            },
            at_least: tree.at_least,
            within_ns: tree.within_ns,
        };
        for field in count.by.iter().chain(&count.distinct) {
            self.need(kind, *field);
        }
        Some(count)
    }

    /// A field that the correlator uses as a key. PHI is its pseudonym there, which does.
    fn key(&mut self, kind: &'static Kind, name: &At<String>) -> Option<FieldRef> {
        let found = names::resolve(kind, name, &mut self.report)?;
        if !found.class.is_written() {
            let message = format!("`{}` never leaves its worker", name.value);
            self.report.error(name.span, message);
            return None;
        }
        Some(found.field)
    }

    fn check_slot(&mut self, slot: Slot, tree: &RuleTree, count: Option<&Count>) {
        let (fits, help) = match slot {
            Slot::Field(field) => return self.need(tree.on.value, field),
            Slot::Count | Slot::Window => (tree.count.is_some(), "the rule has no `count`"),
            Slot::Distinct => (
                count.is_none_or(|count| count.distinct.is_some()) && tree.count.is_some(),
                "the rule's `count` has no `distinct`",
            ),
            _ => return,
        };
        if !fits {
            let words = slot.to_string();
            let in_explain = tree.explain.find(&words, 0);
            let span = if in_explain == tree.explain.span {
                tree.what_to_do.find(&words, 0)
            } else {
                in_explain
            };
            let message = format!("`{words}` has no value here: {help}");
            self.report.error(span, message);
        }
    }

    fn need(&mut self, kind: &Kind, field: FieldRef) {
        if matches!(field, FieldRef::Envelope(_) | FieldRef::Asset(..)) {
            return;
        }
        if let Some(needs) = self.needs.get_mut(kind.id.index())
            && !needs.contains(&field)
        {
            needs.push(field);
        }
    }

    /// Warns of a condition that has to look at every byte or every segment of every event.
    fn prefilter(&mut self, kind: &Kind, root: NodeIx, tree: &RuleTree) {
        let Some(nodes) = self.nodes.get(kind.id.index()) else {
            return;
        };
        if !crate::prefilter::is_selective(nodes, root) {
            let message = "no cheap condition comes before the costly ones";
            let help = "begin with a comparison of a field with a text or a number".to_owned();
            self.report.warn(tree.when.span, message, help);
        }
    }

    /// One id and one sid a rule.
    fn duplicates(&mut self, trees: &[FileTree]) {
        let mut ids: HashMap<String, Span> = HashMap::new();
        let rules = || trees.iter().flat_map(|tree| &tree.rules);
        let named = rules().map(|r| (format!("id `{}`", r.id.value), r.id.span));
        let numbered = rules().map(|r| (format!("sid {}", r.sid.value), r.sid.span));
        for (what, span) in named.chain(numbered) {
            if let Some(first) = ids.get(&what) {
                let (file, line) = self.report.place(*first);
                let message = format!("{what} is taken");
                let help = format!("by the rule at {file}:{line}");
                self.report.error_help(span, message, help);
            } else {
                ids.insert(what, span);
            }
        }
    }

    fn finish(self, version_hash: u64) -> Result<Ruleset, Vec<Diagnostic>> {
        let failed = self.report.errors() > 0;
        let (errors, warnings) = self.report.finish();
        if failed {
            return Err(errors);
        }
        let program = |(kind, nodes): (&&'static Kind, &Nodes)| {
            let rules: Vec<_> = self
                .rules
                .iter()
                .zip(&self.roots)
                .filter(|(rule, _)| rule.kind == kind.id && rule.armed.is_ok())
                .map(|(rule, root)| (*root, rule.ix))
                .collect();
            Program::new(nodes, &rules, &self.sets, &self.regexes)
        };
        let programs = kinds::ALL.iter().zip(&self.nodes).map(program).collect();
        let kinds = kinds::ALL.iter().zip(&self.needs);
        let places = kinds
            .map(|(kind, needs)| Places::new(kind, needs))
            .collect();
        Ok(Ruleset {
            programs,
            places,
            needs: self.needs.into(),
            nodes: self.nodes.into(),
            roots: self.roots.into(),
            later: self.later.into(),
            assets: Arc::default(),
            rules: self.rules.into(),
            suppressions: self.suppressions.into(),
            sets: self.sets,
            warnings,
            version_hash,
            digest: [0; 32],
        })
    }
}
