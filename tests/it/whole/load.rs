//! Two thousand alerts a second for a minute: none is lost, and the console answers meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::places::{RECEIVERS, everywhere};
use super::site::{Site, metric};
use super::storm;
use crate::api::appliance::Client;

/// For so many seconds.
const LASTS: u32 = 60;
/// Messages a second, each of which meets every rule of the storm.
const EACH: u32 = 100;
/// What 95 of 100 answers of each page may take at most, though receivers, player and whoever asks have
/// the same processors.
const P95: Duration = Duration::from_millis(200);

#[test]
fn two_thousand_alerts_a_second_are_all_kept_while_the_console_answers() {
    let site = Site::new("load", "incident", |lab| {
        format!("rules: {{paths: [{}]}}\n", storm::rules(lab).display())
    });
    let Some(site) = site else { return };
    let anna = site.admin();
    println!("began");
    let capture = storm::capture(&site.lab, 0, LASTS, EACH);
    let begun = Instant::now();
    let mut player = storm::play(&site.lab, &capture);
    let took = look_around(&anna, Duration::from_secs(LASTS.into()));
    assert!(player.wait().expect("replay.py ends"), "{}", player.log());
    println!("played in {:?}", begun.elapsed());
    let wanted = u64::from(LASTS * EACH) * storm::RULES;
    let count = || site.number("SELECT count(*) FROM alerts WHERE slug LIKE 'storm-%'");
    let since = Instant::now();
    site.until("all alerts in the store", 60, || count() >= wanted);
    println!(
        "{wanted} alerts in the store {:?} after the last packet",
        since.elapsed()
    );
    assert_eq!(count(), wanted);
    for lost in [
        "vitalwire_store_lost_lines_total",
        "vitalwire_capture_dropped_frames_total",
        "vitalwire_outbox_dropped_entries_total",
        "vitalwire_output_dropped_lines_total",
    ] {
        assert!(metric(lost, "").abs() < 0.5, "{lost}: {}", metric(lost, ""));
    }
    everywhere(&site, &RECEIVERS[..2], 90);
    println!(
        "at rsyslog and NATS {:?} after the last packet",
        since.elapsed()
    );
    let incidents = || site.number("SELECT count(*) FROM incidents");
    site.until("every incident at the webhook", 90, || {
        site.hook.ids("kind", "incident").len() as u64 == incidents()
    });
    println!(
        "{} incidents at the webhook {:?} after the last packet, {} messages",
        incidents(),
        since.elapsed(),
        site.hook.taken().len()
    );
    is_quick(took);
}

/// Asks for every page again and again, as long as that. How long each took each time.
fn look_around(anna: &Client, lasts: Duration) -> BTreeMap<String, Vec<Duration>> {
    let base = anna.base.trim_end_matches("/api/v1").to_owned();
    let mut took: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    let begun = Instant::now();
    while begun.elapsed() < lasts {
        let mut curl = anna.curl();
        curl.args([
            "-w",
            "%{url} %{response_code} %{time_pretransfer} %{time_total}\n",
        ]);
        for page in pages(anna) {
            curl.args(["-o", "/dev/null", &format!("{base}{page}")]);
        }
        let output = curl.output().expect("curl");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let parts: Vec<&str> = line.split(' ').collect();
            let [url, "200", from, to] = parts[..] else {
                panic!("{line}")
            };
            let seconds = |text: &str| text.parse::<f64>().expect("seconds");
            let path = kind(url.trim_start_matches(&base));
            let span = Duration::from_secs_f64(seconds(to) - seconds(from));
            took.entry(path).or_default().push(span);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    took
}

/// Those in the head of every page, searches, and one alert and one incident of now.
fn pages(anna: &Client) -> Vec<String> {
    let first = anna.console().get("/").body;
    let nav = first
        .split("<nav")
        .nth(1)
        .and_then(|rest| rest.split("</nav>").next());
    let links = nav.expect("a head").split("href=\"").skip(1);
    let mut pages: Vec<String> = links
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect();
    assert!(pages.len() >= 8, "{pages:?}");
    for page in [
        "/alerts?q=storm",
        "/alerts?severity=high&since=24h",
        "/incidents",
        "/alerts?q=nosuchword",
    ] {
        pages.push(page.to_owned());
    }
    for (list, thing) in [("alerts", "alert_id"), ("incidents", "incident_id")] {
        let found = anna.get(&format!("/{list}?limit=1")).json();
        if let Some(id) = found[list][0][thing].as_str() {
            pages.push(format!("/{list}/{id}"));
        }
    }
    pages
}

/// A page of one thing stands for all of its kind.
fn kind(path: &str) -> String {
    let (list, id) = path.rsplit_once('/').expect("a path");
    if id.len() == 32 {
        format!("{list}/ID")
    } else {
        path.to_owned()
    }
}

fn is_quick(took: BTreeMap<String, Vec<Duration>>) {
    let mut slow = Vec::new();
    for (page, mut times) in took {
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        println!(
            "{page}: {} times, median {:?}, p95 {:?}, worst {:?}",
            times.len(),
            at(50),
            at(95),
            at(100)
        );
        if at(95) > P95 {
            slow.push(page);
        }
    }
    assert!(slow.is_empty(), "slow: {slow:?}");
}
