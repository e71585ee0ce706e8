//! Comparisons: whether operator, field and constant go together.

use super::{Checker, Left, Shape};
use crate::diagnostic::{At, Span};
use crate::expr::ast::{CompareOp, Func, Literal, Members, Operand, Quoted, Right};
use crate::expr::lexer::unescape;
use crate::program::{Get, Net, NodeIx, Test};
use crate::sets::SetType;

impl Checker<'_, '_> {
    pub(super) fn compare(
        &mut self,
        left: &Operand,
        op: &At<CompareOp>,
        right: &Right,
    ) -> Option<NodeIx> {
        let found = self.operand(left);
        match right {
            Right::Field(other) => {
                let other_found = self.operand(other);
                self.two_fields((left, found?), op, (other, other_found?))
            }
            Right::Literal(literal) => self.constant(left, found?, op, literal),
        }
    }

    fn two_fields(
        &mut self,
        (left, l): (&Operand, Left),
        op: &At<CompareOp>,
        (right, r): (&Operand, Left),
    ) -> Option<NodeIx> {
        let number = |shape| matches!(shape, Shape::Int | Shape::Decimal(_));
        let alike = l.shape == r.shape || (number(l.shape) && number(r.shape));
        let span = left.span.to(right.span);
        if !alike {
            let (a, b) = (&left.path.value, &right.path.value);
            let (is, other) = (l.shape.name(), r.shape.name());
            self.report
                .error(span, format!("`{a}` is {is}, `{b}` is {other}"));
            return None;
        }
        if l.func.is_some() || r.func.is_some() {
            let message = "functions of fields are compared with constants only";
            self.report.error(span, message);
            return None;
        }
        self.fits(left, l.shape, op)?;
        if op.value == CompareOp::Matches {
            self.report.error(op.span, "`matches` takes a constant");
            return None;
        }
        Some(self.add(l, Test::Field(op.value, r.found.field)))
    }

    fn constant(
        &mut self,
        operand: &Operand,
        left: Left,
        op: &At<CompareOp>,
        literal: &At<Literal>,
    ) -> Option<NodeIx> {
        self.fits(operand, left.shape, op)?;
        let test = match (left.shape, &literal.value) {
            (Shape::Bool, Literal::Bool(value)) => {
                Test::Bool(*value == (op.value == CompareOp::Eq))
            }
            (Shape::Text, Literal::Text(quoted)) => {
                self.text(left, op.value, quoted, literal.span)?
            }
            (Shape::Ip, Literal::Net(ip, bits)) => {
                let net = Net {
                    ip: *ip,
                    bits: *bits,
                };
                Test::Nets(vec![net], op.value == CompareOp::Ne)
            }
            (Shape::Mac, Literal::Mac(mac)) => Test::Macs(vec![*mac], op.value == CompareOp::Ne),
            (Shape::Decimal(unit), literal_value) => {
                let n = decimal(literal_value, unit);
                let n = n.or_else(|| self.mismatch(operand, left.shape, literal))?;
                Test::Decimal(op.value, n.to_bits())
            }
            (Shape::Int | Shape::Duration, _) => {
                Test::Int(op.value, self.int(operand, left.shape, literal)?)
            }
            _ => return self.mismatch(operand, left.shape, literal),
        };
        Some(self.add(left, test))
    }

    /// Whether values of a shape can be asked that.
    fn fits(&mut self, operand: &Operand, shape: Shape, op: &At<CompareOp>) -> Option<()> {
        use CompareOp::{Contains, EndsWith, Eq, Matches, Ne, StartsWith};
        let good = match op.value {
            Eq | Ne => true,
            Contains | StartsWith | EndsWith | Matches => shape == Shape::Text,
            _ => matches!(shape, Shape::Int | Shape::Decimal(_) | Shape::Duration),
        };
        if !good {
            let (name, is, op_word) = (&operand.path.value, shape.name(), op.value.word());
            let message = format!("`{op_word}` does not go with `{name}`, which is {is}");
            let help = match (shape, op.value) {
                (Shape::Ip, _) => Some("write `in 10.0.0.0/8`".to_owned()),
                (Shape::Text, _) => Some("texts are not ordered".to_owned()),
                _ => None,
            };
            self.report.error_help(op.span, message, help);
        }
        good.then_some(())
    }

