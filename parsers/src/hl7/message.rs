//! A message as segments, fields, repetitions, components and sub-components: a view that borrows.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use memchr::{memchr, memchr2, memmem};

use super::escape::unescape;
use super::fields;
use super::store::{Segment, Store};
use super::wire::{Delims, Marks, before, piece, pieces, spans};
use crate::catalogue::Path;
use crate::event::{Lookup, Value};
use crate::phi::{Class, Phi};

/// `MSH`, the field separator, four encoding characters and the separator again.
pub(super) const HEADER_BYTES: usize = 9;

/// A message, as far as it is kept.
pub(crate) struct Message<'m> {
    pub(crate) delims: Delims,
    /// Segments end to end, without what ends them.
    pub(super) bytes: &'m [u8],
    /// It has no escape sequence, no line feed, and the separators that everybody knows: most
    /// messages are like that, and their values need no look each.
    pub(super) plain: bool,
    segments: &'m [Segment],
    /// Room in which the values that rules ask for by path are unescaped.
    room: &'m RefCell<Vec<u8>>,
}

/// One segment of a message.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'m> {
    pub(crate) name: [u8; 3],
    /// Whether bytes of it were left out.
    pub(crate) cut: bool,
    pub(crate) text: &'m [u8],
    delims: Delims,
}

impl<'m> Message<'m> {
    pub(super) fn new(store: &'m Store, room: &'m RefCell<Vec<u8>>) -> Self {
        let delims = store.delims;
        let known = delims.component == b'^' && delims.subcomponent == b'&';
        // The encoding characters are no escape sequence.
        let header = store
            .segments
            .first()
            .map_or(0, |first| first.text.end as usize);
        let text = store.bytes.get(header.min(HEADER_BYTES)..);
        let text = text.unwrap_or_default();
        Self {
            delims,
            bytes: &store.bytes,
            plain: known && memchr2(delims.escape, b'\n', text).is_none(),
            segments: &store.segments,
            room,
        }
    }

    /// Whether the text, as far as it is kept, has this somewhere.
    pub(crate) fn contains(&self, needle: &[u8]) -> bool {
        memmem::find(self.bytes, needle).is_some()
    }

    /// The segments in order.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Fields<'m>> + use<'m> {
        let (bytes, delims) = (self.bytes, self.delims);
        self.segments.iter().map(move |segment| Fields {
            name: segment.name,
            cut: segment.cut,
            text: bytes.get(range(&segment.text)).unwrap_or_default(),
            delims,
        })
    }

    /// The segments of a name.
    pub(crate) fn named(&self, name: [u8; 3]) -> impl Iterator<Item = Fields<'m>> + use<'m> {
        self.segments().filter(move |segment| segment.name == name)
    }

    /// The first segment of a name.
    pub(crate) fn first(&self, name: [u8; 3]) -> Option<Fields<'m>> {
        self.named(name).next()
    }

    /// A component of the first repetition of a field of the first segment of a name; component 0
    /// is the whole repetition.
    pub(crate) fn value(&self, name: [u8; 3], field: u16, component: u16) -> Option<&'m [u8]> {
        self.first(name)?.value(field, component)
    }

    /// A value as text: escape sequences resolved, and with the separators that everybody knows.
    #[inline]
    pub(crate) fn text(&self, raw: &'m [u8]) -> Cow<'m, [u8]> {
        if self.plain {
            Cow::Borrowed(raw)
        } else {
            self.resolved(raw)
        }
    }

    fn resolved(&self, raw: &'m [u8]) -> Cow<'m, [u8]> {
        let known = self.delims.component == b'^' && self.delims.subcomponent == b'&';
        let escaped = memchr(self.delims.escape, raw).is_some();
        if known && !escaped {
            return Cow::Borrowed(raw);
        }
        let mut out = Vec::with_capacity(raw.len());
        if known {
            unescape(raw, self.delims, &mut out);
            return Cow::Owned(out);
        }
        let plain: Vec<u8> = raw
            .iter()
            .map(|byte| match *byte {
                b if b == self.delims.component => b'^',
                b if b == self.delims.subcomponent => b'&',
                b => b,
            })
            .collect();
        unescape(&plain, self.delims, &mut out);
        Cow::Owned(out)
    }
}

impl<'m> Fields<'m> {
    /// A field, all its repetitions. MSH-1 is the separator itself.
    #[inline]
    pub(crate) fn field(&self, n: u16) -> Option<&'m [u8]> {
        if !self.names_delims() {
            return self.piece(n.into());
        }
        match n {
            1 => self.text.get(3..4),
            n => self.piece(usize::from(n.checked_sub(1)?)),
        }
    }

    /// Several fields, ascending, of a segment that is no header: found in one pass.
    pub(crate) fn fields<const N: usize>(&self, wanted: [u16; N]) -> [Option<&'m [u8]>; N] {
        // The first piece is the segment's name.
        let pieces = wanted.map(|n| n.saturating_add(1));
        spans(self.text, self.delims.field, pieces).map(|span| self.text.get(span?))
    }

    /// What is between separators; 0 is the segment's name.
    #[inline]
    fn piece(&self, at: usize) -> Option<&'m [u8]> {
        let mut marks = Marks::new(self.text, self.delims.field);
        let from = match at.checked_sub(1) {
            Some(before) => marks.nth(before)?.saturating_add(1),
            None => 0,
        };
        match marks.next() {
            Some(end) => self.text.get(from..end),
            None => self.text.get(from..),
        }
    }

    /// A component of the first repetition of a field; component 0 is the whole repetition.
    pub(crate) fn value(&self, field: u16, component: u16) -> Option<&'m [u8]> {
        let whole = self.field(field)?;
        match component {
            0 if self.is_atomic(field) => Some(whole),
            n if self.is_atomic(field) => piece(whole, self.delims.component, n),
            n => self.first(whole, n),
        }
    }

    /// A component of the first repetition of what a field holds.
    pub(super) fn first(&self, whole: &'m [u8], component: u16) -> Option<&'m [u8]> {
        let (part, repetition) = (self.delims.component, self.delims.repetition);
        match component {
            0 => Some(before(whole, repetition, repetition)),
            1 => Some(before(whole, part, repetition)),
            n => piece(before(whole, repetition, repetition), part, n),
        }
    }

    /// The name, and all that follows between separators.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &'m [u8]> + use<'m> {
        pieces(self.text, self.delims.field)
    }

    /// A component's bytes, if it is there and not empty.
    pub(crate) fn filled(&self, field: u16, component: u16) -> Option<&'m [u8]> {
        self.value(field, component).filter(|v| !v.is_empty())
    }

    /// MSH, FHS and BHS name the delimiters, so their first field is the separator.
    fn names_delims(&self) -> bool {
        matches!(&self.name, b"MSH" | b"FHS" | b"BHS")
    }

    /// The encoding characters are one value, though they look like separators.
    fn is_atomic(&self, field: u16) -> bool {
        field <= 2 && self.names_delims()
    }
}

