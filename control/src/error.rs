//! What can go wrong, one line each, saying what to do; and the exit code of each.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Anything that ends a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments make no sense together.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong.
    #[error("{0}")]
    Config(String),
    /// Rules are wrong: one line for each mistake.
    #[error("{}", .0.join("\n"))]
    Rules(Vec<String>),
    /// Captures, or parts of them, could not be read: one line for each.
    #[error("{}", .0.join("\n"))]
    Capture(Vec<String>),
    /// A file cannot be read or written.
    #[error("{path}: {error}; {hint}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
        /// What to do.
        hint: &'static str,
    },
    /// The store cannot be used.
    #[error("store: {0}")]
    Store(#[from] crate::store::Error),
    /// Anything else that stops the appliance.
    #[error("{0}")]
    Failed(String),
    /// Whoever read our output has read enough; no error of ours.
    #[error("the reader of the output went away")]
    PipeClosed,
}

impl Error {
    /// A file that cannot be used.
    pub fn file(path: &Path, error: std::io::Error, hint: &'static str) -> Self {
        Self::File {
            path: path.to_path_buf(),
            error,
            hint,
        }
    }

    /// Whether it is a file that may not be opened.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        match self {
            Self::File { error, .. } => error.kind() == std::io::ErrorKind::PermissionDenied,
            // A sink's key or certificate.
            Self::Config(what) => what.contains("Permission denied"),
            _ => false,
        }
    }

    /// 0 when nothing is wrong with us, 1 for what could not be read or done, 2 for bad
    /// arguments, configuration or rules.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::PipeClosed => 0,
            Self::Capture(_) | Self::File { .. } | Self::Store(_) | Self::Failed(_) => 1,
            Self::Usage(_) | Self::Config(_) | Self::Rules(_) => 2,
        }
    }

    /// Says it on stderr and gives the exit code.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        if !matches!(self, Self::PipeClosed) {
            for line in self.to_string().lines() {
                crate::terminal::complain(line);
            }
        }
        ExitCode::from(self.code())
    }
}

/// " (did you mean `x`?)", or nothing where nothing is near.
#[must_use]
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let near = |name: &str| {
        let distance = strsim::damerau_levenshtein(word, name);
        // A beginning of the name, or a few letters off.
        let begins = word.len() >= 3
            && name.len() >= 3
            && (name.starts_with(word) || word.starts_with(name));
        (begins || distance <= name.len().div_ceil(3)).then_some(distance)
    };
    known
        .into_iter()
        .filter_map(|name| Some((near(name)?, name)))
        .min()
        .map_or_else(String::new, |(_, name)| {
            format!(" (did you mean `{name}`?)")
        })
}
