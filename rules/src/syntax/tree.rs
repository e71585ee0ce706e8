//! The source tree of a rule file.

use crate::diagnostic::{At, Span};

/// One rule file.
#[derive(Debug, Default)]
pub(crate) struct FileTree {
    pub(crate) pack: Option<crate::rule::Pack>,
    pub(crate) sets: Vec<SetTree>,
    pub(crate) rules: Vec<RuleTree>,
    pub(crate) suppressions: Vec<SuppressionTree>,
}

/// A named set's default.
#[derive(Debug)]
pub(crate) struct SetTree {
    pub(crate) name: At<String>,
    pub(crate) entries: Vec<At<String>>,
}

/// A rule as written.
#[derive(Debug)]
pub(crate) struct RuleTree {
    pub(crate) id: At<String>,
    pub(crate) sid: At<u32>,
    pub(crate) rev: u32,
    pub(crate) status: crate::rule::Status,
    pub(crate) title: String,
    pub(crate) severity: crate::Severity,
    pub(crate) impact: crate::rule::Impact,
    pub(crate) tier: crate::rule::Tier,
    pub(crate) category: String,
    pub(crate) attack: Vec<String>,
    pub(crate) references: Vec<String>,
    pub(crate) on: At<&'static parsers::catalogue::Kind>,
    pub(crate) when: Text,
    pub(crate) count: Option<CountTree>,
    pub(crate) requires: Vec<At<String>>,
    pub(crate) explain: Text,
    pub(crate) what_to_do: Text,
    pub(crate) false_positives: String,
    pub(crate) source: Option<crate::rule::Side>,
    pub(crate) target: Option<crate::rule::Side>,
    pub(crate) tests: Vec<TestTree>,
}

/// `count:` as written.
#[derive(Debug)]
pub(crate) struct CountTree {
    pub(crate) by: Vec<At<String>>,
    pub(crate) distinct: Option<At<String>>,
    pub(crate) at_least: u32,
    pub(crate) within_ns: i64,
}

/// One of a rule's tests as written.
#[derive(Debug)]
pub(crate) struct TestTree {
    pub(crate) test: crate::rule::RuleTest,
    pub(crate) sets: Vec<At<String>>,
}

/// A suppression as written.
#[derive(Debug)]
pub(crate) struct SuppressionTree {
    pub(crate) rule: At<String>,
    pub(crate) when: Option<Text>,
    pub(crate) fields: Vec<(At<String>, Vec<At<String>>)>,
    pub(crate) owner: String,
    pub(crate) reason: String,
    pub(crate) expires: parsers::time::Time,
    pub(crate) expires_text: String,
}

/// A text whose bytes can be traced back to the file, however YAML folded or quoted it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    /// As YAML understands it.
    pub(crate) value: String,
    /// What expressions are read from: the raw text without YAML's quotes and escapes.
    pub(crate) code: String,
    /// For each byte of `code`, how far into the span it stands.
    offsets: Vec<u32>,
    /// The whole.
    pub(crate) span: Span,
}

impl Text {
    /// From the value that YAML read and the raw slice that it read it from.
    pub(crate) fn new(value: String, raw: &str, span: Span) -> Self {
        let quoted = match raw.as_bytes() {
            [b'"', .., b'"'] => Some(unquote_double(raw)),
            [b'\'', .., b'\''] => Some(unquote_single(raw)),
            _ => None,
        };
        let identity = || Some((raw.to_owned(), (0..=len32(raw)).collect()));
        let (code, offsets) = [quoted, identity()]
            .into_iter()
            .flatten()
            .find(|(code, _)| code.split_whitespace().eq(value.split_whitespace()))
            .unwrap_or_else(|| (value.clone(), Vec::new()));
        Self {
            value,
            code,
            offsets,
            span,
        }
    }

    /// Where a range of `code` stands in the file.
    pub(crate) fn span_of(&self, range: std::ops::Range<usize>) -> Span {
        let at = |index: usize| {
            let offset = self.offsets.get(index).copied();
            offset.map(|offset| self.span.start.saturating_add(offset))
        };
        Span {
            file: self.span.file,
            start: at(range.start).unwrap_or(self.span.start),
            end: at(range.end).unwrap_or(self.span.end),
        }
    }

    /// Where some words of the value stand that begin at byte `at` of it, if folding left them
    /// whole.
    pub(crate) fn find(&self, words: &str, at: usize) -> Span {
        let before = self.value.get(..at).unwrap_or_default();
        let before = before.matches(words).count();
        match self.code.match_indices(words).nth(before) {
            Some((at, _)) => self.span_of(at..at.saturating_add(words.len())),
            None => self.span,
        }
    }
}

fn len32(raw: &str) -> u32 {
    u32::try_from(raw.len()).unwrap_or(u32::MAX)
}

/// Collects bytes together with where they came from.
struct Unquoted {
    code: String,
    offsets: Vec<u32>,
}

impl Unquoted {
    fn push(&mut self, ch: char, from: usize) {
        self.code.push(ch);
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        self.offsets
            .extend(std::iter::repeat_n(from, ch.len_utf8()));
    }

    fn finish(mut self, raw: &str) -> (String, Vec<u32>) {
        self.offsets.push(len32(raw).saturating_sub(1));
        (self.code, self.offsets)
    }
}

fn unquote_single(raw: &str) -> (String, Vec<u32>) {
    let mut out = Unquoted {
        code: String::new(),
        offsets: Vec::new(),
    };
    let mut chars = inner(raw);
    while let Some((at, ch)) = chars.next() {
        if ch == '\'' {
            chars.next();
        }
        out.push(ch, at);
    }
    out.finish(raw)
}

fn unquote_double(raw: &str) -> (String, Vec<u32>) {
    let mut out = Unquoted {
        code: String::new(),
        offsets: Vec::new(),
    };
    let mut chars = inner(raw);
    while let Some((at, ch)) = chars.next() {
        if ch != '\\' {
            out.push(ch, at);
            continue;
        }
        match chars.next().map(|(_, ch)| ch) {
            Some('n') => out.push('\n', at),
            Some('t') => out.push('\t', at),
            // A line that ends in a backslash is joined to the next.
            Some('\n') | None => {}
            Some(other) => out.push(other, at),
        }
    }
    out.finish(raw)
}

/// The characters between the quotes, with their place in the whole.
fn inner(raw: &str) -> impl Iterator<Item = (usize, char)> {
    let last = raw.len().saturating_sub(1);
    raw.char_indices()
        .skip(1)
        .take_while(move |(at, _)| *at < last)
}

/// `10s`, `5m`, `1h`, `7d`, `250ms` in nanoseconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit: i64 = match unit {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}
