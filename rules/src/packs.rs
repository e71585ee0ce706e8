//! Where rule files come from: the packs in the binary, and files and folders.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::diagnostic::SourceFile;
use crate::limits::{FILE_BYTES_MAX, FILES_MAX};

/// Name and text of each pack that ships, by name.
static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// How deep folders may nest: a link may lead in circles.
const FOLDERS_DEEP_MAX: usize = 8;

/// Why a rule file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file system says no.
    #[error("{}: {error}", path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// It is too large to be one.
    #[error("{}: a rule file has at most {FILE_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// There are too many.
    #[error("{}: there are at most {FILES_MAX} rule files", path.display())]
    TooMany {
        /// Where it became too many.
        path: PathBuf,
    },
}

/// The packs in the binary.
#[must_use]
pub fn embedded() -> Vec<SourceFile> {
    let source = |(name, text): &(&str, &str)| SourceFile {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
    };
    EMBEDDED.iter().map(source).collect()
}

/// Reads rule files: a file as it is, of a folder every `.yaml` and `.yml` in it and below, by
/// name.
///
/// # Errors
///
/// The first file that cannot be read: half a rule set is none.
pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<SourceFile>, LoadError> {
    let mut sources = Vec::new();
    for path in paths {
        visit(path.as_ref(), 0, &mut sources)?;
    }
    Ok(sources)
}

fn visit(path: &Path, depth: usize, sources: &mut Vec<SourceFile>) -> Result<(), LoadError> {
    let failed = |error| LoadError::Io {
        path: path.to_owned(),
        error,
    };
    if sources.len() >= FILES_MAX {
        let path = path.to_owned();
        return Err(LoadError::TooMany { path });
    }
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        sources.push(read(path)?);
        return Ok(());
    }
    if depth >= FOLDERS_DEEP_MAX {
        return Err(failed(io::Error::other("folders nest too deep")));
    }
    let mut inside = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        inside.push(entry.map_err(failed)?.path());
    }
    inside.sort();
    for path in inside {
        let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        if yaml || path.is_dir() {
            visit(&path, depth.saturating_add(1), sources)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<SourceFile, LoadError> {
    let failed = |error| LoadError::Io {
        path: path.to_owned(),
        error,
    };
    let mut text = String::new();
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    fs::File::open(path)
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_string(&mut text))
        .map_err(failed)?;
    if text.len() > FILE_BYTES_MAX {
        let path = path.to_owned();
        return Err(LoadError::TooLarge { path });
    }
    Ok(SourceFile {
        name: path.display().to_string(),
        text,
    })
}
