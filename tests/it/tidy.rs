//! The architecture, kept by reading the tree: dependency direction, where things may stand, size.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::root;

/// Our crates and what of ours each may use: anything to its right in
/// `benches, tests → control → dataplane → rules → parsers`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("parsers", &[]),
    ("rules", &["parsers"]),
    ("dpdk-sys", &[]),
    ("dataplane", &["rules", "parsers", "dpdk-sys"]),
    ("control", &["dataplane", "rules", "parsers"]),
];

/// What may not appear below `control`, directly or through anything.
const ABOVE_ONLY: &[&str] = &["tokio", "axum", "hyper", "clap", "tracing", "prometheus"];

/// The only visible entries at the top.
const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "dataplane",
    "parsers",
    "control",
    "rules",
    "deploy",
    "pcaps",
    "benches",
    "tests",
];

/// Files may be this long, tests too.
const LINES_MAX: usize = 600;

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Normal dependencies by package, by name.
fn dependencies(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let empty = Vec::new();
    let list = |v: &Value| v.as_array().unwrap_or(&empty).clone();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let names = list(&package["dependencies"])
                .iter()
                .filter(|d| d["kind"].is_null() && d["optional"] == false)
                .filter_map(|d| d["name"].as_str().map(str::to_owned))
                .collect();
            (
                package["name"].as_str().unwrap_or_default().to_owned(),
                names,
            )
        })
        .collect()
}

#[test]
fn a_crate_uses_only_what_is_to_its_right() {
    let all = dependencies(&metadata());
    let ours: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    for (name, may) in MAY_USE {
        for dependency in all.get(*name).expect("a workspace member") {
            let allowed = !ours.contains(dependency.as_str()) || may.contains(&dependency.as_str());
            assert!(allowed, "{name} may not use {dependency}");
        }
    }
}

#[test]
fn no_runtime_and_no_cli_below_control() {
    let all = dependencies(&metadata());
    for top in ["parsers", "rules", "dataplane"] {
        let mut reached = BTreeSet::new();
        let mut todo = vec![top.to_owned()];
        while let Some(name) = todo.pop() {
            for next in all.get(&name).into_iter().flatten() {
                if reached.insert(next.clone()) {
                    todo.push(next.clone());
                }
            }
        }
        for banned in ABOVE_ONLY {
            assert!(!reached.contains(*banned), "{top} reaches {banned}");
        }
    }
}

#[test]
fn the_top_level_is_as_fixed() {
    let output = Command::new("git")
        .args(["ls-files"])
        .current_dir(root())
        .output()
        .expect("git");
    let files = String::from_utf8_lossy(&output.stdout).into_owned();
    for file in files.lines() {
        let top = file.split('/').next().unwrap_or_default();
        assert!(
            top.starts_with('.') || TOP.contains(&top),
            "{top} is not one of {TOP:?}"
        );
    }
}

/// Every Rust source of ours, as (path from the root, text).
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = [
        "parsers",
        "rules",
        "dataplane",
        "control",
        "benches",
        "tests",
    ]
    .map(|d| root().join(d))
    .into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                found.push((
                    path.strip_prefix(root()).expect("below").to_path_buf(),
                    text,
                ));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn files_are_short() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(
            lines <= LINES_MAX,
            "{}: {lines} lines; split it",
            path.display()
        );
    }
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let may = |path: &Path| {
        let path = path.to_string_lossy();
        path.starts_with("dataplane/src/capture/")
            || path.starts_with("dataplane/dpdk-sys/")
            || path == "dataplane/src/batch.rs" // memory that was lent
            || path == "dataplane/src/prefetch.rs"
            || path.starts_with("benches/") // the counting allocator
            || path.starts_with("tests/")
    };
    for (path, text) in sources() {
        let used = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains("unsafe {") || code.contains("unsafe fn") || code.contains("unsafe impl")
        });
        assert!(!used || may(&path), "{} uses unsafe", path.display());
    }
}

/// Raw PHI is looked at in few places, each of which answers yes or no or makes a pseudonym.
#[test]
fn phi_is_exposed_only_to_match() {
    const MAY: &[&str] = &[
        "parsers/src/phi/",
        "parsers/src/json.rs",
        "rules/src/program",
        "rules/src/record.rs", // of classes that are shown; of the others it makes pseudonyms
        "tests/",
    ];
    for (path, text) in sources() {
        let name = path.to_string_lossy().into_owned();
        let allowed = MAY.iter().any(|may| name.starts_with(may)) || name.ends_with("tests.rs");
        assert!(
            !text.contains("expose_to_match") || allowed,
            "{name} looks at raw PHI"
        );
    }
}

/// A protocol's folder that nobody registered would be dead code.
#[test]
fn every_protocol_is_registered() {
    let lib = std::fs::read_to_string(root().join("parsers/src/lib.rs")).expect("readable");
    for entry in std::fs::read_dir(root().join("parsers/src"))
        .expect("readable")
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let module = entry.path().join("mod.rs");
        let text = std::fs::read_to_string(&module).unwrap_or_default();
        if text.contains("pub static SPEC") {
            assert!(
                lib.contains(&format!("&{name}::SPEC")),
                "{name} is not in PROTOCOLS"
            );
        }
    }
}
