//! Suppressions, compiled.

use std::sync::Arc;

use parsers::catalogue::{Kind, Type};
use parsers::kinds;

use super::Compiler;
use crate::check::{Part, names};
use crate::diagnostic::{At, did_you_mean};
use crate::limits::SUPPRESSIONS_MAX;
use crate::program::{Get, Node, NodeIx, Pred, Program, Test};
use crate::sets::net;
use crate::suppress::Suppression;
use crate::syntax::SuppressionTree;

impl Compiler<'_> {
    pub(super) fn suppression(&mut self, tree: SuppressionTree, expected: &[String]) {
        if self.suppressions.len() >= SUPPRESSIONS_MAX {
            let message = format!("there are at most {SUPPRESSIONS_MAX} suppressions");
            return self.report.error(tree.rule.span, message);
        }
        let rule = self.rules.iter().find(|rule| *rule.id == *tree.rule.value);
        let Some(rule) = rule else {
            let ids = self.rules.iter().map(|rule| &*rule.id);
            let help = did_you_mean(&tree.rule.value, ids);
            let message = format!("there is no rule `{}` to suppress", tree.rule.value);
            return self.report.warn(tree.rule.span, message, help);
        };
        let id = Arc::clone(&rule.id);
        let Some(kind) = kinds::ALL.get(rule.kind.index()).copied() else {
            return;
        };
        // Its nodes are its own: it runs elsewhere than the rules.
        let rules_nodes = self.nodes.get_mut(kind.id.index()).map(std::mem::take);
        let root = self.suppressed(kind, &tree, expected);
        let nodes = self.nodes.get_mut(kind.id.index()).map(std::mem::take);
        if let (Some(slot), Some(old)) = (self.nodes.get_mut(kind.id.index()), rules_nodes) {
            *slot = old;
        }
        let (Some(root), Some(nodes)) = (root, nodes) else {
            return;
        };
        for field in crate::prefilter::fields(&nodes) {
            self.need(kind, field);
        }
        let fields = tree
            .fields
            .iter()
            .map(|(name, _)| format!("{} …", name.value));
        let when = tree.when.iter().map(|when| when.value.trim().to_owned());
        self.suppressions.push(Suppression {
            rule: id,
            owner: tree.owner,
            reason: tree.reason,
            expires: tree.expires,
            expires_text: tree.expires_text,
            condition: when.chain(fields).collect::<Vec<_>>().join(" and "),
            root,
            program: Program::new(&nodes, &[], &self.sets, &self.regexes),
        });
    }

    fn suppressed(
        &mut self,
        kind: &'static Kind,
        tree: &SuppressionTree,
        expected: &[String],
    ) -> Option<NodeIx> {
        let mut terms = Vec::new();
        if let Some(when) = &tree.when {
            terms.push(self.condition(kind, when, Part::Correlator, expected));
        }
        for (name, values) in &tree.fields {
            terms.push(self.one_of(kind, name, values));
        }
        let terms = terms.into_iter().collect::<Option<Vec<_>>>()?;
        let nodes = self.nodes.get_mut(kind.id.index())?;
        Some(nodes.add(Node::And(terms)))
    }

    /// `match: { src_ip: [10.0.0.9] }`. PHI is matched by its pseudonym.
    fn one_of(
        &mut self,
        kind: &'static Kind,
        name: &At<String>,
        values: &[At<String>],
    ) -> Option<NodeIx> {
        let field = self.key(kind, name)?;
        let found = names::resolve(kind, name, &mut self.report)?;
        let prefix = format!("{}:", found.class.word());
        let mut bad = |value: &At<String>, is: &str| {
            let message = format!("`{}` is {is}, this is none", name.value);
            self.report.error(value.span, message);
        };
        let mut texts = Vec::new();
        let mut nets = Vec::new();
        let mut ints = Vec::new();
        for value in values {
            match found.ty {
                Type::Ip => match net(&value.value) {
                    Some(net) => nets.push(net),
                    None => bad(value, "an address"),
                },
                Type::Int | Type::IntList => match value.value.parse() {
                    Ok(n) => ints.push(n),
                    Err(_) => bad(value, "a whole number"),
                },
                _ if !found.class.is_shown() && !value.value.starts_with(&prefix) => {
                    bad(
                        value,
                        &format!("PHI and matched by its pseudonym, {prefix}…"),
                    );
                }
                _ => texts.push(value.value.as_bytes().into()),
            }
        }
        let test = match found.ty {
            Type::Ip => Test::Nets(nets, false),
            Type::Int | Type::IntList => Test::Ints(ints, false),
            Type::Text | Type::Word | Type::TextList => Test::Texts(texts, false),
            _ => {
                let message = format!("`{}` cannot be matched by value", name.value);
                let help = "write a condition under `when`".to_owned();
                self.report.error_help(name.span, message, help);
                return None;
            }
        };
        let nodes = self.nodes.get_mut(kind.id.index())?;
        let get = Get::Value;
        Some(nodes.add(Node::Pred(Pred { field, get, test })))
    }
}
