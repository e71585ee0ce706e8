//! A storm: rules that every message of it meets, and a capture of such messages, played on the hub.

use std::path::PathBuf;

use make::capture::{Capture, START_NS};
use make::frame::host;
use make::hl7::{Head, Link, body};
use make::lab::{Lab, Task};

/// Rules that one message meets.
pub(super) const RULES: u64 = 20;
/// The rules' names begin so.
pub(super) const SLUG: &str = "storm-";

const SECOND: u64 = 1_000_000_000;
/// Where the player is.
const PLAYER: (&str, &str) = ("player", "10.20.9.9");

/// The rules, as a file of the lab.
pub(super) fn rules(lab: &Lab) -> PathBuf {
    let mut text = "rules:\n".to_owned();
    for n in 0..RULES {
        text += &format!(
            "  - {{id: {SLUG}{n}, sid: {}, rev: 1, status: active, title: A message of the storm,\n\
             \u{20}    severity: high, clinical_impact: none, tier: notify, category: test, on: hl7,\n\
             \u{20}    when: 'hl7.message_type == \"ADT\" and hl7.sending_application == \"STORM\"',\n\
             \u{20}    explain: '{{src_ip}} sent {{dest_ip}} a message', what_to_do: Nothing., tests: []}}\n",
            1_900_000 + n
        );
    }
    let path = lab.folder().join("storm.yaml");
    std::fs::write(&path, text).expect("written");
    path
}

/// So many messages a second, each from a host of its own on a connection of its own: the same pair
/// of hosts would be one story. `first` numbers the hosts.
pub(super) fn capture(lab: &Lab, first: u32, seconds: u32, each: u32) -> PathBuf {
    let mut capture = Capture::new();
    let engine = host("10.20.3.10").port(2575);
    for n in 0..seconds * each {
        let [_, high, mid, low] = (first + n).to_be_bytes();
        let sender = host(&format!("10.{}.{mid}.{low}", 100 + high)).port(40_000);
        let at = START_NS + u64::from(n) * SECOND / u64::from(each);
        let head = Head::new(
            ("STORM", "WARD"),
            ("ENGINE", "WARD"),
            "ADT^A01^ADT_A01",
            &format!("S{first}{n}"),
        );
        capture.add(
            Link::open(at, sender, engine)
                .say(&head, &body::adt("A01", n % 1000), "AA")
                .closed(),
        );
    }
    capture.sort();
    let path = lab.folder().join(format!("storm-{first}.pcap"));
    std::fs::write(&path, capture.pcap()).expect("written");
    path
}

/// Plays a capture at the pace at which it was made, until dropped.
pub(super) fn play(lab: &Lab, capture: &std::path::Path) -> Task {
    if lab
        .exec(PLAYER.0, &["true"])
        .is_ok_and(|done| !done.status.success())
    {
        lab.add_host(PLAYER.0, PLAYER.1).expect("a host");
    }
    let script = make::lab::peers_folder().join("replay.py");
    let script = std::path::absolute(script).expect("a path");
    let [script, file] =
        [script.as_path(), capture].map(|path| path.to_str().expect("UTF-8").to_owned());
    lab.spawn(
        PLAYER.0,
        &["python3", &script, &file, "eth0", "--speed", "1"],
    )
    .expect("replay.py")
}
