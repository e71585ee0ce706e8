//! What is kept of the message that is being read: bounded, whatever its size.

use std::hash::Hasher;
use std::ops::Range;

use memchr::{memchr, memchr_iter};
use siphasher::sip::SipHasher13;

use super::charset::{Charset, charset};
use super::embedded::{Embedded, embedded};
use super::mllp::may_be_header;
use super::wire::{Delims, Marks, header, spans};

/// The most bytes of a message that are kept; what comes behind is counted and named, not kept.
/// As much as any parser may ask the stream layer for, per direction.
pub(super) const KEPT_BYTES_MAX: usize = 64 * 1024;
/// The longest field value that is kept whole. Longer ones are documents (an embedded PDF).
pub(super) const FIELD_BYTES_MAX: usize = 16 * 1024;
/// What is kept of a longer one: as much as rules get of any skipped value.
pub(super) const FIELD_BYTES_KEPT: usize = 4 * 1024;
/// The most segments that are kept. A panel of results has dozens.
pub(super) const SEGMENTS_MAX: usize = 2048;
/// The most bytes of buffers that an idle connection holds on to.
const IDLE_BYTES: usize = 8 * 1024;
/// Bytes of a segment that tell its name.
const NAME_BYTES: usize = 4;

/// A segment that is kept: its name, and where its bytes are.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) name: [u8; 3],
    pub(super) text: Range<u32>,
    /// Whether bytes of it were left out.
    pub(super) cut: bool,
}

