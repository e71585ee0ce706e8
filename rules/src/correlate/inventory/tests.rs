//! The inventory behind a correlator, on events as workers make them.

use std::net::IpAddr;
use std::sync::Arc;

use parsers::event::{Envelope, Event};
use parsers::kinds::{arp, dicom, hl7, pump};
use serde_json::json;

use super::{Contact, List, Listed, Mac, Snapshot, role_set};
use crate::Ruleset;
use crate::correlate::Config;
use crate::correlate::tests::{Rig, SECOND, between, compiled, event, rule};
use crate::record::{OpenSum, Service};

const CT: Mac = [0x00, 0x09, 0xfb, 1, 1, 1];
const PACS: Mac = [0x00, 0x50, 0x56, 2, 2, 2];

fn none() -> Arc<Ruleset> {
    Arc::new(Ruleset::empty())
}

/// From the CT to the archive, each on its own wire.
fn imaging(secs: i64) -> Envelope {
    let mut envelope = between("10.20.1.11", "10.20.2.10", secs * SECOND, 1);
    (envelope.src.mac, envelope.dest.mac) = (Some(CT), Some(PACS));
    (envelope.vlan[0], envelope.vlans) = (30, 1);
    envelope
}

fn reversed(envelope: &Envelope) -> Envelope {
    Envelope {
        src: envelope.dest,
        dest: envelope.src,
        direction: envelope.direction.map(parsers::event::Direction::other),
        ..*envelope
    }
}

fn association(kind: &'static str) -> Event<'static> {
    let mut asked = event(&dicom::KIND);
    asked.set(dicom::KIND_OF, kind);
    asked.set(dicom::CALLING_AE, "CT01");
    asked.set(dicom::CALLED_AE, "PACS");
    asked
}

fn stored(model: &'static str, serial: &'static str) -> Event<'static> {
    let mut stored = event(&dicom::KIND);
    stored.set(dicom::KIND_OF, "dimse");
    stored.set(dicom::COMMAND, "C-STORE-RQ");
    stored.set(dicom::MANUFACTURER, "ACME");
    stored.set(dicom::MODEL, model);
    stored.set(dicom::SERIAL, serial);
    stored.set(dicom::SOFTWARE, "1.0");
    stored.set(dicom::PATIENT_NAME, "DOE^JANE");
    stored
}

fn listed(ip: [u8; 4], name: &str, role: &str) -> Listed {
    Listed {
        name: name.to_owned(),
        roles: vec![role.to_owned()],
        ips: vec![ip.into()],
        ..Listed::default()
    }
}

fn told(rig: &Rig) -> Vec<serde_json::Value> {
    let lines = rig.lines().into_iter();
    let told = lines.filter(|line| line["event_type"] == "asset");
    told.map(|mut line| line["asset"].take()).collect()
}

#[test]
fn a_device_is_told_once_it_has_settled_and_then_what_changes() {
    let text = rule("new", "asset", "asset.event == \"new\"", "");
    let text = text.replace("{src_ip} did it to {dest_ip}", "{asset.ae_titles}");
    let mut rig = Rig::new(&compiled(&text, &[]));
    rig.event(&imaging(0), &association("associate_rq"));
    rig.event(&reversed(&imaging(1)), &association("associate_ac"));
    rig.event(&imaging(2), &stored("CT 5000", "S1"));
    rig.correlator.second(9, 3, &mut rig.out);
    assert!(told(&rig).is_empty());
    rig.correlator.second(11, 3, &mut rig.out);
    let assets = told(&rig);
    assert_eq!(assets.len(), 2);
    let ct = assets.iter().find(|a| a["ip"] == "10.20.1.11").unwrap();
    assert_eq!(ct["event"], "new");
    assert_eq!(ct["id"], "mac-0009fb010101-30");
    assert_eq!(ct["mac"], "00:09:fb:01:01:01");
    assert_eq!(ct["vendor"], "Philips Patient Monitoring");
    assert_eq!(ct["ae_titles"], json!(["CT01"]));
    assert_eq!(ct["functions"], json!(["C-STORE SCU"]));
    assert_eq!(
        (&ct["model"], &ct["serial"]),
        (&"CT 5000".into(), &"S1".into())
    );
    let pacs = assets.iter().find(|a| a["ip"] == "10.20.2.10").unwrap();
    assert_eq!(pacs["services"], json!(["tcp/104"]));
    assert_eq!(rig.alerts().len(), 2);

    let mut upgraded = stored("CT 5000", "S1");
    upgraded.set(dicom::SOFTWARE, "2.0");
    rig.event(&imaging(20), &upgraded);
    rig.event(&imaging(21), &upgraded);
    let assets = told(&rig);
    assert_eq!(assets.len(), 3, "a change is told once");
    assert_eq!(assets[2]["event"], "changed");
    assert_eq!(assets[2]["attribute"], "software");
    assert_eq!(
        (&assets[2]["value"], &assets[2]["previous"]),
        (&"2.0".into(), &"1.0".into())
    );
    assert_eq!(assets[2]["source"], "dicom.software");
    let all = String::from_utf8(rig.out.arena).unwrap();
    assert!(!all.contains("DOE"));
}

