//! eBPF: whether this process may load the programs that steer frames, whether they run as machine
//! code, and whether it may lock the memory that they and AF_XDP take.

use serde_json::json;

use super::host::{built, version};
use super::room::human;
use super::system::{self, number, text};
use super::{Finding, Verdict};
use crate::config::{CaptureSource, Config};
use crate::engine;

/// Maps of the programs, with room: counted against what may be locked before [`ACCOUNTED`].
const MAPS: u64 = 8 << 20;
/// From here on maps are counted as memory of their control group.
const ACCOUNTED: (u32, u32) = (5, 11);
/// From here on AF_XDP takes frames in several pieces, where the driver gives them.
const IN_PIECES: (u32, u32) = (6, 6);
/// From here on there are CAP_BPF and CAP_PERFMON.
const CAPABILITIES: (u32, u32) = (5, 8);

pub(super) fn all(config: &Config) -> Vec<Finding> {
    let release = text("/proc/sys/kernel/osrelease");
    let kernel = version(&release);
    let may = May {
        configure: system::may_configure(),
        load: system::may_load(),
    };
    let mut findings = Vec::new();
    findings.extend(steering(config, may, kernel));
    findings.extend(pieces(config, kernel));
    let limit = locked(&text("/proc/self/limits"));
    findings.extend(limit.and_then(|limit| memory(config, kernel, limit, system::may_lock())));
    let jit = text("/proc/sys/net/core/bpf_jit_enable");
    findings.extend(machine_code(&jit, &built(&release)));
    findings
}

/// Whether AF_XDP can have frames that are longer than a page.
fn pieces(config: &Config, kernel: (u32, u32)) -> Option<Finding> {
    if config.capture.source != CaptureSource::AfXdp || kernel >= IN_PIECES {
        return None;
    }
    let name = config.capture.interface.as_deref().unwrap_or("IF");
    let what = "frames above 3.8 kB are lost with AF_XDP before Linux 6.6, jumbo frames that is";
    Some(Finding::machine("jumbo", Verdict::Warn, what).fix(format!(
        "in the configuration: capture: {{source: af_packet}}; without jumbo frames in the mirror: \
         sudo ip link set dev {name} mtu 3498"
    )))
}

/// What this process may do.
#[derive(Clone, Copy)]
struct May {
    /// CAP_NET_ADMIN.
    configure: bool,
    /// CAP_BPF and CAP_PERFMON.
    load: (bool, bool),
}

/// Whether frames can be steered as the configuration has it. `kernel.unprivileged_bpf_disabled` is
/// told and never to be changed: it is for processes without CAP_BPF, and these could not load our
/// programs whatever it says.
fn steering(config: &Config, may: May, kernel: (u32, u32)) -> Option<Finding> {
    let capture = &config.capture;
    let (bpf, perfmon) = may.load;
    let needs = match capture.source {
        CaptureSource::AfPacket if capture.fanout && engine::workers(config) > 1 => {
            vec![("CAP_BPF", bpf), ("CAP_PERFMON", perfmon)]
        }
        CaptureSource::AfXdp => vec![("CAP_NET_ADMIN", may.configure), ("CAP_BPF", bpf)],
        _ => return None,
    };
    let lacks: Vec<&str> = needs
        .into_iter()
        .filter(|(_, has)| !has)
        .map(|(name, _)| name)
        .collect();
    let xdp = capture.source == CaptureSource::AfXdp;
    let mut finding = match (lacks.is_empty(), xdp) {
        (true, true) => {
            let what = "may load the program that gives frames to AF_XDP";
            Finding::machine("steering", Verdict::Ok, what)
        }
        (true, false) => {
            let what =
                "may load the program that gives each worker its flows (CAP_BPF, CAP_PERFMON)";
            Finding::machine("steering", Verdict::Ok, what)
        }
        (false, true) => {
            let lacks = lacks.join(" and ");
            let what = format!(
                "lacks {lacks} for AF_XDP: `run` captures by libpcap; of these vitalwire.service \
                 grants CAP_BPF alone"
            );
            Finding::machine("steering", Verdict::Warn, what).fix(grant(kernel, true))
        }
        (false, false) => {
            let lacks = lacks.join(" and ");
            let what = format!(
                "lacks {lacks}: `run` reads one ring for all workers, not one each; \
                 vitalwire.service grants both"
            );
            Finding::machine("steering", Verdict::Note, what).fix(grant(kernel, false))
        }
    };
    let disabled = number("/proc/sys/kernel/unprivileged_bpf_disabled");
    finding.facts = json!({"lacks": lacks, "unprivileged_bpf_disabled": disabled});
    Some(finding)
}

fn grant(kernel: (u32, u32), xdp: bool) -> String {
    let load = match (kernel < CAPABILITIES, xdp) {
        (true, false) => "cap_sys_admin",
        (true, true) => "cap_sys_admin,cap_net_admin",
        (false, false) => "cap_bpf,cap_perfmon",
        (false, true) => "cap_bpf,cap_perfmon,cap_net_admin",
    };
    format!("sudo setcap cap_net_raw,{load}+ep {}", system::program())
}

/// Bytes that this process may lock; nothing where the kernel does not say.
fn locked(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max locked memory"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        bytes => bytes.parse().ok(),
    }
}

