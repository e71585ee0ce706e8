//! YAML to a tree of nodes with spans.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

use crate::diagnostic::{At, Report, Span};

/// A YAML value and where it stands.
pub(crate) type Node = At<Data>;

/// A YAML value. A scalar that is no text is read again from the raw slice where its writing
/// counts.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Null,
    Bool,
    Int(i64),
    Decimal,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(At<String>, Node)>),
}

impl Data {
    /// What it is, for error messages.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool => "true or false",
            Self::Int(_) | Self::Decimal => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads a file's text. What is wrong with it as YAML is reported.
pub(crate) fn parse(file: u16, text: &str, report: &mut Report<'_>) -> Option<Node> {
    match serde_yaml::from_str::<Spanned<Any>>(text) {
        Ok(any) => Some(node(file, any)),
        Err(error) => {
            let span = error
                .location()
                .map_or_else(Span::default, |l| place(file, text, l));
            let full = error.without_snippet().to_string();
            let message = full.lines().next().unwrap_or_default();
            let message = message.split(" at line ").next().unwrap_or_default();
            let message = message.rsplit("error: ").next().unwrap_or_default();
            report.error(Span { file, ..span }, format!("not YAML: {message}"));
            None
        }
    }
}

fn node(file: u16, any: Spanned<Any>) -> Node {
    let data = match any.value {
        Any::Null => Data::Null,
        Any::Bool => Data::Bool,
        Any::Int(v) => Data::Int(v),
        Any::Decimal => Data::Decimal,
        Any::Text(v) => Data::Text(v),
        Any::List(items) => Data::List(items.into_iter().map(|item| node(file, item)).collect()),
        Any::Map(entries) => Data::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let key = At {
                        span: span(file, key.defined),
                        value: key.value,
                    };
                    (key, node(file, value))
                })
                .collect(),
        ),
    };
    At {
        value: data,
        span: span(file, any.defined),
    }
}

/// Errors know line and column, but not always the byte.
fn place(file: u16, text: &str, at: Location) -> Span {
    let line = usize::try_from(at.line().saturating_sub(1)).unwrap_or_default();
    let column = usize::try_from(at.column().saturating_sub(1)).unwrap_or_default();
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let within = text.split_inclusive('\n').nth(line).unwrap_or_default();
    let within: usize = within.chars().take(column).map(char::len_utf8).sum();
    let start = u32::try_from(before.saturating_add(within)).unwrap_or(u32::MAX);
    Span {
        file,
        start,
        end: start,
    }
}

fn span(file: u16, at: Location) -> Span {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let start = at.span().byte_offset().unwrap_or_default();
    let len = at.span().byte_len().unwrap_or_default();
    Span {
        file,
        start: small(start),
        end: small(start.saturating_add(len)),
    }
}

/// Any YAML value; what `serde` sees.
enum Any {
    Null,
    Bool,
    Int(i64),
    Decimal,
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Any, E> {
        Ok(Any::Null)
    }

    fn visit_none<E>(self) -> Result<Any, E> {
        Ok(Any::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Any, D::Error> {
        Any::deserialize(deserializer)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Any, E> {
        Ok(Any::Bool)
    }

    fn visit_i64<E>(self, v: i64) -> Result<Any, E> {
        Ok(Any::Int(v))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Any, E> {
        Ok(Any::Int(i64::try_from(v).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Any, E> {
        Ok(Any::Decimal)
    }

    fn visit_str<E>(self, v: &str) -> Result<Any, E> {
        Ok(Any::Text(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Any, E> {
        Ok(Any::Text(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Any, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Any::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Any, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Any::Map(entries))
    }
}
