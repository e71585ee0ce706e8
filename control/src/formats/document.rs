//! A JSON document that is built by dotted paths.

use serde_json::{Map, Value};

/// The document.
#[derive(Default)]
pub(super) struct Document(Map<String, Value>);

impl Document {
    /// Puts a value at a path such as `event.kind`, if there is one.
    pub(super) fn put<V: Into<Value>>(&mut self, path: &str, value: Option<V>) {
        let Some(value) = value.map(Into::into) else {
            return;
        };
        let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
        let mut at = &mut self.0;
        for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
            let entry = at.entry(parent).or_insert_with(|| Map::new().into());
            let Value::Object(object) = entry else {
                return;
            };
            at = object;
        }
        at.insert(last.to_owned(), value);
    }

    /// Puts a value that is there.
    pub(super) fn set(&mut self, path: &str, value: impl Into<Value>) {
        self.put(path, Some(value));
    }

    /// Puts a list, if there is anything in it.
    pub(super) fn list(&mut self, path: &str, values: Vec<Value>) {
        self.put(path, Some(values).filter(|values| !values.is_empty()));
    }

    /// Puts a document, if there is anything in it.
    pub(super) fn within(&mut self, path: &str, inner: Self) {
        self.put(path, inner.into_some());
    }

    /// As a value, if there is anything in it.
    pub(super) fn into_some(self) -> Option<Value> {
        (!self.0.is_empty()).then_some(Value::Object(self.0))
    }

    /// As a value.
    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}
