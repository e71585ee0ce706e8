//! What narrows a search down: words beside a table, each a link to the same search with or without it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::marks;
use super::view::View;

/// Of an open-ended facet, the most frequent.
const FACET_MAX: usize = 12;

/// A list of words with their counts. Of several words one has to hold.
pub(super) fn facet(
    view: &View,
    title: &str,
    name: &str,
    values: &[(String, u64)],
    shown: fn(&str) -> Markup,
) -> Markup {
    html! { @if !values.is_empty() {
        h2 { (title) }
        ul { @for (value, count) in values {
            li { (choice(view.toggled(name, value), view.has(name, value), &shown(value), Some(*count))) }
        } }
    } }
}

/// A word, chosen or not.
pub(super) fn choice(href: String, chosen: bool, shown: &Markup, count: Option<u64>) -> Markup {
    html! {
        a href=(href) aria-current=[chosen.then_some("true")] {
            span { (shown) }
            @if let Some(count) = count { span.number { (marks::grouped(count)) } }
        }
    }
}

/// The most frequent words, most frequent first.
pub(super) fn frequent(map: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let all = map.iter().map(|(key, count)| (key.clone(), *count));
    let mut list: Vec<(String, u64)> = all.collect();
    list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list.truncate(FACET_MAX);
    list
}

/// A word as it is.
pub(super) fn plain(text: &str) -> Markup {
    html! { (text) }
}
