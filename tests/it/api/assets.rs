//! Devices through the API: what was learnt and what the hospital's list says, searched, paged,
//! exported; the list uploaded, refused with its lines, and taken back.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::appliance::{Answer, Appliance, Client, eventually};
use crate::support::{root, vitalwire};

const LIST: &str = "name;role;owner;phone;unit;life support;mac;ip\n\
    PACS north;archive;radiology IT;4712;Radiology;no;;10.20.2.10\n\
    CT 1;modality;radiology;4713;Radiology;no;02-00-0a-14-01-0b;\n\
    Ventilator 3;ventilator;biomed;4711;ICU;yes;;10.20.7.3\n";

fn ward() -> String {
    let all = ["imaging.pcap", "hl7-pumps.pcap"].map(|name| root().join("pcaps/ward").join(name));
    all.map(|path| path.display().to_string()).join(", ")
}

/// All devices, once they are known.
fn devices(client: &Client) -> Vec<Value> {
    eventually("devices", || {
        let found = client.get("/assets").json()["assets"].as_array()?.clone();
        (found.len() >= 8).then_some(found)
    })
}

fn put(client: &Client, query: &str, list: &str) -> Answer {
    client.send("PUT", &format!("/assets/list{query}"), "text/csv", list)
}

fn names(answer: &Answer) -> Vec<String> {
    let all = answer.json()["assets"].as_array().cloned();
    let name = |one: &Value| one["listed"]["name"].as_str().unwrap_or("-").to_owned();
    all.unwrap_or_default().iter().map(name).collect()
}

#[test]
fn devices_are_found_paged_and_told_with_who_told() {
    let appliance = Appliance::start(&ward(), "");
    let anna = appliance.admin();
    let all = devices(&anna);
    let ids: Vec<&str> = all.iter().filter_map(|one| one["id"].as_str()).collect();
    for sort in ["id", "-last_seen", "ip", "make"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = anna.get(&format!("/assets?limit=3&sort={sort}{cursor}"));
            let page = page.json();
            let of = page["assets"].as_array().expect("devices");
            seen.extend(
                of.iter()
                    .filter_map(|one| one["id"].as_str().map(str::to_owned)),
            );
            let Some(next) = page["next"].as_str() else {
                break;
            };
            cursor = format!("&cursor={}", next.replace(' ', "%20"));
        }
        assert_eq!(seen.len(), ids.len(), "{sort}");
        assert!(
            ids.iter().all(|id| seen.contains(&(*id).to_owned())),
            "{sort}"
        );
    }
    let archive = anna.get("/assets?ip=10.20.2.10&protocol=dicom").json();
    assert_eq!(archive["count"], 1, "{archive}");
    let id = archive["assets"][0]["id"].as_str().expect("an id");
    let whole = anna.get(&format!("/assets/{id}"));
    let tag = whole.header("etag").expect("a tag").to_owned();
    let whole = whole.json();
    assert_eq!(whole["facts"]["ae_title"][0]["source"], "dicom.called_ae");
    assert!(
        whole["facts"]["function"]
            .to_string()
            .contains("C-STORE SCP")
    );
    assert!(whole["first_seen"].as_str() < whole["last_seen"].as_str());
    let ct = whole["peers"].as_array().expect("peers").iter();
    let ct = ct
        .clone()
        .find(|peer| peer["ip"] == "10.20.1.11")
        .expect("the CT");
    assert_eq!(
        (&ct["app"], &ct["port"], &ct["client"]),
        (&"dicom".into(), &104.into(), &false.into())
    );
    assert!(ct["bytes_received"].as_u64() > Some(1_000), "{ct}");
    // It is read again and again: only what is seen last may differ.
    let again = anna.with(&format!("if-none-match: {tag}"));
    let again = again.get(&format!("/assets/{id}")).status;
    assert!(matches!(again, 200 | 304), "{again}");
    for (path, status) in [
        ("/assets/nosuch", 404),
        ("/assets/ip-10.9.9.9", 404),
        ("/assets?sort=colour", 400),
        ("/assets?listed=perhaps", 400),
        ("/assets?vlan=70000", 400),
        ("/assets?cursor=x", 400),
    ] {
        assert_eq!(anna.get(path).status, status, "{path}");
    }
}

