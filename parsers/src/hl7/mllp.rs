//! Framing: the Minimal Lower Layer Protocol, release 1 (HL7 implementation guide, appendix C), and
//! the segments inside a frame.
//!
//! ```text
//! VT message FS CR      VT = 0x0b, FS = 0x1c, CR = 0x0d ends each segment
//! ```
//!
//! Senders leave out any of the four. What the receiver does then differs from product to product,
//! so each deviation is named, and reading goes on in the way that shows the most.

use memchr::{memchr, memchr2, memchr3, memrchr};

use super::wire::{Head, head};
use crate::protocol::Verdict;

/// Start block.
const VT: u8 = 0x0b;
/// End block.
const FS: u8 = 0x1c;

/// So far ahead whole segments are looked for: once more for each that may be a header.
const LINES_BYTES_MAX: usize = 4096;

/// What the bytes of one direction are made of.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Token<'a> {
    /// A frame begins; false without a start block.
    Open(bool),
    /// Bytes that belong to no frame.
    Between,
    /// The segment that begins here has this name and starts or ends a message or batch.
    Header([u8; 3]),
    /// Bytes of a segment.
    Data(&'a [u8]),
    /// The last bytes of a segment, and the carriage return that ends it.
    Line(&'a [u8]),
    /// A segment ends; true if a line feed ended it.
    SegmentEnd(bool),
    /// A line feed where a segment begins: it came behind a carriage return.
    LineFeed,
    /// A start block in the middle of a segment that starts no message.
    StartInside,
    /// An end block in the middle of a segment.
    EndInside,
    /// The frame ends.
    Close(Closed),
    /// The carriage return of the end block that was taken for granted is not there.
    NoCarriageReturn,
    /// Nothing that anybody needs to know.
    Nothing,
}

/// How a frame ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Closed {
    /// With end block and carriage return.
    Well,
    /// With an end block alone.
    WithoutReturn,
    /// With neither.
    WithoutBlock,
}