impl Lookup for Message<'_> {
    fn any(&self, path: &Path, each: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        // Most messages lack most of the segments that rules ask for.
        let mut class = None;
        let mut visit = |raw: &[u8]| {
            let class = *class.get_or_insert_with(|| fields::class(path));
            self.visit(raw, class, each)
        };
        self.named(path.segment)
            .enumerate()
            .filter(|(at, _)| picks(path.occurrence, *at))
            .any(|(_, segment)| segment.any(path, &mut visit))
    }
}

impl Message<'_> {
    /// Shows one value to a rule, unescaped.
    fn visit(&self, raw: &[u8], class: Class, each: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let mut show = |text: &[u8]| {
            each(if class.is_shown() {
                Value::Text(text)
            } else {
                Value::Phi(Phi::new(class, text))
            })
        };
        if memchr(self.delims.escape, raw).is_none() {
            return show(raw);
        }
        let mut own = Vec::new();
        let mut kept = self.room.try_borrow_mut();
        let room = kept.as_deref_mut().unwrap_or(&mut own);
        room.clear();
        unescape(raw, self.delims, room);
        show(room)
    }
}

fn range(place: &Range<u32>) -> Range<usize> {
    place.start as usize..place.end as usize
}

/// Whether a path that asks for this one, or for all, means the one at this place from 0.
fn picks(wanted: Option<u16>, at: usize) -> bool {
    wanted.is_none_or(|n| usize::from(n) == at.saturating_add(1))
}

impl Fields<'_> {
    fn any(&self, path: &Path, visit: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let Some(field) = self.field(path.field) else {
            return false;
        };
        if self.is_atomic(path.field) {
            return path.component.is_none() && visit(field);
        }
        pieces(field, self.delims.repetition)
            .enumerate()
            .filter(|(at, _)| picks(path.repetition, *at))
            .any(|(_, repetition)| self.part(repetition, path).is_some_and(&mut *visit))
    }

    /// The component or sub-component that a path asks for.
    fn part<'r>(&self, repetition: &'r [u8], path: &Path) -> Option<&'r [u8]> {
        let component = match path.component {
            None => return Some(repetition),
            Some(n) => piece(repetition, self.delims.component, n)?,
        };
        match path.subcomponent {
            None => Some(component),
            Some(n) => piece(component, self.delims.subcomponent, n),
        }
    }
}
