//! What all wire parsers share: the result type and an error that names the field.

use nom::error::{ContextError, ErrorKind, ParseError};

/// What a wire parser returns: the input it left, and what it read.
pub type Wire<'a, T> = nom::IResult<&'a [u8], T, WireError>;

/// Why bytes did not parse. Small, `Copy`, no heap, no borrow: an attacker may ask for millions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WireError {
    /// The field, by the standard's own name. Empty if the parser gave none.
    pub field: &'static str,
    /// Bytes left when it failed; the message's length less this is the offset.
    pub remaining: usize,
    /// Which combinator refused.
    pub kind: ErrorKind,
}

impl ParseError<&[u8]> for WireError {
    fn from_error_kind(input: &[u8], kind: ErrorKind) -> Self {
        Self {
            field: "",
            remaining: input.len(),
            kind,
        }
    }

    fn append(_: &[u8], _: ErrorKind, first: Self) -> Self {
        first
    }
}

impl ContextError<&[u8]> for WireError {
    /// Keeps the innermost name.
    fn add_context(_: &[u8], field: &'static str, err: Self) -> Self {
        if err.field.is_empty() {
            Self { field, ..err }
        } else {
            err
        }
    }
}
