//! What is wrong with a rule file: where, the line itself, a caret, and what was probably meant.

use std::fmt;

use memchr::memchr_iter;

use crate::limits::DIAGNOSTICS_MAX;

/// A rule file, already read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its name, as people shall see it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A stretch of a rule file, in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Span {
    /// Which file.
    pub(crate) file: u16,
    /// First byte.
    pub(crate) start: u32,
    /// One past the last byte.
    pub(crate) end: u32,
}

impl Span {
    /// From here to the end of `other`.
    pub(crate) fn to(self, other: Self) -> Self {
        Self {
            end: other.end.max(self.end),
            ..self
        }
    }
}

/// Something with its place in a rule file.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// How bad.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Level {
    /// The rule set is refused.
    Error,
    /// The rule set works, but probably not as meant.
    Warning,
}

/// One thing that is wrong with a rule file. `Display` shows it over several lines, the first of
/// which stands alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostic {
    /// How bad.
    pub level: Level,
    /// The file's name.
    pub file: String,
    /// Line, from 1; 0 where there is no place to point at.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// The line.
    pub snippet: String,
    /// How many characters of it are meant.
    pub width: u32,
    /// What to do, or what was probably meant.
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        if self.line == 0 {
            write!(f, "{}: {level}: {}", self.file, self.message)?;
        } else {
            let (line, column) = (self.line, self.column);
            writeln!(
                f,
                "{}:{line}:{column}: {level}: {}",
                self.file, self.message
            )?;
            writeln!(f, "{line:5} | {}", self.snippet)?;
            let indent = column.saturating_sub(1) as usize;
            let carets = "^".repeat(self.width.max(1) as usize);
            write!(f, "      | {:indent$}{carets}", "")?;
        }
        match &self.help {
            Some(help) => write!(f, "\n      = {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// Gathers diagnostics, so that one run tells everything.
pub(crate) struct Report<'s> {
    sources: &'s [SourceFile],
    found: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl<'s> Report<'s> {
    pub(crate) const fn new(sources: &'s [SourceFile]) -> Self {
        Self {
            sources,
            found: Vec::new(),
            errors: 0,
            warnings: 0,
        }
    }

    /// How many errors there are.
    pub(crate) const fn errors(&self) -> usize {
        self.errors
    }

    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>) {
        self.add(Level::Error, span, message.into(), None);
    }

    /// An error with advice.
    pub(crate) fn error_help(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        self.add(Level::Error, span, message.into(), help.into());
    }

    pub(crate) fn warn(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        self.add(Level::Warning, span, message.into(), help.into());
    }

    /// An error in what has no file, such as a set in the configuration.
    pub(crate) fn error_nowhere(&mut self, file: &str, message: String, help: Option<String>) {
        self.push(Diagnostic {
            level: Level::Error,
            file: file.to_owned(),
            line: 0,
            column: 0,
            message,
            snippet: String::new(),
            width: 0,
            help,
        });
    }

    /// The source text of a span.
    pub(crate) fn text(&self, span: Span) -> &'s str {
        self.sources
            .get(usize::from(span.file))
            .and_then(|file| file.text.get(span.start as usize..span.end as usize))
            .unwrap_or_default()
    }

    /// The name of a span's file, and its line.
    pub(crate) fn place(&self, span: Span) -> (String, u32) {
        let at = self.locate(span);
        (at.file, at.line)
    }

    /// Errors first, each group in the order of files and lines.
    pub(crate) fn finish(mut self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let order = |d: &Diagnostic| (d.file.clone(), d.line, d.column);
        self.found.sort_by_cached_key(order);
        self.found.dedup();
        let (mut errors, warnings): (Vec<_>, Vec<_>) = self
            .found
            .into_iter()
            .partition(|d| d.level == Level::Error);
        let more = self.errors.saturating_sub(DIAGNOSTICS_MAX);
        if let (1.., Some(last)) = (more, errors.last_mut()) {
            last.help = Some(format!("and {more} more errors"));
        }
        (errors, warnings)
    }

    fn add(&mut self, level: Level, span: Span, message: String, help: Option<String>) {
        let at = self.locate(span);
        self.push(Diagnostic {
            level,
            message,
            help,
            ..at
        });
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        let count = match diagnostic.level {
            Level::Error => &mut self.errors,
            Level::Warning => &mut self.warnings,
        };
        *count = count.saturating_add(1);
        if *count <= DIAGNOSTICS_MAX {
            self.found.push(diagnostic);
        }
    }

    fn locate(&self, span: Span) -> Diagnostic {
        let file = self.sources.get(usize::from(span.file));
        let text = file.map_or("", |file| file.text.as_str());
        let start = floor(text, span.start as usize);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let line = text.get(line_start..).unwrap_or_default();
        let line = line.lines().next().unwrap_or_default();
        let column = text.get(line_start..start).map_or(0, |s| s.chars().count());
        let left = line.chars().count().saturating_sub(column);
        let meant = text.get(start..floor(text, span.end as usize));
        let width = meant.map_or(0, |s| s.chars().count()).clamp(1, left.max(1));
        Diagnostic {
            level: Level::Error,
            file: file.map_or_else(String::new, |file| file.name.clone()),
            line: small(
                memchr_iter(b'\n', before.as_bytes())
                    .count()
                    .saturating_add(1),
            ),
            column: small(column.saturating_add(1)),
            message: String::new(),
            snippet: line.replace('\t', " "),
            width: small(width),
            help: None,
        }
    }
}

/// "did you mean" among some names, if one is near.
pub(crate) fn did_you_mean<'n>(
    wrong: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<String> {
    let near = |name: &&str| strsim::jaro_winkler(wrong, name);
    let (score, best) = names
        .into_iter()
        .map(|name| (near(&name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score >= NEAR_ENOUGH).then(|| format!("did you mean `{best}`?"))
}

/// The largest index not above `at` that is a character boundary of `text`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Jaro-Winkler similarity from which a name is worth suggesting; found by trying typing errors.
const NEAR_ENOUGH: f64 = 0.82;
