//! The checks themselves.

use std::process::Command;

use super::link::Link;
use super::{Finding, Verdict};

const CAP_NET_ADMIN: u32 = 12;
pub(super) const CAP_NET_RAW: u32 = 13;

/// Offloads that merge or alter frames before they are captured.
const OFFLOADS: [(&str, &str); 5] = [
    ("generic-receive-offload", "gro"),
    ("large-receive-offload", "lro"),
    ("rx-vlan-offload", "rxvlan"),
    ("tcp-segmentation-offload", "tso"),
    ("generic-segmentation-offload", "gso"),
];

/// Permissions and tools.
pub(super) fn machine() -> Vec<Finding> {
    let mut findings = vec![capabilities()];
    for (tool, package) in [("ip", "iproute2"), ("ethtool", "ethtool")] {
        if output(tool, &["--version"]).is_none() && output(tool, &["-V"]).is_none() {
            findings.push(finding(
                "",
                "tools",
                Verdict::Note,
                format!("{tool} is missing: some checks are left out"),
                format!("sudo apt-get install {package}"),
            ));
        }
    }
    findings
}

/// One interface.
pub(super) fn interface(link: &Link) -> Vec<Finding> {
    let mut findings = vec![state(link), promiscuous(link)];
    findings.extend(silence(link));
    findings.push(drops(link));
    findings.extend(mtu(link));
    findings.extend(offloads(&link.name));
    findings.extend(ring(&link.name));
    findings
}

/// An interface that somebody works over: whoever asks for every interface gets no advice on it
/// that would cut the line.
pub(super) fn in_use(link: &Link) -> Finding {
    let what = format!(
        "has addresses ({}): it serves this machine; capture on another interface",
        link.addresses.join(", ")
    );
    finding(&link.name, "link", Verdict::Note, what, String::new())
}

fn finding(
    interface: &str,
    check: &'static str,
    verdict: Verdict,
    what: String,
    fix: String,
) -> Finding {
    Finding {
        interface: interface.to_owned(),
        check,
        verdict,
        what,
        fix,
    }
}

/// Whether this process has a capability.
pub(super) fn has_capability(bit: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0);
    effective.checked_shr(bit).unwrap_or(0) & 1 == 1
}

/// This program, for commands that people are to type.
pub(super) fn program() -> String {
    std::env::current_exe().map_or_else(
        |_| "$(command -v vitalwire)".to_owned(),
        |path| path.display().to_string(),
    )
}

fn capabilities() -> Finding {
    if !has_capability(CAP_NET_RAW) {
        return finding(
            "",
            "permission",
            Verdict::Fail,
            "this process has no CAP_NET_RAW, so it cannot capture".to_owned(),
            format!("sudo setcap cap_net_raw+ep {}", program()),
        );
    }
    let what = if has_capability(CAP_NET_ADMIN) {
        "may capture (CAP_NET_RAW) and may silence interfaces (CAP_NET_ADMIN)"
    } else {
        "may capture (CAP_NET_RAW); silencing an interface is for root or vitalwire-silence@.service"
    };
    finding(
        "",
        "permission",
        Verdict::Ok,
        what.to_owned(),
        String::new(),
    )
}

fn state(link: &Link) -> Finding {
    let speed = link
        .speed
        .map_or_else(String::new, |speed| format!(", {speed} Mbit/s"));
    let name = &link.name;
    match (link.is_up(), link.operstate.as_str()) {
        (false, _) => finding(
            name,
            "link",
            Verdict::Fail,
            "is down".to_owned(),
            format!(
                "sudo sysctl -w net.ipv6.conf.{}.disable_ipv6=1 && sudo ip link set dev {name} up",
                name.replace('.', "/")
            ),
        ),
        (true, "down" | "lowerlayerdown") => finding(
            name,
            "link",
            Verdict::Warn,
            "is up but has no carrier: cable, transceiver, or the switch's SPAN port is off"
                .to_owned(),
            format!("ethtool {name} | grep -i 'link detected'; then look at the switch"),
        ),
        (true, state) => finding(
            name,
            "link",
            Verdict::Ok,
            format!("up ({state}{speed})"),
            String::new(),
        ),
    }
}

fn promiscuous(link: &Link) -> Finding {
    let what = if link.is_promiscuous() {
        "promiscuous mode is on"
    } else {
        "promiscuous mode is off now; vitalwire run switches it on while it captures"
    };
    finding(
        &link.name,
        "promiscuous",
        Verdict::Ok,
        what.to_owned(),
        String::new(),
    )
}

fn silence(link: &Link) -> Vec<Finding> {
    let noises = link.noises();
    if noises.is_empty() {
        let what = "the kernel says nothing on it".to_owned();
        return vec![finding(
            &link.name,
            "silence",
            Verdict::Ok,
            what,
            String::new(),
        )];
    }
    noises
        .into_iter()
        .map(|noise| finding(&link.name, "silence", Verdict::Warn, noise.what, noise.fix))
        .collect()
}

fn drops(link: &Link) -> Finding {
    let (verdict, fix) = if link.missed == 0 {
        (Verdict::Ok, String::new())
    } else {
        (
            Verdict::Note,
            format!("ethtool -S {} | grep -iE 'drop|miss|error'", link.name),
        )
    };
    let what = format!(
        "{} frames received, {} dropped by card or driver since boot",
        link.received, link.missed
    );
    finding(&link.name, "drops", verdict, what, fix)
}

fn mtu(link: &Link) -> Option<Finding> {
    (link.mtu < 1518 && !link.is_loopback()).then(|| {
        finding(
            &link.name,
            "mtu",
            Verdict::Note,
            format!(
                "MTU {}: mirrored frames with VLAN tags or tunnel headers are longer, and some cards \
                 drop them",
                link.mtu
            ),
            format!("sudo ip link set dev {} mtu 9000", link.name),
        )
    })
}

fn offloads(name: &str) -> Vec<Finding> {
    let Some(said) = output("ethtool", &["-k", name]) else {
        return Vec::new();
    };
    let on: Vec<&str> = OFFLOADS
        .iter()
        .filter(|(long, _)| {
            said.lines()
                .filter_map(|line| line.trim().strip_prefix(long))
                .any(|rest| rest.starts_with(": on") && !rest.contains("[fixed]"))
        })
        .map(|(_, short)| *short)
        .collect();
    if on.is_empty() {
        let what = "no offload alters frames".to_owned();
        return vec![finding(name, "offload", Verdict::Ok, what, String::new())];
    }
    let switches: Vec<String> = on.iter().map(|short| format!("{short} off")).collect();
    vec![finding(
        name,
        "offload",
        Verdict::Warn,
        format!("{} alter frames before they are captured", on.join(", ")),
        format!("sudo ethtool -K {name} {}", switches.join(" ")),
    )]
}

/// The receive ring is better at its largest: it bridges the card's bursts.
fn ring(name: &str) -> Option<Finding> {
    let said = output("ethtool", &["-g", name])?;
    let sizes: Vec<u32> = said
        .lines()
        .filter_map(|line| line.strip_prefix("RX:"))
        .filter_map(|value| value.trim().parse().ok())
        .collect();
    let [most, now] = sizes.as_slice() else {
        return None;
    };
    Some(if now < most {
        finding(
            name,
            "ring",
            Verdict::Warn,
            format!("the receive ring has {now} of {most} slots: bursts are lost"),
            format!("sudo ethtool -G {name} rx {most}"),
        )
    } else {
        finding(
            name,
            "ring",
            Verdict::Ok,
            format!("the receive ring has {now} slots"),
            String::new(),
        )
    })
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
