//! Capabilities: those that opening the interface again needs, and no others, for good.

use caps::{CapSet, Capability, CapsHashSet};

use super::files::Access;
use crate::config::{CaptureSource, Config, Silence, Stamps};
use crate::engine;

/// Drops what is not needed, and looks whether it is gone.
pub(super) fn drop(config: &Config, access: &Access) -> Result<String, String> {
    let had = read(CapSet::Permitted)?;
    let mut keep: CapsHashSet = to_reopen(config);
    if access.has_foreign() {
        // Root on folders of somebody else, as with sudo; `files` bounds what that reaches.
        keep.insert(Capability::CAP_DAC_OVERRIDE);
    }
    keep.retain(|capability| had.contains(capability));
    rustix::thread::set_no_new_privs(true).map_err(|error| format!("no_new_privs: {error}"))?;
    if had.contains(&Capability::CAP_SETPCAP) {
        for capability in caps::all().difference(&keep) {
            // What this kernel does not know is not there.
            std::mem::drop(caps::drop(None, CapSet::Bounding, *capability));
        }
    }
    let failed = |error: caps::errors::CapsError| error.to_string();
    // Nothing runs after us, so nothing inherits.
    if let Err(error) = caps::clear(None, CapSet::Ambient) {
        tracing::debug!("ambient capabilities: {error}");
    }
    caps::clear(None, CapSet::Inheritable).map_err(failed)?;
    caps::set(None, CapSet::Effective, &keep).map_err(failed)?;
    caps::set(None, CapSet::Permitted, &keep).map_err(failed)?;
    let mut left: Vec<String> = read(CapSet::Permitted)?
        .iter()
        .map(Capability::to_string)
        .collect();
    left.sort();
    if left.len() > keep.len() {
        return Err(format!("they are still there: {}", left.join(" ")));
    }
    Ok(if left.is_empty() {
        "none".to_owned()
    } else {
        left.join(" ")
    })
}

fn read(set: CapSet) -> Result<CapsHashSet, String> {
    caps::read(None, set).map_err(|error| error.to_string())
}

/// What opening the source again takes. Files need nothing, and neither DPDK nor a socket for
/// remote mirrors is ever opened again.
pub(super) fn to_reopen(config: &Config) -> CapsHashSet {
    let capture = &config.capture;
    let mut keep = CapsHashSet::new();
    if capture.interface.is_none() {
        return keep;
    }
    keep.insert(Capability::CAP_NET_RAW);
    let xdp = capture.source == CaptureSource::AfXdp;
    if loads_programs(config) {
        keep.extend([Capability::CAP_BPF, Capability::CAP_PERFMON]);
    }
    if xdp {
        // Frames are in locked memory.
        keep.insert(Capability::CAP_IPC_LOCK);
    }
    let changes = capture.silence == Silence::Enforce || capture.stamps == Stamps::Adapter;
    if xdp || changes || capture.busy_poll_us > 0 {
        keep.insert(Capability::CAP_NET_ADMIN);
    }
    keep
}

/// Whether opening the source loads eBPF programs.
pub(super) fn loads_programs(config: &Config) -> bool {
    let capture = &config.capture;
    match capture.source {
        _ if capture.interface.is_none() => false,
        CaptureSource::AfXdp => true,
        CaptureSource::AfPacket => capture.fanout && engine::workers(config) > 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Vec<String> {
        let config = crate::config::parse("c", text).unwrap();
        let mut names: Vec<_> = to_reopen(&config)
            .iter()
            .map(Capability::to_string)
            .collect();
        names.sort();
        names
    }

    #[test]
    fn only_what_opening_again_takes_is_kept() {
        assert!(kept("capture: {files: [a.pcap]}").is_empty());
        assert!(kept("capture: {source: remote}").is_empty());
        let quiet = "workers: 1\ncapture: {interface: span0, silence: check}";
        assert_eq!(kept(quiet), ["CAP_NET_RAW"]);
        let rings = "workers: 2\ncapture: {interface: span0, silence: check}";
        assert_eq!(kept(rings), ["CAP_BPF", "CAP_NET_RAW", "CAP_PERFMON"]);
        let xdp = kept("capture: {interface: span0, source: af_xdp}");
        assert!(xdp.contains(&"CAP_NET_ADMIN".to_owned()), "{xdp:?}");
    }
}
