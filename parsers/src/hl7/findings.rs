//! What one pass over a message's segments finds: the segments that the event is made from, lists,
//! and what is odd about the text.

use smallvec::SmallVec;

use super::embedded::{Embedded, embedded};
use super::escape::Oddities;
use super::inject::{Injected, look};
use super::message::{Fields, Message};

/// Distinct result statuses that an event lists; the standard has some 15.
const STATUSES_MAX: usize = 16;
/// Error codes that an event lists; a response has one or two.
const ERROR_CODES_MAX: usize = 16;
/// The longest value taken for a code. A longer one is text in the wrong place.
const CODE_BYTES_MAX: usize = 32;

/// The shortest value that may be a file, in whatever form.
const FILE_BYTES_MIN: usize = 8;

/// What was found.
#[derive(Default)]
pub(super) struct Findings<'m> {
    pub(super) msh: Option<Fields<'m>>,
    pub(super) msa: Option<Fields<'m>>,
    pub(super) pid: Option<Fields<'m>>,
    pub(super) pv1: Option<Fields<'m>>,
    pub(super) mrg: Option<Fields<'m>>,
    pub(super) orc: Option<Fields<'m>>,
    pub(super) obr: Option<Fields<'m>>,
    pub(super) statuses: SmallVec<[&'m [u8]; STATUSES_MAX]>,
    pub(super) error_codes: SmallVec<[&'m [u8]; ERROR_CODES_MAX]>,
    pub(super) embedded: Option<Embedded>,
    pub(super) injected: Option<Injected>,
    pub(super) oddities: Oddities,
    /// Control characters other than tab in the text.
    pub(super) controls: bool,
    /// Bytes over 0x7f.
    pub(super) high: bool,
}

impl<'m> Findings<'m> {
    /// Looks at every segment once; `room` is where text is unescaped.
    pub(super) fn of(message: &Message<'m>, room: &mut Vec<u8>) -> Self {
        let mut found = Self::default();
        found.bytes(message.bytes);
        for segment in message.segments() {
            found.remember(segment);
            if !message.plain {
                found.look(&segment, message, room);
            }
            match &segment.name {
                b"OBX" => found.observation(&segment, message),
                b"ERR" => found.error(&segment),
                _ => {}
            }
        }
        found
    }

    /// The first of each kind.
    fn remember(&mut self, segment: Fields<'m>) {
        let slot = match &segment.name {
            b"MSH" => &mut self.msh,
            b"MSA" => &mut self.msa,
            b"PID" => &mut self.pid,
            b"PV1" => &mut self.pv1,
            b"MRG" => &mut self.mrg,
            b"ORC" => &mut self.orc,
            b"OBR" => &mut self.obr,
            _ => return,
        };
        slot.get_or_insert(segment);
    }

    /// The bytes of the message, whatever they mean.
    fn bytes(&mut self, bytes: &[u8]) {
        // Two folds without branches, so that the compiler takes many bytes at once.
        let controls = bytes.iter().fold(0_u8, |odd, b| odd | is_control(*b));
        let high = bytes.iter().fold(0_u8, |high, b| high | *b);
        self.controls = controls != 0;
        self.high = high >= 0x80;
    }

    /// The text of a segment.
    fn look(&mut self, segment: &Fields<'m>, message: &Message<'m>, room: &mut Vec<u8>) {
        let (injected, oddities) = look(segment, message.delims, room);
        self.injected = self.injected.or(injected);
        // What was cut may have been cut in the middle of a sequence.
        self.oddities.unbalanced |= oddities.unbalanced && !segment.cut;
        self.oddities.unknown |= oddities.unknown && !segment.cut;
        self.oddities.control |= oddities.control;
    }

    fn observation(&mut self, segment: &Fields<'m>, message: &Message<'m>) {
        let fields = segment.fields([5, 11]);
        let [value, status] = fields.map(Option::unwrap_or_default);
        if self.embedded.is_none() && value.len() >= FILE_BYTES_MIN {
            self.embedded = embedded(value, message.delims);
        }
        let known = self.statuses.contains(&status);
        if is_code(status) && !known && self.statuses.len() < STATUSES_MAX {
            self.statuses.push(status);
        }
    }

    /// ERR-3.1 and ERR-5.1; before 2.5, the codes of ERR-1.4.
    fn error(&mut self, segment: &Fields<'m>) {
        for (field, component) in [(1, 4), (3, 1), (5, 1)] {
            let code = segment.value(field, component).unwrap_or_default();
            if is_code(code) && self.error_codes.len() < ERROR_CODES_MAX {
                self.error_codes.push(code);
            }
        }
    }
}

/// 1 for a control character that has no business in text.
const fn is_control(byte: u8) -> u8 {
    let low = (byte < 0x20) & (byte != b'\t') & (byte != b'\n');
    (low | (byte == 0x7f)) as u8
}

/// Codes are short and have no spaces; anything else in their place may be text about somebody.
pub(super) fn is_code(value: &[u8]) -> bool {
    !value.is_empty() && value.len() <= CODE_BYTES_MAX && value.iter().all(u8::is_ascii_graphic)
}
