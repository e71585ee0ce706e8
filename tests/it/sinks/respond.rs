//! Responses: what is done, what is not, and that all of it is written down.

use control::deliver::respond::{Approval, approve};
use control::store::audit;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::Receiver;
use super::receivers::until;
use super::rig::{Rig, alert};
use crate::support;

const SLUG: &str = "dicom-cfind-wildcard-mass";

/// A response with a block list.
fn rig(more: &str) -> Rig {
    let config = format!(
        "state_dir: DIR\nresponses:\n  - {{name: quarantine, rules: [{SLUG}], {more} \
         block_list: {{dir: DIR/feeds}}}}\n"
    );
    Rig::at(TempDir::new().expect("temporary folder"), &config)
}

/// The n-th alert, by a device of that address.
fn by(n: u64, ip: &str) -> Value {
    let mut line = alert(n);
    line["src_ip"] = ip.into();
    line["alert"]["source"]["ip"] = ip.into();
    line
}

/// By a device that somebody said what it is.
fn by_workstation(n: u64, ip: &str) -> Value {
    let mut line = by(n, ip);
    line["vitalwire"]["asset"] = json!({"src": {"role": "workstation", "life_support": false,
        "patient_connected": false}, "dest": {}});
    line
}

fn feed(rig: &Rig, ending: &str) -> String {
    let path = rig.dir.path().join(format!("feeds/quarantine.{ending}"));
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The actions in the audit log, oldest first, with their particulars.
fn acts(rig: &Rig) -> Vec<(String, String)> {
    let found = rig
        .store
        .read(|conn| audit::list(conn, None, 100))
        .expect("read");
    let ours = found
        .into_iter()
        .rev()
        .filter(|entry| entry.action.starts_with("response."));
    ours.map(|entry| (entry.action, entry.detail)).collect()
}

fn until_acts(rig: &Rig, count: usize) -> Vec<(String, String)> {
    until("entries of the audit log", 20, || acts(rig).len() >= count);
    // What comes too late would be one too many.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let acts = acts(rig);
    assert_eq!(acts.len(), count, "{acts:?}");
    acts
}

#[test]
fn an_address_is_listed_once_for_a_while_and_all_is_written_down() {
    let mut rig = rig("dry_run: false, expires: 3s,");
    assert_eq!(feed(&rig, "txt"), "");
    rig.put("alert", &by_workstation(1, "10.20.9.66"));
    rig.put("alert", &by_workstation(2, "10.20.9.66"));
    let mut other = by_workstation(3, "10.20.9.67");
    other["vitalwire"]["slug"] = "something-else".into();
    rig.put("alert", &other);
    until("the feed", 20, || feed(&rig, "txt") == "10.20.9.66\n");
    assert_eq!(until_acts(&rig, 1)[0].0, "response.act");
    let nft = feed(&rig, "nft");
    assert!(
        nft.contains("add element inet vitalwire blocked4 { 10.20.9.66 timeout "),
        "{nft}"
    );
    check_with_nft(&nft);
    until("its end", 20, || feed(&rig, "txt").is_empty());
    assert_eq!(until_acts(&rig, 2)[1].0, "response.expire");
    rig.put("alert", &by_workstation(4, "10.20.9.66"));
    until("the feed again", 20, || feed(&rig, "txt") == "10.20.9.66\n");
}

/// nftables itself reads the feed, in a network namespace of its own.
fn check_with_nft(text: &str) {
    if !support::has("nft") || !support::has("unshare") {
        return;
    }
    let path = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(path.path(), text).expect("written");
    let file = path.path().to_str().expect("UTF-8");
    let output = std::process::Command::new("unshare")
        .args(["-n", "nft", "-c", "-f", file])
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("not permitted") || said.contains("Unable to initialize") {
        eprintln!("skipped: no right to use nft here: {said}");
        return;
    }
    assert!(output.status.success(), "{said}");
}

/// A NAC, say, is asked to act: signed, once for a device, and until it has heard it.
#[test]
fn who_acts_is_asked_by_a_signed_request_until_it_is_taken() {
    let Some(mut nac) = Receiver::new(&["webhook", "s3cret"]) else {
        return;
    };
    let config = format!(
        "responses:\n  - {{name: nac, rules: [{SLUG}], dry_run: false, \
         webhook: {{url: '{}/nac', secret_file: {}}}}}\n",
        nac.url,
        nac.secret("s3cret")
    );
    let mut rig = Rig::new(&config);
    let mut vital = by_workstation(1, "10.20.9.60");
    vital["vitalwire"]["asset"]["src"]["life_support"] = true.into();
    rig.put("alert", &vital);
    rig.put("alert", &by_workstation(2, "10.20.9.66"));
    rig.put("alert", &by_workstation(3, "10.20.9.66"));
    assert_eq!(until_acts(&rig, 2)[1].0, "response.act");
    let asked = nac.taken();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let said = |key: &str| asked[0][key].as_str().unwrap_or_default();
    assert_eq!(
        ["path", "action", "response", "target", "rule"].map(said),
        ["/nac", "respond", "nac", "10.20.9.66", SLUG]
    );
    assert!(said("until") > "2026", "{asked:?}");
    nac.server.kill();
    rig.put("alert", &by_workstation(4, "10.20.9.67"));
    until_acts(&rig, 2);
    nac.server.start();
    assert_eq!(until_acts(&rig, 3)[2].0, "response.act");
    assert_eq!(nac.taken().last().expect("one")["target"], "10.20.9.67");
}

#[test]
fn it_is_dry_unless_told_otherwise() {
    let mut rig = rig("");
    rig.put("alert", &by_workstation(1, "10.20.9.66"));
    let acts = until_acts(&rig, 1);
    assert_eq!(acts[0].0, "response.would");
    assert!(acts[0].1.contains("10.20.9.66"));
    assert_eq!(feed(&rig, "txt"), "");
}

#[test]
fn no_more_than_so_many_an_hour() {
    let mut rig = rig("dry_run: false, per_hour: 2,");
    for n in 1..=4 {
        rig.put("alert", &by_workstation(n, &format!("10.20.9.{n}")));
    }
    let acts = until_acts(&rig, 4);
    let words: Vec<&str> = acts.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(
        words,
        [
            "response.act",
            "response.act",
            "response.limit",
            "response.limit"
        ]
    );
    assert_eq!(feed(&rig, "txt"), "10.20.9.1\n10.20.9.2\n");
}

#[test]
fn nothing_is_done_to_what_has_to_stay() {
    let mut rig = rig("dry_run: false,");
    let set = |n: u64, pointer: &str, value: Value| {
        let mut line = by_workstation(n, &format!("10.20.9.{n}"));
        *line.pointer_mut(pointer).expect("there") = value;
        line
    };
    let cases = [
        (
            set(1, "/vitalwire/clinical_impact", "likely".into()),
            "bedside",
        ),
        (
            set(2, "/vitalwire/clinical_impact", "direct".into()),
            "bedside",
        ),
        (
            set(3, "/vitalwire/do_not_isolate", true.into()),
            "have to stay",
        ),
        (
            set(4, "/vitalwire/asset/src/life_support", true.into()),
            "a life depends",
        ),
        (
            set(5, "/vitalwire/asset/src/patient_connected", true.into()),
            "patient",
        ),
        (
            set(6, "/vitalwire/asset/src/role", "".into()),
            "nobody said",
        ),
        (by(7, "10.20.9.7"), "nobody said"),
        (
            set(8, "/vitalwire/clinical_impact", "unheard-of".into()),
            "bedside",
        ),
    ];
    for (line, _) in &cases {
        rig.put("alert", line);
    }
    let acts = until_acts(&rig, cases.len());
    for ((action, detail), (_, why)) in acts.iter().zip(&cases) {
        assert_eq!(action, "response.refuse");
        assert!(detail.contains(why), "{detail}: not {why}");
    }
    assert_eq!(feed(&rig, "txt"), "");
}

/// What the inventory says counts where the alert says nothing, and against it.
#[test]
fn the_inventory_is_asked() {
    let mut rig = rig("dry_run: false,");
    rig.list(
        "name,role,ip,life_support\nDesk,workstation,10.20.9.1,no\nBed 3,ventilator,10.20.9.2,yes\n\
         Pump 4,pump,10.20.9.3,\nBox,,10.20.9.4,no\n",
    );
    rig.put("alert", &by(1, "10.20.9.1"));
    for n in 2..=4 {
        rig.put("alert", &by_workstation(n, &format!("10.20.9.{n}")));
    }
    let acts = until_acts(&rig, 4);
    assert_eq!(acts[0].0, "response.act");
    let refused = ["a life depends", "connected to a patient", "nobody said"];
    for ((action, detail), why) in acts[1..].iter().zip(refused) {
        assert!(
            action == "response.refuse" && detail.contains(why),
            "{acts:?}"
        );
    }
    assert_eq!(feed(&rig, "txt"), "10.20.9.1\n");
}

#[test]
fn what_has_to_stay_by_now_is_let_go() {
    let mut rig = rig("dry_run: false,");
    let list =
        |stays: &str| format!("name,role,ip,life_support\nDesk,workstation,10.20.9.1,{stays}\n");
    rig.list(&list("no"));
    rig.put("alert", &by(1, "10.20.9.1"));
    until("the feed", 20, || feed(&rig, "txt") == "10.20.9.1\n");
    rig.list(&list("yes"));
    until("its end", 20, || feed(&rig, "txt").is_empty());
    let acts = until_acts(&rig, 2);
    assert!(
        acts[1].0 == "response.expire" && acts[1].1.contains("a life depends"),
        "{acts:?}"
    );
}

#[test]
fn clinical_engineering_approves_one_action_and_nobody_else_does() {
    let mut rig = rig("dry_run: false,");
    rig.put("alert", &by(1, "10.20.9.1"));
    rig.put("alert", &by(2, "10.20.9.2"));
    until_acts(&rig, 2);
    let id = alert(1)["vitalwire"]["alert_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let ask = |role: &'static str, response: &str, id: &str| {
        let approval = Approval {
            response: response.to_owned(),
            alert_id: id.to_owned(),
            who: "user:bob".to_owned(),
            role,
            reason: "the ward was asked".to_owned(),
        };
        let responses = rig.config.responses.clone();
        rig.store
            .write(move |change| approve(change, &responses, &approval))
    };
    assert!(ask("admin", "quarantine", &id).is_err());
    assert!(ask("clinical_engineer", "another", &id).is_err());
    assert!(ask("clinical_engineer", "quarantine", "0").is_err());
    ask("clinical_engineer", "quarantine", &id).expect("written");
    assert!(ask("clinical_engineer", "quarantine", &id).is_err(), "once");
    until("the feed", 20, || feed(&rig, "txt") == "10.20.9.1\n");
    let words: Vec<String> = until_acts(&rig, 4)
        .into_iter()
        .map(|(action, _)| action)
        .collect();
    assert_eq!(words[2..], ["response.approve", "response.act"]);
}
