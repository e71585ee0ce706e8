//! Protected health information: its classes, the wrapper that cannot be printed, and pseudonyms.
//!
//! Raw PHI exists only as [`Phi`] inside a worker. Rules may test it there. Past the queue to the
//! correlator there is only its pseudonym. There is no switch that prints it.

mod canonical;
mod pseudonym;

pub use pseudonym::{KEY_BYTES, Pseudonym, Pseudonymizer};

/// Who may see a field.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// Everyone: protocol facts, addresses of hospital equipment, codes.
    Clear,
    /// Identifies hospital equipment (serial, EUI-64, UDI, station name): shown in clear.
    Asset,
    /// Identifies a patient: shown as a pseudonym.
    Phi(PhiKind),
    /// Identifies a member of staff: shown as a pseudonym.
    Staff,
    /// What a transferred object holds. Rules may test it inside the worker; it is not written in
    /// any form, since the pseudonym of a content tells nobody anything.
    Content,
    /// A password, community string or token: never tested but for presence, never stored in any
    /// form.
    Secret,
}

/// What a patient's datum is. It names the pseudonym, and decides how the value is made canonical.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PhiKind {
    /// Medical record number, account and visit numbers, any patient identifier.
    Mrn,
    /// A person's name.
    Name,
    /// A date or time about a patient.
    Date,
    /// Accession, order and specimen numbers.
    Accession,
    /// A UID that may embed serials, dates or names.
    Uid,
    /// Message control id.
    ControlId,
    /// Address, telephone, e-mail.
    Contact,
    /// Text in which anything may hide, and every value nobody has classed.
    FreeText,
}

impl Class {
    /// The prefix of its pseudonyms, and the word `vitalwire pseudonym --class` takes.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Asset => "asset",
            Self::Phi(PhiKind::Mrn) => "mrn",
            Self::Phi(PhiKind::Name) => "name",
            Self::Phi(PhiKind::Date) => "date",
            Self::Phi(PhiKind::Accession) => "accession",
            Self::Phi(PhiKind::Uid) => "uid",
            Self::Phi(PhiKind::ControlId) => "control_id",
            Self::Phi(PhiKind::Contact) => "contact",
            Self::Phi(PhiKind::FreeText) => "free_text",
            Self::Staff => "staff",
            Self::Content => "content",
            Self::Secret => "secret",
        }
    }

    /// Whether its values leave a worker in any form: as they are, or as pseudonyms.
    #[must_use]
    pub const fn is_written(self) -> bool {
        !matches!(self, Self::Content | Self::Secret)
    }

    /// Whether its values may leave a worker as they are.
    #[must_use]
    pub const fn is_shown(self) -> bool {
        matches!(self, Self::Clear | Self::Asset)
    }

    /// Every class that has pseudonyms.
    pub const PSEUDONYMOUS: &'static [Self] = &[
        Self::Phi(PhiKind::Mrn),
        Self::Phi(PhiKind::Name),
        Self::Phi(PhiKind::Date),
        Self::Phi(PhiKind::Accession),
        Self::Phi(PhiKind::Uid),
        Self::Phi(PhiKind::ControlId),
        Self::Phi(PhiKind::Contact),
        Self::Phi(PhiKind::FreeText),
        Self::Staff,
    ];
}

/// A value that identifies somebody, as it was on the wire. `Debug` prints class and length.
#[derive(Clone, Copy, PartialEq)]
pub struct Phi<'a> {
    class: Class,
    raw: &'a [u8],
}

impl<'a> Phi<'a> {
    /// Wraps a value.
    #[must_use]
    pub const fn new(class: Class, raw: &'a [u8]) -> Self {
        Self { class, raw }
    }

    /// Its class.
    #[must_use]
    pub const fn class(self) -> Class {
        self.class
    }

    /// Whether it is there but has no bytes.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The bytes, if everyone may see them.
    #[must_use]
    pub const fn shown(self) -> Option<&'a [u8]> {
        if self.class.is_shown() {
            Some(self.raw)
        } else {
            None
        }
    }

    /// The bytes, for a test that answers yes or no inside a worker. Nothing else may call this:
    /// a lint test reads the tree for callers.
    #[must_use]
    pub const fn expose_to_match(self) -> &'a [u8] {
        self.raw
    }
}

impl std::fmt::Debug for Phi<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} bytes", self.class.word(), self.raw.len())
    }
}
