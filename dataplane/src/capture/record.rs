//! What the file formats have in common: byte order, the next record, damage.

use parsers::time::Time;

use crate::batch::LinkType;

/// Byte order of a file or section.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline]
    pub(crate) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(crate) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(crate) const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// What to do next with the bytes at hand.
#[derive(Debug)]
pub(crate) enum Step {
    /// They start with a frame.
    Frame(Raw),
    /// This many of them, or more than there are, are no frame.
    Skip(u64),
    /// More are needed; if there are none, this is how the file is damaged.
    More(&'static str),
}

/// A frame's record.
#[derive(Debug)]
pub(crate) struct Raw {
    /// Bytes of the whole record; all of them are at hand.
    pub(crate) take: usize,
    /// Bytes before the frame's own; `head + len <= take`.
    pub(crate) head: usize,
    pub(crate) len: u32,
    pub(crate) wire_len: u32,
    /// Absent where the record has none.
    pub(crate) time: Option<Time>,
    pub(crate) link: LinkType,
    /// Index in the run's table.
    pub(crate) interface: u16,
}

/// Why a file cannot be read on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Damage {
    pub(crate) what: &'static str,
    /// From the first byte at hand.
    pub(crate) at: u64,
}

impl Damage {
    pub(crate) const fn new(what: &'static str, at: u64) -> Self {
        Self { what, at }
    }
}

/// The run's table of interface names.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<String>);

/// The most names kept. A capture has a handful; a forged one must not make us keep millions.
const NAMES_MAX: usize = 4096;

impl Names {
    /// The index of a name, added if it is new; beyond the bound, that of the last.
    pub(crate) fn intern(&mut self, name: &str) -> u16 {
        let known = self.0.iter().position(|n| n == name);
        let at = known.unwrap_or_else(|| {
            if self.0.len() < NAMES_MAX {
                self.0.push(name.to_owned());
            }
            self.0.len().saturating_sub(1)
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    pub(crate) fn all(&self) -> &[String] {
        &self.0
    }
}