fn memory(config: &Config, kernel: (u32, u32), limit: u64, exempt: bool) -> Option<Finding> {
    // Maps are counted whoever asks for them, frames only of those without CAP_IPC_LOCK.
    let maps = if kernel < ACCOUNTED { MAPS } else { 0 };
    let frames = match config.capture.source {
        CaptureSource::AfXdp if !exempt => config.capture.buffer.0,
        _ => 0,
    };
    let needs = maps.saturating_add(frames);
    if needs == 0 {
        return None;
    }
    let whose = match (maps > 0, frames > 0) {
        (true, true) => "eBPF maps and AF_XDP frames",
        (true, false) => "eBPF maps, as kernels before 5.11 count them",
        _ => "AF_XDP frames (capture.buffer)",
    };
    let told = match limit {
        u64::MAX => "any amount of memory may be locked".to_owned(),
        limit => format!("{} may be locked", human(limit)),
    };
    let what = format!(
        "{told} by this process, {} needed for {whose}",
        human(needs)
    );
    if limit >= needs {
        return Some(Finding::machine("memlock", Verdict::Ok, what));
    }
    let what = format!("{what}; vitalwire.service has LimitMEMLOCK=512M");
    Some(
        Finding::machine("memlock", Verdict::Warn, what)
            .fix("sudo prlimit --memlock=unlimited --pid $$"),
    )
}

/// Whether filters and programs run as machine code. Only root may read how it is set; some kernels
/// know no other way.
fn machine_code(told: &str, built: &str) -> Option<Finding> {
    let always = built.lines().any(|l| l == "CONFIG_BPF_JIT_ALWAYS_ON=y");
    match told {
        "0" => Some(
            Finding::machine(
                "filters",
                Verdict::Warn,
                "the kernel interprets packet filters and eBPF programs (no JIT)",
            )
            .fix("sudo sysctl -w net.core.bpf_jit_enable=1"),
        ),
        "" if !always => None,
        _ => Some(Finding::machine(
            "filters",
            Verdict::Ok,
            "packet filters and eBPF programs run as machine code (JIT)",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_frames_are_lost_to_an_old_kernel_and_that_is_said() {
        let mut config = Config::default();
        assert!(pieces(&config, (5, 15)).is_none());
        config.capture.source = CaptureSource::AfXdp;
        assert!(pieces(&config, (6, 6)).is_none());
        let said = pieces(&config, (6, 1)).unwrap();
        assert!(said.fix.contains("source: af_packet"), "{said:?}");
    }

    const NOBODY: May = May {
        configure: false,
        load: (false, false),
    };
    const NOW: (u32, u32) = (6, 12);

    fn by(source: CaptureSource) -> Config {
        let mut config = Config {
            workers: 2,
            ..Config::default()
        };
        config.capture.source = source;
        config
    }

    #[test]
    fn what_steering_lacks_is_named_with_who_grants_it() {
        let lacks = steering(&by(CaptureSource::AfPacket), NOBODY, NOW).unwrap();
        assert_eq!(lacks.verdict, Verdict::Note);
        assert!(
            lacks.what.contains("CAP_BPF and CAP_PERFMON"),
            "{}",
            lacks.what
        );
        assert!(
            lacks.fix.contains("cap_net_raw,cap_bpf,cap_perfmon+ep"),
            "{}",
            lacks.fix
        );
        let old = steering(&by(CaptureSource::AfPacket), NOBODY, (5, 4)).unwrap();
        assert!(old.fix.contains("cap_sys_admin+ep"), "{}", old.fix);
        let may = May {
            load: (true, true),
            ..NOBODY
        };
        let has = steering(&by(CaptureSource::AfPacket), may, NOW).unwrap();
        assert_eq!((has.verdict, has.fix.as_str()), (Verdict::Ok, ""));
        let xdp = steering(&by(CaptureSource::AfXdp), may, NOW).unwrap();
        assert_eq!(xdp.verdict, Verdict::Warn);
        assert!(xdp.what.contains("lacks CAP_NET_ADMIN for"), "{}", xdp.what);
    }

    #[test]
    fn one_ring_and_libpcap_need_no_program() {
        assert!(steering(&by(CaptureSource::Libpcap), NOBODY, NOW).is_none());
        let one = Config {
            workers: 1,
            ..Config::default()
        };
        assert!(steering(&one, NOBODY, NOW).is_none());
        let mut spread = by(CaptureSource::AfPacket);
        spread.capture.fanout = false;
        assert!(steering(&spread, NOBODY, NOW).is_none());
    }

    #[test]
    fn locked_memory_counts_on_old_kernels_and_for_af_xdp() {
        let line = "Max locked memory         65536                65536                bytes";
        assert_eq!(locked(line), Some(65536));
        let unlimited = line.replace("65536", "unlimited");
        assert_eq!(locked(&unlimited), Some(u64::MAX));
        let (rings, xdp) = (Config::default(), by(CaptureSource::AfXdp));
        assert!(memory(&rings, NOW, 0, false).is_none());
        assert!(memory(&xdp, NOW, 0, true).is_none());
        let verdict =
            |config, kernel, limit| memory(config, kernel, limit, false).map(|f| f.verdict);
        assert_eq!(verdict(&rings, (5, 10), 65536), Some(Verdict::Warn));
        assert_eq!(verdict(&rings, (5, 10), MAPS), Some(Verdict::Ok));
        assert_eq!(verdict(&xdp, NOW, MAPS), Some(Verdict::Warn));
        assert_eq!(verdict(&xdp, NOW, u64::MAX), Some(Verdict::Ok));
    }

    #[test]
    fn an_interpreter_is_told_and_a_kernel_without_one_is_known() {
        let verdict = |told, built| machine_code(told, built).map(|f| f.verdict);
        assert_eq!(verdict("0", ""), Some(Verdict::Warn));
        assert_eq!(verdict("1", ""), Some(Verdict::Ok));
        assert_eq!(verdict("", ""), None);
        let always = "CONFIG_BPF_JIT_ALWAYS_ON=y\n";
        assert_eq!(verdict("", always), Some(Verdict::Ok));
    }
}
