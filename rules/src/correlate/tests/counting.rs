//! `count`, repeats, suppressions, bounds, swaps of rules.

use parsers::kinds::dicom;

use super::*;

const WHEN: &str = "dicom.command == \"C-FIND-RQ\"";
const THREE: &str = "    count: { by: [src_ip], at_least: 3, within: 60s }\n";

fn find(rig: &mut Rig, src: &str, secs: i64) {
    let mut find = event(&dicom::KIND);
    find.set(dicom::COMMAND, "C-FIND-RQ");
    find.set(dicom::CALLED_AE, "PACS");
    rig.event(&between(src, "10.0.0.2", secs * SECOND, 1), &find);
}

#[test]
fn a_counting_rule_fires_once_for_each_time_that_it_is_filled() {
    let mut rig = Rig::new(&compiled(&rule("r", "dicom", WHEN, THREE), &[]));
    for secs in [0, 1, 2, 3, 4, 200, 201, 202] {
        find(&mut rig, "10.0.0.1", secs);
        if secs % 2 == 0 {
            find(&mut rig, "10.0.0.9", secs);
        }
    }
    let alerts = rig.alerts();
    let mine = |ip: &str| alerts.iter().filter(|a| a["src_ip"] == ip).count();
    assert_eq!((mine("10.0.0.1"), mine("10.0.0.9")), (2, 1));
    assert_eq!(alerts[0]["vitalwire"]["count"], 3);
    let first = alerts[0]["vitalwire"]["first_seen"].as_str().unwrap();
    assert!(first.contains(":00.000000"), "{first}");
}

#[test]
fn distinct_counts_values_not_events() {
    let distinct =
        "    count: { by: [src_ip], distinct: dicom.called_ae, at_least: 3, within: 60s }\n";
    let mut rig = Rig::new(&compiled(&rule("r", "dicom", WHEN, distinct), &[]));
    for (secs, title) in ["A", "A", "B", "B", "C", "D"].into_iter().enumerate() {
        let mut find = event(&dicom::KIND);
        find.set(dicom::COMMAND, "C-FIND-RQ");
        find.set(dicom::CALLED_AE, title);
        let secs = i64::try_from(secs).unwrap();
        rig.event(&between("10.0.0.1", "10.0.0.2", secs * SECOND, 1), &find);
    }
    let alerts = rig.alerts();
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0]["dicom"]["called_ae"], "C");
}

#[test]
fn repeats_wait_a_minute_and_are_counted() {
    let mut rig = Rig::new(&compiled(&rule("r", "dicom", WHEN, ""), &[]));
    (0..90).for_each(|secs| find(&mut rig, "10.0.0.1", secs));
    let counts: Vec<_> = rig
        .alerts()
        .iter()
        .map(|a| a["vitalwire"]["count"].clone())
        .collect();
    assert_eq!(counts, [1, 60]);
    assert_eq!(
        rig.counter("vitalwire_correlator_repeats_held_total", "r"),
        88
    );
    assert_eq!(
        rig.counter("vitalwire_correlator_rule_alerts_total", "r"),
        2
    );
    assert_eq!(rig.counter("vitalwire_correlator_alerts_total", "high"), 2);
}

