//! The SPAN port through DPDK, on a socket of the kernel: `net_af_packet` stands for an adapter.

use make::lab::{SENSOR, SPAN};

use super::appliance::{Appliance, lab, metric};
use super::{command_is, echo, storescp};
use crate::{dpdk, support};

#[test]
fn peers_are_seen_through_dpdk_and_nothing_is_sent() {
    if !dpdk::built_in() || !support::has("storescp") || !support::has("echoscu") {
        return;
    }
    let Some(lab) = lab("dpdk") else { return };
    // Whoever binds an adapter to DPDK has no kernel that chatters on it.
    let silent = format!("net.ipv6.conf.{SPAN}.disable_ipv6=1");
    let silenced = lab.exec(SENSOR, &["sysctl", "-q", "-w", &silent]);
    assert!(silenced.expect("sysctl").status.success());
    let before = lab.sensor_transmitted().expect("counted");
    let device = format!("net_af_packet0,iface={SPAN}");
    let mut appliance = Appliance::start_with(&lab, &dpdk::capture(&device, ""), "workers: 1\n");
    let _scp = storescp(&lab);
    for _ in 0..3 {
        echo(&lab);
    }
    appliance.until("three echoes seen", || {
        appliance.count(|e| command_is(e, "C-ECHO-RSP")) == 3
    });
    assert_eq!(appliance.count(|e| command_is(e, "C-ECHO-RQ")), 3);
    let received = || metric(&lab, "vitalwire_capture_received_frames_total", "");
    appliance.until("frames counted", || received().is_some_and(|n| n > 20.0));
    let driver = metric(&lab, "vitalwire_capture_dpdk_port_total", "rx_good_packets");
    assert!(driver.is_some_and(|n| n > 20.0), "{driver:?}");
    let dropped = metric(&lab, "vitalwire_capture_dropped_frames_total", "");
    assert_eq!(dropped, Some(0.0));
    appliance.stop();
    assert_eq!(lab.sensor_transmitted().expect("counted"), before);
    assert_eq!(before, 0, "a passive sensor sends nothing");
}
