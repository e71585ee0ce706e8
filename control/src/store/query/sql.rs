//! A filter as SQL. Values are bound, never written into the text.

use rules::{Impact, Severity};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::Filter;
use crate::store::error::Error;
use crate::store::tokens::{asked, joined};
use crate::store::words::{Status, Verdict, rank};

/// Text is looked for among so many of the newest hits; whoever has more has to say more.
const HITS_MAX: i64 = 20_000;
/// The most words of a search, and values of a list: statements stay small.
const WORDS_MAX: usize = 16;
const LIST_MAX: usize = 64;

/// A condition on `alerts`, with its values.
#[derive(Debug, Default)]
pub(super) struct Condition {
    terms: Vec<String>,
    values: Vec<Value>,
    by: By,
}

/// What leads to the alerts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum By {
    /// Everything that one filters by, in the order in which it is shown.
    #[default]
    Shown,
    Incident,
    Text,
}

impl Condition {
    /// Of a filter.
    pub(super) fn new(conn: &Connection, filter: &Filter) -> Result<Self, Error> {
        let mut condition = Self::default();
        if let Some(from) = filter.from {
            condition.push("time >= ?", [from.into()]);
        }
        if let Some(to) = filter.to {
            condition.push("time < ?", [to.into()]);
        }
        condition.ranks("severity", &Severity::ALL, &filter.severities);
        condition.ranks("impact", &Impact::ALL, &filter.impacts);
        condition.ranks("status", &Status::ALL, &filter.statuses);
        condition.ranks("verdict", &Verdict::ALL, &filter.verdicts);
        condition.one_of(&["slug"], &filter.slugs)?;
        condition.one_of(&["category"], &filter.categories)?;
        let ips: Vec<String> = filter.ips.iter().map(ToString::to_string).collect();
        condition.one_of(&["src_ip", "dest_ip"], &ips)?;
        if let Some(incident) = &filter.incident {
            condition.by = By::Incident;
            let number = "incident = (SELECT number FROM incidents WHERE incident_id = ?)";
            condition.push(number, [incident.clone().into()]);
        }
        condition.text(conn, filter)?;
        Ok(condition)
    }

    fn push(&mut self, term: &str, values: impl IntoIterator<Item = Value>) {
        self.terms.push(term.to_owned());
        self.values.extend(values);
    }

    /// After a place in the order, newest first.
    pub(super) fn after(&mut self, (time, seq): (i64, i64)) {
        self.push("(time, seq) < (?, ?)", [time.into(), seq.into()]);
    }

    fn ranks<T: PartialEq>(&mut self, column: &str, all: &[T], wanted: &[T]) {
        if !wanted.is_empty() {
            let ranks: Vec<String> = wanted.iter().map(|w| rank(all, w).to_string()).collect();
            self.push(&format!("{column} IN ({})", ranks.join(",")), []);
        }
    }

    fn one_of(&mut self, columns: &[&str], wanted: &[String]) -> Result<(), Error> {
        if wanted.is_empty() {
            return Ok(());
        }
        if wanted.len() > LIST_MAX {
            return Err(Error::Refused(format!("at most {LIST_MAX} values at once")));
        }
        let marks = vec!["?"; wanted.len()].join(",");
        let terms: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} IN ({marks})"))
            .collect();
        let values = columns.iter().flat_map(|_| wanted.iter().cloned());
        self.push(
            &format!("({})", terms.join(" OR ")),
            values.map(Value::from),
        );
        Ok(())
    }

    /// Each word, or words that begin with it. What the
    /// index of words knows of the other parts of the filter it is asked for as well, so that the
    /// newest hits are those of all of it.
    fn text(&mut self, conn: &Connection, filter: &Filter) -> Result<(), Error> {
        let words: Vec<String> = filter.text.split_whitespace().filter_map(asked).collect();
        if words.is_empty() {
            return Ok(());
        }
        if words.len() > WORDS_MAX {
            return Err(Error::Refused(format!("at most {WORDS_MAX} words at once")));
        }
        let mut wanted = words.join(" AND ");
        let severities = filter.severities.iter().map(|severity| severity.word());
        also(&mut wanted, "words", severities);
        also(&mut wanted, "slug", filter.slugs.iter().map(String::as_str));
        let ips: Vec<String> = filter.ips.iter().map(ToString::to_string).collect();
        also(&mut wanted, "addresses", ips.iter().map(String::as_str));
        // SQLite's reader of words stops there, in the midst of a quoted one.
        if wanted.contains('\0') {
            return Err(Error::Refused("a word has no NUL in it".to_owned()));
        }
        let (from, to) = span(conn, filter)?;
        self.by = By::Text;
        self.push(
            &format!(
                "seq IN (SELECT rowid FROM alert_words
                     WHERE alert_words MATCH ? AND rowid BETWEEN ? AND ?
                     ORDER BY rowid DESC LIMIT {HITS_MAX})"
            ),
            [wanted.into(), from.into(), to.into()],
        );
        Ok(())
    }

    /// `FROM alerts … WHERE …`.
    pub(super) fn from(&self) -> String {
        let by = match self.by {
            By::Shown => "INDEXED BY alerts_shown",
            By::Incident => "INDEXED BY alerts_of_incident",
            By::Text => "NOT INDEXED",
        };
        let terms = if self.terms.is_empty() {
            "1".to_owned()
        } else {
            self.terms.join(" AND ")
        };
        format!("FROM alerts {by} WHERE {terms}")
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }
}

/// Whether words are looked for.
pub(super) fn has_words(filter: &Filter) -> bool {
    filter
        .text
        .split_whitespace()
        .any(|word| asked(word).is_some())
}

fn also<'a>(asked: &mut String, column: &str, words: impl Iterator<Item = &'a str>) {
    let any: Vec<String> = words
        .map(|word| format!("{column} : \"{}\"", joined(word).replace('"', "\"\"")))
        .collect();
    if !any.is_empty() {
        *asked = format!("({asked}) AND ({})", any.join(" OR "));
    }
}

/// The numbers of the first and the last alert of a time.
fn span(conn: &Connection, filter: &Filter) -> Result<(i64, i64), Error> {
    if filter.from.is_none() && filter.to.is_none() {
        return Ok((0, i64::MAX));
    }
    let mut statement = conn.prepare_cached(
        "SELECT coalesce(min(seq), 0), coalesce(max(seq), -1) FROM alerts INDEXED BY alerts_shown
         WHERE time >= ?1 AND time < ?2",
    )?;
    let (from, to) = (
        filter.from.unwrap_or(i64::MIN),
        filter.to.unwrap_or(i64::MAX),
    );
    Ok(statement.query_row([from, to], |row| Ok((row.get(0)?, row.get(1)?)))?)
}
