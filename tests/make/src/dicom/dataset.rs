//! Data sets in the three uncompressed transfer syntaxes.

use super::uid;

/// Group and element number.
pub type Tag = (u16, u16);

/// How a data set is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Implicit VR Little Endian.
    ImplicitLe,
    /// Explicit VR Little Endian.
    ExplicitLe,
    /// Explicit VR Big Endian.
    ExplicitBe,
}

impl Syntax {
    /// The transfer syntax UID.
    pub fn uid(self) -> &'static str {
        match self {
            Self::ImplicitLe => uid::IMPLICIT_LE,
            Self::ExplicitLe => uid::EXPLICIT_LE,
            Self::ExplicitBe => uid::EXPLICIT_BE,
        }
    }

    fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::ExplicitBe => value.to_be_bytes(),
            _ => value.to_le_bytes(),
        }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::ExplicitBe => value.to_be_bytes(),
            _ => value.to_le_bytes(),
        }
    }
}

#[derive(Clone, Debug)]
enum Value {
    /// Bytes that do not depend on the byte order.
    Bytes(Vec<u8>),
    /// 16-bit words.
    Words(Vec<u16>),
    /// 32-bit words.
    Longs(Vec<u32>),
    /// Items; with undefined lengths and delimiters if the flag is set.
    Sequence(Vec<Dataset>, bool),
    /// Encapsulated pixel data: an empty offset table, then these fragments.
    Fragments(Vec<Vec<u8>>),
}

#[derive(Clone, Debug)]
struct Element {
    tag: Tag,
    vr: [u8; 2],
    value: Value,
}

/// A data set: elements in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    elements: Vec<Element>,
}

impl Dataset {
    /// An empty data set.
    pub fn new() -> Self {
        Self::default()
    }

    fn put(mut self, tag: Tag, vr: &str, value: Value) -> Self {
        let vr = vr.as_bytes();
        self.elements.push(Element {
            tag,
            vr: [vr[0], vr[1]],
            value,
        });
        self
    }

    /// Adds a text value, padded to even length as its VR wants: NUL for UI, a space for others.
    pub fn text(self, tag: Tag, vr: &str, text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(if vr == "UI" { 0 } else { b' ' });
        }
        self.put(tag, vr, Value::Bytes(bytes))
    }

    /// Adds bytes as they are; nothing is padded.
    pub fn bytes(self, tag: Tag, vr: &str, bytes: &[u8]) -> Self {
        self.put(tag, vr, Value::Bytes(bytes.to_vec()))
    }

    /// Adds 16-bit words (US, OW).
    pub fn words(self, tag: Tag, vr: &str, words: &[u16]) -> Self {
        self.put(tag, vr, Value::Words(words.to_vec()))
    }

    /// Adds 32-bit words (UL, OL).
    pub fn longs(self, tag: Tag, vr: &str, longs: &[u32]) -> Self {
        self.put(tag, vr, Value::Longs(longs.to_vec()))
    }

    /// Adds a sequence with explicit lengths.
    pub fn sequence(self, tag: Tag, items: Vec<Self>) -> Self {
        self.put(tag, "SQ", Value::Sequence(items, false))
    }

    /// Adds a sequence with undefined lengths and delimiters.
    pub fn sequence_undefined(self, tag: Tag, items: Vec<Self>) -> Self {
        self.put(tag, "SQ", Value::Sequence(items, true))
    }

    /// Adds encapsulated pixel data with these fragments (each of even length).
    pub fn fragments(self, fragments: &[Vec<u8>]) -> Self {
        self.put((0x7fe0, 0x0010), "OB", Value::Fragments(fragments.to_vec()))
    }

    /// The bytes of the data set.
    pub fn encode(&self, syntax: Syntax) -> Vec<u8> {
        let mut out = Vec::new();
        for element in &self.elements {
            element.encode(syntax, &mut out);
        }
        out
    }
}

impl Element {
    fn encode(&self, syntax: Syntax, out: &mut Vec<u8>) {
        let (body, undefined) = self.body(syntax);
        let length = if undefined {
            u32::MAX
        } else {
            body.len() as u32
        };
        tag(syntax, self.tag, out);
        if syntax == Syntax::ImplicitLe {
            out.extend_from_slice(&syntax.u32(length));
        } else if long_form(self.vr) {
            out.extend_from_slice(&self.vr);
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&syntax.u32(length));
        } else {
            out.extend_from_slice(&self.vr);
            out.extend_from_slice(&syntax.u16(body.len() as u16));
        }
        out.extend_from_slice(&body);
    }

    fn body(&self, syntax: Syntax) -> (Vec<u8>, bool) {
        match &self.value {
            Value::Bytes(bytes) => (bytes.clone(), false),
            Value::Words(words) => (words.iter().flat_map(|w| syntax.u16(*w)).collect(), false),
            Value::Longs(longs) => (longs.iter().flat_map(|w| syntax.u32(*w)).collect(), false),
            Value::Sequence(items, undefined) => (sequence(syntax, items, *undefined), *undefined),
            Value::Fragments(fragments) => (encapsulated(syntax, fragments), true),
        }
    }
}

fn sequence(syntax: Syntax, items: &[Dataset], undefined: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for data in items {
        let body = data.encode(syntax);
        let length = if undefined {
            u32::MAX
        } else {
            body.len() as u32
        };
        item(syntax, 0xe000, length, &mut out);
        out.extend_from_slice(&body);
        if undefined {
            item(syntax, 0xe00d, 0, &mut out);
        }
    }
    if undefined {
        item(syntax, 0xe0dd, 0, &mut out);
    }
    out
}

fn encapsulated(syntax: Syntax, fragments: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    item(syntax, 0xe000, 0, &mut out);
    for fragment in fragments {
        item(syntax, 0xe000, fragment.len() as u32, &mut out);
        out.extend_from_slice(fragment);
    }
    item(syntax, 0xe0dd, 0, &mut out);
    out
}

fn item(syntax: Syntax, element: u16, length: u32, out: &mut Vec<u8>) {
    tag(syntax, (0xfffe, element), out);
    out.extend_from_slice(&syntax.u32(length));
}

fn tag(syntax: Syntax, (group, element): Tag, out: &mut Vec<u8>) {
    out.extend_from_slice(&syntax.u16(group));
    out.extend_from_slice(&syntax.u16(element));
}

/// Whether a VR has a 32-bit length in the explicit syntaxes (PS3.5 section 7.1.2).
fn long_form(vr: [u8; 2]) -> bool {
    matches!(
        &vr,
        b"OB"
            | b"OD"
            | b"OF"
            | b"OL"
            | b"OV"
            | b"OW"
            | b"SQ"
            | b"SV"
            | b"UC"
            | b"UN"
            | b"UR"
            | b"UT"
            | b"UV"
    )
}