#[test]
fn one_device_does_not_fill_the_file_with_its_changes() {
    let mut rig = Rig::new(&none());
    rig.event(&imaging(0), &association("associate_rq"));
    rig.correlator.second(20, 1, &mut rig.out);
    for n in 0..200 {
        let (model, serial) = (format!("M{}", n % 40), format!("S{n}"));
        let mut stored = stored("", "");
        stored.set(dicom::MODEL, model.as_str());
        stored.set(dicom::SERIAL, serial.as_str());
        rig.event(&imaging(30), &stored);
    }
    let told = told(&rig);
    let changed = told.iter().filter(|a| a["event"] == "changed");
    assert_eq!(changed.count(), 32);
    assert!(rig.counter("vitalwire_correlator_bounds_hit_total", "asset_facts") > 100);
}

#[test]
fn an_archive_is_not_what_it_passes_on() {
    let mut rig = Rig::new(&none());
    rig.event(&imaging(0), &stored("CT 5000", "S1"));
    rig.event(&imaging(1), &stored("MR 7", "S2"));
    rig.correlator.finish(&mut rig.out);
    let asset = &told(&rig)[0];
    assert_eq!(asset.get("model"), None);
    assert_eq!(asset.get("serial"), None);
}

#[test]
fn messages_and_pumps_tell_of_their_senders() {
    let mut rig = Rig::new(&none());
    let mut sent = event(&hl7::KIND);
    sent.set(hl7::MESSAGE_TYPE, "ADT");
    sent.set(hl7::SENDING_APPLICATION, "ADTSYS");
    sent.set(hl7::SENDING_FACILITY, "NORTH");
    let mut reported = event(&pump::KIND);
    reported.set(pump::ACTION, "report");
    reported.set(pump::DEVICE, "PUMP-7");
    reported.set(pump::VENDOR, "ACME");
    reported.set(pump::SOFTWARE, "3.1");
    let mut ordered = event(&pump::KIND);
    ordered.set(pump::ACTION, "program");
    ordered.set(pump::DEVICE, "PUMP-7");
    rig.event(&imaging(0), &sent);
    rig.event(&imaging(1), &reported);
    rig.event(&reversed(&imaging(1)), &ordered);
    rig.correlator.finish(&mut rig.out);
    let assets = told(&rig);
    let sender = assets.iter().find(|a| a["ip"] == "10.20.1.11").unwrap();
    assert_eq!(sender["applications"], json!(["ADTSYS"]));
    assert_eq!(sender["facilities"], json!(["NORTH"]));
    assert_eq!(sender["devices"], json!(["PUMP-7"]));
    assert_eq!(
        (&sender["manufacturer"], &sender["software"]),
        (&"ACME".into(), &"3.1".into())
    );
    assert_eq!(sender["functions"], json!(["HL7 sender", "pump reporter"]));
    let other = assets.iter().find(|a| a["ip"] == "10.20.2.10").unwrap();
    assert_eq!(other["functions"], json!(["pump programmer"]));
    assert_eq!(
        other.get("devices"),
        None,
        "an order does not say whose pump it is"
    );
}

