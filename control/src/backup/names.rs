//! The names of entries, and the places that they stand for.

use std::path::{Component, Path, PathBuf};

use crate::config::Config;

/// The configuration's name.
pub(super) const CONFIG: &str = "config";

/// Where things belong.
#[derive(Debug)]
pub(super) struct Places {
    state: PathBuf,
    store: PathBuf,
    /// Where the configuration goes; nothing leaves the one that is there.
    config: Option<PathBuf>,
}

impl Places {
    pub(super) fn of(config: Config, file: Option<PathBuf>) -> Self {
        let store = config.store.dir.unwrap_or_else(|| config.state_dir.clone());
        Self {
            state: config.state_dir,
            store,
            config: file,
        }
    }

    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    pub(super) fn store(&self) -> &Path {
        &self.store
    }

    /// Where an entry goes: nothing for one that stays in the archive, an error for a name that no
    /// backup of ours has.
    pub(super) fn place(&self, name: &str) -> Result<Option<PathBuf>, String> {
        if name == CONFIG {
            return Ok(self.config.clone());
        }
        let (kind, rest) = name.split_once('/').unwrap_or((name, ""));
        let rest = Path::new(rest);
        let plain = rest
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !plain || rest.as_os_str().is_empty() {
            return Err(format!("a name that leads elsewhere: {name:?}"));
        }
        match kind {
            "state" => Ok(Some(self.state.join(rest))),
            "store" => Ok(Some(self.store.join(rest))),
            // The configuration that is there names files of its own.
            "file" => Ok(self.config.is_some().then(|| Path::new("/").join(rest))),
            _ => Err(format!("a name that no backup has: {name:?}")),
        }
    }
}

/// The name of a file somewhere else.
pub(super) fn elsewhere(path: &Path) -> PathBuf {
    Path::new("file").join(path.strip_prefix("/").unwrap_or(path))
}
