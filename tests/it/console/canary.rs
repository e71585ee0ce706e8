//! Nothing of a patient is on any page, nor in any table that one can keep.

use std::collections::{BTreeSet, VecDeque};

use crate::api::appliance::{Appliance, Client, eventually};
use crate::canary;

/// Pages that are asked for. Each kind is asked for some times only: all alerts look alike.
const PAGES_MAX: usize = 250;
const OF_A_KIND_MAX: usize = 6;

/// Where links of a page lead to, within the console.
fn links(page: &str) -> Vec<String> {
    let attributes = ["href=\"/", "data-href=\"/"];
    let found = attributes.iter().flat_map(|attribute| {
        page.match_indices(attribute).filter_map(|(at, found)| {
            let rest = &page[at + found.len() - 1..];
            let (link, _) = rest.split_once('"')?;
            let link = link.split('#').next().unwrap_or(link);
            Some(link.replace("&amp;", "&"))
        })
    });
    found.filter(|link| !link.starts_with("/static/")).collect()
}

/// A link without what is particular about it.
fn kind(link: &str) -> String {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let mut parts = path.split('/').skip(1);
    let (first, rest) = (parts.next().unwrap_or_default(), parts.next());
    let keys: BTreeSet<&str> = query
        .split('&')
        .filter_map(|pair| pair.split('=').next())
        .collect();
    let last = path.rsplit('/').next().unwrap_or_default();
    format!("{first}/{} {last:.9} {keys:?}", rest.is_some())
}

/// What a page says as text, without what it keeps for copying and the event as it was sent.
fn text(page: &str) -> String {
    let mut said = String::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        said.push_str(before);
        let end = if tag.starts_with("pre") {
            "</pre>"
        } else {
            ">"
        };
        rest = tag.split_once(end).map_or("", |(_, after)| after);
    }
    said + rest
}

/// Pseudonyms that stand there whole: `mrn:` and 24 hex digits.
fn whole_pseudonyms(said: &str) -> Vec<&str> {
    let words = said.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '_')));
    let is = |word: &&str| {
        word.split_once(':').is_some_and(|(kind, hex)| {
            !kind.is_empty() && hex.len() == 24 && hex.chars().all(|c| c.is_ascii_hexdigit())
        })
    };
    words.filter(is).collect()
}

fn get(client: &Client, path: &str) -> (u16, String) {
    let root = Client {
        base: client.base.trim_end_matches("/api/v1").to_owned(),
        ..client.clone()
    };
    let answer = root.get(path);
    (answer.status, answer.body)
}

#[test]
fn nothing_of_a_patient_is_on_any_page_or_in_any_csv() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let pcap = dir.path().join("canary.pcap");
    canary::capture().write(&pcap).expect("written");
    let appliance = Appliance::start(&pcap.display().to_string(), ", limits: {rate: 5000}");
    let admin = appliance.admin();
    admin.alerts(3);
    eventually("devices", || {
        get(&admin, "/devices")
            .1
            .contains("10.20.9.66")
            .then_some(())
    });
    let mut kinds: Vec<String> = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let starts = [
        "/",
        "/incidents",
        "/settings",
        "/rules/upload",
        "/settings/password",
        "/nosuchpage",
    ];
    let mut waiting: VecDeque<String> = starts.map(str::to_owned).into();
    let (mut pages, mut chips, mut tables) = (0, 0, BTreeSet::new());
    while let Some(path) = waiting.pop_front() {
        let kind = kind(&path);
        let alike = kinds.iter().filter(|known| **known == kind).count();
        if alike >= OF_A_KIND_MAX || pages >= PAGES_MAX || !known.insert(path.clone()) {
            continue;
        }
        kinds.push(kind);
        pages += 1;
        let (status, body) = get(&admin, &path);
        assert!(
            status < 500
                && (status < 400
                    || path.contains("nosuchpage")
                    || path.contains("cursor")
                    || status == 404),
            "{path}: {status}"
        );
        canary::search(&path, body.as_bytes());
        if path.contains(".csv") {
            tables.insert(path.split('?').next().unwrap_or_default().to_owned());
        } else {
            let whole = whole_pseudonyms(&text(&body)).join(" ");
            assert_eq!(whole, "", "{path}: pseudonyms are shown short");
            chips += body.matches("class=\"chip\"").count();
            waiting.extend(links(&body));
        }
    }
    assert!(pages > 60, "{pages} pages were looked at");
    assert!(chips > 10, "{chips} pseudonyms were there");
    for table in [
        "/alerts.csv",
        "/incidents.csv",
        "/associations.csv",
        "/messages.csv",
        "/rules.csv",
        "/talkers.csv",
        "/protocols.csv",
    ] {
        assert!(tables.contains(table), "{table} was looked at: {tables:?}");
    }
    canary::search("the log", appliance.log().as_bytes());
}
