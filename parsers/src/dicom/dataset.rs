//! A dataset, read as a stream of fragments that may be cut anywhere (PS3.5 7).
//!
//! Nothing is held but an element's header, the few values that are kept and the start of a long
//! one. The rest is skipped in place, whatever its length. Trees of sequences are a stack of ends.

use super::attributes::{self, Sort, at};
use super::peek::PEEK_BYTES_MAX;
use super::uids::Syntax;
use super::values::{Purpose, Values};
use super::wire::{self, ELEMENT_HEADER_BYTES_MAX, Element, Encoding, Tag, UNDEFINED};

/// Sequences and items within each other. Structured reports go to some 20 levels; a limit of 32
/// reads them all and stops a bomb.
const DEPTH_MAX: usize = 32;
/// Shortest run of bytes that is looked into: less is no program.
const BYTES_MIN: u32 = 16;
/// A value of any kind that is longer than this is looked into.
const LONG_VALUE_BYTES: u32 = 1024;
/// A length of this or more is a lie that overflows a signed integer (PS3.5 allows it, no disk
/// holds it).
const HUGE_VALUE_BYTES: u32 = 0x7fff_ffff;

/// What is wrong with a dataset; each at most once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) malformed: bool,
    pub(super) item_malformed: bool,
    pub(super) depth: bool,
    pub(super) huge: bool,
}

/// Sequences, items and encapsulated pixel data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LevelKind {
    Sequence,
    Item,
    Fragments,
}

impl Faults {
    const NONE: Self = Self {
        malformed: false,
        item_malformed: false,
        depth: false,
        huge: false,
    };
}

#[derive(Clone, Copy, Debug)]
struct Level {
    kind: LevelKind,
    /// The sequence's tag.
    tag: Tag,
    encoding: Encoding,
    /// Where it ends, counted from the dataset's first byte; none until its delimiter.
    end: Option<u64>,
    /// Where the innermost level of known length ends. `end <= limit`.
    limit: u64,
    /// Items so far, of fragments.
    items: u32,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Reading an element's header.
    Header,
    /// Keeping `left` bytes of a value, then leaving out `behind`.
    Keep {
        purpose: Purpose,
        left: usize,
        behind: u32,
    },
    /// Looking at `left` bytes of a value, then leaving out `behind`.
    Peek { tag: Tag, left: usize, behind: u32 },
    /// Leaving out so many bytes.
    Skip(u32),
    /// Leaving out all of it: compressed, lost or a lie.
    Opaque,
}

/// Bytes of a header whose length has 16 bits, and of all of them in Implicit VR.
const SHORT_HEADER_BYTES: usize = 8;

/// The reader of one dataset after the other.
pub(super) struct Dataset {
    /// Bytes so far.
    pub(super) bytes: u64,
    /// Elements with a value, those that only frame the query left out.
    pub(super) keys: u32,
    /// References to SOP instances.
    pub(super) referenced: u32,
    /// Bytes of Pixel Data.
    pub(super) pixel_bytes: Option<u64>,
    /// Whether they are in fragments.
    pub(super) encapsulated: bool,
    pub(super) faults: Faults,
    /// Known once the first element is here, if the negotiation was not seen.
    pub(super) encoding: Option<Encoding>,
    step: Step,
    header: [u8; ELEMENT_HEADER_BYTES_MAX],
    /// `header_len <= header_need <= header.len()`
    header_len: usize,
    header_need: usize,
    levels: Vec<Level>,
    pub(super) values: Values,
}

impl Dataset {
    pub(super) const fn new() -> Self {
        Self {
            bytes: 0,
            keys: 0,
            referenced: 0,
            pixel_bytes: None,
            encapsulated: false,
            faults: Faults::NONE,
            encoding: None,
            step: Step::Header,
            header: [0; ELEMENT_HEADER_BYTES_MAX],
            header_len: 0,
            header_need: SHORT_HEADER_BYTES,
            levels: Vec::new(),
            values: Values::new(),
        }
    }

    /// Begins anew; the buffers stay.
    pub(super) fn begin(&mut self, syntax: Syntax) {
        let (mut levels, mut values) = (Vec::new(), Values::new());
        std::mem::swap(&mut levels, &mut self.levels);
        std::mem::swap(&mut values, &mut self.values);
        levels.clear();
        values.clear();
        *self = Self {
            levels,
            values,
            ..Self::new()
        };
        match syntax {
            Syntax::Unknown => {}
            Syntax::Deflated => self.step = Step::Opaque,
            Syntax::Plain(encoding) => self.encoding = Some(encoding),
        }
    }

    /// How many of the next bytes it wants none of.
    pub(super) const fn skippable(&self) -> u64 {
        match self.step {
            Step::Skip(left) => left as u64,
            Step::Opaque => u64::MAX,
            _ => 0,
        }
    }

    /// So many bytes passed unseen; at most [`Dataset::skippable`].
    pub(super) fn skipped(&mut self, len: u64) {
        self.bytes = self.bytes.saturating_add(len);
        if let Step::Skip(left) = self.step {
            let left = u32::try_from(u64::from(left).saturating_sub(len)).unwrap_or(0);
            self.leave_out(left);
        }
    }

