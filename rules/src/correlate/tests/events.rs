//! Events that the correlator completes, makes or learns from.

use parsers::kinds::{arp, hl7};

use super::*;
use crate::record::OPEN_PORTS_MAX;

fn none() -> Arc<Ruleset> {
    Arc::new(Ruleset::empty())
}

fn message<'a>(kind: &'a str, id: &'a str, ack_to: Option<&'a str>) -> Event<'a> {
    let mut message = event(&hl7::KIND);
    message.set(hl7::MESSAGE_TYPE, kind);
    message.set(hl7::CONTROL_ID, id);
    message.set_opt(hl7::ACK_TO, ack_to);
    message.set_opt(hl7::ACK_CODE, ack_to.map(|_| "AA"));
    message
}

#[test]
fn an_acknowledgment_on_another_flow_tells_its_latency() {
    let mut rig = Rig::new(&none());
    let order = between("10.0.0.1", "10.0.0.2", 0, 1);
    rig.event(&order, &message("RGV", "77", None));
    let answer = between("10.0.0.2", "10.0.0.1", 12_345_678, 2);
    rig.event(&answer, &message("RRG", "78", Some("77")));
    rig.event(&answer, &message("RRG", "79", Some("unheard of")));
    let lines = rig.lines();
    assert_eq!(lines[0]["hl7"].get("latency_ms"), None);
    assert_eq!(lines[1]["hl7"]["latency_ms"], 12.345);
    assert_eq!(lines[2]["hl7"].get("latency_ms"), None);
    assert_eq!(
        rig.counter("vitalwire_correlator_acks_matched_total", ""),
        1
    );
    assert_eq!(
        rig.counter("vitalwire_correlator_acks_unmatched_total", ""),
        1
    );
    rig.event(&order, &message("RGV", "80", None));
    rig.correlator.second(601, 99, &mut rig.out);
    assert_eq!(rig.correlator.summary().never_acked, 1);
}

fn spoken(mac: u8, opcode: &'static str) -> Event<'static> {
    let mut arp = event(&arp::KIND);
    arp.set(arp::OPCODE, opcode);
    arp.set(arp::SRC_MAC, [mac; 6]);
    arp.set(arp::SRC_IP, std::net::IpAddr::from([10, 20, 0, 1]));
    arp.set(arp::GRATUITOUS, false);
    arp
}

#[test]
fn rules_read_who_held_an_address_before() {
    let text = rule("a", "arp", "present(arp.previous_mac)", "").replace(
        "{src_ip} did it to {dest_ip}",
        "{arp.src_mac} for {arp.previous_mac}",
    );
    let mut rig = Rig::new(&compiled(&text, &[]));
    let at = |secs: i64| Envelope {
        time: Time(secs * SECOND),
        ..Envelope::default()
    };
    rig.event(&at(0), &spoken(0xaa, "reply"));
    rig.event(&at(5), &spoken(0xbb, "request"));
    assert!(
        rig.alerts().is_empty(),
        "a request that asks for another claims nothing"
    );
    rig.event(&at(6), &spoken(0xaa, "reply"));
    let alerts = rig.alerts();
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0]["arp"]["previous_mac"], "bb:bb:bb:bb:bb:bb");
    assert_eq!(alerts[0]["alert"]["source"]["ip"], "10.20.0.1");
    let explain = &alerts[0]["vitalwire"]["explain"];
    assert_eq!(explain, "aa:aa:aa:aa:aa:aa for bb:bb:bb:bb:bb:bb");
}

const SCAN: &str =
    "    count: { by: [src_ip, dest_ip], distinct: opens.ports, at_least: 15, within: 5m }\n";

#[test]
fn opens_of_several_workers_are_one_event_once_their_second_is_complete() {
    let text = rule("scan", "opens", "opens.refused > 0", SCAN);
    let ruleset = compiled(&text, &[]);
    let parts: Vec<(u64, OpenSum)> = (0..3_u64)
        .map(|worker| {
            let ports = (0..10_u16).map(|n| (10 + worker + 3 * u64::from(n), 100 * n));
            let sum = OpenSum {
                second: 7,
                count: 10,
                answered: 0,
                refused: 10,
                ports: ports
                    .map(|(f, p)| (f, p + u16::try_from(worker).unwrap()))
                    .collect(),
                services: Vec::new(),
            };
            (10 + worker, sum)
        })
        .collect();
    let run = |order: [usize; 3]| {
        let mut rig = Rig::new(&ruleset);
        for at in order {
            let (first, sum) = &parts[at];
            let envelope = between("10.0.0.9", "10.0.0.2", 8 * SECOND, *first);
            let sum = OpenSum {
                ports: sum.ports.clone(),
                services: Vec::new(),
                ..*sum
            };
            rig.opens(&envelope, *first, sum);
        }
        assert!(rig.out.items.is_empty());
        rig.correlator.finish(&mut rig.out);
        assert_eq!(rig.alerts()[0]["opens"]["count"], 30);
        assert_eq!(rig.alerts()[0]["vitalwire"]["count"], 30);
        let ports = rig.alerts()[0]["opens"]["ports"].as_array().unwrap().len();
        assert!(ports <= OPEN_PORTS_MAX);
        String::from_utf8(rig.out.arena).unwrap()
    };
    let first = run([0, 1, 2]);
    assert!(
        [[2, 1, 0], [1, 2, 0], [1, 0, 2]]
            .map(run)
            .iter()
            .all(|o| *o == first)
    );
}

#[test]
fn what_a_worker_says_of_the_holder_before_is_said_once() {
    let text = rule("a", "arp", "present(arp.previous_mac)", "");
    let mut rig = Rig::new(&compiled(&text, &[]));
    let at = Envelope::default();
    rig.event(&at, &spoken(0xaa, "reply"));
    let mut known = spoken(0xbb, "reply");
    known.set(arp::PREVIOUS_MAC, [0xaa; 6]);
    rig.event(&at, &known);
    assert_eq!(rig.alerts().len(), 1);
    let line = String::from_utf8(rig.out.arena).unwrap();
    assert_eq!(line.matches("\"previous_mac\"").count(), 1);
}
