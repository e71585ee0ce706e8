//! Tables: one list of columns says what is shown, by what it is sorted and what its CSV has.

use std::cmp::Ordering;
use std::net::IpAddr;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{Markup, Render, html};

use super::marks;
use super::view::View;

/// What a cell is sorted by, and what CSV has of it. All of a column are of one kind, or not known;
/// only where hosts are named by an address, if at all, others are texts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Not known; sorted last, whichever way.
    None,
    Address(IpAddr),
    Text(String),
    Count(u64),
    Number(f64),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A host by its address, or by whatever it is known by.
    pub(super) fn host(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::text(text), Self::Address)
    }

    pub(super) fn number(number: Option<f64>) -> Self {
        number.map_or(Self::None, Self::Number)
    }

    fn against(&self, other: &Self, down: bool) -> Ordering {
        let order = match (self, other) {
            (Self::None, Self::None) => Ordering::Equal,
            (Self::None, _) => return Ordering::Greater,
            (_, Self::None) => return Ordering::Less,
            (Self::Address(a), Self::Address(b)) => a.cmp(b),
            (Self::Address(_), _) => Ordering::Less,
            (_, Self::Address(_)) => Ordering::Greater,
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Count(a), Self::Count(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            _ => Ordering::Equal,
        };
        if down { order.reverse() } else { order }
    }

    fn written(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Address(ip) => ip.to_string(),
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl Render for Value {
    fn render(&self) -> Markup {
        match self {
            Self::Count(count) => html! { (marks::grouped(*count)) },
            value => html! { (value.written()) },
        }
    }
}

/// A column of a table of `T`.
pub(super) struct Column<T> {
    /// Its name in addresses and in CSV.
    key: &'static str,
    /// Its name for people, with its unit.
    title: &'static str,
    /// How its cells look.
    class: &'static str,
    value: fn(&T) -> Value,
    /// What is shown where that is not the value.
    shown: Option<fn(&T) -> Markup>,
}

impl<T> Column<T> {
    pub(super) const fn of(key: &'static str, title: &'static str, value: fn(&T) -> Value) -> Self {
        Self {
            key,
            title,
            class: "",
            value,
            shown: None,
        }
    }

    /// Of numbers, which stand below each other.
    pub(super) const fn number(
        key: &'static str,
        title: &'static str,
        value: fn(&T) -> Value,
    ) -> Self {
        Self::of(key, title, value).class("number")
    }

    pub(super) const fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    pub(super) const fn shown(mut self, shown: fn(&T) -> Markup) -> Self {
        self.shown = Some(shown);
        self
    }
}

/// A table.
pub(super) struct Table<'a, T> {
    /// What it is, for who cannot see it.
    pub(super) name: &'static str,
    /// The part of the address that says by what it is sorted.
    pub(super) by: &'static str,
    /// The column that sorts it if nothing else is said; a hyphen before it turns it round.
    pub(super) usual: &'static str,
    /// Where its CSV is.
    pub(super) csv: &'a str,
    pub(super) columns: &'a [Column<T>],
    /// Where a row leads to.
    pub(super) href: fn(&T) -> Option<String>,
}

impl<T> Table<'_, T> {
    fn sorted_by<'v>(&self, view: &'v View) -> (&'v str, bool)
    where
        Self: 'v,
    {
        let asked = view.get(self.by);
        let known = |key: &str| self.columns.iter().any(|column| column.key == key);
        let plain = asked.trim_start_matches('-');
        if known(plain) {
            (plain, asked.starts_with('-'))
        } else {
            (
                self.usual.trim_start_matches('-'),
                self.usual.starts_with('-'),
            )
        }
    }

    /// Sorts rows as the address says. Equal ones stay as they are.
    pub(super) fn sort(&self, view: &View, rows: &mut [T]) {
        let (key, down) = self.sorted_by(view);
        if let Some(column) = self.columns.iter().find(|column| column.key == key) {
            rows.sort_by(|a, b| (column.value)(a).against(&(column.value)(b), down));
        }
    }

    pub(super) fn show(&self, view: &View, rows: &[T]) -> Markup {
        let sorted = self.sorted_by(view);
        html! {
            (scroll(self.name, &html! { table.rows {
                thead { tr { @for column in self.columns { (self.head(column, view, sorted)) } } }
                tbody { @for row in rows { tr data-href=[(self.href)(row)] {
                    @for (at, column) in self.columns.iter().enumerate() {
                        td class=[class_of(column.class, at)] data-name=[(at > 0).then_some(column.title)] { (cell(column, row)) }
                    }
                } } }
            } }))
            p.count { a href=(view.elsewhere(self.csv)) download { "CSV of this table" } }
        }
    }

    fn head(&self, column: &Column<T>, view: &View, (key, down): (&str, bool)) -> Markup {
        let here = column.key == key;
        let number = column.class.contains("number");
        // What one wants of numbers first is the largest.
        let next = if here { !down } else { number };
        let to = format!("{}{}", if next { "-" } else { "" }, column.key);
        let sort = here.then_some(if down { "descending" } else { "ascending" });
        html! {
            th class=[class(column.class)] aria-sort=[sort] {
                a href=(view.with(self.by, &to)) { (column.title)
                    @if here { span aria-hidden="true" { (if down { " ▾" } else { " ▴" }) } } }
            }
        }
    }

    /// Exactly the rows that are shown, as a file named like its address.
    pub(super) fn download(&self, rows: &[T]) -> Response {
        let name = self.csv.rsplit('/').next().unwrap_or(self.csv);
        download(name, self.csv(rows))
    }

    fn csv(&self, rows: &[T]) -> String {
        let head: Vec<&str> = self.columns.iter().map(|column| column.key).collect();
        let mut text = csv(&head);
        for row in rows {
            let cells = self
                .columns
                .iter()
                .map(|column| (column.value)(row).written());
            let cells: Vec<String> = cells.collect();
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            text.push_str(&csv(&cells));
        }
        text
    }
}

