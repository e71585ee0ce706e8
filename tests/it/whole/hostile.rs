//! Bad input at every form and endpoint, and what roles may not do.

use std::process::Command;

use make::lab;
use tempfile::TempDir;

use crate::api::appliance::{Appliance, captures};
use crate::support::root;

#[test]
fn bad_input_is_told_clearly_everywhere_and_other_roles_are_refused() {
    let ward = ["attack", "imaging", "hl7-pumps"];
    let ward = ward.map(|name| {
        root()
            .join(format!("pcaps/ward/{name}.pcap"))
            .display()
            .to_string()
    });
    let all = format!("{}, {}", ward.join(", "), captures(&["dicom-ae-brute"]));
    let appliance = Appliance::start_with(
        TempDir::new().expect("temporary folder"),
        &all,
        ", limits: {rate: 100000, body: 128KiB}",
        "sinks: [{type: webhook, name: hook, url: 'http://127.0.0.1:9/'}]\n\
         responses: [{name: quarantine, rules: [dicom-ae-brute], block_list: {dir: DIR/feeds}}]\n",
    );
    let token = appliance.logged("set-up token: ");
    let output = Command::new(lab::python().expect("an environment for Python"))
        .arg(root().join("tests/peers/hostile.py"))
        .arg(format!("https://127.0.0.1:{}", appliance.port))
        .arg(appliance.state().join("api-cert.pem"))
        .arg(token)
        .arg(appliance.dir.path())
        .arg(appliance.dir.path().join("log"))
        .output()
        .expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{wrong}");
}
