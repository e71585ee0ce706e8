use rules::Severity;

use super::{Cursor, Facets, Filter, Page, facets, page, search};
use crate::store::tests::make::{Make, open, put};
use crate::store::{Status, Store, Verdict, incidents};
use crate::testing;

const MINUTE: i64 = 60_000_000;

const SLUGS: [&str; 3] = ["dicom-echo-sweep", "hl7-internet", "pump-rate-jump"];
const CATEGORIES: [&str; 3] = ["reconnaissance", "phi", "safety"];

fn at(n: u64, of: u64) -> usize {
    usize::try_from(n % of).unwrap()
}

fn filled(name: &str, count: u64) -> Store {
    let store = open(&testing::dir(name));
    let alerts = (0..count).map(|n| Make {
        n,
        secs: 1_790_000_000 + i64::try_from(n / 3).unwrap(),
        slug: SLUGS[at(n, 3)],
        category: CATEGORIES[at(n, 3)],
        severity: Severity::ALL[at(n, 5)],
        src: 0x0a00_0001 + u32::try_from(n % 10).unwrap(),
        ..Make::default()
    });
    put(&store, alerts);
    store
}

fn find(store: &Store, filter: &Filter, after: Option<Cursor>, limit: u32) -> Page {
    store.read(|conn| page(conn, filter, after, limit)).unwrap()
}

fn ids(store: &Store, filter: &Filter) -> Vec<i64> {
    let found = find(store, filter, None, 1000);
    let mut ids: Vec<i64> = found.alerts.iter().filter_map(|a| a.flow_id).collect();
    ids.sort_unstable();
    ids
}

/// Of sixty alerts the filter finds those of which it holds.
fn found(store: &Store, filter: &Filter, holds: &dyn Fn(i64) -> bool) {
    let expected: Vec<i64> = (0..60).filter(|n| holds(*n)).collect();
    assert_eq!(ids(store, filter), expected, "{filter:?}");
}

#[test]
fn pages_go_through_everything_once_while_alerts_come_in() {
    let store = filled("query-pages", 100);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let found = find(&store, &Filter::default(), after, 7);
        seen.extend(found.alerts.iter().map(|alert| (alert.time, alert.seq)));
        // Newer than all that is left.
        let n = 1000 + seen.len() as u64;
        put(
            &store,
            [Make {
                n,
                secs: 1_800_000_000,
                ..Make::default()
            }],
        );
        let Some(next) = found.next else { break };
        after = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(seen.len(), 100);
    assert!(
        seen.windows(2).all(|two| two[0] > two[1]),
        "newest first, none twice"
    );
    assert!("17.x".parse::<Cursor>().is_err());
}

#[test]
fn every_part_of_a_filter_has_to_hold() {
    let store = filled("query-filter", 60);
    let expect = |filter: Filter, holds: &dyn Fn(i64) -> bool| found(&store, &filter, holds);
    let none = Filter::default;
    expect(none(), &|_| true);
    expect(
        Filter {
            severities: vec![Severity::Critical, Severity::Info],
            ..none()
        },
        &|n| n % 5 == 4 || n % 5 == 0,
    );
    expect(
        Filter {
            slugs: vec!["hl7-internet".to_owned()],
            ..none()
        },
        &|n| n % 3 == 1,
    );
    expect(
        Filter {
            ips: vec!["10.0.0.4".parse().unwrap()],
            ..none()
        },
        &|n| n % 10 == 3,
    );
    let secs = |n: i64| (1_790_000_000 + n) * 1_000_000;
    expect(
        Filter {
            from: Some(secs(5)),
            to: Some(secs(10)),
            ..none()
        },
        &|n| (5..10).contains(&(n / 3)),
    );
}

