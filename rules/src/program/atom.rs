//! A test of one field, ready to run.

use std::sync::Arc;

use hashbrown::HashMap;
use memchr::memmem::Finder;
use parsers::event::Value;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};

use super::eval::{
    Subject, bytes, compare, is_multicast, is_private, is_public, number, ordered, text,
};
use super::node::{Get, Net, Pred, Test};
use super::scan::Place;
use crate::FieldRef;
use crate::expr::ast::CompareOp;
use crate::limits::{REGEX_AUTOMATON_BYTES_MAX, REGEX_BYTES_MAX, REGEX_TOTAL_BYTES_MAX};
use crate::sets::{IpSet, Members, Sets};

/// An automaton that is built in full: it runs in linear time, and needs no memory to run.
pub(crate) type Regex = Arc<dense::DFA<Vec<u32>>>;

/// Regular expressions by their text; equal ones are built once.
#[derive(Debug, Default)]
pub(crate) struct Regexes {
    known: HashMap<String, Regex>,
    bytes: usize,
}

impl Regexes {
    /// Builds one; says what is wrong with it.
    pub(crate) fn build(&mut self, pattern: &str) -> Result<(), String> {
        if self.known.contains_key(pattern) {
            return Ok(());
        }
        if pattern.len() > REGEX_BYTES_MAX {
            return Err(format!(
                "a regular expression has at most {REGEX_BYTES_MAX} bytes"
            ));
        }
        let limit = Some(REGEX_AUTOMATON_BYTES_MAX);
        let built = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .match_kind(MatchKind::All)
                    .start_kind(StartKind::Unanchored)
                    .dfa_size_limit(limit)
                    .determinize_size_limit(limit),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(
                thompson::Config::new()
                    .utf8(false)
                    .nfa_size_limit(limit)
                    .which_captures(thompson::WhichCaptures::None),
            )
            .build(pattern);
        let dfa = built.map_err(|error| reason(&error))?;
        self.bytes = self.bytes.saturating_add(dfa.memory_usage());
        if self.bytes > REGEX_TOTAL_BYTES_MAX {
            return Err("the rule set's regular expressions take too much memory together".into());
        }
        self.known.insert(pattern.to_owned(), Arc::new(dfa));
        Ok(())
    }

    fn get(&self, pattern: &str) -> Option<Regex> {
        self.known.get(pattern).cloned()
    }
}