/// One step: what was found, and how many bytes it took; or how many are needed to tell.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Step<'a> {
    Took(Token<'a>, usize),
    /// Segments, each with the carriage return that ends it, and no other line end or framing byte.
    /// One behind the first that may be a header is not to be taken.
    Lines(&'a [u8]),
    Need(usize),
    /// So many bytes were passed over in search of a start.
    Lost(usize),
}

/// The framing of one direction.
#[derive(Debug)]
pub(super) struct Framing {
    place: Place,
    /// The next byte is a segment's first, and nobody has looked at its name.
    at_segment: bool,
    /// The segment is MSH or the like, in which a line feed can only be a line end.
    in_header: bool,
    /// This message's segments end with line feeds.
    line_feeds: bool,
    /// Bytes were taken since a gap, so that what comes now is no segment's start by itself.
    moved: bool,
    /// What the bytes that wait for more may turn out to be.
    waits: Waits,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Waits {
    No,
    /// The carriage return of an end block.
    Return,
    /// A start.
    Start,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// Looking for a start in bytes of which the beginning is missing.
    Lost,
    Between,
    Inside {
        start_block: bool,
    },
    /// The frame's end was told when the peer answered: its carriage return may still come.
    Settled,
}

impl Framing {
    pub(super) const fn new(midstream: bool) -> Self {
        Self {
            place: if midstream {
                Place::Lost
            } else {
                Place::Between
            },
            at_segment: true,
            in_header: false,
            line_feeds: false,
            moved: false,
            waits: Waits::No,
        }
    }

    /// Bytes are missing: find a start.
    pub(super) const fn lose(&mut self) {
        *self = Self::new(true);
    }

    /// Reads one token. `last`: no more bytes will come.
    pub(super) fn step<'a>(&mut self, bytes: &'a [u8], last: bool) -> Step<'a> {
        self.waits = Waits::No;
        match self.place {
            Place::Lost => self.search(bytes),
            Place::Between => self.between(bytes, last),
            Place::Inside { start_block } if self.at_segment => {
                self.segment_start(bytes, last, start_block)
            }
            Place::Inside { start_block } => self.inside(bytes, last, start_block),
            Place::Settled => self.settled(bytes, last),
        }
    }

    /// The peer speaks. If this direction waits only to see whether a carriage return follows its
    /// end block, or if its unframed message may be whole, then the message has ended.
    pub(super) fn settle(&mut self) -> Option<Closed> {
        let Place::Inside { start_block } = self.place else {
            return None;
        };
        match self.waits {
            Waits::Return => {
                self.place = Place::Settled;
                Some(Closed::Well)
            }
            Waits::No if !start_block && self.at_segment => {
                self.place = Place::Between;
                Some(Closed::WithoutBlock)
            }
            _ => None,
        }
    }

    /// Waits for bytes that tell whether a start is here.
    const fn need<'a>(&mut self, bytes: usize) -> Step<'a> {
        self.waits = Waits::Start;
        Step::Need(bytes)
    }

    fn search<'a>(&mut self, bytes: &'a [u8]) -> Step<'a> {
        if !self.moved {
            match head(bytes, true) {
                Head::Yes => return self.found(0),
                Head::Short => return Step::Lost(0),
                Head::No => {}
            }
        }
        let mut from = 0_usize;
        while let Some(at) = memchr3(VT, b'\r', b'\n', bytes.get(from..).unwrap_or_default()) {
            let at = from.saturating_add(at);
            let next = at.saturating_add(1);
            let block = bytes.get(at) == Some(&VT);
            match head(bytes.get(next..).unwrap_or_default(), !block) {
                Head::Yes => return self.found(if block { at } else { next }),
                Head::Short => {
                    self.moved |= at > 0;
                    return Step::Lost(at);
                }
                Head::No => from = next,
            }
        }
        self.moved |= !bytes.is_empty();
        Step::Lost(bytes.len())
    }

    const fn found<'a>(&mut self, at: usize) -> Step<'a> {
        self.place = Place::Between;
        Step::Took(Token::Nothing, at)
    }

    fn between<'a>(&mut self, bytes: &'a [u8], last: bool) -> Step<'a> {
        match bytes.first() {
            None => Step::Need(1),
            Some(&VT) => self.open(true, 1),
            // Line ends, padding, and the bytes of a UTF-8 byte order mark.
            Some(b'\r' | b'\n' | b' ' | 0 | 0xef | 0xbb | 0xbf) => Step::Took(Token::Nothing, 1),
            Some(_) => match head(bytes, true) {
                Head::Yes => self.open(false, 0),
                Head::Short if !last => self.need(bytes.len().saturating_add(1)),
                _ => {
                    self.place = Place::Lost;
                    self.moved = true;
                    Step::Took(Token::Between, 1)
                }
            },
        }
    }

    const fn open<'a>(&mut self, start_block: bool, took: usize) -> Step<'a> {
        self.place = Place::Inside { start_block };
        self.at_segment = true;
        self.in_header = false;
        self.line_feeds = false;
        Step::Took(Token::Open(start_block), took)
    }

    /// Looks at a segment's name before its bytes are taken.
    fn segment_start<'a>(&mut self, bytes: &'a [u8], last: bool, start_block: bool) -> Step<'a> {
        match bytes {
            [] => return Step::Need(1),
            [b'\n', ..] => return Step::Took(Token::LineFeed, 1),
            [b'\r' | VT | FS, ..] => return self.inside(bytes, last, start_block),
            _ => {}
        }
        if !may_be_header(bytes) {
            self.in_header = false;
            if let Some(lines) = lines(bytes) {
                return Step::Lines(lines);
            }
            self.at_segment = false;
            return self.inside(bytes, last, start_block);
        }
        match (bytes, last) {
            ([a, b, c, separator, ..], _) if !separator.is_ascii_alphanumeric() => {
                self.at_segment = false;
                self.in_header = true;
                self.line_feeds = false;
                Step::Took(Token::Header([*a, *b, *c]), 0)
            }
            ([_, _, _, _, ..], _) | (_, true) => {
                self.at_segment = false;
                self.in_header = false;
                self.inside(bytes, last, start_block)
            }
            _ => self.need(bytes.len().saturating_add(1)),
        }
    }

    fn inside<'a>(&mut self, bytes: &'a [u8], last: bool, start_block: bool) -> Step<'a> {
        let ends_lines = self.in_header || self.line_feeds;
        match bytes {
            [b'\r' | VT | FS, ..] | [] => {}
            [b'\n', ..] if ends_lines => {}
            _ => {
                let mut end = memchr3(b'\r', VT, FS, bytes).unwrap_or(bytes.len());
                if ends_lines {
                    end = memchr(b'\n', bytes.get(..end).unwrap_or(bytes)).unwrap_or(end);
                }
                let next = end.saturating_add(1);
                if let Some(line @ [.., b'\r']) = bytes.get(..next) {
                    self.segment_ended();
                    return Step::Took(Token::Line(line), next);
                }
                let data = bytes.get(..end).unwrap_or(bytes);
                return Step::Took(Token::Data(data), end);
            }
        }
        match bytes {
            [] => Step::Need(1),
            [b'\r', ..] => self.end_segment(false),
            [b'\n', ..] => {
                self.line_feeds = true;
                self.end_segment(true)
            }
            [VT, behind @ ..] => match head(behind, false) {
                Head::Yes => self.close(Closed::WithoutBlock, 0),
                Head::Short if !last => self.need(bytes.len().saturating_add(1)),
                _ => self.one_byte(Token::StartInside),
            },
            [FS, b'\r', ..] => self.close(Closed::Well, 2),
            [FS] if !last => {
                self.waits = Waits::Return;
                Step::Need(2)
            }
            [FS] | [FS, VT, ..] => self.close(Closed::WithoutReturn, 1),
            [FS, b'\n', ..] => self.close(Closed::WithoutReturn, 2),
            // Without a start block nobody waits for the end block and return of MLLP.
            [FS, ..] if !start_block => self.close(Closed::WithoutReturn, 1),
            _ => self.one_byte(Token::EndInside),
        }
    }

    /// A framing byte that stands for itself: most receivers look for all bytes of a mark.
    const fn one_byte<'a>(&mut self, token: Token<'a>) -> Step<'a> {
        self.at_segment = false;
        Step::Took(token, 1)
    }

    const fn end_segment<'a>(&mut self, line_feed: bool) -> Step<'a> {
        self.segment_ended();
        Step::Took(Token::SegmentEnd(line_feed), 1)
    }

    const fn segment_ended(&mut self) {
        self.at_segment = true;
        self.in_header = false;
    }

    const fn close<'a>(&mut self, how: Closed, took: usize) -> Step<'a> {
        self.place = Place::Between;
        Step::Took(Token::Close(how), took)
    }

    /// At the end block of a frame that was told already.
    const fn settled<'a>(&mut self, bytes: &'a [u8], last: bool) -> Step<'a> {
        match bytes {
            [FS, b'\r', ..] => {
                self.place = Place::Between;
                Step::Took(Token::Nothing, 2)
            }
            [FS] if !last => Step::Need(2),
            [FS, ..] => {
                self.place = Place::Between;
                Step::Took(Token::NoCarriageReturn, 1)
            }
            _ => {
                self.place = Place::Between;
                Step::Took(Token::Nothing, 0)
            }
        }
    }
}

