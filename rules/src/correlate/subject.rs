//! An event as the correlator sees it: what crossed of it, whoever made it.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use parsers::catalogue::{FieldIx, Kind};
use parsers::event::{Envelope, Event, Value};
use parsers::kinds::envelope;
use parsers::phi::{Pseudonym, Pseudonymizer};
use smallvec::{SmallVec, smallvec};

use super::inventory::{Sides, View};
use super::window::Key;
use crate::record::{Owned, Text};
use crate::{FieldRef, Ruleset};

/// An event, its rendered parts, and the fields that the rule set asked for.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) kind: &'static Kind,
    pub(super) envelope: &'a Envelope,
    pub(super) ruleset: &'a Ruleset,
    /// In the order of the rule set's needs.
    pub(super) fields: &'a [Owned],
    /// The envelope's members.
    pub(super) head: &'a [u8],
    /// The kind's object without its closing brace.
    pub(super) object: &'a [u8],
    /// Members that the correlator appends to the object.
    pub(super) extra: &'a [u8],
    /// The devices at its ends, once a rule asks.
    pub(super) sides: Sides<'a>,
}

static ABSENT: Owned = Owned::Absent;

impl Subject<'_> {
    /// A field of the kind, if it crossed.
    pub(super) fn field(&self, field: FieldIx) -> &Owned {
        self.crossed(FieldRef::Field(field))
    }

    /// What a protected field of the kind is called.
    pub(super) fn pseudonym(&self, field: FieldIx) -> Option<Pseudonym> {
        self.field(field).pseudonym()
    }

    /// A field of the kind as text.
    pub(super) fn text(&self, field: FieldIx) -> Option<&str> {
        self.field(field).text()
    }

    fn crossed(&self, field: FieldRef) -> &Owned {
        let place = match field {
            FieldRef::Field(ix) => self.ruleset.place(self.kind.id, ix),
            other => self.ruleset.need(self.kind.id, other),
        };
        place.and_then(|at| self.fields.get(at)).unwrap_or(&ABSENT)
    }

    /// Any field that rules may name.
    pub(super) fn value(&self, field: FieldRef) -> Cow<'_, Owned> {
        match field {
            FieldRef::Envelope(ix) => Cow::Owned(match envelope::FIELDS.get(ix.index()) {
                Some(field) => clear((field.get)(self.envelope)),
                None => Owned::Absent,
            }),
            FieldRef::Asset(side, ix) => Cow::Owned(of_device(self.sides.of(side), ix)),
            other => Cow::Borrowed(self.crossed(other)),
        }
    }

    /// The key of some fields: a byte string that is equal when all of them are.
    pub(super) fn key(&self, by: &[FieldRef]) -> Key {
        let mut key = Key::new();
        for field in by {
            encode(&self.value(*field), &mut key);
        }
        key
    }

    /// What tells the values of a field apart; one for each value of a list, none if absent.
    pub(super) fn distinct(&self, field: FieldRef) -> SmallVec<[u64; 1]> {
        match &*self.value(field) {
            Owned::Absent => SmallVec::new(),
            Owned::List(items) => items.iter().map(digest).collect(),
            one => smallvec![digest(one)],
        }
    }
}

/// What crosses of an event that the correlator makes or matches itself.
pub(super) fn crossing(event: &Event<'_>, ruleset: &Ruleset, site: &Pseudonymizer) -> Vec<Owned> {
    let mut fields = Vec::new();
    Owned::all_of(event, ruleset, site, &mut fields);
    fields
}

/// What crossed as an event again, so that rules can be matched on it here.
pub(super) fn rebuilt<'a>(
    kind: &'static Kind,
    envelope: &Envelope,
    ruleset: &Ruleset,
    fields: &'a [Owned],
) -> Event<'a> {
    let direction = envelope.direction;
    let direction = direction.unwrap_or(parsers::event::Direction::ToServer);
    let mut event = Event::new(kind, direction);
    for (need, owned) in ruleset.needs(kind.id).iter().zip(fields) {
        if let FieldRef::Field(ix) = need {
            event.set(*ix, borrowed(owned));
        }
    }
    event
}