fn cell<T>(column: &Column<T>, row: &T) -> Markup {
    match column.shown {
        Some(shown) => shown(row),
        None => (column.value)(row).render(),
    }
}

fn class(class: &'static str) -> Option<&'static str> {
    (!class.is_empty()).then_some(class)
}

/// Where rows are cards, the first cell is their head.
fn class_of(class: &'static str, at: usize) -> Option<String> {
    match (at, class) {
        (0, class) => Some(format!("first {class}")),
        (_, "") => None,
        (_, class) => Some(class.to_owned()),
    }
}

/// A time as events write it, as a value.
pub(super) fn stamped(stamp: &str) -> Value {
    if stamp.is_empty() {
        Value::None
    } else {
        Value::text(stamp)
    }
}

/// What scrolls by itself, and can be reached with keys.
pub(super) fn scroll(name: &str, table: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(name) { (table) } }
}

/// What stands where there is nothing: why, and what would change that.
pub(super) fn empty(says: &Markup) -> Markup {
    html! { div.empty { (says) } }
}

/// That a bound was reached.
pub(super) fn cut(count: u64, what: &str) -> Markup {
    html! { @if count > 0 { p.dim { (marks::grouped(count)) " " (what) } } }
}

/// Names and values.
pub(super) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, Markup)>) -> Markup {
    html! {
        dl.pairs {
            @for (name, value) in pairs { dt { (name) } dd { (value) } }
        }
    }
}

/// A file to keep.
pub(super) fn download(name: &str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, text).into_response()
}

/// A field of CSV: quoted where it has to be, and never taken for a formula by a spreadsheet.
pub(super) fn csv(fields: &[&str]) -> String {
    let one = |field: &&str| {
        let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let risky = formula && field.parse::<f64>().is_err();
        let text = if risky {
            format!("'{field}")
        } else {
            (*field).to_owned()
        };
        if text.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text
        }
    };
    let fields: Vec<String> = fields.iter().map(one).collect();
    format!("{}\r\n", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::{Column, Table, Value, View, csv};

    #[test]
    fn csv_is_quoted_and_no_formula() {
        assert_eq!(
            csv(&["a,b", "say \"x\"", "=1+1", "10.0.0.1", "-5", "-1+1"]),
            "\"a,b\",\"say \"\"x\"\"\",'=1+1,10.0.0.1,-5,'-1+1\r\n"
        );
    }

    const COLUMNS: [Column<(&str, Option<f64>)>; 2] = [
        Column::of("name", "Name", |row| Value::text(row.0)),
        Column::number("rate", "Rate, ml/h", |row| Value::number(row.1)),
    ];

    #[test]
    fn addresses_are_sorted_as_numbers() {
        let hosts = ["10.0.0.10", "gateway", "10.0.0.9", "2001:db8::9"];
        let mut values = hosts.map(Value::host);
        values.sort_by(|a, b| a.against(b, false));
        let sorted = ["10.0.0.9", "10.0.0.10", "2001:db8::9", "gateway"];
        assert_eq!(values.map(|value| value.written()), sorted);
    }

    #[test]
    fn rows_are_sorted_as_the_address_says_and_the_unknown_is_last() {
        let table = Table {
            name: "Pumps",
            by: "sort",
            usual: "name",
            csv: "/pumps.csv",
            columns: &COLUMNS,
            href: |_| None,
        };
        let mut rows = [("b", Some(5.0)), ("c", None), ("a", Some(-1.5))];
        for (asked, told) in [
            ("rate", "a,-1.5\r\nb,5\r\nc,"),
            ("-rate", "b,5\r\na,-1.5\r\nc,"),
            ("nonsense", "a,-1.5\r\nb,5\r\nc,"),
        ] {
            let view = View::of("/pumps", &[("sort", asked)]);
            table.sort(&view, &mut rows);
            assert_eq!(
                table.csv(&rows),
                format!("name,rate\r\n{told}\r\n"),
                "{asked}"
            );
        }
        let shown = table
            .show(&View::of("/pumps", &[("sort", "-rate")]), &rows)
            .into_string();
        assert!(shown.contains("aria-sort=\"descending\""), "{shown}");
        assert!(
            shown.contains("href=\"/pumps?sort=rate\""),
            "a second press turns it round: {shown}"
        );
        assert!(shown.contains("href=\"/pumps.csv?sort=-rate\""), "{shown}");
    }
}
