//! Names and types: an expression against the catalogue, to nodes.

mod compare;
pub(crate) mod names;

use parsers::catalogue::{Kind, Type};
use parsers::phi::Class;

use crate::diagnostic::{At, Report};
use crate::expr::ast::{Expr, ExprKind, Func, Operand, Predicate};
use crate::program::{Get, Node, NodeIx, Nodes, Pred, Regexes, Test};
use crate::sets::Sets;
use names::Found;

/// Where a condition runs, which decides what it may see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// On the event itself: everything but secrets.
    Worker,
    /// On what crossed of it: PHI is a pseudonym.
    Correlator,
    /// The same, of a rule's own condition.
    Later,
}

/// Checks expressions about one kind of event.
pub(crate) struct Checker<'c, 's> {
    pub(crate) kind: &'static Kind,
    pub(crate) part: Part,
    pub(crate) nodes: &'c mut Nodes,
    pub(crate) sets: &'c mut Sets,
    pub(crate) regexes: &'c mut Regexes,
    pub(crate) report: &'c mut Report<'s>,
    /// Sets that somebody names elsewhere, so that they are no typing errors.
    pub(crate) expected_sets: &'c [String],
}

/// What a comparison compares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    pub(crate) found: Found,
    pub(crate) get: Get,
    pub(crate) func: Option<Func>,
    pub(crate) shape: Shape,
}

/// What values an operand takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    Bool,
    Int,
    /// With the nanoseconds in its unit, if its unit is one of time.
    Decimal(Option<i64>),
    Text,
    Ip,
    Mac,
    Duration,
}

impl Shape {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Decimal(_) => "a number",
            Self::Text => "a text",
            Self::Ip => "an address",
            Self::Mac => "an Ethernet address",
            Self::Duration => "a span of time",
        }
    }
}

impl Checker<'_, '_> {
    /// Checks an expression; everything that is wrong with it is reported.
    pub(crate) fn expr(&mut self, expr: &Expr) -> Option<NodeIx> {
        match &expr.value {
            ExprKind::And(terms) => {
                let terms = self.terms(terms)?;
                Some(self.nodes.add(Node::And(terms)))
            }
            ExprKind::Or(terms) => {
                let terms = self.terms(terms)?;
                Some(self.nodes.add(Node::Or(terms)))
            }
            ExprKind::Not(inner) => {
                let inner = self.expr(inner)?;
                Some(self.nodes.add(Node::Not(inner)))
            }
            ExprKind::Bare(operand) => self.bare(operand),
            ExprKind::Test(predicate, path) => self.predicate(predicate.value, path),
            ExprKind::Compare(left, op, right) => self.compare(left, op, right),
            ExprKind::In(left, members, negated) => self.within(left, members, *negated),
        }
    }

    fn terms(&mut self, terms: &[Expr]) -> Option<Vec<NodeIx>> {
        let checked: Vec<_> = terms.iter().map(|term| self.expr(term)).collect();
        let mut flat = Vec::new();
        for ix in checked {
            let ix = ix?;
            if !flat.contains(&ix) {
                flat.push(ix);
            }
        }
        Some(flat)
    }

    fn bare(&mut self, operand: &Operand) -> Option<NodeIx> {
        let left = self.operand(operand)?;
        if left.shape != Shape::Bool {
            let message = format!("`{}` is {}", operand.path.value, left.shape.name());
            let help = format!("compare it, or write `present({})`", operand.path.value);
            self.report.error_help(operand.span, message, help);
            return None;
        }
        Some(self.add(left, Test::Bool(true)))
    }

    fn predicate(&mut self, predicate: Predicate, path: &At<String>) -> Option<NodeIx> {
        let found = self.resolve(path)?;
        let test = match predicate {
            Predicate::Present => Test::Present,
            Predicate::Empty => Test::Empty,
            Predicate::IsPrivate => Test::IsPrivate,
            Predicate::IsPublic => Test::IsPublic,
            Predicate::IsMulticast => Test::IsMulticast,
        };
        let address = !matches!(predicate, Predicate::Present | Predicate::Empty);
        if address && found.ty != Type::Ip {
            let message = format!("`{}` is no address", path.value);
            self.report.error(path.span, message);
            return None;
        }
        let pred = Pred {
            field: found.field,
            get: Get::Value,
            test,
        };
        Some(self.nodes.add(Node::Pred(pred)))
    }

    /// The field of an operand and what its function makes of it.
    pub(crate) fn operand(&mut self, operand: &Operand) -> Option<Left> {
        let found = self.resolve(&operand.path)?;
        self.may_compare(operand, found)?;
        let shape = shape(found);
        let func = operand.func.as_ref().map(|func| func.value);
        let text = shape == Shape::Text;
        let (get, shape, fits) = match func {
            None => (Get::Value, shape, true),
            Some(Func::Len) => (Get::Len, Shape::Int, text),
            Some(Func::Count) => (Get::Count, Shape::Int, found.is_list()),
            Some(Func::Lower | Func::Upper) => (Get::Folded, Shape::Text, text),
        };
        if !fits {
            let what = if func == Some(Func::Count) {
                "several values"
            } else {
                "a text"
            };
            let message = format!("`{}` is not {what}", operand.path.value);
            self.report.error(operand.path.span, message);
            return None;
        }
        Some(Left {
            found,
            get,
            func,
            shape,
        })
    }

    /// Refuses what the part of the program that this runs in cannot see.
    fn may_compare(&mut self, operand: &Operand, found: Found) -> Option<()> {
        let name = &operand.path.value;
        if found.class == Class::Secret {
            let message = format!("`{name}` is a secret: it can be tested for presence only");
            let help = format!("write `present({name})`");
            self.report.error_help(operand.span, message, help);
            return None;
        }
        if self.part != Part::Worker && !found.class.is_shown() {
            let message = format!("`{name}` is PHI, which does not reach the correlator");
            let help = match self.part {
                Part::Later => {
                    "test it beside what is asked of `asset`, joined with `and`, not within it"
                }
                _ => "there it has only its pseudonym: test it in the rule's `when`",
            };
            self.report
                .error_help(operand.span, message, help.to_owned());
            return None;
        }
        Some(())
    }

    pub(crate) fn add(&mut self, left: Left, test: Test) -> NodeIx {
        self.nodes.add(Node::Pred(Pred {
            field: left.found.field,
            get: left.get,
            test,
        }))
    }

    pub(crate) fn resolve(&mut self, path: &At<String>) -> Option<Found> {
        names::resolve(self.kind, path, self.report)
    }
}

fn shape(found: Found) -> Shape {
    match found.ty {
        Type::Bool => Shape::Bool,
        Type::Int | Type::IntList => Shape::Int,
        Type::Decimal => Shape::Decimal(names::unit_of_time(found.name)),
        Type::Text | Type::Word | Type::TextList => Shape::Text,
        Type::Ip => Shape::Ip,
        Type::Mac => Shape::Mac,
        Type::Duration => Shape::Duration,
    }
}