    /// So many bytes were missed. What follows can be read only if a skipped value ends behind them.
    pub(super) fn missed(&mut self, len: u64) {
        if len <= self.skippable() {
            self.skipped(len);
        } else {
            self.bytes = self.bytes.saturating_add(len);
            self.step = Step::Opaque;
        }
    }

    /// Reads a fragment, or a part of one.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let took = match self.step {
                Step::Header => self.feed_header(bytes),
                Step::Keep { .. } | Step::Peek { .. } => self.feed_value(bytes),
                Step::Skip(_) | Step::Opaque => {
                    let len = self.skippable().min(bytes.len() as u64);
                    self.skipped(len);
                    usize::try_from(len).unwrap_or(bytes.len())
                }
            };
            bytes = bytes.get(took..).unwrap_or_default();
        }
    }

    /// The dataset has no more bytes: it must not end within anything.
    pub(super) fn end(&mut self) {
        self.close_levels();
        let whole = match self.step {
            Step::Header => self.header_len == 0 && self.levels.is_empty(),
            Step::Opaque => true,
            _ => false,
        };
        if !whole {
            self.faults.malformed = true;
        }
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.levels
            .capacity()
            .saturating_mul(size_of::<Level>())
            .saturating_add(self.values.heap_bytes())
    }

    /// A header is read where it is, but for one that is cut: that is put together first.
    fn feed_header(&mut self, bytes: &[u8]) -> usize {
        if self.header_len == 0 && bytes.len() >= ELEMENT_HEADER_BYTES_MAX {
            let encoding = self.encoding_here(bytes);
            if let Ok((rest, element)) = wire::element(bytes, encoding) {
                let len = bytes.len().saturating_sub(rest.len());
                self.bytes = self.bytes.saturating_add(len as u64);
                self.element(element, encoding);
                return len;
            }
        }
        let want = self.header_need.saturating_sub(self.header_len);
        let piece = bytes.get(..want).unwrap_or(bytes);
        let free = self.header.iter_mut().skip(self.header_len);
        for (to, from) in free.zip(piece) {
            *to = *from;
        }
        self.header_len = self.header_len.saturating_add(piece.len());
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.header_len == self.header_need {
            self.header_complete();
        }
        piece.len()
    }

    fn header_complete(&mut self) {
        let header = self.header;
        let read = header.get(..self.header_len).unwrap_or_default();
        let encoding = self.encoding_here(read);
        match wire::element(read, encoding) {
            Ok((_, element)) => {
                self.header_len = 0;
                self.header_need = SHORT_HEADER_BYTES;
                self.element(element, encoding);
            }
            Err(_) if self.header_need < ELEMENT_HEADER_BYTES_MAX => {
                self.header_need = ELEMENT_HEADER_BYTES_MAX;
            }
            Err(_) => self.malformed(),
        }
    }

    /// The encoding of the element that begins here.
    fn encoding_here(&mut self, header: &[u8]) -> Encoding {
        self.close_levels();
        match (self.levels.last(), self.encoding) {
            (Some(level), _) => level.encoding,
            (None, Some(encoding)) => encoding,
            (None, None) => *self.encoding.insert(sniff(header)),
        }
    }

    fn element(&mut self, element: Element, encoding: Encoding) {
        let limit = self.limit();
        let end = self.bytes.saturating_add(u64::from(element.len));
        if self.bytes > limit || (element.len != UNDEFINED && end > limit) {
            // It reaches beyond the item that it is in.
            return self.item_malformed();
        }
        match self.levels.last().map(|level| level.kind) {
            Some(LevelKind::Sequence) => self.item(element, encoding),
            Some(LevelKind::Fragments) => self.fragment(element),
            Some(LevelKind::Item) if element.tag == Tag::ITEM_END => self.item_end(),
            Some(LevelKind::Item) | None => self.data(element, encoding),
        }
    }

    /// Within a sequence there are items and, at its end, perhaps a delimiter.
    fn item(&mut self, element: Element, encoding: Encoding) {
        match element.tag {
            Tag::ITEM => {
                let tag = self.levels.last().map_or(Tag::ITEM, |level| level.tag);
                self.open(LevelKind::Item, tag, encoding, element.len);
            }
            Tag::SEQUENCE_END => {
                self.levels.pop();
            }
            _ => self.item_malformed(),
        }
    }

    fn item_end(&mut self) {
        // Some write the delimiter behind an item of known length as well: no harm in it.
        if self.levels.last().is_some_and(|level| level.end.is_none()) {
            self.levels.pop();
        }
    }

    /// A fragment of encapsulated pixel data (PS3.5 A.4); the first is a table of offsets.
    fn fragment(&mut self, element: Element) {
        match element.tag {
            Tag::ITEM if element.len != UNDEFINED => {
                let top_level = self.levels.len() == 1;
                let Some(level) = self.levels.last_mut() else {
                    return;
                };
                level.items = level.items.saturating_add(1);
                if level.items == 1 {
                    return self.leave_out(element.len);
                }
                let (tag, sum) = (level.tag, self.pixel_bytes.unwrap_or(0));
                if top_level && tag == Tag::PIXEL_DATA {
                    self.pixel_bytes = Some(sum.saturating_add(u64::from(element.len)));
                }
                self.look_into(tag, element.len);
            }
            Tag::SEQUENCE_END => {
                self.levels.pop();
            }
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
        if self.levels.len() >= DEPTH_MAX {
            self.faults.depth = true;
            if len == UNDEFINED {
                self.step = Step::Opaque;
            } else {
                self.leave_out(len);
            }
            return;
        }
        let limit = self.limit();
        let end = (len != UNDEFINED).then(|| self.bytes.saturating_add(u64::from(len)));
        self.levels.push(Level {
            kind,
            tag,
            encoding,
            end,
            limit: end.unwrap_or(limit),
            items: 0,
        });
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
        free && match self.levels.as_slice() {
            [] => true,
            [sequence, _item] => in_step && attributes::is_step(sequence.tag),
            _ => false,
        }
    }

    fn keep(&mut self, purpose: Purpose, len: u32) {
        let left = self.values.begin(len);
        let behind = len.saturating_sub(u32::try_from(left).unwrap_or(len));
        self.step = Step::Keep {
            purpose,
            left,
            behind,
        };
        if left == 0 {
            self.value_complete();
        }
    }

    fn look_into(&mut self, tag: Tag, len: u32) {
        let left = (len as usize).min(PEEK_BYTES_MAX);
        if left == 0 || self.values.embedded.is_some() {
            return self.leave_out(len);
        }
        let behind = len.saturating_sub(u32::try_from(left).unwrap_or(len));
        self.values.begin_peek();
        self.step = Step::Peek { tag, left, behind };
    }

    fn feed_value(&mut self, bytes: &[u8]) -> usize {
        let (Step::Keep { left, .. } | Step::Peek { left, .. }) = &mut self.step else {
            return 0;
        };
        let piece = bytes.get(..*left).unwrap_or(bytes);
        *left = left.saturating_sub(piece.len());
        let complete = *left == 0;
        self.values.push(piece);
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if complete {
            self.value_complete();
        }
        piece.len()
    }

    fn value_complete(&mut self) {
        match self.step {
            Step::Keep {
                purpose, behind, ..
            } => {
                self.values.keep(purpose, behind > 0);
                self.leave_out(behind);
            }
            Step::Peek { tag, behind, .. } => {
                self.values.look(tag);
                self.leave_out(behind);
            }
            _ => {}
        }
    }

    const fn leave_out(&mut self, len: u32) {
        self.step = if len == 0 {
            Step::Header
        } else {
            Step::Skip(len)
        };
    }

    /// Ends the items and sequences whose length says that they end here.
    fn close_levels(&mut self) {
        let here = self.bytes.saturating_sub(self.header_len as u64);
        while self
            .levels
            .last()
            .is_some_and(|level| level.end.is_some_and(|end| end <= here))
        {
            self.levels.pop();
        }
    }

    fn limit(&self) -> u64 {
        self.levels.last().map_or(u64::MAX, |level| level.limit)
    }

    const fn malformed(&mut self) {
        self.faults.malformed = true;
        self.step = Step::Opaque;
    }

    const fn item_malformed(&mut self) {
        self.faults.item_malformed = true;
        self.step = Step::Opaque;
    }
}