#[test]
fn behind_a_router_devices_are_known_by_address() {
    let mut rig = Rig::new(&none());
    for last in 1..=6_u8 {
        let ip = IpAddr::from([10, 20, 7, last]);
        let mut envelope = imaging(i64::from(last));
        (envelope.src.ip, envelope.src.mac) = (Some(ip), Some([0, 0, 0x0c, 7, 7, 7]));
        let mut asked = association("associate_rq");
        let title = format!("WS{last}");
        asked.set(dicom::CALLING_AE, title.as_str());
        rig.event(&envelope, &asked);
    }
    let snapshot = rig.correlator.snapshot();
    for last in 1..=6_u8 {
        let key = format!("ip-10.20.7.{last}");
        let asset = snapshot.get(key.parse().unwrap()).expect(&key);
        let titles: Vec<_> = asset.values(super::Attribute::AeTitle).collect();
        assert_eq!(titles, [format!("WS{last}")], "{key}");
    }
    let router = snapshot
        .get("mac-00000c070707-30".parse().unwrap())
        .unwrap();
    assert!(router.router && router.values(super::Attribute::AeTitle).next().is_none());
}

#[test]
fn arp_says_whose_an_address_is() {
    let mut rig = Rig::new(&none());
    let mut routed = imaging(0);
    routed.src.mac = None;
    rig.event(&routed, &association("associate_rq"));
    assert!(
        rig.correlator
            .snapshot()
            .assets
            .iter()
            .any(|a| a.key.to_string() == "ip-10.20.1.11")
    );
    let mut spoken = event(&arp::KIND);
    spoken.set(arp::OPCODE, "reply");
    spoken.set(arp::SRC_MAC, CT);
    spoken.set(arp::SRC_IP, IpAddr::from([10, 20, 1, 11]));
    let mut envelope = imaging(1);
    (envelope.proto, envelope.flow) = (None, None);
    rig.event(&envelope, &spoken);
    let snapshot = rig.correlator.snapshot();
    let ct = snapshot
        .get("mac-0009fb010101-30".parse().unwrap())
        .unwrap();
    assert_eq!(
        ct.values(super::Attribute::AeTitle).collect::<Vec<_>>(),
        ["CT01"]
    );
    assert!(
        !snapshot
            .assets
            .iter()
            .any(|a| a.key.to_string() == "ip-10.20.1.11")
    );
}