    fn text(&mut self, left: Left, op: CompareOp, quoted: &Quoted, span: Span) -> Option<Test> {
        if op == CompareOp::Matches {
            return self.matches(left, quoted, span);
        }
        let bytes = self.bytes(left, quoted, span)?;
        if bytes.is_empty() && !matches!(op, CompareOp::Eq | CompareOp::Ne) {
            let message = format!("every text {} the empty one", verb(op));
            self.report.error(span, message);
            return None;
        }
        Some(Test::Text(op, bytes))
    }

    fn matches(&mut self, left: Left, quoted: &Quoted, span: Span) -> Option<Test> {
        if left.func.is_some() {
            let message = "`matches` looks at the text as it is";
            let help = "a regular expression that begins with (?i) ignores case".to_owned();
            self.report.error_help(span, message, help);
            return None;
        }
        let pattern = if quoted.escapes {
            quoted.raw.replace("\\\"", "\"")
        } else {
            quoted.raw.clone()
        };
        if let Err(message) = self.regexes.build(&pattern) {
            self.report.error(span, message);
            return None;
        }
        Some(Test::Matches(pattern))
    }

    /// The bytes of a text constant, once escapes are resolved.
    fn bytes(&mut self, left: Left, quoted: &Quoted, span: Span) -> Option<Box<[u8]>> {
        let bytes = if quoted.escapes {
            match unescape(&quoted.raw) {
                Ok(bytes) => bytes,
                Err(wrong) => {
                    let at = u32::try_from(wrong.range.start).unwrap_or_default();
                    let len = u32::try_from(wrong.range.len()).unwrap_or_default();
                    let start = span.start.saturating_add(at).saturating_add(1);
                    let span = Span {
                        start,
                        end: start.saturating_add(len),
                        ..span
                    };
                    let help = wrong.help.map(String::from);
                    self.report.error_help(span, wrong.message, help);
                    return None;
                }
            }
        } else {
            quoted.raw.clone().into_bytes()
        };
        let (never, case) = match left.func {
            Some(Func::Lower) => (bytes.iter().any(u8::is_ascii_uppercase), "lower"),
            Some(Func::Upper) => (bytes.iter().any(u8::is_ascii_lowercase), "upper"),
            _ => (false, ""),
        };
        if never {
            let message = format!("{case}() never gives a text with letters of the other case");
            let help = format!("write this text in {case} case");
            self.report.error_help(span, message, help);
            return None;
        }
        Some(bytes.into())
    }

    fn int(&mut self, operand: &Operand, shape: Shape, literal: &At<Literal>) -> Option<i64> {
        match (shape, &literal.value) {
            (Shape::Int, Literal::Int(n)) | (Shape::Duration, Literal::Duration(n)) => Some(*n),
            (Shape::Int, Literal::Duration(n)) => {
                let unit = super::names::unit_of_time(&operand.path.value);
                let n = unit.and_then(|unit| n.checked_div(unit));
                n.or_else(|| self.mismatch(operand, shape, literal))
            }
            _ => self.mismatch(operand, shape, literal),
        }
    }

    fn mismatch<T>(&mut self, operand: &Operand, shape: Shape, literal: &At<Literal>) -> Option<T> {
        let (name, is, wrong) = (&operand.path.value, shape.name(), literal.value.name());
        let message = format!("`{name}` is {is}, this is {wrong}");
        let help = match (shape, &literal.value) {
            (Shape::Text, _) => Some("texts stand in quotes".to_owned()),
            (Shape::Duration, _) => Some("write 250ms, 10s, 5m or 1h".to_owned()),
            (_, Literal::Text(_)) => Some("leave out the quotes".to_owned()),
            _ => None,
        };
        self.report.error_help(literal.span, message, help);
        None
    }

