//! The console, as people use it: in a browser, against the real binary.

mod canary;
mod shift;

use std::process::Command;

use make::lab;

use crate::api::appliance::{Appliance, captures};
use crate::support::{has, root};

/// What the walk says when there is no browser.
const NO_BROWSER: i32 = 77;

#[test]
fn people_set_up_find_acknowledge_and_see_alerts_arrive_in_a_browser() {
    if std::env::var_os("CHROMIUM").is_none() && !(has("chromium") && has("chromedriver")) {
        return;
    }
    let ward = root().join("pcaps/ward");
    let all = ["attack.pcap", "imaging.pcap", "hl7-pumps.pcap"]
        .map(|name| ward.join(name).display().to_string());
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let shift = folder.path().join("shift.pcap");
    shift::capture().write(&shift).expect("written");
    let all = format!(
        "{}, {}, {}",
        all.join(", "),
        captures(&["dicom-ae-brute"]),
        shift.display()
    );
    // Nobody is at the port of the sink: its test has to say so.
    let sink = "sinks:\n  - {type: webhook, name: nowhere, url: \"http://127.0.0.1:9/\"}\n";
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let appliance = Appliance::start_with(dir, &all, ", limits: {rate: 500}", sink);
    let token = appliance.logged("set-up token: ");
    let output = Command::new(lab::python().expect("an environment for Python"))
        .arg(root().join("tests/peers/console.py"))
        .arg(format!("https://127.0.0.1:{}", appliance.port))
        .arg(token)
        .arg(appliance.dir.path().join("log"))
        .arg(shift::NAME)
        .arg(&shift)
        .output()
        .expect("python starts");
    if output.status.code() == Some(NO_BROWSER) {
        eprintln!(
            "skipped: {}",
            String::from_utf8_lossy(&output.stdout).trim()
        );
        return;
    }
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}{}",
        said(&output.stdout),
        said(&output.stderr)
    );
}
