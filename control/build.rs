//! Tells the program which commit it was built from, or that nobody knows.

use std::path::Path;
use std::process::Command;

fn main() {
    let describe = [
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
        "--exclude=*",
    ];
    let commit = git(&describe).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=VITALWIRE_COMMIT={commit}");
    println!("cargo:rerun-if-changed=build.rs");
    // Grows with each commit and checkout; `HEAD` itself only names the branch.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&log).exists()
    {
        println!("cargo:rerun-if-changed={log}");
    }
    println!("cargo:rerun-if-env-changed=VITALWIRE_COMMIT");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let told = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(told).ok()?.trim().to_owned())
}