#[test]
fn a_list_is_uploaded_names_devices_and_is_taken_back() {
    let appliance = Appliance::start(&ward(), "");
    let anna = appliance.admin();
    devices(&anna);
    let analyst = appliance.user(&anna, "ben", "analyst");
    assert_eq!(put(&analyst, "", LIST).status, 403);
    assert_eq!(put(&anna.lured(), "", LIST).status, 403);
    assert_eq!(
        anna.send("PUT", "/assets/list", "text/plain", LIST).status,
        415
    );

    let wrong = put(&anna, "", "name,ip\nCT 1,10.20.1.300\nCT 2,10.0.0.0/8\n");
    assert_eq!(wrong.status, 422);
    let told = wrong.json();
    assert_eq!(
        (&told["errors"][0]["line"], &told["errors"][1]["line"]),
        (&2.into(), &3.into())
    );
    assert!(
        told["errors"][0]["message"]
            .to_string()
            .contains("10.20.1.300"),
        "{told}"
    );
    let long = format!("name,ip\n{}", "x,10.0.0.1\n".repeat(500_000));
    let file = appliance.dir.path().join("long.csv");
    std::fs::write(&file, long).expect("written");
    assert_eq!(put(&anna, "", &format!("@{}", file.display())).status, 413);
    let tried = put(&anna, "?dry_run=true", LIST).json();
    assert_eq!(
        (&tried["version"], &tried["devices"]),
        (&Value::Null, &3.into())
    );
    assert_eq!(anna.get("/assets?listed=true").json()["count"], 0);

    let engineer = appliance.user(&anna, "eva", "engineer");
    let done = put(&engineer, "?note=from%20the%20CMMS", LIST);
    assert_eq!(
        (done.status, &done.json()["version"]),
        (200, &1.into()),
        "{done:?}"
    );
    assert_eq!(
        names(&anna.get("/assets?listed=true&sort=name")),
        ["CT 1", "PACS north"]
    );
    assert_eq!(
        names(&anna.get("/assets?role=archive&unit=Radiology")),
        ["PACS north"]
    );
    assert_eq!(names(&anna.get("/assets?q=radiology+4713")), ["CT 1"]);
    assert_eq!(
        names(&anna.get("/assets?life_support=true")),
        [""; 0],
        "never seen"
    );
    let list = anna.get("/assets/list").json();
    assert_eq!(
        (&list["devices"], &list["uploaded"]["created_by"]),
        (&3.into(), &"user:eva".into())
    );
    assert_eq!(
        (&list["unseen_count"], &list["unseen"][0]["name"]),
        (&1.into(), &"Ventilator 3".into())
    );

    let sheet = anna.get("/assets.csv?listed=true");
    assert!(
        sheet
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/csv"))
    );
    assert!(sheet.header("etag").is_some());
    assert_eq!(
        put(&anna, "?dry_run=true", &sheet.body).status,
        200,
        "{}",
        sheet.body
    );

    assert_eq!(anna.ask("DELETE", "/assets/list", None).status, 200);
    assert_eq!(anna.ask("DELETE", "/assets/list", None).status, 404);
    assert_eq!(anna.get("/assets?listed=true").json()["count"], 0);
    let audit = anna.get("/audit").json().to_string();
    assert!(
        audit.contains("devices.upload") && audit.contains("devices.take_back"),
        "{audit}"
    );
    assert!(
        audit.contains("from the CMMS") && !audit.contains("PACS north"),
        "{audit}"
    );
}

/// What was learnt and the list that was uploaded are there again after kill -9, and after SIGHUP.
#[test]
fn devices_and_their_list_outlive_a_kill() {
    let mut appliance = Appliance::start(&ward(), "");
    let anna = appliance.admin();
    let first = devices(&anna)[0].clone();
    assert_eq!(put(&anna, "", LIST).status, 200);
    let file = appliance.state().join("inventory.json");
    eventually("the inventory's file", || file.is_file().then_some(()));
    appliance.kill();
    let dir = std::mem::replace(
        &mut appliance.dir,
        TempDir::new().expect("temporary folder"),
    );
    // The traffic is gone; what is known stays.
    let quiet = root()
        .join("pcaps/rules/hl7-internet/quiet.pcap")
        .display()
        .to_string();
    let again = Appliance::start_in(dir, &quiet, "");
    let anna = Client {
        base: again.stranger().base,
        ..anna
    };
    let known = anna.get(&format!("/assets/{}", first["id"].as_str().expect("an id")));
    assert_eq!(known.json()["first_seen"], first["first_seen"]);
    assert_eq!(names(&anna.get("/assets?role=archive")), ["PACS north"]);
    again.signal("HUP");
    again.logged("rules reloaded");
    assert_eq!(names(&anna.get("/assets?role=archive")), ["PACS north"]);
    let config = again.dir.path().join("vitalwire.yaml");
    let shown = Command::new(vitalwire())
        .arg("assets")
        .arg("--config")
        .arg(config)
        .output();
    let shown = String::from_utf8(shown.expect("it runs").stdout).expect("UTF-8");
    assert!(
        shown.contains("PACS north"),
        "the command line sees the same: {shown}"
    );
}
