//! An attack is played, and within a second everybody knows.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use make::lab::{self, Lab, SENSOR, Task};
use serde_json::Value;

use super::peers::{Servers, daily_work, send};
use super::site::{Site, metric};
use super::stream::messages;
use crate::api::appliance::PASSWORD;
use crate::support::has;

/// From the packet on, everywhere.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Prometheus asks every second, and may just have asked.
const SCRAPE: Duration = Duration::from_secs(1);
/// When to stop waiting for what should have come at once.
const GIVE_UP: Duration = Duration::from_secs(20);
/// What the attacks are known as: one in DICOM by nmap, one in HL7 by a real client.
const SCAN: (&str, &str) = ("dicom-nmap-fingerprint", "1000003");
const SCRIPT: (&str, &str) = ("hl7-web-payload", "1000215");

#[test]
fn an_attack_is_known_everywhere_within_a_second() {
    if !has("storescp") || !has("nmap") || !has("chromedriver") {
        return;
    }
    let Some(site) = Site::new("attack", "alert", blocking) else {
        return;
    };
    let _servers = Servers::start(&site.lab);
    site.admin();
    daily_work(&site.lab);
    let ping = "nmap -n -Pn -p 11112 --script dicom-ping 10.20.2.10";
    let ping: Vec<&str> = ping.split(' ').collect();
    known_everywhere(&site, SCAN, || {
        let done = site.lab.exec("modality", &ping).expect("nmap");
        assert!(done.status.success(), "{done:?}");
    });
    known_everywhere(&site, SCRIPT, || send(&site.lab, "<script>x()</script>"));
    let feed = site.lab.folder().join("feeds/quarantine.txt");
    site.until("the attacker in the feed", 10, || {
        std::fs::read_to_string(&feed).is_ok_and(|feed| feed == "10.20.1.11\n")
    });
    assert_eq!(site.lab.sensor_transmitted().expect("counted"), 0);
}

/// Firewalls shall block who scans. Somebody said what both devices are.
fn blocking(lab: &Lab) -> String {
    let list = lab.folder().join("devices.csv");
    let text = "name,role,ip,life_support,patient_connected\n\
                Desk,workstation,10.20.1.11,no,no\nArchive,archive,10.20.2.10,no,no\n";
    std::fs::write(&list, text).expect("written");
    format!(
        "inventory: {{import: {}}}\nresponses:\n- {{name: quarantine, rules: [{}], dry_run: false,\n\
         \u{20}  block_list: {{dir: {}}}}}\n",
        list.display(),
        SCAN.0,
        lab.folder().join("feeds").display()
    )
}

/// Plays an attack and looks everywhere at once for its one alert.
fn known_everywhere(site: &Site, (rule, sid): (&str, &str), attack: impl FnOnce()) {
    let browser = Browser::watching(site, rule);
    let counter = "vitalwire_correlator_rule_alerts_total";
    let label = format!("rule=\"{rule}\"");
    let expr = format!("{counter}{{{label}}} > 0");
    let siem = || {
        let text = std::fs::read_to_string(&site.siem.out).unwrap_or_default();
        let mut lines = text.lines();
        let begin = "CEF:0|Vitalwire|Vitalwire|";
        lines.any(|line| line.contains(begin) && line.contains(&format!("|{sid}|")))
    };
    let bus = || {
        let messages = messages(site.bus.port, "vitalwire.alert");
        let slug = |body: &[u8]| {
            let event: Value = serde_json::from_slice(body).unwrap_or_default();
            event["vitalwire"]["slug"] == rule
        };
        messages.iter().any(|message| slug(&message.body))
    };
    let hook = || {
        let taken = site.hook.taken();
        taken
            .iter()
            .any(|m| m["event"]["vitalwire"]["slug"] == rule)
    };
    let stored = || site.number(&format!("SELECT time FROM alerts WHERE slug = '{rule}'"));
    let in_store = || stored() > 0;
    let counted = || metric(counter, &label) > 0.0;
    let scraped = || site.prometheus(&expr).is_some();
    let places: [(&str, &(dyn Fn() -> bool + Sync)); 6] = [
        ("SQLite", &in_store),
        ("rsyslog, CEF over TLS", &siem),
        ("NATS stream", &bus),
        ("webhook", &hook),
        ("/metrics", &counted),
        ("Prometheus", &scraped),
    ];
    let seen: Vec<(&str, Option<SystemTime>)> = thread::scope(|scope| {
        let looking = places.map(|(place, look)| (place, scope.spawn(|| first(look))));
        attack();
        let seen = looking.map(|(place, looks)| (place, looks.join().expect("it looked")));
        seen.into_iter().collect()
    });
    let packet = UNIX_EPOCH + Duration::from_micros(stored());
    let mut late = Vec::new();
    for (place, at) in seen.into_iter().chain([("console", browser.saw())]) {
        let after = at.map(|at| at.duration_since(packet).unwrap_or_default());
        println!("{rule}: {place}: {after:?} after the packet");
        let bound = if place == "Prometheus" {
            AT_ONCE + SCRAPE
        } else {
            AT_ONCE
        };
        if after.is_none_or(|after| after > bound) {
            late.push((place, after));
        }
    }
    assert!(
        late.is_empty(),
        "{rule} came late: {late:?}\n{}",
        site.log()
    );
}

/// When something was first so.
fn first(look: &(dyn Fn() -> bool + Sync)) -> Option<SystemTime> {
    let since = Instant::now();
    while since.elapsed() < GIVE_UP {
        if look() {
            return Some(SystemTime::now());
        }
        thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Chromium, with the list of one rule's alerts open.
struct Browser(Task);

impl Browser {
    fn watching(site: &Site, rule: &str) -> Self {
        let python = lab::python().expect("an environment for Python");
        let script = lab::peers_folder().join("watch.py");
        let [python, script] = [python, script].map(|p| p.to_str().expect("UTF-8").to_owned());
        let url = "https://127.0.0.1:9443";
        let command = [&*python, &script, url, "anna", PASSWORD, rule];
        let task = site.lab.spawn(SENSOR, &command).expect("watch.py");
        task.wait_for("watching")
            .unwrap_or_else(|error| panic!("{error}"));
        Self(task)
    }

    /// When the first row appeared.
    fn saw(mut self) -> Option<SystemTime> {
        assert!(self.0.wait().expect("watch.py ends"), "{}", self.0.log());
        let log = self.0.log();
        let at = log
            .lines()
            .find_map(|line| line.strip_prefix("appeared "))?;
        let millis = at.parse().expect("milliseconds");
        Some(UNIX_EPOCH + Duration::from_millis(millis))
    }
}
