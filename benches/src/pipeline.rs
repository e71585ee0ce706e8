//! The whole pipeline over one file, as `vitalwire inspect` runs it.

use std::path::{Path, PathBuf};

use control::config::Config;
use control::error::Error;
use control::inspect::{Report, process};
use control::ruleset::{self, Loaded};
use parsers::phi::Pseudonymizer;

/// Everything that is made once, before the clock runs.
pub struct Prepared {
    config: Config,
    loaded: Loaded,
    eve: PathBuf,
}

impl Prepared {
    /// All embedded rules, every event written, so many workers (0: as many as by default).
    ///
    /// # Errors
    /// Rules that do not compile.
    pub fn new(workers: u16) -> Result<Self, Error> {
        let config = Config {
            workers,
            ..Config::default()
        };
        let loaded = ruleset::load(&config)?;
        let name = format!("vitalwire-bench-{}", std::process::id());
        let eve = std::env::temp_dir().join(name).join("eve.json");
        Ok(Self {
            config,
            loaded,
            eve,
        })
    }

    /// How many workers it runs with.
    #[must_use]
    pub fn workers(&self) -> usize {
        let site = Pseudonymizer::new(&[7; 32]);
        control::engine::settings(&self.config, site, false).workers
    }

    /// Takes away what the last run wrote. To cut a file that the system is still writing to the
    /// disk takes milliseconds, which are none of the pipeline's.
    pub fn clean(&self) {
        drop(std::fs::remove_file(&self.eve));
    }

    /// Reads a file once.
    ///
    /// # Errors
    /// Threads or files that the system refuses.
    pub fn run(&self, capture: &Path) -> Result<Report, Error> {
        let site = Pseudonymizer::new(&[7; 32]);
        let captures = [capture.to_path_buf()];
        process(
            &self.config,
            &captures,
            &self.loaded,
            site,
            Some(&self.eve),
            false,
        )
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(dir) = self.eve.parent() {
            drop(std::fs::remove_dir_all(dir));
        }
    }
}
