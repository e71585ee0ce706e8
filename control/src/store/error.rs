//! What can go wrong with the store.

use rusqlite::ErrorCode;

/// Why something was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What SQLite said.
    #[error("{0}")]
    Sqlite(Box<rusqlite::Error>),
    /// The files cannot be used.
    #[error("{0}")]
    Files(String),
    /// The check found damage.
    #[error("{0}")]
    Damaged(String),
    /// A newer program wrote it.
    #[error(
        "the store is of version {found}, this program knows versions up to {known}: \
         run the program that wrote it, or restore a backup"
    )]
    Newer {
        /// The store's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// An older program wrote it, and it is only read here.
    #[error(
        "the store is of version {found} and has to be brought to {known} first: start \
         `vitalwire run` with it once, which keeps all that is in it (`vitalwire backup` copies it \
         as it is)"
    )]
    Older {
        /// The store's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// There is no such thing.
    #[error("there is no {0}")]
    Missing(String),
    /// It is not allowed now; says why.
    #[error("{0}")]
    Refused(String),
    /// It took longer than a person waits.
    #[error("the search took too long; narrow the time or the text")]
    TooSlow,
    /// It could not be written, and is not there.
    #[error("the store cannot be written; the log says why")]
    Unwritten,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Box::new(error))
    }
}

impl Error {
    /// Whether the file itself is damaged.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        let codes = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase];
        matches!(self, Self::Damaged(_)) || self.code().is_some_and(|code| codes.contains(&code))
    }

    pub(super) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Whether it is about this one row, and not about the file.
    pub(super) fn is_of_row(&self) -> bool {
        match self {
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(code) => matches!(
                    code,
                    ErrorCode::ConstraintViolation
                        | ErrorCode::TypeMismatch
                        | ErrorCode::TooBig
                        | ErrorCode::ParameterOutOfRange
                        | ErrorCode::Unknown
                ),
                None => true,
            },
            _ => true,
        }
    }
}
