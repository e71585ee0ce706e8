//! What a response is at: what it acts upon until when, and what it has refused of late. It outlives a
//! restart.

use std::path::{Path, PathBuf};
use std::time::Duration;

use parsers::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::guard::Subject;
use crate::clock;
use crate::formats;

/// The most that is remembered at a time; beyond it the oldest refusal is forgotten, which costs an
/// entry in the audit log.
const REMEMBERED_MAX: usize = 10_000;
/// An hour, in nanoseconds.
const HOUR: i64 = 3_600_000_000_000;

/// Something that a response acts upon, would act upon, or refused to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Active {
    pub(super) ip: String,
    pub(super) rule: String,
    pub(super) alert_id: String,
    /// Nanoseconds since the epoch.
    pub(super) since: i64,
    pub(super) until: i64,
    /// Whether anything was done.
    pub(super) acted: bool,
    /// Whether it counts against what is allowed in an hour.
    pub(super) counted: bool,
    /// Whether clinical engineering approved it, though the device has to stay.
    #[serde(default)]
    pub(super) approved: bool,
}

impl Active {
    pub(super) fn new(ip: &str, rule: &str, alert_id: &str, expires: Duration) -> Self {
        let now = clock::now();
        let span = i64::try_from(expires.as_nanos()).unwrap_or(i64::MAX);
        Self {
            ip: ip.to_owned(),
            rule: rule.to_owned(),
            alert_id: alert_id.to_owned(),
            since: now.0,
            until: now.0.saturating_add(span),
            acted: true,
            counted: true,
            approved: false,
        }
    }

    pub(super) fn until_text(&self) -> String {
        formats::of_time(Time(self.until))
    }

    /// Whole seconds left, at least one.
    pub(super) fn secs_left(&self) -> i64 {
        (Time(self.until).since(clock::now()) / 1_000_000_000).max(1)
    }
}

/// All of it.
pub(super) struct State {
    path: PathBuf,
    remembered: Vec<Active>,
    /// When something was done, within the last hour.
    acts: Vec<i64>,
}

impl State {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let remembered = match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| wrong(&error))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(wrong(&error)),
        };
        let remembered: Vec<Active> = remembered;
        let counted = remembered.iter().filter(|active| active.counted);
        Ok(Self {
            path: path.to_path_buf(),
            acts: counted.map(|active| active.since).collect(),
            remembered,
        })
    }

    /// Whether this was answered or refused already, and that is not over.
    pub(super) fn holds(&self, ip: &str, rule: &str) -> bool {
        self.remembered
            .iter()
            .any(|active| active.ip == ip && active.rule == rule)
    }

    /// Whether one more is allowed within the hour.
    pub(super) fn has_room(&mut self, per_hour: u32) -> bool {
        let now = clock::now().0;
        self.acts.retain(|act| now.saturating_sub(*act) < HOUR);
        self.acts.len() < usize::try_from(per_hour).unwrap_or(usize::MAX)
    }

    /// What is acted upon now.
    pub(super) fn active(&self) -> Vec<Active> {
        self.remembered
            .iter()
            .filter(|active| active.acted)
            .cloned()
            .collect()
    }

    pub(super) fn began(&mut self, active: Active) -> Result<(), String> {
        self.acts.push(active.since);
        self.remember(active)
    }

    /// Nothing was done, since it is dry; it counts all the same.
    pub(super) fn would(&mut self, active: Active) -> Result<(), String> {
        self.acts.push(active.since);
        self.remember(Active {
            acted: false,
            ..active
        })
    }

    pub(super) fn refused(&mut self, ip: &str, rule: &str, span: Duration) -> Result<(), String> {
        self.remember(Active {
            acted: false,
            counted: false,
            ..Active::new(ip, rule, "", span)
        })
    }

    /// A refusal that somebody lifted.
    pub(super) fn pardon(&mut self, alert: &Value) {
        let ip = Subject::of(alert).ip.unwrap_or_default().to_owned();
        self.remembered
            .retain(|active| active.counted || active.ip != ip);
    }

    /// Takes out what is over.
    pub(super) fn over(&mut self, is_over: impl Fn(&Active) -> bool) -> Vec<Active> {
        let (over, left) = std::mem::take(&mut self.remembered)
            .into_iter()
            .partition(is_over);
        self.remembered = left;
        over
    }

    fn remember(&mut self, active: Active) -> Result<(), String> {
        if self.remembered.len() >= REMEMBERED_MAX {
            let refusal = self.remembered.iter().position(|known| !known.acted);
            refusal.map(|at| self.remembered.remove(at));
        }
        self.remembered.push(active);
        self.save()
    }

    /// Whole or not at all.
    pub(super) fn save(&self) -> Result<(), String> {
        let text = serde_json::to_vec(&self.remembered).map_err(|error| error.to_string())?;
        write_whole(&self.path, &text)
    }
}

/// Writes a file so that a reader sees the old one or the new one.
pub(super) fn write_whole(path: &Path, text: &[u8]) -> Result<(), String> {
    let beside = path.with_extension("new");
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        use std::io::Write as _;
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    written.map_err(|error| format!("{}: {error}", path.display()))
}
