//! What a new configuration changes while the appliance runs, and what waits for a restart.

use serde_json::Value;

use super::Config;

/// Keys that take effect with SIGHUP. Whoever makes another one do so adds it here.
const AT_ONCE: &[&str] = &[
    "rules",
    "sets",
    "suppressions",
    "inventory",
    "sinks",
    "responses",
    "limits.sink_queue",
];

/// Keys that differ.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// In force now.
    pub at_once: Vec<String>,
    /// In force after a restart.
    pub restart: Vec<String>,
}

/// Compares what runs with what was read. Names keys, never values.
#[must_use]
pub fn changes(running: &Config, read: &Config) -> Changes {
    let values = |config| serde_json::to_value(config).unwrap_or_default();
    let mut changes = Changes::default();
    differing("", &values(running), &values(read), &mut changes);
    changes
}

/// Takes over what takes effect at once.
pub fn take(running: &mut Config, read: Config) {
    running.rules = read.rules;
    running.sets = read.sets;
    running.suppressions = read.suppressions;
    running.inventory = read.inventory;
    running.sinks = read.sinks;
    running.responses = read.responses;
    running.limits.sink_queue = read.limits.sink_queue;
}

/// Says in the log which keys changed, and when they take effect.
pub fn say(running: &Config, read: &Config) {
    let changes = changes(running, read);
    if !changes.at_once.is_empty() {
        tracing::info!("in force now: {}", changes.at_once.join(", "));
    }
    if !changes.restart.is_empty() {
        let keys = changes.restart.join(", ");
        tracing::warn!("changed, and in force only after a restart: {keys}");
    }
}

fn differing(path: &str, old: &Value, new: &Value, changes: &mut Changes) {
    if old == new {
        return;
    }
    if AT_ONCE.contains(&path) {
        changes.at_once.push(path.to_owned());
        return;
    }
    let (Some(was), Some(is)) = (old.as_object(), new.as_object()) else {
        changes.restart.push(path.to_owned());
        return;
    };
    let added = is.keys().filter(|key| !was.contains_key(*key));
    for key in was.keys().chain(added) {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let of = |all: &serde_json::Map<String, Value>| all.get(key).cloned().unwrap_or_default();
        differing(&path, &of(was), &of(is), changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_that_differs_is_named_once_with_when_it_takes_effect() {
        let of = |text| crate::config::parse("c", text).unwrap();
        let old = of("sets: {archives: [a]}\nworkers: 1\n");
        let new =
            of("sets: {archives: [b], pumps: [c]}\nworkers: 2\nhttp: {listen: '127.0.0.1:1'}\n");
        let found = changes(&old, &new);
        assert_eq!(found.at_once, ["sets"]);
        assert_eq!(found.restart, ["workers", "http.listen"]);
        assert_eq!(changes(&old, &old), Changes::default());
    }
}
