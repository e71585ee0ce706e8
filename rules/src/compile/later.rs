//! A condition in two parts: what an event itself tells is tested in its worker, what the
//! inventory tells in the correlator.

use parsers::catalogue::Kind;

use super::Compiler;
use crate::check::Part;
use crate::diagnostic::At;
use crate::expr::ast::{Expr, ExprKind, Operand, Right};
use crate::program::{Node, NodeIx, Program};
use crate::{Later, expr, syntax};

impl Compiler<'_> {
    /// A rule's condition: what is tested in the worker, and what of it waits for the correlator.
    pub(super) fn parted(
        &mut self,
        kind: &'static Kind,
        text: &syntax::Text,
        expected: &[String],
    ) -> Option<(NodeIx, Option<Later>)> {
        let whole = expr::parse(text, &mut self.report)?;
        let terms = match &whole.value {
            ExprKind::And(terms) => terms.as_slice(),
            _ => std::slice::from_ref(&whole),
        };
        let (later, now): (Vec<&Expr>, Vec<&Expr>) = terms.iter().partition(|t| asks_assets(t));
        if later.is_empty() {
            let root = self.checked(kind, &whole, Part::Worker, expected)?;
            return Some((root, None));
        }
        let now = self.all(kind, &now, Part::Worker, expected);
        // Its nodes are its own: it runs elsewhere than the rules.
        let nodes = self.nodes.get_mut(kind.id.index()).map(std::mem::take);
        let root = self.all(kind, &later, Part::Later, expected);
        let later = self.nodes.get_mut(kind.id.index()).map(std::mem::take);
        if let (Some(slot), Some(nodes)) = (self.nodes.get_mut(kind.id.index()), nodes) {
            *slot = nodes;
        }
        let (now, root, later) = (now?, root?, later?);
        for field in crate::prefilter::fields(&later) {
            self.need(kind, field);
        }
        let program = Program::new(&later, &[], &self.sets, &self.regexes);
        Some((now, Some(Later { root, program })))
    }

    /// All of some terms.
    fn all(
        &mut self,
        kind: &'static Kind,
        terms: &[&Expr],
        part: Part,
        expected: &[String],
    ) -> Option<NodeIx> {
        let checked = terms
            .iter()
            .map(|term| self.checked(kind, term, part, expected));
        let checked: Vec<_> = checked.collect();
        let terms = checked.into_iter().collect::<Option<Vec<_>>>()?;
        let nodes = self.nodes.get_mut(kind.id.index())?;
        Some(nodes.add(Node::And(terms)))
    }
}

/// Whether any part of an expression is about a device.
fn asks_assets(expr: &Expr) -> bool {
    let path = |path: &At<String>| {
        let name = path.value.as_str();
        name.starts_with("asset.src.") || name.starts_with("asset.dest.")
    };
    let operand = |operand: &Operand| path(&operand.path);
    match &expr.value {
        ExprKind::And(terms) | ExprKind::Or(terms) => terms.iter().any(asks_assets),
        ExprKind::Not(inner) => asks_assets(inner),
        ExprKind::Bare(one) | ExprKind::In(one, ..) => operand(one),
        ExprKind::Test(_, name) => path(name),
        ExprKind::Compare(left, _, Right::Field(right)) => operand(left) || operand(right),
        ExprKind::Compare(left, _, Right::Literal(_)) => operand(left),
    }
}