    pub(super) fn within(
        &mut self,
        operand: &Operand,
        members: &Members,
        negated: bool,
    ) -> Option<NodeIx> {
        let left = self.operand(operand)?;
        let test = match members {
            Members::Set(name) => self.set(operand, left, name, negated)?,
            Members::Inline(list) => self.list(operand, left, &list.value, negated)?,
            Members::One(one) => self.list(operand, left, std::slice::from_ref(one), negated)?,
        };
        Some(self.add(left, test))
    }

    fn set(&mut self, op: &Operand, left: Left, name: &At<String>, negated: bool) -> Option<Test> {
        let ty = match left.shape {
            Shape::Ip => SetType::Ips,
            Shape::Text => SetType::Texts,
            Shape::Int => SetType::Ints,
            Shape::Mac => SetType::Macs,
            _ => {
                let (field, is) = (&op.path.value, left.shape.name());
                let message = format!("`{field}` is {is}, which sets do not hold");
                self.report.error(name.span, message);
                return None;
            }
        };
        if left.get == Get::Folded {
            let message = "a set is looked into with the text as it is";
            self.report.error(op.span, message);
            return None;
        }
        if self.sets.get(&name.value).is_none() && !self.expected_sets.contains(&name.value) {
            let help = self.sets.near(&name.value);
            let help = help.unwrap_or_else(|| "define it under `sets:`, if only as []".to_owned());
            let message = format!("nobody defines the set `${}`: it is empty", name.value);
            self.report.warn(name.span, message, help);
        }
        Some(Test::Set(
            self.sets.typed(&name.value, ty, self.report),
            negated,
        ))
    }

    fn list(
        &mut self,
        op: &Operand,
        left: Left,
        list: &[At<Literal>],
        negated: bool,
    ) -> Option<Test> {
        match left.shape {
            Shape::Text => {
                let texts = self.each(list, |checker, one| match &one.value {
                    Literal::Text(quoted) => checker.bytes(left, quoted, one.span),
                    _ => checker.mismatch(op, left.shape, one),
                });
                texts.map(|texts| Test::Texts(texts, negated))
            }
            Shape::Int | Shape::Duration => {
                let ints = self.each(list, |checker, one| checker.int(op, left.shape, one));
                ints.map(|ints| Test::Ints(ints, negated))
            }
            Shape::Ip => {
                let nets = self.each(list, |checker, one| match one.value {
                    Literal::Net(ip, bits) => Some(Net { ip, bits }),
                    _ => checker.mismatch(op, left.shape, one),
                });
                nets.map(|nets| Test::Nets(nets, negated))
            }
            Shape::Mac => {
                let macs = self.each(list, |checker, one| match one.value {
                    Literal::Mac(mac) => Some(mac),
                    _ => checker.mismatch(op, left.shape, one),
                });
                macs.map(|macs| Test::Macs(macs, negated))
            }
            Shape::Bool | Shape::Decimal(_) => {
                let (field, is) = (&op.path.value, left.shape.name());
                let message = format!("`in` does not go with `{field}`, which is {is}");
                self.report.error(op.span, message);
                None
            }
        }
    }

    /// All of a list, or nothing, with every error told.
    fn each<T>(
        &mut self,
        list: &[At<Literal>],
        mut one: impl FnMut(&mut Self, &At<Literal>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let read: Vec<_> = list.iter().map(|literal| one(self, literal)).collect();
        read.into_iter().collect()
    }
}

/// A constant as a number in a field's unit.
fn decimal(literal: &Literal, unit: Option<i64>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "constants in rules are small")]
    match (literal, unit) {
        (Literal::Int(n), _) => Some(*n as f64),
        (Literal::Decimal(n), _) => Some(*n),
        (Literal::Duration(ns), Some(unit)) => Some(*ns as f64 / unit as f64),
        _ => None,
    }
}

const fn verb(op: CompareOp) -> &'static str {
    match op {
        CompareOp::StartsWith => "starts with",
        CompareOp::EndsWith => "ends with",
        _ => "contains",
    }
}