#[test]
fn shadow_unarmed_and_suppressed_rules_say_nothing_and_are_counted() {
    let shadow = rule("r", "dicom", WHEN, "    status: shadow\n");
    let mut rig = Rig::new(&compiled(&shadow, &[]));
    find(&mut rig, "10.0.0.1", 0);
    assert!(rig.alerts().is_empty());
    assert_eq!(
        rig.counter("vitalwire_correlator_shadow_alerts_total", "r"),
        1
    );

    let when = "dicom.command == \"C-FIND-RQ\" and src_ip not in $known";
    let unarmed = rule("r", "dicom", when, "    requires: [known]\n");
    let mut rig = Rig::new(&compiled(&unarmed, &[]));
    find(&mut rig, "10.0.0.1", 0);
    assert!(rig.alerts().is_empty());
    assert_eq!(rig.correlator.unarmed(), 1);
    assert_eq!(rig.correlator.summary().unarmed[0].1, ["known"]);
    let mut rig = Rig::new(&compiled(&unarmed, &[("known", &["10.0.0.7"])]));
    find(&mut rig, "10.0.0.1", 0);
    assert_eq!(rig.alerts().len(), 1);

    let silenced = rule("r", "dicom", WHEN, "")
        + "suppressions:\n  - { rule: r, match: { src_ip: [10.0.0.1] }, owner: A. Example, \
           reason: migration, expires: 1970-01-02 }\n";
    let mut rig = Rig::new(&compiled(&silenced, &[]));
    find(&mut rig, "10.0.0.1", 0);
    find(&mut rig, "10.0.0.3", 1);
    assert_eq!(rig.alerts().len(), 1);
    assert_eq!(
        rig.counter("vitalwire_correlator_suppressed_alerts_total", "r"),
        1
    );
    find(&mut rig, "10.0.0.1", 3 * 86_400);
    assert_eq!(rig.alerts().len(), 2, "it has expired");
}

#[test]
fn keys_of_a_window_are_bounded_and_the_bound_is_counted() {
    let config = Config {
        count_keys: 2,
        ..Config::default()
    };
    let ruleset = compiled(&rule("r", "dicom", WHEN, THREE), &[]);
    let mut rig = Rig::bounded(&ruleset, config);
    for (n, ip) in ["10.0.0.1", "10.0.0.3", "10.0.0.4"].into_iter().enumerate() {
        find(&mut rig, ip, i64::try_from(n).unwrap());
    }
    let bound = "vitalwire_correlator_bounds_hit_total";
    assert_eq!(rig.counter(bound, "count_keys"), 1);
    assert_eq!(rig.correlator.summary().bounds_hit, 1);
}

#[test]
fn a_swap_of_rules_keeps_the_windows_of_rules_that_stay() {
    let text = rule("r", "dicom", WHEN, THREE);
    let mut rig = Rig::new(&compiled(&text, &[]));
    find(&mut rig, "10.0.0.1", 0);
    find(&mut rig, "10.0.0.1", 1);
    rig.ruleset = compiled(&text.replace("title: T", "title: Another"), &[]);
    find(&mut rig, "10.0.0.1", 2);
    assert_eq!(rig.alerts().len(), 1);
    assert_eq!(rig.alerts()[0]["alert"]["signature"], "Another");

    rig.ruleset = compiled(&text.replace("at_least: 3", "at_least: 4"), &[]);
    find(&mut rig, "10.0.0.1", 3);
    assert_eq!(
        rig.alerts().len(),
        1,
        "another rule: it counts from the start"
    );
}

#[test]
fn windows_end_where_the_clock_jumps() {
    let mut rig = Rig::new(&compiled(&rule("r", "dicom", WHEN, THREE), &[]));
    find(&mut rig, "10.0.0.1", 10_000);
    find(&mut rig, "10.0.0.1", 10_001);
    rig.correlator.clock_step(100, 9, &mut rig.out);
    for secs in [100, 101] {
        find(&mut rig, "10.0.0.1", secs);
    }
    assert!(rig.alerts().is_empty());
    find(&mut rig, "10.0.0.1", 102);
    assert_eq!(rig.alerts().len(), 1);
}

#[test]
fn old_state_is_forgotten_without_a_trace() {
    let run = |tick: bool| {
        let mut rig = Rig::new(&compiled(&rule("r", "dicom", WHEN, THREE), &[]));
        for secs in [0, 1, 100, 101, 102, 103, 300, 301] {
            if tick {
                rig.correlator.second(secs, rig.frame + 1, &mut rig.out);
            }
            find(&mut rig, "10.0.0.1", secs);
        }
        // Devices are told of when time goes on.
        let lines = rig.lines().into_iter();
        let others = lines.filter(|line| line["event_type"] != "asset");
        others.collect::<Vec<_>>()
    };
    assert_eq!(run(true), run(false));
}
