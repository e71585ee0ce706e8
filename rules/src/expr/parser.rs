//! Tokens to a tree, by precedence: `or` binds least, then `and`, then `not`, then comparisons.

use std::ops::Range;

use super::ast::{
    CompareOp, Expr, ExprKind, FUNCS, Func, Literal, Members, Operand, PREDICATES, Right,
};
use super::lexer::{Lexed, Token, Wrong, lex, wrong};
use crate::diagnostic::{At, Report, Span, did_you_mean};
use crate::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, LIST_MAX};
use crate::syntax::Text;

/// Parses an expression. What is wrong is reported; one error an expression.
pub(crate) fn parse(text: &Text, report: &mut Report<'_>) -> Option<Expr> {
    if text.code.len() > EXPRESSION_BYTES_MAX {
        let message = format!("an expression has at most {EXPRESSION_BYTES_MAX} bytes");
        report.error(text.span, message);
        return None;
    }
    let parsed = lex(&text.code).and_then(|tokens| {
        let mut parser = Parser {
            text,
            tokens,
            at: 0,
            depth: 0,
        };
        let expr = parser.expression(0)?;
        parser.end().map(|()| expr)
    });
    parsed
        .map_err(|wrong| {
            let help = wrong.help.map(String::from);
            report.error_help(text.span_of(wrong.range), wrong.message, help);
        })
        .ok()
}

struct Parser<'t> {
    text: &'t Text,
    tokens: Vec<Lexed>,
    at: usize,
    depth: usize,
}

/// How strongly `or` and `and` bind.
const OR: u8 = 1;
const AND: u8 = 2;

