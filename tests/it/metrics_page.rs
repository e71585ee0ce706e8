//! The page of metrics, `deploy/prometheus/metrics.md`, against what an appliance really says and
//! what the sources can say. `VITALWIRE_WRITE=1` writes it anew: what ran is taken from `/metrics`,
//! what this machine cannot run stays as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::live::appliance::{Appliance, get, lab};
use crate::support::root;

/// What a row says beside the name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Family {
    kind: String,
    labels: BTreeSet<String>,
    help: String,
}

type Families = BTreeMap<String, Family>;

fn page() -> PathBuf {
    root().join("deploy/prometheus/metrics.md")
}

/// The families of `/metrics`.
fn scraped(text: &str, families: &mut Families) {
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')) {
            families.entry(name.to_owned()).or_default().help = help.to_owned();
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' '))
        {
            families.entry(name.to_owned()).or_default().kind = kind.to_owned();
        } else if let Some((name, rest)) = line.split_once('{') {
            let base = ["_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let base = base
                .filter(|base| families.contains_key(*base))
                .unwrap_or(name);
            let labels = rest
                .split("=\"")
                .filter_map(|part| part.rsplit([',', '"', '{']).next());
            let labels = labels.filter(|l| !l.contains('}') && !l.is_empty());
            let family = families.get_mut(base).expect("declared");
            family.labels.extend(labels.map(str::to_owned));
        }
    }
}

/// The families of the page.
fn written() -> Families {
    let text = std::fs::read_to_string(page()).unwrap_or_default();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| `vitalwire_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let labels = cells[3].split(", ").filter(|label| !label.is_empty());
        let family = Family {
            kind: cells[1].to_owned(),
            labels: labels.map(str::to_owned).collect(),
            help: cells[4].trim_end_matches('|').trim().to_owned(),
        };
        (cells[0].trim_matches('`').to_owned(), family)
    })
    .collect()
}

/// The base unit that a name ends with.
fn unit(name: &str) -> &str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let units = [
        "alerts", "bytes", "entries", "events", "flows", "frames", "lines", "packets", "records",
        "rules", "seconds", "segments",
    ];
    let last = name.rsplit('_').next().unwrap_or_default();
    units.into_iter().find(|unit| *unit == last).unwrap_or("")
}

fn render(families: &Families) -> String {
    let mut text = String::from(
        "# Metrics\n\nWhat `/metrics` says (`vitalwire metrics` prints this page). Each label has a bounded set of\n\
         values. A source or sink that is not used says nothing.\n\n\
         | name | type | unit | labels | what it is |\n|---|---|---|---|---|\n",
    );
    for (name, family) in families {
        let labels: Vec<&str> = family.labels.iter().map(String::as_str).collect();
        let (kind, unit, labels) = (&family.kind, unit(name), labels.join(", "));
        text.push_str(&format!(
            "| `{name}` | {kind} | {unit} | {labels} | {} |\n",
            family.help
        ));
    }
    text
}

/// Names of metrics in the sources of the program, with the text behind a name where one follows.
fn in_sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = ["parsers", "rules", "dataplane", "control"]
        .map(|crate_| root().join(crate_).join("src"))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("sources").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs")
            {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                names(
                    text.split("#[cfg(test)]").next().unwrap_or_default(),
                    &mut found,
                );
            }
        }
    }
    found
}

fn names(text: &str, found: &mut BTreeMap<String, String>) {
    let parts: Vec<&str> = text.split('"').collect();
    for (at, word) in parts.iter().enumerate() {
        let is_name = word.starts_with("vitalwire_")
            && !word.ends_with('_')
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit());
        if !is_name {
            continue;
        }
        let between = parts.get(at + 1).map_or("", |between| between.trim());
        let follows = [",", ",\n            help:"]
            .iter()
            .any(|b| b.split_whitespace().eq(between.split_whitespace()));
        let help = if follows { parts[at + 2] } else { "" };
        let known = found.entry((*word).to_owned()).or_default();
        if known.is_empty() {
            help.clone_into(known);
        }
    }
}

/// What appliances of several kinds say of themselves, after some traffic.
fn live() -> Option<Families> {
    let mut families = Families::new();
    let ward = format!(
        "capture: {{files: [{}], loop: true}}\n",
        root().join("pcaps/ward").display()
    );
    let span =
        |source: &str| format!("capture: {{interface: span0, source: {source}}}\nworkers: 2\n");
    let remote = "capture: {source: remote}\n".to_owned();
    for capture in [
        ward,
        span("af_packet"),
        span("af_xdp"),
        span("libpcap"),
        remote,
    ] {
        let lab = lab("metricspage")?;
        let mut appliance = Appliance::start_with(&lab, &capture, "");
        appliance.until("told", || {
            let text = get(&lab, "/metrics").unwrap_or_default();
            scraped(&text, &mut families);
            let counted = |line: &str| {
                line.starts_with("vitalwire_uptime_seconds ") && !line.ends_with([' ', '0', '1'])
            };
            text.lines().any(counted)
        });
        appliance.stop();
    }
    Some(families)
}

#[test]
fn the_page_has_every_metric_as_it_is() {
    let sources = in_sources();
    let mut of_page = written();
    if std::env::var_os("VITALWIRE_WRITE").is_some() {
        of_page.retain(|name, _| sources.contains_key(name));
        for (name, help) in &sources {
            let kind = if name.ends_with("_total") {
                "counter"
            } else {
                "gauge"
            };
            let family = of_page.entry(name.clone()).or_default();
            if family.help.is_empty() {
                (family.kind, family.help) = (kind.to_owned(), help.clone());
            }
        }
        for (name, mut family) in live().expect("root, and name spaces") {
            // Labels that only other configurations have.
            let before = of_page.remove(&name).unwrap_or_default();
            family.labels.extend(before.labels);
            of_page.insert(name, family);
        }
        std::fs::write(page(), render(&of_page)).expect("written");
    }
    let names: BTreeSet<String> = of_page.keys().cloned().collect();
    let sources: BTreeSet<String> = sources.into_keys().collect();
    let missing: Vec<&String> = sources.difference(&names).collect();
    let gone: Vec<&String> = names.difference(&sources).collect();
    let how = "run this test with VITALWIRE_WRITE=1";
    assert!(missing.is_empty(), "not on the page: {missing:?}; {how}");
    assert!(gone.is_empty(), "no longer there: {gone:?}; {how}");
    for (name, family) in &of_page {
        assert_eq!(family.kind == "counter", name.ends_with("_total"), "{name}");
        assert!(
            !family.help.is_empty(),
            "{name}: write on the page what it is"
        );
    }
    let Some(found) = live() else { return };
    assert!(found.len() > 80, "{}", found.len());
    for (name, family) in found {
        let row = of_page
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is not on the page; {how}"));
        assert_eq!(
            (&row.kind, &row.help),
            (&family.kind, &family.help),
            "{name}; {how}"
        );
        assert!(
            family.labels.is_subset(&row.labels),
            "{name}: {family:?}; {how}"
        );
    }
    if std::env::var_os("VITALWIRE_WRITE").is_some() {
        return; // The program has the page from before.
    }
    let printed = crate::support::run(&["metrics"]).1;
    assert_eq!(printed, std::fs::read_to_string(page()).expect("the page"));
}
