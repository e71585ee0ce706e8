//! Receivers go away under load, the appliance is killed, the traffic ends: nothing is lost, and the
//! silence is told.

use std::thread;
use std::time::{Duration, Instant};

use super::peers::{Servers, daily_work};
use super::places::{RECEIVERS, everywhere, heartbeats, stored};
use super::site::{Site, status};
use super::storm;
use crate::support::has;

/// How long each receiver is away.
const AWAY: u64 = 60;
/// Messages a second meanwhile; each is as many alerts as the storm has rules.
const LOAD: u32 = 10;
/// The seconds at which each goes away, after the first message; they are back a minute later.
const LEAVES: [u64; 3] = [5, 12, 19];
/// When the appliance is killed, all receivers away.
const KILLED: u64 = 40;
/// The load goes on until all are back, and a bit.
const LASTS: u64 = LEAVES[2] + AWAY + 6;
/// Between heartbeats here; the default is a minute.
const BEAT: u64 = 5;
/// No frame for so long is silence here.
const SILENCE: u64 = 8;

#[test]
fn nothing_is_lost_while_receivers_are_away_and_silence_is_told_once() {
    if !has("storescp") {
        return;
    }
    let site = Site::new("outage", "alert, heartbeat", |lab| {
        format!(
            "rules: {{paths: [{}]}}\nheartbeat: {{interval: {BEAT}s}}\nready: {{max_silence: {SILENCE}s}}\n",
            storm::rules(lab).display()
        )
    });
    let Some(mut site) = site else { return };
    let servers = Servers::start(&site.lab);
    let seconds = u32::try_from(LASTS).expect("small");
    let capture = storm::capture(&site.lab, 0, seconds, LOAD);
    let mut player = storm::play(&site.lab, &capture);
    let begun = Instant::now();
    let at = |second: u64| {
        thread::sleep(Duration::from_secs(second).saturating_sub(begun.elapsed()));
    };
    at(LEAVES[0]);
    site.siem.server.stop();
    at(LEAVES[1]);
    site.bus.server.kill();
    at(LEAVES[2]);
    site.hook.server.kill();
    at(KILLED);
    let before = stored(&site);
    site.kill();
    assert!(
        before.is_subset(&stored(&site)),
        "stored before it was killed"
    );
    site.start();
    daily_work(&site.lab);
    at(LEAVES[0] + AWAY);
    site.siem.server.start();
    at(LEAVES[1] + AWAY);
    site.bus.server.start();
    at(LEAVES[2] + AWAY);
    site.hook.server.start();
    assert!(player.wait().expect("replay.py ends"), "{}", player.log());
    drop(servers);
    silence_is_told(&site);
    everywhere(&site, &RECEIVERS, 60);
    let alerts = stored(&site).len();
    println!(
        "{alerts} alerts in {LASTS} s, {} of them before it was killed",
        before.len()
    );
    // But for the seconds in which nobody looked.
    assert!(alerts > 3000 && before.len() > 1000, "{alerts}");
}

/// Nothing goes by any more: not ready, one alert of that, and heartbeats go on.
fn silence_is_told(site: &Site) {
    let since = Instant::now();
    assert_eq!(status("/readyz"), 200);
    site.until("blind", SILENCE + 20, || status("/readyz") == 503);
    println!(
        "/readyz says 503 {:?} after the last frame",
        since.elapsed()
    );
    let blind = || {
        site.number(
            "SELECT count(*) FROM alerts WHERE slug = 'sensor-blind'
             AND time > (SELECT max(time) FROM alerts WHERE slug LIKE 'storm-%')",
        )
    };
    site.until("one alert of that", 5, || blind() == 1);
    let beats = RECEIVERS.map(|(_, came)| came(site).heartbeats);
    for ((name, came), before) in RECEIVERS.into_iter().zip(beats) {
        let more = || came(site).heartbeats >= before + 2;
        site.until(&format!("heartbeats at {name}"), 60, more);
    }
    assert_eq!(blind(), 1, "told once");
    let ready: Vec<_> = heartbeats(site)
        .iter()
        .map(|e| e["heartbeat"]["ready"].clone())
        .collect();
    assert_eq!(
        ready.last(),
        Some(&false.into()),
        "a heartbeat says that it is blind"
    );
    let default = control::config::parse("none", "{}").expect("a configuration");
    assert_eq!(default.heartbeat.interval.0, Duration::from_secs(60));
}
