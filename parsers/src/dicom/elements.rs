//! Data elements, items and delimiters: what each of them means where it stands (PS3.5 7, A.4).

use super::attributes::{self, Sort};
use super::dataset::{Dataset, Step};
use super::levels::LevelKind;
use super::values::Purpose;
use super::wire::{Element, Encoding, Tag, UNDEFINED};

/// Shortest run of bytes that is looked into: less is no program.
const BYTES_MIN: u32 = 16;
/// A value of any kind that is longer than this is looked into.
const LONG_VALUE_BYTES: u32 = 1024;
/// A length of this or more is a lie that overflows a signed integer (PS3.5 allows it, no disk
/// holds it).
const HUGE_VALUE_BYTES: u32 = 0x7fff_ffff;

impl Dataset {
    pub(super) fn element(&mut self, element: Element, encoding: Encoding) {
        let limit = self.levels.limit();
        let end = self.bytes.saturating_add(u64::from(element.len));
        if self.bytes > limit || (element.len != UNDEFINED && end > limit) {
            // It reaches beyond the item that it is in.
            return self.item_malformed();
        }
        match self.levels.innermost().map(|level| level.kind) {
            Some(LevelKind::Sequence) => self.item(element, encoding),
            Some(LevelKind::Fragments) => self.fragment(element),
            Some(LevelKind::Item) if element.tag == Tag::ITEM_END => self.levels.delimit(),
            Some(LevelKind::Item) | None => self.data(element, encoding),
        }
    }

    /// Within a sequence there are items and, at its end, perhaps a delimiter.
    fn item(&mut self, element: Element, encoding: Encoding) {
        match element.tag {
            Tag::ITEM => {
                let tag = self.levels.innermost().map_or(Tag::ITEM, |level| level.tag);
                self.open(LevelKind::Item, tag, encoding, element.len);
            }
            Tag::SEQUENCE_END => self.levels.delimit(),
            // Some write the delimiter behind an item of known length as well: no harm in it.
            Tag::ITEM_END => {}
            _ => self.item_malformed(),
        }
    }

    /// A fragment of encapsulated pixel data (PS3.5 A.4); the first is a table of offsets.
    fn fragment(&mut self, element: Element) {
        match element.tag {
            Tag::ITEM if element.len != UNDEFINED => {
                let (_, depth) = self.levels.outermost();
                let Some(level) = self.levels.innermost_mut() else {
                    return;
                };
                level.items = level.items.saturating_add(1);
                if level.items == 1 {
                    return self.leave_out(element.len);
                }
                let (tag, sum) = (level.tag, self.pixel_bytes.unwrap_or(0));
                if depth == 1 && tag == Tag::PIXEL_DATA {
                    self.pixel_bytes = Some(sum.saturating_add(u64::from(element.len)));
                }
                self.look_into(tag, element.len);
            }
            Tag::SEQUENCE_END => self.levels.delimit(),
            _ => self.item_malformed(),
        }
    }

    fn data(&mut self, element: Element, encoding: Encoding) {
        let Element { tag, vr, len } = element;
        let named = vr.is_none_or(|vr| vr.iter().all(u8::is_ascii_uppercase));
        if tag.0 == Tag::ITEM.0 || !named {
            return self.malformed();
        }
        let sort = vr.map_or_else(|| attributes::sort_of(tag), attributes::sort);
        if len == UNDEFINED {
            return self.undefined(tag, vr, sort, encoding);
        }
        if len >= HUGE_VALUE_BYTES {
            self.faults.huge = true;
        }
        if sort == Sort::Sequence {
            self.open(LevelKind::Sequence, tag, encoding, len);
        } else {
            self.begin_value(tag, sort, len);
        }
    }

    /// A value that goes on to its delimiter: pixel data in fragments, or a sequence, known as such
    /// or not (PS3.5 6.2.2: then in Implicit VR Little Endian).
    fn undefined(&mut self, tag: Tag, vr: Option<[u8; 2]>, sort: Sort, encoding: Encoding) {
        if vr == Some(*b"UN") {
            self.open(LevelKind::Sequence, tag, Encoding::IMPLICIT, UNDEFINED);
        } else if sort == Sort::Bytes && (vr.is_some() || tag == Tag::PIXEL_DATA) {
            if tag == Tag::PIXEL_DATA && self.levels.is_empty() {
                self.encapsulated = true;
                self.pixel_bytes = Some(0);
            }
            self.open(LevelKind::Fragments, tag, encoding, UNDEFINED);
        } else if sort == Sort::Sequence || vr.is_none() {
            self.open(LevelKind::Sequence, tag, encoding, UNDEFINED);
        } else {
            self.malformed();
        }
    }

    fn open(&mut self, kind: LevelKind, tag: Tag, encoding: Encoding, len: u32) {
        if self.levels.open(kind, tag, encoding, self.bytes, len) {
            return;
        }
        self.faults.depth = true;
        if len == UNDEFINED {
            self.step = Step::Opaque;
        } else {
            self.leave_out(len);
        }
    }

    fn begin_value(&mut self, tag: Tag, sort: Sort, len: u32) {
        if len > 0 && !frames_a_query(tag) {
            self.keys = self.keys.saturating_add(1);
        }
        if tag == Tag(0x0008, 0x1155) {
            self.referenced = self.referenced.saturating_add(1);
        }
        if tag == Tag::PIXEL_DATA && self.levels.is_empty() {
            self.pixel_bytes = Some(u64::from(len));
        }
        let purpose = match attributes::place(tag).filter(|place| self.counts_here(*place)) {
            Some(place) => Some(Purpose::Slot(place, sort == Sort::Uids)),
            None if sort == Sort::Uids => Some(Purpose::Uid),
            None if tag.is_private_creator() && self.levels.is_empty() => Some(Purpose::Creator),
            None => None,
        };
        if let Some(purpose) = purpose {
            self.keep(purpose, len);
        } else if len > LONG_VALUE_BYTES
            || (len >= BYTES_MIN && (sort == Sort::Bytes || tag.is_private()))
        {
            self.look_into(tag, len);
        } else {
            self.leave_out(len);
        }
    }

    /// Whether an attribute means the object itself: on the top level, or in a step; once.
    fn counts_here(&self, place: usize) -> bool {
        let free = self.values.is_free(place);
        let in_step = attributes::ATTRIBUTES.get(place).is_some_and(|a| a.in_step);
        free && match self.levels.outermost() {
            (None, _) => true,
            (Some(sequence), 2) => in_step && attributes::is_step(sequence),
            _ => false,
        }
    }
}

/// Attributes that say how to read a query, not what it asks for.
const fn frames_a_query(tag: Tag) -> bool {
    matches!(
        tag,
        Tag(0x0008, 0x0005 | 0x0052 | 0x0053 | 0x0201) | Tag(_, 0)
    )
}
