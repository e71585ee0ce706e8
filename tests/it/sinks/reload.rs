//! Sinks that come, go and move while alerts flow.

use tempfile::TempDir;

use super::http::Receiver;
use super::nats::Nats;
use super::receivers::{Server, until};
use super::rig::Rig;
use crate::support;

const DELIVERED: &str = "vitalwire_sink_delivered_entries_total";

#[test]
fn nothing_is_lost_or_twice_when_sinks_come_move_and_go() {
    let (Some(here), Some(there)) = (Nats::new(), Nats::new()) else {
        return;
    };
    let of = |nats: &Nats, name: &str, stream: &str| {
        let sink = nats.sink().replace("name: bus", &format!("name: {name}"));
        let more = format!("stream: {stream}, subject: {}", stream.to_lowercase());
        let sink = sink.replace("stream: VITALWIRE", &more);
        let sink = sink.strip_prefix("sinks: [").expect("a list");
        sink.strip_suffix(']').expect("a list").to_owned()
    };
    let all = |sinks: &[String]| format!("sinks: [{}]", sinks.join(", "));
    let bus = of(&here, "bus", "HERE");
    let moved = of(&there, "bus", "MOVED");
    let second = of(&there, "second", "SECOND");

    let mut rig = Rig::new(&all(std::slice::from_ref(&bus)));
    rig.alerts(500);
    rig.apply(&all(&[bus, second.clone()]));
    rig.alerts(500);
    rig.apply(&all(&[moved.clone(), second]));
    rig.alerts(500);
    until("the second one has its thousand", 30, || {
        there.stored_in("SECOND") == 1000
    });
    rig.apply(&all(&[moved]));
    rig.alerts(500);
    let first = || here.stored_in("HERE") + there.stored_in("MOVED");
    until("every alert, here or there", 30, || first() >= 2000);
    until("what was delivered is counted", 10, || {
        rig.count(DELIVERED, Some(("sink", "bus"))) == 2000
    });
    assert_eq!(first(), 2000, "none came twice");
    assert!(here.stored_in("HERE") >= 1 && there.stored_in("MOVED") >= 500);
    assert_eq!(there.stored_in("SECOND"), 1000, "it is gone");
    assert_eq!(rig.count(DELIVERED, Some(("sink", "second"))), 0);
}

#[test]
fn a_signal_brings_a_sink_and_a_mistake_changes_nothing() {
    let Some(receiver) = Receiver::new(&["webhook", "s3cret"]) else {
        return;
    };
    let dir = TempDir::new().expect("temporary folder");
    let (at, pcaps) = (dir.path().display(), support::root().join("pcaps/ward"));
    let path = dir.path().join("vitalwire.yaml");
    let write = |sinks: &str| {
        let text = format!(
            "state_dir: {at}\ncapture: {{files: [{}], loop: true}}\nhttp: {{enabled: false}}\n\
             api: {{enabled: false}}\nheartbeat: {{interval: 1s}}\n\
             outputs: {{eve: {{path: {at}/eve.json}}}}\nsinks: [{sinks}]\n",
            pcaps.display(),
        );
        std::fs::write(&path, text).expect("written");
    };
    let hook = |secret: &str| {
        let url = &receiver.url;
        format!(
            "{{type: webhook, name: hook, url: '{url}/hook', select: [heartbeat], secret: '{secret}'}}"
        )
    };
    write("");
    let config = path.display().to_string();
    let log = dir.path().join("log");
    let args = ["run", "--config", &config];
    let appliance = Server::new(support::vitalwire(), &args, &log, None);
    let mut appliance = appliance.env("HOOK_SECRET", "s3cret");
    appliance.start();
    until("it runs", 30, || appliance.log().contains("capturing"));
    write(&hook("${HOOK_SECRET}"));
    appliance.hang_up();
    until("heartbeats", 30, || !receiver.taken().is_empty());
    assert!(
        appliance.log().contains("in force now: sinks"),
        "{}",
        appliance.log()
    );

    write(&hook("${NOT_THERE}"));
    appliance.hang_up();
    until("it is said", 30, || {
        appliance.log().contains("NOT_THERE is not set")
    });
    let before = receiver.taken().len();
    until("the old one goes on", 30, || {
        receiver.taken().len() > before
    });

    write("");
    appliance.hang_up();
    until("it went", 30, || {
        appliance.log().matches("in force now: sinks").count() == 2
    });
    std::thread::sleep(std::time::Duration::from_secs(2));
    let after = receiver.taken().len();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(receiver.taken().len(), after);
    appliance.stop();
}
