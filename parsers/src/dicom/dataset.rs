//! A dataset, read as a stream of fragments that may be cut anywhere (PS3.5 7).
//!
//! Nothing is held but an element's header, the few values that are kept and the start of a long
//! one. The rest is skipped in place, whatever its length. Trees of sequences are a stack of ends.

use super::levels::Levels;
use super::peek::PEEK_BYTES_MAX;
use super::uids::Syntax;
use super::values::{Purpose, Values};
use super::wire::{self, ELEMENT_HEADER_BYTES_MAX, Encoding, Tag};

/// What is wrong with a dataset; each at most once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) malformed: bool,
    pub(super) item_malformed: bool,
    pub(super) depth: bool,
    pub(super) huge: bool,
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
pub(super) enum Step {
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
    pub(super) step: Step,
    header: [u8; ELEMENT_HEADER_BYTES_MAX],
    /// `header_len <= header_need <= header.len()`
    header_len: usize,
    header_need: usize,
    pub(super) levels: Levels,
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
            levels: Levels::new(),
            values: Values::new(),
        }
    }

    /// Begins anew; the buffers stay.
    pub(super) fn begin(&mut self, syntax: Syntax) {
        let (mut levels, mut values) = (Levels::new(), Values::new());
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
            .heap_bytes()
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
        match (self.levels.innermost(), self.encoding) {
            (Some(level), _) => level.encoding,
            (None, Some(encoding)) => encoding,
            (None, None) => *self.encoding.insert(sniff(header)),
        }
    }

    pub(super) fn keep(&mut self, purpose: Purpose, len: u32) {
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

    pub(super) fn look_into(&mut self, tag: Tag, len: u32) {
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

    pub(super) const fn leave_out(&mut self, len: u32) {
        self.step = if len == 0 {
            Step::Header
        } else {
            Step::Skip(len)
        };
    }

    /// Ends the items and sequences whose length says that they end here.
    fn close_levels(&mut self) {
        let here = self.bytes.saturating_sub(self.header_len as u64);
        self.levels.close(here);
    }

    pub(super) const fn malformed(&mut self) {
        self.faults.malformed = true;
        self.step = Step::Opaque;
    }

    pub(super) const fn item_malformed(&mut self) {
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
