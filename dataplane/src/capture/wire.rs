//! A cable for tests: two interfaces in a network namespace of this thread's own.

#![expect(unsafe_code, reason = "a network namespace for a thread")]

use std::process::Command;

use crate::batch::Frame;
use crate::capture::{Batch, Source};

/// One end, to be listened on.
pub(super) const NEAR: &str = "near0";
/// The other end, to send from.
pub(super) const FAR: &str = "far0";

/// Both ends, as long as the thread lives.
pub(super) struct Wire {
    far: pcap::Capture<pcap::Active>,
}

impl Wire {
    /// In a new namespace that this thread goes into; nothing without the right to.
    pub(super) fn new() -> Option<Self> {
        let flags = libc::CLONE_NEWNET | libc::CLONE_NEWNS;
        // SAFETY: takes no pointer; changes nothing but what this thread sees.
        if unsafe { libc::unshare(flags) } != 0 {
            eprintln!("skipped: a network namespace needs root");
            return None;
        }
        // What /sys tells is of the namespace that it was mounted in.
        run("mount", "--make-rslave /");
        run("mount", "-t sysfs sysfs /sys");
        ip(&format!(
            "link add {NEAR} numrxqueues 2 type veth peer name {FAR} numtxqueues 2"
        ));
        for end in [NEAR, FAR] {
            let quiet = format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6");
            drop(std::fs::write(quiet, "1"));
            ip(&format!("link set {end} arp off multicast off up"));
        }
        let far = pcap::Capture::from_device(FAR).unwrap().open().unwrap();
        Some(Self { far })
    }

    pub(super) fn send(&mut self, frame: &[u8]) {
        self.far.sendpacket(frame).unwrap();
    }
}

pub(super) fn ip(arguments: &str) {
    run("ip", arguments);
}

fn run(program: &str, arguments: &str) {
    let done = Command::new(program).args(arguments.split(' ')).output();
    let done = done.expect("iproute2 and mount are there");
    assert!(done.status.success(), "{program} {arguments}: {done:?}");
}

/// Frames sent from the near end so far.
pub(super) fn transmitted() -> u64 {
    let shown = Command::new("ip")
        .args(["-s", "-j", "link", "show", NEAR])
        .output();
    let shown: serde_json::Value = serde_json::from_slice(&shown.unwrap().stdout).unwrap();
    shown[0]["stats64"]["tx"]["packets"].as_u64().unwrap()
}

/// Every frame that comes, until nothing comes any more.
pub(super) fn drain(source: &mut dyn Source) -> Vec<(Frame, Vec<u8>)> {
    let (mut seen, mut batch, mut idle) = (Vec::new(), Batch::default(), 0);
    while idle < 2 {
        batch.clear();
        source.fill(&mut batch).unwrap();
        idle = if batch.frames.is_empty() { idle + 1 } else { 0 };
        let frames = batch.frames.iter();
        seen.extend(frames.map(|frame| (*frame, frame.bytes(&batch.blocks).to_vec())));
    }
    seen
}