impl Parser<'_> {
    /// Everything that binds more strongly than `floor`.
    fn expression(&mut self, floor: u8) -> Result<Expr, Wrong> {
        let first = self.unary()?;
        let mut terms = vec![first];
        let mut joined = 0;
        loop {
            let strength = self.joint();
            if strength <= floor {
                return Ok(join(joined, terms));
            }
            self.at = self.at.saturating_add(1);
            if joined != 0 && joined != strength {
                terms = vec![join(joined, terms)];
            }
            joined = strength;
            terms.push(self.expression(strength)?);
        }
    }

    /// The binding strength of the joint that comes next, or 0.
    fn joint(&self) -> u8 {
        match self.peek() {
            Some(Token::Symbol("||")) => OR,
            Some(Token::Symbol("&&")) => AND,
            Some(Token::Name(name)) if name == "or" => OR,
            Some(Token::Name(name)) if name == "and" => AND,
            _ => 0,
        }
    }

    fn unary(&mut self) -> Result<Expr, Wrong> {
        let start = self.here();
        self.depth = self.depth.saturating_add(1);
        if self.depth > EXPRESSION_DEPTH_MAX {
            let message = format!("an expression nests at most {EXPRESSION_DEPTH_MAX} deep");
            return Err(wrong(start, message, None));
        }
        let expr = if self.eat_word("not") || self.eat("!") {
            let inner = self.unary()?;
            let span = self.span(start).to(inner.span);
            At {
                value: ExprKind::Not(Box::new(inner)),
                span,
            }
        } else if self.eat("(") {
            let inner = self.expression(0)?;
            self.close("(", start)?;
            inner
        } else {
            self.comparison()?
        };
        self.depth = self.depth.saturating_sub(1);
        Ok(expr)
    }

    fn comparison(&mut self) -> Result<Expr, Wrong> {
        let start = self.here();
        if let Some(test) = self.predicate()? {
            return Ok(test);
        }
        let left = self.operand()?;
        let kind = if self.eat_word("not") {
            if !self.eat_word("in") {
                return Err(wrong(self.here(), "`in` follows `not` here", None));
            }
            ExprKind::In(left, self.members()?, true)
        } else if self.eat_word("in") {
            ExprKind::In(left, self.members()?, false)
        } else if let Some(op) = self.operator()? {
            let right = self.right()?;
            ExprKind::Compare(left, op, right)
        } else {
            ExprKind::Bare(left)
        };
        Ok(At {
            value: kind,
            span: self.span(start).to(self.span(self.last())),
        })
    }

    /// `empty(f)` and the like.
    fn predicate(&mut self) -> Result<Option<Expr>, Wrong> {
        let start = self.here();
        let Some(Token::Name(name)) = self.peek() else {
            return Ok(None);
        };
        let Some((_, predicate)) = PREDICATES.iter().find(|(known, _)| name == known) else {
            return Ok(None);
        };
        if !matches!(self.peek_second(), Some(Token::Symbol("("))) {
            return Ok(None);
        }
        self.at = self.at.saturating_add(2);
        let path = self.path()?;
        self.close("(", start.clone())?;
        let at = At {
            value: *predicate,
            span: self.span(start.clone()),
        };
        Ok(Some(At {
            value: ExprKind::Test(at, path),
            span: self.span(start).to(self.span(self.last())),
        }))
    }

    fn operand(&mut self) -> Result<Operand, Wrong> {
        let start = self.here();
        let func = self.func(&start)?;
        let path = self.path()?;
        if func.is_some() {
            self.close("(", start.clone())?;
        }
        Ok(Operand {
            func,
            path,
            span: self.span(start).to(self.span(self.last())),
        })
    }

    /// The name of a function and its opening parenthesis.
    fn func(&mut self, start: &Range<usize>) -> Result<Option<At<Func>>, Wrong> {
        let (Some(Token::Name(name)), Some(Token::Symbol("("))) = (self.peek(), self.peek_second())
        else {
            return Ok(None);
        };
        let Some((_, func)) = FUNCS.iter().find(|(known, _)| name == known) else {
            let names = FUNCS.iter().map(|f| f.0);
            let names = names.chain(PREDICATES.iter().map(|p| p.0));
            let help = did_you_mean(name, names.clone()).unwrap_or_else(|| {
                format!("functions are {}", names.collect::<Vec<_>>().join(", "))
            });
            let message = format!("there is no function `{name}`");
            return Err(wrong(start.clone(), message, Some(help)));
        };
        let func = At {
            value: *func,
            span: self.span(start.clone()),
        };
        self.at = self.at.saturating_add(2);
        Ok(Some(func))
    }

    fn path(&mut self) -> Result<At<String>, Wrong> {
        let range = self.here();
        match self.peek().cloned() {
            Some(Token::Name(name)) if !KEYWORDS.contains(&name.as_str()) => {
                self.at = self.at.saturating_add(1);
                Ok(At {
                    value: name,
                    span: self.span(range),
                })
            }
            _ => Err(wrong(range, "a field's name is expected here", None)),
        }
    }

    fn operator(&mut self) -> Result<Option<At<CompareOp>>, Wrong> {
        let range = self.here();
        let word = match self.peek() {
            Some(Token::Symbol(symbol)) => *symbol,
            Some(Token::Name(name)) => name.as_str(),
            Some(_) => return Err(self.no_operator("")),
            None => return Ok(None),
        };
        let op = match OPERATORS.iter().find(|op| op.word() == word) {
            Some(op) => *op,
            None if matches!(word, "and" | "or" | "&&" | "||" | ")") => return Ok(None),
            None => return Err(self.no_operator(word)),
        };
        self.at = self.at.saturating_add(1);
        Ok(Some(At {
            value: op,
            span: self.span(range),
        }))
    }

    fn no_operator(&self, word: &str) -> Wrong {
        let words = OPERATORS.iter().map(|op| op.word());
        let words = words.chain(["in", "not in", "and", "or"]);
        let help = did_you_mean(word, words.clone());
        let all = || format!("operators are {}", words.collect::<Vec<_>>().join(", "));
        let help = help.unwrap_or_else(all);
        wrong(self.here(), "an operator is expected here", Some(help))
    }

    fn right(&mut self) -> Result<Right, Wrong> {
        match self.peek() {
            Some(Token::Literal(_)) => Ok(Right::Literal(self.literal()?)),
            Some(Token::Name(name)) if matches!(name.as_str(), "true" | "false") => {
                Ok(Right::Literal(self.literal()?))
            }
            Some(Token::Name(name)) if !KEYWORDS.contains(&name.as_str()) => {
                Ok(Right::Field(self.operand()?))
            }
            Some(Token::Set(_)) => {
                let help = "sets are looked into with `in`".to_owned();
                Err(wrong(self.here(), "a value is expected here", Some(help)))
            }
            _ => {
                let help = "texts stand in quotes".to_owned();
                Err(wrong(self.here(), "a value is expected here", Some(help)))
            }
        }
    }

    fn members(&mut self) -> Result<Members, Wrong> {
        let start = self.here();
        if let Some(Token::Set(name)) = self.peek().cloned() {
            self.at = self.at.saturating_add(1);
            let span = self.span(start);
            return Ok(Members::Set(At { value: name, span }));
        }
        if !self.eat("(") {
            return Ok(Members::One(self.literal()?));
        }
        let mut list = vec![self.literal()?];
        while self.eat(",") {
            list.push(self.literal()?);
        }
        self.close("(", start.clone())?;
        let span = self.span(start.clone()).to(self.span(self.last()));
        if list.len() > LIST_MAX {
            let message = format!("a list has at most {LIST_MAX} elements");
            let help = "make it a named set".to_owned();
            return Err(wrong(start, message, Some(help)));
        }
        Ok(Members::Inline(At { value: list, span }))
    }

    fn literal(&mut self) -> Result<At<Literal>, Wrong> {
        let range = self.here();
        let value = match self.peek().cloned() {
            Some(Token::Literal(literal)) => literal,
            Some(Token::Name(name)) if name == "true" => Literal::Bool(true),
            Some(Token::Name(name)) if name == "false" => Literal::Bool(false),
            _ => {
                let help = "texts stand in quotes".to_owned();
                return Err(wrong(range, "a constant is expected here", Some(help)));
            }
        };
        self.at = self.at.saturating_add(1);
        Ok(At {
            value,
            span: self.span(range),
        })
    }

    fn end(&self) -> Result<(), Wrong> {
        match self.peek() {
            None => Ok(()),
            Some(Token::Symbol(")")) => Err(wrong(self.here(), "this `)` closes nothing", None)),
            Some(_) => {
                let help = "join conditions with `and` or `or`".to_owned();
                Err(wrong(
                    self.here(),
                    "the expression should end here",
                    Some(help),
                ))
            }
        }
    }

    fn close(&mut self, open: &str, start: Range<usize>) -> Result<(), Wrong> {
        if self.eat(")") {
            return Ok(());
        }
        if self.peek().is_none() {
            return Err(wrong(start, format!("this `{open}` is not closed"), None));
        }
        Err(wrong(self.here(), "`)` is expected here", None))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn peek_second(&self) -> Option<&Token> {
        let (token, _) = self.tokens.get(self.at.saturating_add(1))?;
        Some(token)
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol);
        self.at = self.at.saturating_add(usize::from(found));
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(name)) if name == word);
        self.at = self.at.saturating_add(usize::from(found));
        found
    }

    /// Where the next token stands; at the end, the last character.
    fn here(&self) -> Range<usize> {
        let at_end = || {
            let len = self.text.code.trim_end().len();
            len.saturating_sub(1)..len
        };
        self.tokens
            .get(self.at)
            .map_or_else(at_end, |(_, range)| range.clone())
    }

    /// Where the token before stands.
    fn last(&self) -> Range<usize> {
        let at = self.at.saturating_sub(1);
        self.tokens.get(at).map_or(0..0, |(_, range)| range.clone())
    }

    fn span(&self, range: Range<usize>) -> Span {
        self.text.span_of(range)
    }
}

/// Words that name no field.
const KEYWORDS: &[&str] = &["and", "or", "not", "in", "true", "false"];

const OPERATORS: &[CompareOp] = &[
    CompareOp::Eq,
    CompareOp::Ne,
    CompareOp::Lt,
    CompareOp::Le,
    CompareOp::Gt,
    CompareOp::Ge,
    CompareOp::Contains,
    CompareOp::StartsWith,
    CompareOp::EndsWith,
    CompareOp::Matches,
];

fn join(strength: u8, mut terms: Vec<Expr>) -> Expr {
    if let (1, Some(only)) = (terms.len(), terms.pop_if(|_| strength == 0)) {
        return only;
    }
    let first = terms.first().map_or_else(Span::default, |e| e.span);
    let span = terms.last().map_or(first, |last| first.to(last.span));
    let value = if strength == AND {
        ExprKind::And(terms)
    } else {
        ExprKind::Or(terms)
    };
    At { value, span }
}