/// Whether a segment here may start or end a message or batch, by as much as there is of its name.
pub(super) fn may_be_header(segment: &[u8]) -> bool {
    const NAMES: [&[u8; 3]; 5] = [b"MSH", b"FHS", b"BHS", b"BTS", b"FTS"];
    let name = segment.get(..3).unwrap_or(segment);
    matches!(segment.first(), Some(b'M' | b'F' | b'B'))
        && NAMES.iter().any(|header| header.starts_with(name))
}

/// Whole segments that start here, up to anything but text.
fn lines(bytes: &[u8]) -> Option<&[u8]> {
    let near = bytes.get(..LINES_BYTES_MAX).unwrap_or(bytes);
    let until = memchr3(VT, FS, b'\n', near).unwrap_or(near.len());
    let last = memrchr(b'\r', near.get(..until)?)?;
    near.get(..last.saturating_add(1))
}

/// Where a start may be in bytes picked up midstream, for the probe. Sure that there is none, they
/// need not be kept and looked at again with the next ones.
pub(super) fn find_start(bytes: &[u8]) -> Verdict {
    let after = |at: usize| head(bytes.get(at..).unwrap_or_default(), true);
    let mut short = match after(0) {
        Head::Yes => return Verdict::Yes(0),
        head => head == Head::Short,
    };
    let mut from = 0_usize;
    while let Some(at) = memchr2(VT, b'\r', bytes.get(from..).unwrap_or_default()) {
        let at = from.saturating_add(at);
        let next = at.saturating_add(1);
        match after(next) {
            Head::Yes if bytes.get(at) == Some(&VT) => return Verdict::Yes(at),
            Head::Yes => return Verdict::Yes(next),
            head => short |= head == Head::Short,
        }
        from = next;
    }
    if short { Verdict::Unsure } else { Verdict::No }
}