/// Explicit or implicit, by the first element, when the negotiation was not seen. No group's number
/// has 00H as its low byte, so byte order shows in the first byte.
fn sniff(header: &[u8]) -> Encoding {
    match header {
        [first, _, _, _, a, b, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => {
            Encoding {
                explicit: true,
                big: *first == 0,
            }
        }
        _ => Encoding::IMPLICIT,
    }
}

/// Attributes that say how to read a query, not what it asks for.
const fn frames_a_query(tag: Tag) -> bool {
    matches!(
        tag,
        Tag(0x0008, 0x0005 | 0x0052 | 0x0053 | 0x0201) | Tag(_, 0)
    )
}

/// Rows, columns, samples, bits and frames multiplied: the bytes that native Pixel Data has.
pub(super) fn pixel_bytes_expected(dataset: &Dataset) -> Option<u64> {
    let encoding = dataset.encoding?;
    let values = &dataset.values;
    let number = |place| values.number(place, encoding).map(u64::from);
    let frames = match values.get(at::FRAMES) {
        Some(text) => std::str::from_utf8(text).ok()?.trim().parse::<u64>().ok()?,
        None => 1,
    };
    let bits = number(at::ROWS)?
        .checked_mul(number(at::COLUMNS)?)?
        .checked_mul(number(at::SAMPLES).unwrap_or(1))?
        .checked_mul(number(at::BITS_ALLOCATED)?)?;
    bits.div_ceil(8).checked_mul(frames)
}