#[test]
fn words_and_fields_have_to_hold_together() {
    let store = filled("query-words", 60);
    let expect = |filter: Filter, holds: &dyn Fn(i64) -> bool| found(&store, &filter, holds);
    let none = Filter::default;
    let secs = |n: i64| (1_790_000_000 + n) * 1_000_000;
    expect(
        Filter {
            text: "pump 10.0.0".to_owned(),
            severities: vec![Severity::High],
            to: Some(secs(10)),
            ..none()
        },
        &|n| n % 3 == 2 && n % 5 == 3 && n / 3 < 10,
    );
    expect(
        Filter {
            text: "wildcard".to_owned(),
            ips: vec!["10.0.0.4".parse().unwrap()],
            slugs: vec!["hl7-internet".to_owned()],
            ..none()
        },
        &|n| n % 10 == 3 && n % 3 == 1,
    );
    expect(
        Filter {
            text: "listed patien".to_owned(),
            ..none()
        },
        &|_| true,
    );
    expect(
        Filter {
            text: "safety".to_owned(),
            ..none()
        },
        &|n| n % 3 == 2,
    );
    expect(
        Filter {
            text: "nosuchword".to_owned(),
            ..none()
        },
        &|_| false,
    );
}

#[test]
fn text_is_never_taken_for_a_query() {
    let store = filled("query-hostile", 3);
    for text in [
        "\"",
        "'; DROP TABLE alerts; --",
        "a AND",
        "NEAR(",
        "slug:",
        "*",
        "^x",
        "(((",
        "- -",
        "\u{0}",
        "x\" OR \"y",
    ] {
        let filter = Filter {
            text: text.to_owned(),
            ..Filter::default()
        };
        let outcome = store.read(|conn| page(conn, &filter, None, 10));
        assert!(outcome.is_ok(), "{text:?}: {outcome:?}");
    }
    assert_eq!(ids(&store, &Filter::default()).len(), 3);
    let long = Filter {
        text: "word ".repeat(50),
        ..Filter::default()
    };
    assert!(store.read(|conn| page(conn, &long, None, 10)).is_err());
}

#[test]
fn facets_count_what_the_filter_finds() {
    let store = filled("query-facets", 30);
    let filter = Filter {
        slugs: vec!["hl7-internet".to_owned(), "dicom-echo-sweep".to_owned()],
        ..Filter::default()
    };
    let found: Facets = store.read(|conn| facets(conn, &filter, MINUTE)).unwrap();
    assert_eq!((found.alerts, found.complete), (20, true));
    assert_eq!(found.slugs["hl7-internet"], 10);
    assert_eq!(found.statuses["open"], 20);
    assert_eq!(found.severities.values().sum::<u64>(), 20);
    assert_eq!(found.timeline.values().sum::<u64>(), 20);
}

#[test]
fn incidents_and_their_status_are_found() {
    let store = filled("query-incident", 30);
    let filter = Filter {
        slugs: vec!["hl7-internet".to_owned()],
        ..Filter::default()
    };
    let id = find(&store, &filter, None, 1).alerts.remove(0).incident_id;
    let closed = id.clone();
    store
        .write(move |change| incidents::close(change, &closed, Verdict::Benign, "user:anna"))
        .unwrap();
    let of_incident = Filter {
        incident: Some(id),
        ..Filter::default()
    };
    let closed = find(&store, &of_incident, None, 100).alerts;
    assert!(!closed.is_empty());
    assert!(
        closed
            .iter()
            .all(|a| (a.status, a.verdict) == ("closed", Some("benign")))
    );
    let by_status = Filter {
        statuses: vec![Status::Closed],
        ..Filter::default()
    };
    assert_eq!(find(&store, &by_status, None, 100).alerts, closed);
}

#[test]
fn a_search_gives_the_page_and_the_counts_that_both_give_alone() {
    let store = filled("query-search", 60);
    for text in ["", "  ", "\"*", "echo", "internet", "nosuchword"] {
        let filter = Filter {
            text: text.to_owned(),
            severities: vec![Severity::High, Severity::Low],
            ..Filter::default()
        };
        let mut after = None;
        loop {
            let (found, counted) = store
                .read(|conn| search(conn, &filter, after, 3, MINUTE))
                .unwrap();
            assert_eq!(found, find(&store, &filter, after, 3), "{text:?}");
            let alone = store.read(|conn| facets(conn, &filter, MINUTE)).unwrap();
            assert_eq!(counted, alone, "{text:?}");
            if found.next.is_none() {
                break;
            }
            after = found.next;
        }
    }
}