/// The innermost reason in one line.
fn reason(error: &dense::BuildError) -> String {
    if error.is_size_limit_exceeded() {
        return format!(
            "this regular expression is too large: its automaton would take more than {} KiB",
            REGEX_AUTOMATON_BYTES_MAX >> 10
        );
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let text = inner.to_string();
    let last = text.lines().last().unwrap_or_default();
    let last = last.trim_start_matches("error: ");
    format!("this is no regular expression: {last}")
}

/// A compiled [`Pred`].
#[derive(Debug)]
pub(crate) enum Atom {
    Present(FieldRef),
    Empty(FieldRef),
    Bool(FieldRef, bool),
    Int(FieldRef, Get, CompareOp, i64),
    Ints(FieldRef, Get, Box<[i64]>, bool),
    Decimal(FieldRef, CompareOp, f64),
    Text(FieldRef, CompareOp, Box<[u8]>, bool),
    Find(FieldRef, Box<Finder<'static>>),
    Texts(FieldRef, Box<[Box<[u8]>]>, bool, bool),
    Matches(FieldRef, Regex),
    Nets(FieldRef, IpSet, bool),
    Address(FieldRef, fn(std::net::IpAddr) -> bool),
    Macs(FieldRef, Box<[[u8; 6]]>, bool),
    Set(FieldRef, Get, Arc<Members>, bool),
    Field(FieldRef, CompareOp, FieldRef),
    /// Answered by a scan.
    Scanned(Place),
    /// A set or expression that is not there; never made of what compiled.
    Never,
}

impl Atom {
    pub(crate) fn new(pred: &Pred, sets: &Sets, regexes: &Regexes) -> Self {
        let (field, get) = (pred.field, pred.get);
        let folded = get == Get::Folded;
        match &pred.test {
            Test::Present => Self::Present(field),
            Test::Empty => Self::Empty(field),
            Test::Bool(value) => Self::Bool(field, *value),
            Test::Int(op, n) => Self::Int(field, get, *op, *n),
            Test::Ints(list, negated) => Self::Ints(field, get, list.as_slice().into(), *negated),
            Test::Decimal(op, bits) => Self::Decimal(field, *op, f64::from_bits(*bits)),
            Test::Text(CompareOp::Contains, with) if !folded => {
                Self::Find(field, Box::new(Finder::new(with).into_owned()))
            }
            Test::Text(op, with) => Self::Text(field, *op, with.clone(), folded),
            Test::Texts(list, negated) => {
                Self::Texts(field, list.as_slice().into(), folded, *negated)
            }
            Test::Matches(pattern) => regexes
                .get(pattern)
                .map_or(Self::Never, |regex| Self::Matches(field, regex)),
            Test::Nets(nets, negated) => Self::Nets(field, nets_of(nets), *negated),
            Test::IsPrivate => Self::Address(field, is_private),
            Test::IsPublic => Self::Address(field, is_public),
            Test::IsMulticast => Self::Address(field, is_multicast),
            Test::Macs(list, negated) => Self::Macs(field, list.as_slice().into(), *negated),
            Test::Set(ix, negated) => sets
                .members(*ix)
                .map_or(Self::Never, |set| Self::Set(field, get, set, *negated)),
            Test::Field(op, other) => Self::Field(field, *op, *other),
        }
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, on: &impl Subject) -> bool {
        match self {
            Self::Present(field) => on.any(*field, |_| true),
            Self::Empty(field) => !on.any(*field, |v| bytes(v).is_none_or(|text| !text.is_empty())),
            Self::Bool(field, is) => on.any(*field, |v| v == Value::Bool(*is)),
            Self::Int(field, get, op, with) => {
                ints(on, *field, *get, |n| ordered(*op, n.cmp(with)))
            }
            Self::Ints(field, get, list, negated) => {
                ints(on, *field, *get, |n| list.contains(&n) != *negated)
            }
            Self::Decimal(field, op, with) => on.any(*field, |v| {
                let ordering = number(v).and_then(|n| n.partial_cmp(with));
                ordering.is_some_and(|ordering| ordered(*op, ordering))
            }),
            Self::Nets(field, nets, negated) => ips(on, *field, |ip| nets.contains(ip) != *negated),
            Self::Address(field, is) => ips(on, *field, is),
            Self::Macs(field, list, negated) => on.any(
                *field,
                |v| matches!(v, Value::Mac(m) if list.contains(&m) != *negated),
            ),
            Self::Set(field, Get::Len | Get::Count, set, negated) => {
                let Members::Ints(set) = &**set else {
                    return false;
                };
                ints(on, *field, self.get(), |n| set.contains(&n) != *negated)
            }
            Self::Set(field, _, set, negated) => {
                on.any(*field, |v| set.contains(v).is_some_and(|is| is != *negated))
            }
            Self::Field(field, op, other) => on.any(*field, |left| {
                on.any(*other, |right| compare(*op, left, right))
            }),
            Self::Text(..) | Self::Find(..) | Self::Texts(..) | Self::Matches(..) => {
                self.holds_text(on)
            }
            Self::Scanned(_) | Self::Never => false,
        }
    }

    fn holds_text(&self, on: &impl Subject) -> bool {
        let texts = |field: &FieldRef, test: &dyn Fn(&[u8]) -> bool| {
            on.any(*field, |v| bytes(v).is_some_and(test))
        };
        match self {
            Self::Text(field, op, with, folded) => texts(field, &|v| text(*op, v, with, *folded)),
            Self::Find(field, finder) => texts(field, &|v| finder.find(v).is_some()),
            Self::Texts(field, list, folded, negated) => texts(field, &|v| {
                let is = list
                    .iter()
                    .any(|with| text(CompareOp::Eq, v, with, *folded));
                is != *negated
            }),
            Self::Matches(field, regex) => texts(field, &|v| {
                let input = Input::new(v).earliest(true);
                matches!(regex.try_search_fwd(&input), Ok(Some(_)))
            }),
            _ => false,
        }
    }

    const fn get(&self) -> Get {
        match self {
            Self::Set(_, get, ..) => *get,
            _ => Get::Value,
        }
    }
}

fn ints(on: &impl Subject, field: FieldRef, get: Get, test: impl Fn(i64) -> bool) -> bool {
    let long = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    match get {
        Get::Count => {
            let mut count = 0_usize;
            on.any(field, |_| {
                count = count.saturating_add(1);
                false
            });
            count > 0 && test(long(count))
        }
        Get::Len => on.any(field, |v| {
            bytes(v).is_some_and(|text| test(long(text.len())))
        }),
        Get::Value | Get::Folded => on.any(field, |v| match v {
            Value::Int(n) | Value::Duration(n) => test(n),
            _ => false,
        }),
    }
}

fn ips(on: &impl Subject, field: FieldRef, test: impl Fn(std::net::IpAddr) -> bool) -> bool {
    on.any(field, |v| matches!(v, Value::Ip(ip) if test(ip)))
}

fn nets_of(nets: &[Net]) -> IpSet {
    IpSet::new(nets.iter().copied())
}
