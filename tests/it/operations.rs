//! What ships to run it: the unit, and a reload that says what it did.

use std::process::Command;

use crate::live::appliance::{Appliance, lab};
use crate::support::{has, root};

/// Tenths of an exposure that is below 2.0.
const EXPOSURE_MAX: &str = "--threshold=19";

#[test]
fn the_unit_is_exposed_to_little() {
    if !has("systemd-analyze") {
        return;
    }
    let unit = root().join("deploy/systemd/vitalwire.service");
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=yes", EXPOSURE_MAX])
        .arg(&unit)
        .output()
        .expect("systemd-analyze");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let output = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&unit)
        .output();
    let said = String::from_utf8_lossy(&output.expect("systemd-analyze").stderr).into_owned();
    for wrong in ["Unknown", "Invalid", "Failed to parse"] {
        assert!(!said.contains(wrong), "{said}");
    }
}

#[test]
fn a_reload_names_what_waits_for_a_restart() {
    let Some(lab) = lab("changes") else { return };
    let mut appliance = Appliance::start(&lab, "");
    let config = lab.folder().join("vitalwire.yaml");
    let text = std::fs::read_to_string(&config).expect("readable");
    let more = "sets: {archives: [10.9.8.7]}\nworkers: 2\n";
    // As editors do: another file of the same name.
    let beside = lab.folder().join("vitalwire.yaml.new");
    std::fs::write(&beside, text + more).expect("written");
    std::fs::rename(&beside, &config).expect("renamed");
    appliance.task.signal("HUP").expect("signalled");
    let said = |what: &str| appliance.task.log().contains(what);
    appliance.until("now", || said("in force now: sets"));
    appliance.until("later", || said("in force only after a restart: workers"));
    assert!(!said("10.9.8.7"), "keys, not values");
    appliance.stop();
}
