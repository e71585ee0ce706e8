//! Nodes in the shape that is expected.

use super::tree::Text;
use super::yaml::{Data, Node};
use crate::diagnostic::{At, Report, Span, did_you_mean};
use crate::limits::{TEXT_BYTES_MAX, WORDS_MAX};

/// A mapping whose keys are all known.
pub(super) struct Fields<'n> {
    pub(super) span: Span,
    pub(super) entries: &'n [(At<String>, Node)],
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        let (_, node) = self.entries.iter().find(|(k, _)| k.value == key)?;
        (!matches!(node.value, Data::Null)).then_some(node)
    }

    pub(super) fn list(&self, key: &str, reader: &mut Reader<'_, '_>) -> &'n [Node] {
        self.get(key).map_or(&[], |node| reader.list(node))
    }

    pub(super) fn entries(
        &self,
        key: &str,
        reader: &mut Reader<'_, '_>,
    ) -> &'n [(At<String>, Node)] {
        self.get(key).map_or(&[], |node| reader.entries(node))
    }
}

/// Reads values in the shape that is expected, and says where they have another.
pub(super) struct Reader<'r, 's> {
    pub(super) report: &'r mut Report<'s>,
}

impl Reader<'_, '_> {
    pub(super) fn map<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        keys: &[&str],
    ) -> Option<Fields<'n>> {
        let Data::Map(entries) = &node.value else {
            let message = format!("{what} is a mapping, not {}", node.value.name());
            self.report.error(node.span, message);
            return None;
        };
        for (key, _) in entries {
            if !keys.contains(&key.value.as_str()) {
                let help = did_you_mean(&key.value, keys.iter().copied());
                let help = help.unwrap_or_else(|| format!("it takes {}", keys.join(", ")));
                let message = format!("{what} has no key `{}`", key.value);
                self.report.error_help(key.span, message, help);
            }
        }
        let span = entries.first().map_or(node.span, |(key, _)| key.span);
        Some(Fields { span, entries })
    }

    pub(super) fn needed<'n>(&mut self, map: &Fields<'n>, key: &str) -> Option<&'n Node> {
        let (written, node) = match map.entries.iter().find(|(k, _)| k.value == key) {
            Some((key, node)) => (Some(key), map.get(&key.value).map(|_| node)),
            None => (None, None),
        };
        match written {
            None => {
                let message = format!("the key `{key}` is missing");
                self.report.error(map.span, message);
            }
            Some(key) if node.is_none() => {
                let help = "YAML takes a bare !, #, & or * for its own: write `>` before the text";
                let message = format!("`{}` is empty", key.value);
                self.report.error_help(key.span, message, help.to_owned());
            }
            Some(_) => {}
        }
        node
    }

    /// A scalar as it is written: `010` and `yes` stay what they are.
    pub(super) fn text(&mut self, node: &Node) -> At<String> {
        let value = match &node.value {
            Data::Text(text) => text.clone(),
            Data::Bool | Data::Int(_) | Data::Decimal => {
                self.report.text(node.span).trim().to_owned()
            }
            other => {
                let message = format!("this is a text, not {}", other.name());
                self.report.error(node.span, message);
                String::new()
            }
        };
        if value.len() > TEXT_BYTES_MAX {
            let message = format!("a text has at most {TEXT_BYTES_MAX} bytes");
            self.report.error(node.span, message);
        }
        At {
            value,
            span: node.span,
        }
    }

    pub(super) fn located(&mut self, node: &Node) -> Text {
        let value = match &node.value {
            Data::Text(text) => text.clone(),
            _ => self.text(node).value,
        };
        Text::new(value, self.report.text(node.span), node.span)
    }

    /// A list of scalars; a single one counts as a list of one.
    pub(super) fn texts(&mut self, node: &Node) -> Vec<At<String>> {
        match &node.value {
            Data::List(items) => items.iter().map(|item| self.text(item)).collect(),
            Data::Null => Vec::new(),
            _ => vec![self.text(node)],
        }
    }

    pub(super) fn words(&mut self, map: &Fields<'_>, key: &str) -> Vec<String> {
        let texts = map.get(key).map_or_else(Vec::new, |node| self.texts(node));
        if texts.len() > WORDS_MAX {
            let message = format!("`{key}` takes at most {WORDS_MAX} entries");
            self.report.error(map.span, message);
        }
        texts.into_iter().map(|text| text.value).collect()
    }

    pub(super) fn optional(&mut self, map: &Fields<'_>, key: &str) -> String {
        map.get(key)
            .map_or_else(String::new, |n| self.text(n).value)
    }

    pub(super) fn number(&mut self, node: &Node, range: std::ops::RangeInclusive<i64>) -> u32 {
        let (low, high) = (range.start(), range.end());
        match node.value {
            Data::Int(n) if range.contains(&n) => u32::try_from(n).unwrap_or_default(),
            _ => {
                let message = format!("this is a whole number from {low} to {high}");
                self.report.error(node.span, message);
                0
            }
        }
    }

    /// One of a closed set of words; the first is the default.
    pub(super) fn word<T: Copy + Default>(
        &mut self,
        map: &Fields<'_>,
        key: &str,
        all: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> T {
        let node = map.get(key);
        node.and_then(|node| self.choice(node, key, all, word))
            .unwrap_or_default()
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        node: &Node,
        key: &str,
        all: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(node).value;
        let found = all.iter().copied().find(|one| word(*one) == text);
        if found.is_none() {
            let words: Vec<_> = all.iter().map(|one| word(*one)).collect();
            let help = did_you_mean(&text, words.iter().copied());
            let help = help.unwrap_or_else(|| format!("one of {}", words.join(", ")));
            let message = format!("`{text}` is no {key}");
            self.report.error_help(node.span, message, help);
        }
        found
    }

    pub(super) fn list<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        if let Data::List(items) = &node.value {
            return items;
        }
        let message = format!("this is a list, not {}", node.value.name());
        self.report.error(node.span, message);
        &[]
    }

    pub(super) fn entries<'n>(&mut self, node: &'n Node) -> &'n [(At<String>, Node)] {
        if let Data::Map(entries) = &node.value {
            return entries;
        }
        let message = format!("this is a mapping, not {}", node.value.name());
        self.report.error(node.span, message);
        &[]
    }
}