#[test]
fn a_mirror_that_tags_one_direction_shows_each_device_once() {
    let mut rig = Rig::new(&none());
    let mut untagged = reversed(&imaging(0));
    (untagged.vlan[0], untagged.vlans) = (0, 0);
    rig.event(&untagged, &association("associate_ac"));
    rig.event(&imaging(1), &association("associate_rq"));
    rig.event(&untagged, &association("associate_ac"));
    rig.correlator.finish(&mut rig.out);
    let ids = told(&rig);
    let ids: Vec<_> = ids.iter().map(|a| a["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["mac-0009fb010101-30", "mac-005056020202-30"]);
    let snapshot = rig.correlator.snapshot();
    assert_eq!(snapshot.assets.len(), 2);
    let titles = snapshot.assets[1].values(super::Attribute::AeTitle);
    assert_eq!(titles.collect::<Vec<_>>(), ["PACS"]);
}

#[test]
fn services_and_volumes_come_of_sums() {
    let mut rig = Rig::new(&none());
    let service = |flows, bytes| Service {
        frame: 5,
        proto: 6,
        port: 445,
        app: if flows > 0 { "smb" } else { "" },
        flows,
        bytes_to_server: bytes,
        bytes_to_client: 2 * bytes,
    };
    let opened = OpenSum {
        second: 1,
        count: 3,
        answered: 1,
        services: vec![service(0, 0)],
        ..OpenSum::default()
    };
    let ended = OpenSum {
        second: 1,
        services: vec![service(2, 1000)],
        ..OpenSum::default()
    };
    rig.event(&imaging(0), &association("associate_rq"));
    let mut envelope = imaging(1);
    (envelope.direction, envelope.flow) = (None, None);
    rig.opens(&envelope, 5, opened);
    rig.opens(&envelope, 6, ended);
    rig.correlator.finish(&mut rig.out);
    let snapshot = rig.correlator.snapshot();
    let ct = snapshot
        .get("mac-0009fb010101-30".parse().unwrap())
        .unwrap();
    let peer = ct.peers.iter().find(|p| p.port == 445).unwrap();
    assert!(peer.client && peer.app == "smb" && peer.flows == 2);
    assert_eq!((peer.bytes_sent, peer.bytes_received), (1000, 2000));
    let pacs = snapshot
        .get("mac-005056020202-30".parse().unwrap())
        .unwrap();
    assert!(
        pacs.values(super::Attribute::Service)
            .any(|s| s == "tcp/445")
    );
    let seen = pacs.peers.iter().find(|p| p.port == 445).unwrap();
    assert_eq!((seen.client, seen.bytes_sent), (false, 2000));
}

const KNOWN: &str = "    requires: []\n";

fn with_list(text: &str, devices: Vec<Listed>) -> Arc<Ruleset> {
    let list = List::new(
        devices,
        Contact {
            name: "clinical engineering".into(),
            phone: "4711".into(),
        },
    );
    let ruleset = Arc::into_inner(compiled(text, &[])).unwrap();
    Arc::new(ruleset.with_assets(Arc::new(list)))
}

#[test]
fn conditions_ask_the_inventory_and_the_list() {
    let when = "dicom.kind == \"associate_rq\" and asset.src.known == false \
                and (asset.dest.role == \"archive\" or dicom.called_ae == \"X\")";
    let text = rule("stranger", "dicom", when, KNOWN);
    let text = text.replace(
        "{src_ip} did it to {dest_ip}",
        "{asset.src.name} to {asset.dest.name}, {asset.dest.role}",
    );
    let archive = listed([10, 20, 2, 10], "PACS north", "archive");
    let mut rig = Rig::new(&with_list(&text, vec![archive.clone()]));
    rig.event(&imaging(0), &association("associate_rq"));
    let alert = &rig.alerts()[0];
    assert_eq!(
        alert["vitalwire"]["explain"],
        "10.20.1.11 to PACS north, archive"
    );
    assert_eq!(alert["vitalwire"]["asset"]["dest"]["name"], "PACS north");
    assert_eq!(alert["vitalwire"]["asset"]["src"]["known"], false);
    assert_eq!(
        alert["vitalwire"]["do_not_isolate"], true,
        "the sender is unknown"
    );
    assert_eq!(alert["vitalwire"]["contact"]["phone"], "4711");

    let mut ct = listed([10, 20, 1, 11], "CT 1", "modality");
    let mut rig = Rig::new(&with_list(&text, vec![archive.clone(), ct.clone()]));
    rig.event(&imaging(0), &association("associate_rq"));
    assert!(rig.alerts().is_empty(), "both are known");

    // Known by its Ethernet address alone, from its first message on.
    ct.ips.clear();
    ct.macs.push(CT);
    let mut rig = Rig::new(&with_list(&text, vec![archive, ct]));
    rig.event(&imaging(0), &association("associate_rq"));
    assert!(rig.alerts().is_empty());

    let mut rig = Rig::new(&with_list(&text, Vec::new()));
    rig.event(&imaging(0), &association("associate_rq"));
    assert!(
        rig.alerts().is_empty(),
        "without a list nobody is a stranger"
    );
}

#[test]
fn a_condition_asks_how_long_a_device_is_known_and_what_it_did() {
    let when = "dicom.command == \"C-STORE-RQ\" and asset.src.first_seen_age > 1h \
                and not (asset.src.function == \"C-STORE SCU\")";
    let mut rig = Rig::new(&compiled(&rule("late", "dicom", when, ""), &[]));
    rig.event(&imaging(0), &association("associate_rq"));
    rig.event(&imaging(7200), &stored("CT 5000", "S1"));
    rig.event(&imaging(7300), &stored("CT 5000", "S1"));
    assert_eq!(
        rig.alerts().len(),
        1,
        "the second time it is known to store"
    );
}

#[test]
fn a_condition_on_devices_can_not_see_a_patient() {
    let text = rule(
        "x",
        "dicom",
        "(asset.src.role == \"archive\" or dicom.patient_name == \"X\")",
        "",
    );
    let file = crate::SourceFile {
        name: "x".into(),
        text,
    };
    let wrong = Ruleset::compile(&[file], &std::collections::BTreeMap::new()).unwrap_err();
    assert!(
        wrong[0].message.contains("does not reach the correlator"),
        "{wrong:?}"
    );
    let text = rule(
        "x",
        "dicom",
        "asset.src.role == \"archive\" and dicom.patient_name == \"X\"",
        "",
    );
    compiled(&text, &[]);
}

#[test]
fn a_rule_counts_by_role() {
    let count = "    count: { by: [asset.dest.unit], distinct: src_ip, at_least: 2, within: 1m }\n";
    let text = rule("unit", "dicom", "dicom.kind == \"associate_rq\"", count);
    let mut archive = listed([10, 20, 2, 10], "PACS", "archive");
    archive.unit = "radiology".into();
    let mut rig = Rig::new(&with_list(&text, vec![archive]));
    rig.event(&imaging(0), &association("associate_rq"));
    let mut other = imaging(1);
    other.src.ip = Some([10, 20, 1, 12].into());
    rig.event(&other, &association("associate_rq"));
    assert_eq!(rig.alerts().len(), 1);
}

#[test]
fn what_is_listed_may_be_cut_off_unless_a_life_depends_on_it() {
    let text = rule("any", "dicom", "dicom.kind == \"associate_rq\"", "");
    let run = |devices: Vec<Listed>| {
        let mut rig = Rig::new(&with_list(&text, devices));
        rig.event(&imaging(0), &association("associate_rq"));
        rig.alerts()[0]["vitalwire"]["do_not_isolate"]
            .as_bool()
            .unwrap()
    };
    let archive = listed([10, 20, 2, 10], "PACS", "archive");
    let mut ct = listed([10, 20, 1, 11], "CT", "modality");
    assert!(!run(vec![archive.clone(), ct.clone()]));
    assert!(run(vec![archive.clone()]));
    ct.life_support = Some(true);
    assert!(run(vec![archive, ct]));
}

#[test]
fn a_million_addresses_stay_within_the_bound_and_drive_out_nobody_who_spoke() {
    let config = Config {
        assets: 64,
        ..Config::default()
    };
    let mut rig = Rig::bounded(&none(), config);
    rig.event(&imaging(0), &association("associate_rq"));
    let mut spoken = event(&arp::KIND);
    spoken.set(arp::OPCODE, "request");
    for n in 0..1_000_000_u32 {
        let [_, a, b, c] = n.to_be_bytes();
        spoken.set(arp::SRC_MAC, [0, 1, 2, a, b, c]);
        spoken.set(arp::SRC_IP, IpAddr::from([10, a, b, c]));
        let mut envelope = imaging(1);
        (envelope.proto, envelope.flow) = (None, None);
        envelope.src.mac = Some([0, 1, 2, a, b, c]);
        rig.event(&envelope, &spoken);
    }
    let snapshot = rig.correlator.snapshot();
    assert!(snapshot.assets.len() <= 3 * 64);
    assert!(
        snapshot
            .get("mac-0009fb010101-30".parse().unwrap())
            .is_some()
    );
    assert!(rig.counter("vitalwire_correlator_bounds_hit_total", "assets") > 999_000);
    rig.correlator.second(60, 9, &mut rig.out);
    assert!(
        told(&rig).len() <= 64,
        "a flood of addresses is no flood of events"
    );
}

#[test]
fn a_restart_keeps_what_was_known() {
    let mut rig = Rig::new(&none());
    rig.event(&imaging(0), &association("associate_rq"));
    rig.event(&imaging(2), &stored("CT 5000", "S1"));
    rig.correlator.second(20, 3, &mut rig.out);
    let snapshot = rig.correlator.snapshot();
    let text = serde_json::to_string(&snapshot).unwrap();
    let read: Snapshot = serde_json::from_str(&text).unwrap();
    let mut again = Rig::new(&none());
    again.correlator.restore(&read);
    assert_eq!(
        serde_json::to_string(&again.correlator.snapshot().assets).unwrap(),
        serde_json::to_string(&snapshot.assets).unwrap()
    );
    again.event(&imaging(100), &stored("CT 5000", "S1"));
    again.correlator.finish(&mut again.out);
    assert!(told(&again).is_empty(), "nothing is new");
    let mut upgraded = stored("CT 5000", "S1");
    upgraded.set(dicom::SOFTWARE, "2.0");
    again.event(&imaging(200), &upgraded);
    assert_eq!(told(&again)[0]["attribute"], "software");
}

#[test]
fn sets_are_named_for_roles() {
    assert_eq!(role_set("pump_server"), "pump_servers");
}
