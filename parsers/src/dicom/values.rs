//! What is kept of a dataset: the values of a few attributes, and the start of a long one.

use super::attributes;
use super::peek;
use super::uids::{self, BadUid};
use super::wire::{self, Encoding, Tag};

/// Bytes kept of one value: a name of three representations, many-valued UIDs, a path that an
/// attacker wrote into a UID.
pub(super) const VALUE_BYTES_MAX: usize = 512;
/// Bytes kept of all values of one dataset; those that are kept take less than 2 KiB together.
const VALUES_BYTES_MAX: usize = 8 * 1024;
/// Private creators kept; equipment uses up to a dozen.
const CREATORS_MAX: usize = 16;

/// A piece of the arena of values.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    at: usize,
    len: usize,
}

/// What a value is kept for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// For an attribute; whether it is of UIDs.
    Slot(usize, bool),
    /// To be judged as UIDs only.
    Uid,
    /// It names a private creator.
    Creator,
}

/// The values kept of one dataset after the other; the buffers stay.
pub(super) struct Values {
    pub(super) bad_uids: u32,
    pub(super) worst_uid: Option<BadUid>,
    /// What a long value starts like, and its tag.
    pub(super) embedded: Option<(Tag, &'static str)>,
    /// The values, end to end.
    arena: Vec<u8>,
    slots: [Option<Span>; attributes::COUNT],
    creators: Vec<Span>,
    /// The value being read.
    current: Vec<u8>,
    /// The start of the long value worth showing.
    shown: Vec<u8>,
}

impl Values {
    pub(super) const fn new() -> Self {
        Self {
            bad_uids: 0,
            worst_uid: None,
            embedded: None,
            arena: Vec::new(),
            slots: [None; attributes::COUNT],
            creators: Vec::new(),
            current: Vec::new(),
            shown: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.bad_uids = 0;
        self.worst_uid = None;
        self.embedded = None;
        self.arena.clear();
        self.slots = [None; attributes::COUNT];
        self.creators.clear();
        self.current.clear();
        self.shown.clear();
    }

    /// A kept value, its padding taken off.
    pub(super) fn get(&self, place: usize) -> Option<&[u8]> {
        let span = (*self.slots.get(place)?)?;
        Some(wire::trim(self.span(span)))
    }

    /// A kept value that is a number of two bytes.
    pub(super) fn number(&self, place: usize, encoding: Encoding) -> Option<u16> {
        let span = (*self.slots.get(place)?)?;
        wire::number16(self.span(span), encoding)
    }

    pub(super) fn creators(&self) -> impl Iterator<Item = &[u8]> {
        self.creators
            .iter()
            .map(|span| wire::trim(self.span(*span)))
    }

    /// The start of the first long value that starts like something, else of the first.
    pub(super) fn peek(&self) -> Option<&[u8]> {
        (!self.shown.is_empty()).then_some(&self.shown[..])
    }

    /// Whether an attribute has no value yet.
    pub(super) fn is_free(&self, place: usize) -> bool {
        self.slots.get(place).is_some_and(Option::is_none)
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.arena
            .capacity()
            .saturating_add(self.creators.capacity().saturating_mul(size_of::<Span>()))
            .saturating_add(self.current.capacity())
            .saturating_add(self.shown.capacity())
    }

    /// Begins a value; says how many of its `len` bytes are wanted.
    pub(super) fn begin(&mut self, len: u32) -> usize {
        self.current.clear();
        let room = VALUES_BYTES_MAX.saturating_sub(self.arena.len());
        usize::try_from(len)
            .unwrap_or(usize::MAX)
            .min(VALUE_BYTES_MAX)
            .min(room)
    }

    /// Begins a long value.
    pub(super) fn begin_peek(&mut self) {
        self.current.clear();
    }

    /// Takes bytes of the value; they were asked for.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.current.extend_from_slice(piece);
    }

    /// The value is complete; `cut` says that more of it was not wanted.
    pub(super) fn keep(&mut self, purpose: Purpose, cut: bool) {
        if matches!(purpose, Purpose::Uid | Purpose::Slot(_, true)) {
            let bad = uids::check(&self.current, cut);
            self.bad_uids = self.bad_uids.saturating_add(u32::from(bad.is_some()));
            self.worst_uid = self.worst_uid.max(bad);
        }
        let span = Span {
            at: self.arena.len(),
            len: self.current.len(),
        };
        match purpose {
            Purpose::Slot(place, _) => {
                self.arena.extend_from_slice(&self.current);
                if let Some(slot) = self.slots.get_mut(place) {
                    *slot = Some(span);
                }
            }
            Purpose::Creator if self.creators.len() < CREATORS_MAX => {
                self.arena.extend_from_slice(&self.current);
                self.creators.push(span);
            }
            Purpose::Creator | Purpose::Uid => {}
        }
    }

    /// The start of a long value is complete.
    pub(super) fn look(&mut self, tag: Tag) {
        let found = peek::embedded(&self.current);
        if found.is_some() || self.shown.is_empty() {
            std::mem::swap(&mut self.current, &mut self.shown);
        }
        self.embedded = found.map(|what| (tag, what));
    }

    fn span(&self, span: Span) -> &[u8] {
        self.arena
            .get(span.at..span.at.saturating_add(span.len))
            .unwrap_or_default()
    }
}