/// The message that is being read.
pub(super) struct Store {
    pub(super) bytes: Vec<u8>,
    pub(super) segments: Vec<Segment>,
    pub(super) delims: Delims,
    pub(super) charset: Charset,
    /// Segments, kept or not.
    pub(super) segments_seen: u32,
    /// OBX segments, kept or not.
    pub(super) observations: u32,
    /// Bytes of the message, separators too.
    pub(super) total: u64,
    /// Bytes that were not kept.
    pub(super) left_out: u64,
    /// What a field that was too long to keep starts like.
    pub(super) embedded: Option<Embedded>,
    /// A value too long to keep stands somewhere else than in OBX-5.
    pub(super) long_field: bool,
    /// There was no room for all of the message.
    pub(super) out_of_room: bool,
    /// A segment's name was not three letters or digits.
    pub(super) odd_name: bool,
    /// SipHash-1-3 under a key of zeros: a digest is written in events, and has to be the same
    /// whatever this program was built with.
    digest: SipHasher13,
    spare: Vec<u8>,
    /// Where the segment that is being read starts.
    start: usize,
    /// Where its last known field starts, and how far it was searched for one.
    field: usize,
    searched: usize,
    /// The field is too long: its bytes are left out until the next separator.
    eliding: bool,
    /// There is no more room for this segment.
    full: bool,
    /// Bytes of this segment were left out.
    cut: bool,
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            segments: Vec::new(),
            delims: Delims::STANDARD,
            charset: Charset::AsIs,
            segments_seen: 0,
            observations: 0,
            total: 0,
            left_out: 0,
            embedded: None,
            long_field: false,
            out_of_room: false,
            odd_name: false,
            digest: SipHasher13::new(),
            spare: Vec::new(),
            start: 0,
            field: 0,
            searched: 0,
            eliding: false,
            full: false,
            cut: false,
        }
    }

    /// Forgets the message. The buffers stay, unless it was a large one.
    pub(super) fn clear(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        let mut segments = std::mem::take(&mut self.segments);
        let mut spare = std::mem::take(&mut self.spare);
        bytes.clear();
        segments.clear();
        spare.clear();
        if bytes.capacity() > IDLE_BYTES || spare.capacity() > IDLE_BYTES {
            bytes.shrink_to(IDLE_BYTES);
            segments.shrink_to(IDLE_BYTES / size_of::<Segment>());
            spare.shrink_to(0);
        }
        *self = Self {
            bytes,
            segments,
            spare,
            ..Self::new()
        };
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let segments = self.segments.capacity() * size_of::<Segment>();
        self.bytes.capacity() + self.spare.capacity() + segments
    }

    pub(super) fn is_empty(&self) -> bool {
        self.segments_seen == 0 && self.bytes.len() == self.start
    }

    /// Whether a segment is being read.
    pub(super) fn in_segment(&self) -> bool {
        self.bytes.len() > self.start || self.cut
    }

    /// Whether the message has its header.
    pub(super) fn has_header(&self) -> bool {
        matches!(self.segments.first(), Some(first) if &first.name == b"MSH")
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest.finish()
    }

    /// Bytes of the segment that is being read.
    pub(super) fn push(&mut self, data: &[u8]) {
        self.count(data);
        self.take(data);
    }

    /// The last bytes of the segment that is being read, and the carriage return that ends it.
    pub(super) fn push_line(&mut self, line: &[u8]) {
        self.count(line);
        self.take(line.strip_suffix(b"\r").unwrap_or(line));
        self.end();
    }

    /// Segments, each with the carriage return that ends it. Takes those before a second one that
    /// may be a header, or before an empty one; the first one alone where none was yet. Says how
    /// many bytes that is.
    pub(super) fn push_lines(&mut self, lines: &[u8]) -> usize {
        let alone = self.segments_seen == 0;
        let mut took = 0_usize;
        for end in Marks::new(lines, b'\r') {
            let line = lines.get(took..end).unwrap_or_default();
            if took > 0 && (alone || line.is_empty() || may_be_header(line)) {
                break;
            }
            self.take(line);
            self.end();
            took = end.saturating_add(1);
        }
        let taken = lines.get(..took).unwrap_or_default();
        self.count(taken);
        took
    }

    /// Counts bytes of the message, and takes them to its digest. A header gets there once it was
    /// read.
    fn count(&mut self, data: &[u8]) {
        self.total = self.total.saturating_add(data.len() as u64);
        if self.segments_seen > 0 {
            self.digest.write(data);
        }
    }

    fn take(&mut self, data: &[u8]) {
        let have = self.bytes.len().saturating_sub(self.start);
        if self.full {
            self.left_out = self.left_out.saturating_add(data.len() as u64);
        } else if !self.eliding && have.saturating_add(data.len()) <= FIELD_BYTES_MAX {
            self.keep(data);
        } else {
            self.push_long(data);
        }
    }

    /// Part of a segment in which a field may be too long to keep.
    fn push_long(&mut self, data: &[u8]) {
        let separator = self.separator();
        let mut rest = data;
        while !rest.is_empty() {
            let end = memchr(separator, rest).unwrap_or(rest.len());
            if self.full {
                self.left_out = self.left_out.saturating_add(rest.len() as u64);
                return;
            }
            if self.eliding {
                self.left_out = self.left_out.saturating_add(end as u64);
                rest = rest.get(end..).unwrap_or_default();
                self.eliding = rest.is_empty();
                continue;
            }
            // Up to the separator and with it; a field that ends here starts no new one yet.
            let take = end.saturating_add(1).min(rest.len());
            let (now, behind) = rest.split_at_checked(take).unwrap_or((rest, &[]));
            self.find_field(separator);
            let have = self.bytes.len().saturating_sub(self.field);
            // Where the room ends before the field gets too long, it ends there however the bytes
            // came.
            let room_ends = self.field.saturating_add(FIELD_BYTES_MAX) >= self.limit();
            if have.saturating_add(end) <= FIELD_BYTES_MAX || room_ends {
                self.keep(now);
                rest = behind;
            } else {
                let missing = FIELD_BYTES_KEPT.saturating_sub(have).min(end);
                let (now, behind) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
                self.keep(now);
                self.elide();
                rest = behind;
            }
        }
    }

    /// The field has become too long: keeps its beginning, and of what follows nothing.
    fn elide(&mut self) {
        let have = self.bytes.len().saturating_sub(self.field);
        let kept = have.min(FIELD_BYTES_KEPT);
        self.bytes.truncate(self.field.saturating_add(kept));
        self.searched = self.searched.min(self.bytes.len());
        self.left_out = self
            .left_out
            .saturating_add(have.saturating_sub(kept) as u64);
        self.eliding = true;
        self.cut = true;
        let segment = self.bytes.get(self.start..).unwrap_or_default();
        let value = self.bytes.get(self.field..).unwrap_or_default();
        self.embedded = self.embedded.or_else(|| embedded(value, self.delims));
        let number = memchr_iter(self.delims.field, segment).count();
        self.long_field |= !(segment.starts_with(b"OBX") && number == 5);
    }

    /// Looks for the start of the field at the end of what is kept.
    fn find_field(&mut self, separator: u8) {
        let from = self.searched.max(self.start);
        let fresh = self.bytes.get(from..).unwrap_or_default();
        if let Some(at) = memchr::memrchr(separator, fresh) {
            self.field = from.saturating_add(at).saturating_add(1);
        }
        self.field = self.field.max(self.start);
        self.searched = self.bytes.len();
    }

    /// The field separator, which a header segment names itself.
    fn separator(&self) -> u8 {
        if self.segments_seen > 0 {
            return self.delims.field;
        }
        let own = self.bytes.get(self.start.saturating_add(3));
        own.copied().unwrap_or(self.delims.field)
    }

    /// Keeps bytes, as far as there is room. Of a segment that starts beyond it the name is kept
    /// until it was counted.
    fn keep(&mut self, data: &[u8]) {
        let room = self.limit().saturating_sub(self.bytes.len());
        let fits = data.get(..room).unwrap_or(data);
        self.bytes.extend_from_slice(fits);
        let over = data.len().saturating_sub(fits.len());
        if over > 0 {
            self.left_out = self.left_out.saturating_add(over as u64);
            self.cut = true;
            self.full = true;
            self.out_of_room = true;
        }
    }

    /// Where the room for this segment ends.
    fn limit(&self) -> usize {
        KEPT_BYTES_MAX.max(self.start.saturating_add(NAME_BYTES))
    }

    /// The segment that is being read ends; `separators` bytes end it.
    pub(super) fn end_segment(&mut self, separators: u64) {
        self.total = self.total.saturating_add(separators);
        if self.segments_seen > 0 && self.in_segment() {
            self.digest.write(b"\r");
        }
        self.end();
    }

    fn end(&mut self) {
        let segment = self.bytes.get(self.start..).unwrap_or_default();
        let [a, b, c, ..] = *segment else {
            self.odd_name |= !segment.is_empty();
            self.bytes.truncate(self.start);
            return self.next_segment();
        };
        let name = [a, b, c];
        self.odd_name |= !name.iter().all(u8::is_ascii_alphanumeric)
            || segment.get(3).is_some_and(u8::is_ascii_alphanumeric);
        if &name == b"MSH" && self.segments_seen == 0 {
            self.read_header();
        }
        self.segments_seen = self.segments_seen.saturating_add(1);
        if &name == b"OBX" {
            self.observations = self.observations.saturating_add(1);
        }
        self.charset
            .to_utf8(&mut self.bytes, self.start, &mut self.spare);
        self.add(name);
        self.next_segment();
    }

    /// Adds the segment to those kept, if there is room.
    fn add(&mut self, name: [u8; 3]) {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        if self.start < KEPT_BYTES_MAX && self.segments.len() < SEGMENTS_MAX {
            self.segments.push(Segment {
                name,
                text: place(self.start)..place(self.bytes.len()),
                cut: self.cut,
            });
        } else {
            let unkept = self.bytes.len().saturating_sub(self.start);
            self.left_out = self.left_out.saturating_add(unkept as u64);
            self.out_of_room |= self.start >= KEPT_BYTES_MAX;
            self.bytes.truncate(self.start);
        }
    }

    fn next_segment(&mut self) {
        self.start = self.bytes.len();
        self.field = self.start;
        self.searched = self.start;
        self.eliding = false;
        self.full = false;
        self.cut = false;
    }

    /// Takes delimiters and character set from MSH, and the digest of all but MSH-7, when it was
    /// sent, and MSH-10, its control id: a message that is sent again differs in these alone.
    fn read_header(&mut self) {
        let segment = self.bytes.get(self.start..).unwrap_or_default();
        let Ok((_, delims)) = header(segment) else {
            return;
        };
        self.delims = delims;
        let [time, id, set] = spans(segment, delims.field, [7, 10, 18]);
        let set = set.and_then(|set| segment.get(set));
        self.charset = set.map_or(Charset::AsIs, |set| charset(set, delims));
        let mut rest = 0_usize;
        for field in [time, id].into_iter().flatten() {
            let before = segment.get(rest..field.start).unwrap_or_default();
            self.digest.write(before);
            rest = field.end;
        }
        self.digest.write(segment.get(rest..).unwrap_or_default());
        self.digest.write(&[delims.field]);
    }
}
