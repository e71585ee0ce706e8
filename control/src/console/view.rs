//! What one looks at, as the URL has it: what is empty is left out, links change one part.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::api::Problem;

/// The query of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    path: String,
    pairs: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for View {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query)
            .map_err(|_| Problem::bad("the address has a query that cannot be read"))?;
        Ok(Self {
            path: parts.uri.path().to_owned(),
            pairs: pairs
                .into_iter()
                .filter(|(_, v)| !v.trim().is_empty())
                .collect(),
        })
    }
}

impl View {
    /// A view of a page, as its address would say it.
    #[cfg(test)]
    pub(super) fn of(path: &str, pairs: &[(&str, &str)]) -> Self {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Self {
            path: path.to_owned(),
            pairs: pairs.iter().map(owned).collect(),
        }
    }

    /// Where it is, with nothing asked for.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The value of a part, or nothing.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.pairs.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Whether a value is among those of a part.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.get(name).split(',').any(|one| one == value)
    }

    /// Whether nothing is asked for.
    pub(super) fn is_plain(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Every part but one.
    pub(super) fn but(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self
            .pairs
            .iter()
            .filter(move |(key, _)| key != name && key != "cursor");
        pairs.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The address with a part changed; empty takes it away. A page begins anew.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let pairs = self
            .but(name)
            .chain((!value.is_empty()).then_some((name, value)));
        let pairs: Vec<(&str, &str)> = pairs.collect();
        self.at(&pairs)
    }

    /// The address with this value, or without it if it was there.
    pub(super) fn toggled_one(&self, name: &str, value: &str) -> String {
        self.with(name, if self.get(name) == value { "" } else { value })
    }

    /// The address with a value put into a list, or taken out of it.
    pub(super) fn toggled(&self, name: &str, value: &str) -> String {
        let old = self.get(name).split(',').filter(|one| !one.is_empty());
        let mut list: Vec<&str> = old.clone().filter(|one| *one != value).collect();
        if list.len() == old.count() {
            list.push(value);
        }
        self.with(name, &list.join(","))
    }

    /// The same at another path.
    pub(super) fn elsewhere(&self, path: &str) -> String {
        let to = Self {
            path: path.to_owned(),
            pairs: Vec::new(),
        };
        let pairs = self
            .pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        to.at(&pairs.collect::<Vec<_>>())
    }

    fn at(&self, pairs: &[(&str, &str)]) -> String {
        if pairs.is_empty() {
            return self.path.clone();
        }
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        format!("{}?{query}", self.path)
    }

    /// The parts of these names, as something that an API takes.
    ///
    /// # Errors
    /// A value that makes no sense.
    pub(super) fn read<T: DeserializeOwned>(&self, names: &[&str]) -> Result<T, Problem> {
        let known = self
            .pairs
            .iter()
            .filter(|(key, _)| names.contains(&key.as_str()));
        let pairs: Vec<&(String, String)> = known.collect();
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        serde_urlencoded::from_str(&query)
            .map_err(|error| Problem::bad(format!("this search: {error}")))
    }
}

/// A name as a part of a path. Names come from the wire: any letter may be in them.
pub(super) fn segment(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    // A lone dot, or two, would be a step in the path.
    match text.as_str() {
        "." | ".." => text.replace('.', "%2E"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{View, segment};

    #[test]
    fn links_change_one_part() {
        let parts = [("severity", "high,low"), ("q", "a b"), ("cursor", "1.2")];
        let view = View::of("/alerts", &parts);
        assert_eq!(
            view.toggled("severity", "low"),
            "/alerts?q=a+b&severity=high"
        );
        assert_eq!(
            view.toggled("severity", "info"),
            "/alerts?q=a+b&severity=high%2Clow%2Cinfo"
        );
        assert_eq!(view.with("q", ""), "/alerts?severity=high%2Clow");
        assert!(view.has("severity", "high") && !view.has("severity", "hig"));
    }

    #[test]
    fn a_name_is_one_part_of_a_path_whatever_is_in_it() {
        assert_eq!(segment("PUMP 1/2?ä"), "PUMP%201%2F2%3F%C3%A4");
    }
}
