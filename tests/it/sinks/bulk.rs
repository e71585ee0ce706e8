//! Protocol events to sinks that take much: from a queue that is bounded, beside the alerts.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::nats::Nats;
use super::receivers::until;
use super::rig::Rig;
use super::syslog::Receiver;

const LOST: &str = "vitalwire_sink_lost_events_total";
const DELIVERED: &str = "vitalwire_sink_delivered_events_total";

/// With a queue that some hundred events fill.
fn selecting(sink: &str, select: &str) -> String {
    let sink = sink.replace("select: [alert]", &format!("select: [{select}]"));
    format!("limits: {{sink_queue: 200KiB}}\n{sink}")
}

/// Offers events while nobody takes them, and says how many found no room.
fn overflow(rig: &mut Rig) -> u64 {
    let since = Instant::now();
    rig.events("dicom", 500..5500);
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "whoever offers never waits"
    );
    let lost = rig.count(LOST, Some(("cause", "queue_full")));
    assert!((1..5000).contains(&lost), "{lost}");
    lost
}

#[test]
fn a_stream_gets_events_and_what_finds_no_room_is_counted() {
    let Some(mut nats) = Nats::new() else { return };
    let mut rig = Rig::new(&selecting(&nats.sink(), "alert, dicom"));
    rig.events("hl7", 0..100);
    for n in 0..10 {
        rig.events("dicom", n * 50..(n + 1) * 50);
        until("they are taken", 20, || {
            rig.count(DELIVERED, None) == (n + 1) * 50
        });
    }
    assert_eq!((nats.stored(), rig.count(LOST, None)), (500, 0));
    let (event, headers) = nats.message(1);
    assert_eq!(event["event_type"], "dicom");
    assert!(headers.contains("Nats-Msg-Id: "), "{headers}");

    nats.server.kill();
    let lost = overflow(&mut rig);
    rig.alerts(100);
    nats.server.start();
    let wanted = 500 + 5000 - lost + 100;
    until("all that found room, and every alert", 60, || {
        nats.stored() >= wanted
    });
    // The stream knows what came twice: no two events have one id.
    assert_eq!(nats.stored(), wanted);
    assert_eq!(rig.count(LOST, None), lost);
}

#[test]
fn rsyslog_gets_events_and_what_finds_no_room_is_counted() {
    let Some(mut receiver) = Receiver::rsyslog("tcp") else {
        return;
    };
    let mut rig = Rig::new(&selecting(&receiver.sink("tcp", ""), "alert, events"));
    rig.events("dicom", 0..200);
    rig.events("hl7", 200..400);
    until("they are taken", 20, || rig.count(DELIVERED, None) == 400);
    receiver.server.kill();
    // What is on its way is noticed before the queue is filled.
    rig.events("pump", 400..401);
    std::thread::sleep(Duration::from_secs(2));
    let lost = overflow(&mut rig);
    receiver.server.start();
    let numbers = || {
        let lines = receiver.lines();
        let bodies = lines.iter().filter_map(|line| line.splitn(6, ' ').nth(5));
        let events = bodies.filter_map(|body| serde_json::from_str::<Value>(body).ok());
        let number = |event: Value| {
            let kind = event["event_type"].as_str()?.to_owned();
            event[kind]["message_id"].as_u64()
        };
        events.filter_map(number).collect::<BTreeSet<u64>>()
    };
    let wanted = usize::try_from(401 + 5000 - lost).expect("small");
    until("all that found room", 90, || numbers().len() >= wanted);
    assert_eq!(numbers().len(), wanted);
    assert!(receiver.lines()[0].starts_with("16 6 sensor-1 vitalwire dicom {"));
}

#[test]
fn what_an_ended_sink_still_held_is_counted() {
    let Some(mut nats) = Nats::new() else { return };
    let mut rig = Rig::new(&selecting(&nats.sink(), "dicom"));
    rig.events("dicom", 0..10);
    until("they are taken", 20, || rig.count(DELIVERED, None) == 10);
    nats.server.kill();
    rig.events("dicom", 10..30);
    let since = Instant::now();
    rig.crew.take().expect("sinks").stop();
    assert!(
        since.elapsed() < Duration::from_secs(25),
        "it ends all the same"
    );
}
