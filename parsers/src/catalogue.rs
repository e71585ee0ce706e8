//! The field catalogue's own types: a kind of event, its fields, their types and PHI classes.
//!
//! [`crate::kinds`] declares every kind once with the [`kind!`](crate::kind) macro. From those
//! tables come the names and types rules may use, the EVE object, the JSON Schema, completion,
//! the reference page and redaction. **A field has one name: its path in EVE.**

use crate::phi::Class;

/// One kind of event, such as `dicom`: the name of its EVE `event_type` and of its object.
#[derive(Debug)]
pub struct Kind {
    /// Position in [`crate::kinds::ALL`].
    pub id: KindId,
    /// The name in EVE and in a rule's `on:`.
    pub name: &'static str,
    /// One line for people.
    pub doc: &'static str,
    /// The fields, in the order in which they are rendered.
    pub fields: &'static [Field],
    /// Fields beyond the table that are found by a path, as in `hl7.obx[*].5`.
    pub paths: Option<&'static PathSpace>,
    /// Whether its records travel in the medical lane, which is shed last.
    pub medical: bool,
}

/// Position of a kind in [`crate::kinds::ALL`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KindId(pub u8);

impl KindId {
    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Position of a field in its kind's table.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FieldIx(pub u16);

impl FieldIx {
    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One field of an event.
#[derive(Debug)]
pub struct Field {
    /// Its path in EVE, as `dicom.calling_ae`; what rules call it.
    pub name: &'static str,
    /// The object inside the kind's that it is in, if it is in one.
    pub object: Option<&'static str>,
    /// Its name in there.
    pub key: &'static str,
    /// The name as JSON has it.
    pub member: Member,
    /// What values it takes.
    pub ty: Type,
    /// Who may see it.
    pub class: Class,
    /// One line for people, with the unit where there is one.
    pub doc: &'static str,
    /// The standard's section, or empty.
    pub section: &'static str,
}

/// `,"name":` with room behind it: copying so many bytes as are known beforehand, and cutting off
/// what is too much, is faster than copying a few.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    bytes: [u8; Self::ROOM],
    len: usize,
}

impl Member {
    const ROOM: usize = 32;

    /// Of a name that has nothing to escape.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        let len = name.len().saturating_add(4);
        assert!(len <= Self::ROOM, "a field's name is too long");
        let mut bytes = [0; Self::ROOM];
        let (used, _) = bytes.split_at_mut(len);
        if let [comma, quote, text @ .., end, colon] = used {
            (*comma, *quote, *end, *colon) = (b',', b'"', b'"', b':');
            text.copy_from_slice(name.as_bytes());
        }
        Self { bytes, len }
    }

    /// Appends it.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        let len = out.len().saturating_add(self.len);
        out.extend_from_slice(&self.bytes);
        out.truncate(len);
    }

    /// Appends it without its comma.
    pub fn write_first(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes.get(1..self.len).unwrap_or_default());
    }
}

/// A field's path below its kind as the object that it is in and its name there.
#[must_use]
pub const fn parted(path: &'static str) -> (Option<&'static str>, &'static str) {
    let mut rest = path.as_bytes();
    while let [shorter @ .., last] = rest {
        rest = shorter;
        if *last == b'.' {
            let (object, key) = path.split_at(rest.len());
            return (Some(object), key.split_at(1).1);
        }
    }
    (None, path)
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction; the unit is in the field's name.
    Decimal,
    /// Text.
    Text,
    /// One of a closed set of words.
    Word,
    /// An IP address.
    Ip,
    /// An Ethernet address.
    Mac,
    /// A span of time.
    Duration,
    /// Several texts; a comparison holds when it holds for any of them.
    TextList,
    /// Several whole numbers; a comparison holds when it holds for any of them.
    IntList,
}

/// How a kind reads fields by path.
#[derive(Debug)]
pub struct PathSpace {
    /// Reads what follows `kind.` in a rule; says what is wrong with it in a few words.
    pub parse: fn(&str) -> Result<Path, &'static str>,
    /// The PHI class of what a path finds.
    pub class: fn(&Path) -> Class,
    /// The shape, for help texts.
    pub syntax: &'static str,
}

/// A parsed path into a segmented message: `obx[*].5[1].2.3` and the like. Positions count from 1
/// as in the HL7 standard; `None` is `*`, every one, except for the components, where it means
/// the whole.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Path {
    /// The segment's name, upper case.
    pub segment: [u8; 3],
    /// Which segment of that name.
    pub occurrence: Option<u16>,
    /// Which field.
    pub field: u16,
    /// Which repetition of the field.
    pub repetition: Option<u16>,
    /// Which component, or the whole field.
    pub component: Option<u16>,
    /// Which sub-component, or the whole component.
    pub subcomponent: Option<u16>,
}

/// Declares one kind of event: a static [`Kind`] and a [`FieldIx`] constant for each field.
///
/// ```ignore
/// kind! {
///     /// ARP, RFC 826.
///     pub static KIND = 4, "arp", "an ARP message", medical: false, paths: None;
///     OPCODE = "opcode": Word, Class::Clear, "request or reply", "RFC 826";
/// }
/// ```
#[macro_export]
macro_rules! kind {
    (
        $(#[$meta:meta])*
        pub static $kind:ident = $id:literal, $name:literal, $doc:literal,
            medical: $medical:literal, paths: $paths:expr;
        $( $konst:ident = $path:literal : $ty:ident, $class:expr, $fdoc:literal, $section:literal; )*
    ) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "they name constants")]
        #[repr(u16)]
        enum Index { $( $konst, )* FIELD_COUNT }
        const _: () = assert!(Index::FIELD_COUNT as usize <= $crate::event::FIELDS_MAX);
        $(
            #[doc = concat!("`", $name, ".", $path, "`: ", $fdoc)]
            pub const $konst: $crate::catalogue::FieldIx =
                $crate::catalogue::FieldIx(Index::$konst as u16);
        )*
        $(#[$meta])*
        pub static $kind: $crate::catalogue::Kind = $crate::catalogue::Kind {
            id: $crate::catalogue::KindId($id),
            name: $name,
            doc: $doc,
            fields: &[ $( $crate::catalogue::Field {
                name: concat!($name, ".", $path),
                object: $crate::catalogue::parted($path).0,
                key: $crate::catalogue::parted($path).1,
                member: $crate::catalogue::Member::new($crate::catalogue::parted($path).1),
                ty: $crate::catalogue::Type::$ty,
                class: $class,
                doc: $fdoc,
                section: $section,
            }, )* ],
            paths: $paths,
            medical: $medical,
        };
    };
}
