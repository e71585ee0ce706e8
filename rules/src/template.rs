//! Texts for people with places for values: `{src_ip} listed patients {count} times in {window}`.

use parsers::catalogue::Kind;

use crate::FieldRef;
use crate::check::names;
use crate::correlate::inventory;
use crate::diagnostic::{At, Report, Span, did_you_mean};
use crate::syntax::Text;

/// A compiled template.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Words(Box<str>),
    Slot(Slot),
}

/// A place for a value.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Slot {
    /// Of the event that fired the rule; PHI is its pseudonym.
    Field(FieldRef),
    /// `{asset.src.name}`: the inventory's name of the sender, else its address.
    SrcName,
    /// `{asset.dest.name}`: the inventory's name of the receiver, else its address.
    DestName,
    /// `{count}`: how often it happened.
    Count,
    /// `{window}`: the span of time within which it happened.
    Window,
    /// `{distinct}`: how many different values there were.
    Distinct,
    /// `{first_seen}`: when it began.
    FirstSeen,
}

const SLOTS: &[(&str, Slot)] = &[
    ("asset.src.name", Slot::SrcName),
    ("asset.dest.name", Slot::DestName),
    ("count", Slot::Count),
    ("window", Slot::Window),
    ("distinct", Slot::Distinct),
    ("first_seen", Slot::FirstSeen),
];

impl Template {
    /// Writes the text; `fill` writes each value.
    pub fn render(&self, fill: &mut dyn FnMut(Slot, &mut String)) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Words(words) => out.push_str(words),
                Part::Slot(slot) => fill(*slot, &mut out),
            }
        }
        out
    }

    /// The places, in order.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        self.parts.iter().filter_map(|part| match part {
            Part::Slot(slot) => Some(*slot),
            Part::Words(_) => None,
        })
    }

    /// Whether it says nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Compiles a template of a rule about `kind`.
    pub(crate) fn compile(text: &Text, kind: &'static Kind, report: &mut Report<'_>) -> Self {
        let mut parts = Vec::new();
        let whole = text.value.trim_end();
        let mut rest = whole.trim_start();
        while let Some(at) = rest.find(['{', '}']) {
            let (words, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
            push(&mut parts, words);
            let doubled = ["{{", "}}"].into_iter().find(|d| tail.starts_with(d));
            if let Some(doubled) = doubled {
                push(&mut parts, doubled.get(1..).unwrap_or_default());
                rest = tail.get(2..).unwrap_or_default();
                continue;
            }
            let inside = tail.strip_prefix('{').and_then(|tail| tail.split_once('}'));
            let at = whole.len().saturating_sub(tail.len());
            let Some((name, after)) = inside else {
                let span = text.find(tail.get(..1).unwrap_or_default(), at);
                let help = "a brace that is meant as such is written twice".to_owned();
                report.error_help(span, "this brace has no partner", help);
                break;
            };
            let span = text.find(&format!("{{{name}}}"), at);
            parts.extend(slot(name, span, kind, report).map(Part::Slot));
            rest = after;
        }
        if !rest.contains(['{', '}']) {
            push(&mut parts, rest);
        }
        Self { parts }
    }
}

fn push(parts: &mut Vec<Part>, words: &str) {
    if !words.is_empty() {
        parts.push(Part::Words(words.into()));
    }
}

fn slot(name: &str, span: Span, kind: &'static Kind, report: &mut Report<'_>) -> Option<Slot> {
    if let Some((_, slot)) = SLOTS.iter().find(|(known, _)| *known == name) {
        return Some(*slot);
    }
    let of_kind = kind.fields.iter().any(|field| field.name == name);
    if name.starts_with("asset.") && !of_kind && inventory::field(name).is_none() {
        let fields = inventory::FIELDS.iter().flat_map(|field| field.paths);
        let help = did_you_mean(name, fields);
        report.error_help(span, format!("there is no `{{{name}}}`"), help);
        return None;
    }
    let at = At {
        value: name.to_owned(),
        span,
    };
    let found = names::resolve(kind, &at, report)?;
    if !found.class.is_written() {
        let message = format!("`{name}` is never shown");
        report.error(span, message);
        return None;
    }
    Some(Slot::Field(found.field))
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match SLOTS.iter().find(|(_, slot)| slot == self) {
            Some((name, _)) => write!(f, "{{{name}}}"),
            None => f.write_str("{…}"),
        }
    }
}