/// None of the kinds that are matched here has lists or protected fields that cross.
fn borrowed(owned: &Owned) -> Value<'_> {
    match owned {
        Owned::Absent | Owned::List(_) | Owned::Pseudonym(_) => Value::Absent,
        Owned::Bool(v) => Value::Bool(*v),
        Owned::Int(v) => Value::Int(*v),
        Owned::Decimal(v) => Value::Decimal(*v),
        Owned::Text(v) => Value::Text(v.as_bytes()),
        Owned::Ip(v) => Value::Ip(*v),
        Owned::Mac(v) => Value::Mac(*v),
    }
}

/// A field of a device, with all its values.
fn of_device(view: &View<'_>, field: FieldIx) -> Owned {
    let mut found = Vec::new();
    view.any(field, |value| {
        found.push(clear(value));
        false
    });
    match found.len() {
        0 | 1 => found.pop().unwrap_or_default(),
        _ => Owned::List(found.into()),
    }
}

/// A value of the envelope, where nothing is protected.
fn clear(value: Value<'_>) -> Owned {
    match value {
        Value::Bool(v) => Owned::Bool(v),
        Value::Int(v) | Value::Duration(v) => Owned::Int(v),
        Value::Decimal(v) => Owned::Decimal(v),
        Value::Text(v) => Owned::Text(Text::lossy(v)),
        Value::Ip(v) => Owned::Ip(v),
        Value::Mac(v) => Owned::Mac(v),
        Value::Absent | Value::Phi(_) | Value::List(_) => Owned::Absent,
    }
}

/// Self-delimiting: two lists of values have the same bytes only if they are the same.
fn encode(value: &Owned, key: &mut Key) {
    let mut put = |tag: u8, bytes: &[u8]| {
        let [high, low] = length(bytes.len());
        key.extend_from_slice(&[tag, high, low]);
        key.extend_from_slice(bytes);
    };
    match value {
        Owned::Absent => put(0, &[]),
        Owned::Bool(v) => put(1, &[u8::from(*v)]),
        Owned::Int(v) => put(2, &v.to_be_bytes()),
        Owned::Decimal(v) => put(3, &v.to_bits().to_be_bytes()),
        Owned::Text(v) => put(4, v.as_bytes()),
        Owned::Ip(std::net::IpAddr::V4(v)) => put(5, &v.octets()),
        Owned::Ip(std::net::IpAddr::V6(v)) => put(6, &v.octets()),
        Owned::Mac(v) => put(7, v),
        Owned::Pseudonym(v) => put(9, v.bytes()),
        Owned::List(items) => {
            put(8, &length(items.len()));
            for item in items {
                encode(item, key);
            }
        }
    }
}

/// What crosses is far shorter than this can say.
fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

/// Unkeyed: it only tells values apart within one window.
fn digest(value: &Owned) -> u64 {
    let mut bytes = Key::new();
    encode(value, &mut bytes);
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_equal_only_if_all_values_are() {
        let text = |s: &str| Owned::Text(s.into());
        let key = |values: &[Owned]| {
            let mut bytes = Key::new();
            values.iter().for_each(|v| encode(v, &mut bytes));
            bytes
        };
        assert_ne!(key(&[text("a"), text("bc")]), key(&[text("ab"), text("c")]));
        assert_ne!(key(&[Owned::Absent]), key(&[text("")]));
        assert_ne!(key(&[Owned::Int(1)]), key(&[Owned::Bool(true)]));
        assert_eq!(key(&[text("x")]), key(&[text("x")]));
        assert_ne!(digest(&Owned::Int(1)), digest(&Owned::Int(2)));
    }
}
