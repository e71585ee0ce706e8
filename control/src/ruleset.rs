//! Loading rules: the embedded packs, files and directories, with the sets and suppressions of the
//! configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use rules::{Diagnostic, Level, Rule, Ruleset, SourceFile};

use crate::config::Config;
use crate::error::Error;
use crate::inventory::{self, Imported};

/// The name of the configuration's own suppressions in messages.
const SUPPRESSIONS: &str = "suppressions of the configuration";

/// Rule files, read but not compiled.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    sets: BTreeMap<String, Vec<String>>,
    imported: Imported,
}

impl Sources {
    /// Reads what the configuration names; a list of devices that was uploaded takes the place of the
    /// configuration's.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of_config(config: &Config, devices: Option<&str>) -> Result<Self, Error> {
        let mut files = if config.rules.default {
            rules::packs::embedded()
        } else {
            Vec::new()
        };
        files.extend(read(&config.rules.paths)?);
        if !config.suppressions.is_empty() {
            let text = serde_json::json!({ "suppressions": config.suppressions }).to_string();
            let name = SUPPRESSIONS.to_owned();
            files.push(SourceFile { name, text });
        }
        let imported = inventory::import(&config.inventory, devices)?;
        let sets = inventory::sets(&config.sets, &imported.list);
        Ok(Self {
            files,
            sets,
            imported,
        })
    }

    /// Reads these files, or the embedded packs if there are none, with the sets and the list of
    /// devices of a configuration.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of_paths(paths: &[PathBuf], config: &Config) -> Result<Self, Error> {
        let files = if paths.is_empty() {
            rules::packs::embedded()
        } else {
            read(paths)?
        };
        let imported = inventory::import(&config.inventory, None)?;
        let sets = inventory::sets(&config.sets, &imported.list);
        Ok(Self {
            files,
            sets,
            imported,
        })
    }

    /// The same rules with other sets beside.
    #[must_use]
    pub fn with_sets(&self, sets: &BTreeMap<String, Vec<String>>) -> Self {
        let mut with = self.clone();
        with.sets.extend(sets.clone());
        with
    }

    /// With these files beside.
    #[must_use]
    pub fn and(mut self, files: impl IntoIterator<Item = SourceFile>) -> Self {
        self.files.extend(files);
        self
    }

    /// Every mistake, with its place.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Diagnostic> {
        Ruleset::compile(&self.files, &self.sets)
            .err()
            .unwrap_or_default()
    }

    /// Compiles.
    ///
    /// # Errors
    /// Every mistake, one line each.
    pub fn compile(&self) -> Result<Loaded, Error> {
        let compiled = Ruleset::compile(&self.files, &self.sets)
            .map_err(|found| Error::Rules(found.iter().map(one_line).collect()))?;
        let list = Arc::clone(&self.imported.list);
        let mut loaded = Loaded::new(compiled.with_assets(list));
        loaded.notes.clone_from(&self.imported.notes);
        Ok(loaded)
    }
}

/// A compiled rule set and what people ask about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The rules.
    pub ruleset: Arc<Ruleset>,
    /// What is odd about the imported list of devices, one line each.
    pub notes: Vec<String>,
}

impl Loaded {
    /// Says in the log which rules wait for a list, and which lists.
    pub fn say_unarmed(&self) {
        for note in &self.notes {
            tracing::warn!("{note}");
        }
        let unarmed = self.unarmed();
        let mut sets: Vec<String> = unarmed.iter().flat_map(|(_, sets)| sets.clone()).collect();
        sets.sort();
        sets.dedup();
        if !sets.is_empty() {
            let sets = sets.join(", ");
            tracing::warn!(rules = unarmed.len(), "rules are unarmed; set: {sets}");
        }
    }

    /// Of a compiled rule set.
    #[must_use]
    pub fn new(ruleset: Ruleset) -> Self {
        Self {
            ruleset: Arc::new(ruleset),
            notes: Vec::new(),
        }
    }

    /// Rules that may fire, and rules that lack a list.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let all = self.ruleset.rules();
        let armed = all.iter().filter(|rule| rule.armed.is_ok()).count();
        (armed, all.len().saturating_sub(armed))
    }

    /// Rules that cannot fire, each with the sets that are empty.
    #[must_use]
    pub fn unarmed(&self) -> Vec<(String, Vec<String>)> {
        let empty = |rule: &Rule| {
            let sets = rule.armed.as_ref().err()?;
            Some((rule.id.to_string(), sets.clone()))
        };
        self.ruleset.rules().iter().filter_map(empty).collect()
    }

    /// What is probably not as meant, one line each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.ruleset.warnings().iter().map(one_line).collect()
    }

    /// The packs with their versions, each once.
    #[must_use]
    pub fn packs(&self) -> Vec<String> {
        let mut packs: Vec<String> = Vec::new();
        for pack in self
            .ruleset
            .rules()
            .iter()
            .filter_map(|rule| rule.pack.as_ref())
        {
            let text = format!("{} {}", pack.name, pack.version);
            if !packs.contains(&text) {
                packs.push(text);
            }
        }
        packs
    }
}

/// Loads what the configuration names.
///
/// # Errors
/// Every mistake, one line each.
pub fn load(config: &Config) -> Result<Loaded, Error> {
    Sources::of_config(config, None)?.compile()
}

fn read(paths: &[PathBuf]) -> Result<Vec<SourceFile>, Error> {
    rules::packs::load(paths).map_err(|error| {
        Error::Rules(vec![format!(
            "{error}; --rules and rules.paths name files or folders"
        )])
    })
}

/// `file:line:column: error: what; help`.
#[must_use]
pub fn one_line(diagnostic: &Diagnostic) -> String {
    let place = match diagnostic.line {
        0 => diagnostic.file.clone(),
        line => format!("{}:{line}:{}", diagnostic.file, diagnostic.column),
    };
    let level = match diagnostic.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let help = diagnostic
        .help
        .as_ref()
        .map_or_else(String::new, |help| format!("; {help}"));
    format!(
        "{place}: {level}: {}{help}",
        diagnostic.message.replace('\n', " ")
    )
}
