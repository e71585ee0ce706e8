//! What a sink takes: alerts and the like, which wait for it in the store, and protocol events, which
//! do not.

use std::borrow::Cow;
use std::sync::LazyLock;

use parsers::kinds;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::outbox::Kind;

/// All protocol events.
const EVENTS: &str = "events";

/// What is never a line.
const NOT_WRITTEN: &str = "opens";

/// Every word that may be in the list.
static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let kept = Kind::ALL.into_iter().map(Kind::word);
    kept.chain([EVENTS]).chain(events()).collect()
});

/// What protocol events there are.
fn events() -> impl Iterator<Item = &'static str> {
    let names = kinds::ALL.iter().map(|kind| kind.name);
    names.filter(|name| *name != NOT_WRITTEN)
}

/// What a sink takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// What waits in the store until it has it.
    pub kinds: Vec<Kind>,
    /// Protocol events, by `event_type`.
    pub events: Vec<&'static str>,
}

impl Default for Select {
    fn default() -> Self {
        Self {
            kinds: Kind::DEFAULT.to_vec(),
            events: Vec::new(),
        }
    }
}

impl Select {
    /// Whether it is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.events.is_empty()
    }

    fn add(&mut self, word: &str) -> bool {
        if let Some(kind) = Kind::of_word(word) {
            self.kinds.push(kind);
            return true;
        }
        let before = self.events.len();
        self.events
            .extend(events().filter(|event| word == EVENTS || word == *event));
        self.events.len() > before
    }
}

impl<'de> Deserialize<'de> for Select {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut select = Self {
            kinds: Vec::new(),
            events: Vec::new(),
        };
        for word in Vec::<String>::deserialize(deserializer)? {
            if !select.add(&word) {
                return Err(D::Error::unknown_variant(&word, &WORDS));
            }
        }
        select.events.sort_unstable();
        select.events.dedup();
        Ok(select)
    }
}

impl Serialize for Select {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kinds = self.kinds.iter().map(|kind| kind.word());
        serializer.collect_seq(kinds.chain(self.events.iter().copied()))
    }
}

impl JsonSchema for Select {
    fn schema_name() -> Cow<'static, str> {
        "Select".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": {"type": "string", "enum": *WORDS}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Select, String> {
        let text = format!("sinks: [{{type: nats, name: bus, servers: [x], select: {text}}}]");
        let config = crate::config::parse("c", &text).map_err(|error| error.to_string())?;
        Ok(config.sinks[0].select().into_owned())
    }

    #[test]
    fn kinds_and_events_are_told_apart() {
        let some = read("[alert, hl7, dicom, dicom]").unwrap();
        assert_eq!(some.kinds, [Kind::Alert]);
        assert_eq!(some.events, ["dicom", "hl7"]);
        let all = read("[events]").unwrap();
        assert!(all.kinds.is_empty() && all.events.contains(&"pump"));
        assert!(!all.events.contains(&"opens"));
    }

    #[test]
    fn another_word_is_named_with_what_is_near() {
        let said = read("[alert, dicm]").unwrap_err();
        assert!(
            said.contains("`dicm`") && said.contains("did you mean `dicom`"),
            "{said}"
        );
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let some = read("[alert, dicom]").unwrap();
        assert_eq!(
            serde_json::to_value(&some).unwrap(),
            serde_json::json!(["alert", "dicom"])
        );
    }
}
