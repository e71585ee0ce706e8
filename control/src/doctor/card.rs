//! The card, by what its driver says: ring, queues, their hash, offloads, flow control, stamps.

use dataplane::capture::live::nic::{Hashed, Nic, Of, Queues, Spread};

use super::{Finding, Verdict};

/// Features that merge or alter frames before they are captured: the kernel's name, and ethtool's.
const ALTER: [(&str, &str); 6] = [
    ("rx-gro", "gro"),
    ("rx-lro", "lro"),
    ("rx-gro-hw", "rx-gro-hw"),
    ("rx-gro-list", "rx-gro-list"),
    ("rx-udp-gro-forwarding", "rx-udp-gro-forwarding"),
    ("rx-vlan-hw-parse", "rxvlan"),
];
/// Features that glue what this machine sends itself: on a virtual peer, what it sends to us.
const SEND: [(&str, &str); 2] = [
    ("tx-tcp-segmentation", "tso"),
    ("tx-generic-segmentation", "gso"),
];

pub(super) fn all(name: &str) -> Vec<Finding> {
    let Ok(nic) = Nic::read(name) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    findings.extend(driver(name, &nic));
    findings.extend(nic.ring.map(|ring| slots(name, ring)));
    findings.extend(nic.queues.map(|queues| receive_queues(name, queues)));
    findings.extend(hash(name, &nic));
    findings.extend(fields(name, &nic));
    findings.push(offloads(name, &nic));
    findings.extend(sending(name, &nic));
    findings.extend(kept_off(name, &nic));
    findings.extend(pause(name, &nic));
    findings
}

fn driver(name: &str, nic: &Nic) -> Option<Finding> {
    let driver = nic.driver.as_ref()?;
    let stamps = match nic.stamps {
        Some(true) => "frames can be stamped by the card itself",
        _ => "frames are stamped by the kernel",
    };
    let what = format!("{driver}; {stamps}");
    Some(Finding::of(name, "driver", Verdict::Ok, what))
}

/// The receive ring is better at its largest: it bridges the card's bursts.
fn slots(name: &str, Of { now, most }: Of) -> Finding {
    if now < most {
        let what = format!("the receive ring has {now} of {most} slots: bursts are lost");
        return Finding::of(name, "ring", Verdict::Warn, what)
            .fix(format!("sudo ethtool -G {name} rx {most}"));
    }
    let what = format!("the receive ring has {now} slots, the most there are");
    Finding::of(name, "ring", Verdict::Ok, what)
}

fn receive_queues(name: &str, queues: Queues) -> Finding {
    let what = match (
        queues.receiving(),
        queues.receive.most.max(queues.combined.most),
    ) {
        (0, _) => "the driver tells of no receive queue".to_owned(),
        (1, most) => format!("1 receive queue of {most}: frames keep their order"),
        (now, most) => format!("{now} receive queues of {most}"),
    };
    Finding::of(name, "queues", Verdict::Ok, what)
}

/// With several queues, a question and its answer should come through the same one.
fn hash(name: &str, nic: &Nic) -> Option<Finding> {
    let queues = nic.queues?;
    if queues.receiving() < 2 {
        let what = "nothing is spread over queues";
        return Some(Finding::of(name, "rss", Verdict::Ok, what));
    }
    let spread = nic.spread.as_ref()?;
    if spread.is_symmetric() {
        let what = "both directions of a conversation come to one queue";
        return Some(Finding::of(name, "rss", Verdict::Ok, what));
    }
    let what = "the key is not symmetric: answers may overtake questions in another queue";
    Some(Finding::of(name, "rss", Verdict::Warn, what).fix(symmetric(name, spread, queues)))
}

fn symmetric(name: &str, spread: &Spread, queues: Queues) -> String {
    if spread.toeplitz && spread.key.len() >= 40 {
        let key: Vec<&str> = ["6d", "5a"]
            .into_iter()
            .cycle()
            .take(spread.key.len())
            .collect();
        return format!("sudo ethtool -X {name} hkey {}", key.join(":"));
    }
    let sort = match queues.combined.now {
        0 => "rx",
        _ => "combined",
    };
    format!("sudo ethtool -L {name} {sort} 1")
}

/// What the hash is over. One address of two, or one port, sends answers elsewhere whatever the key;
/// ports of UDP send fragments elsewhere, which have none.
fn fields(name: &str, nic: &Nic) -> Vec<Finding> {
    if nic.hashed.is_empty() || nic.queues.is_none_or(|queues| queues.receiving() < 2) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for one in &nic.hashed {
        let (kind, letters) = (one.kind, one.letters());
        let (verdict, what) = match one {
            one if one.discarded() => (
                Verdict::Fail,
                format!("{kind}: the card throws such packets away"),
            ),
            one if one.one_sided() => (
                Verdict::Warn,
                format!("{kind}: hashed by {letters}, so that answers come to another queue"),
            ),
            one if !one.addresses() => (
                Verdict::Note,
                format!("{kind}: not spread by addresses; one queue takes them all"),
            ),
            one if one.ports() && kind.starts_with("udp") => (
                Verdict::Note,
                format!("{kind}: hashed by ports too; fragments come to another queue"),
            ),
            _ => continue,
        };
        let wanted = if kind.starts_with("udp") {
            "sd"
        } else {
            "sdfn"
        };
        findings.push(Finding::of(name, "rss-fields", verdict, what).fix(format!(
            "sudo ethtool -N {name} rx-flow-hash {kind} {wanted}"
        )));
    }
    if findings.is_empty() {
        let told = |one: &Hashed| format!("{} {}", one.kind, one.letters());
        let all: Vec<String> = nic.hashed.iter().map(told).collect();
        let what = format!("hashed by addresses, ports in pairs: {}", all.join(", "));
        findings.push(Finding::of(name, "rss-fields", Verdict::Ok, what));
    }
    findings
}

fn offloads(name: &str, nic: &Nic) -> Finding {
    let (on, fixed) = switched_on(nic, &ALTER);
    if on.is_empty() && fixed.is_empty() {
        let what = "no offload alters frames on their way in";
        return Finding::of(name, "offload", Verdict::Ok, what);
    }
    if on.is_empty() {
        let what = format!("{} cannot be switched off", fixed.join(", "));
        return Finding::of(name, "offload", Verdict::Note, what);
    }
    // A tag that the card took off is put back; a merged frame stays merged.
    let verdict = match on.as_slice() {
        ["rxvlan"] => Verdict::Note,
        _ => Verdict::Warn,
    };
    let verb = if on.len() == 1 { "alters" } else { "alter" };
    let what = format!("{} {verb} frames before they are captured", on.join(", "));
    Finding::of(name, "offload", verdict, what).fix(switch_off(name, &on))
}

fn sending(name: &str, nic: &Nic) -> Option<Finding> {
    let (on, _) = switched_on(nic, &SEND);
    let what = format!(
        "{} on: they change only what this machine sends itself, and a sensor sends nothing",
        on.join(", ")
    );
    (!on.is_empty())
        .then(|| Finding::of(name, "offload", Verdict::Note, what).fix(switch_off(name, &on)))
}

/// A card that filters VLANs, or drops damaged frames: the first matters only without promiscuous
/// mode.
fn kept_off(name: &str, nic: &Nic) -> Option<Finding> {
    let filter = nic.feature("rx-vlan-filter")?;
    (filter.on && !filter.fixed).then(|| {
        let what = "the card filters VLANs while promiscuous mode is off";
        Finding::of(name, "vlan-filter", Verdict::Note, what)
            .fix(format!("sudo ethtool -K {name} rx-vlan-filter off"))
    })
}

/// A card that asks the switch to pause sends frames, and holds the mirror up.
fn pause(name: &str, nic: &Nic) -> Option<Finding> {
    let pause = nic.pause?;
    if !pause.sends {
        let what = "the card sends no PAUSE frames";
        return Some(Finding::of(name, "flow-control", Verdict::Ok, what));
    }
    let what = "the card may send PAUSE frames into the mirror port when its ring is full";
    Some(
        Finding::of(name, "flow-control", Verdict::Warn, what)
            .fix(format!("sudo ethtool -A {name} autoneg off rx off tx off")),
    )
}

/// Of these features, ethtool's names of those that are on and can be switched off, and of those
/// that cannot.
fn switched_on(
    nic: &Nic,
    among: &[(&str, &'static str)],
) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut on = Vec::new();
    let mut fixed = Vec::new();
    for (kernels, ethtools) in among {
        match nic.feature(kernels) {
            Some(feature) if feature.on && feature.fixed => fixed.push(*ethtools),
            Some(feature) if feature.on => on.push(*ethtools),
            _ => {}
        }
    }
    (on, fixed)
}

fn switch_off(name: &str, features: &[&str]) -> String {
    let switches: Vec<String> = features.iter().map(|f| format!("{f} off")).collect();
    format!("sudo ethtool -K {name} {}", switches.join(" "))
}

#[cfg(test)]
mod tests {
    use dataplane::capture::live::nic::{Feature, Pause};

    use super::*;

    fn with(features: &[(&str, bool)]) -> Nic {
        let features = features.iter().map(|(name, fixed)| Feature {
            name: (*name).to_owned(),
            on: true,
            fixed: *fixed,
        });
        Nic {
            features: features.collect(),
            ..Nic::default()
        }
    }

    #[test]
    fn merging_offloads_are_told_with_the_command_that_ends_them() {
        let found = offloads("span0", &with(&[("rx-gro", false), ("rx-lro", true)]));
        assert_eq!(found.verdict, Verdict::Warn);
        assert_eq!(found.fix, "sudo ethtool -K span0 gro off");
        let tags = offloads("span0", &with(&[("rx-vlan-hw-parse", false)]));
        assert_eq!(tags.verdict, Verdict::Note);
        assert_eq!(offloads("span0", &with(&[])).verdict, Verdict::Ok);
        let sends = sending("span0", &with(&[("tx-tcp-segmentation", false)])).unwrap();
        assert_eq!(sends.fix, "sudo ethtool -K span0 tso off");
    }

    #[test]
    fn a_small_ring_is_told_and_a_full_one_is_good() {
        let small = slots(
            "span0",
            Of {
                now: 512,
                most: 4096,
            },
        );
        assert_eq!(small.fix, "sudo ethtool -G span0 rx 4096");
        let full = slots(
            "span0",
            Of {
                now: 4096,
                most: 4096,
            },
        );
        assert_eq!(full.verdict, Verdict::Ok);
    }

    #[test]
    fn an_asymmetric_key_matters_with_several_queues_only() {
        let of = |queues, key: Vec<u8>| Nic {
            queues: Some(Queues {
                combined: Of {
                    now: queues,
                    most: 8,
                },
                ..Queues::default()
            }),
            spread: Some(Spread {
                key,
                toeplitz: true,
                ordered: false,
            }),
            ..Nic::default()
        };
        let odd: Vec<u8> = (0..40).collect();
        let told = hash("span0", &of(4, odd.clone())).unwrap();
        assert_eq!(told.verdict, Verdict::Warn);
        assert!(told.fix.starts_with("sudo ethtool -X span0 hkey 6d:5a:6d"));
        assert_eq!(hash("span0", &of(1, odd)).unwrap().verdict, Verdict::Ok);
        let even = hash("span0", &of(4, [0x6d, 0x5a].repeat(20))).unwrap();
        assert_eq!(even.verdict, Verdict::Ok);
    }

    #[test]
    fn fields_that_part_a_conversation_are_told_with_the_command_that_mends_them() {
        let of = |kind, fields, queues| Nic {
            hashed: vec![Hashed { kind, fields }],
            queues: Some(Queues {
                combined: Of {
                    now: queues,
                    most: 8,
                },
                ..Queues::default()
            }),
            ..Nic::default()
        };
        let told = |kind, fields| fields_of(&of(kind, fields, 4));
        let fields_of_four = 0b1111_0000;
        assert_eq!(told("tcp4", fields_of_four).0, Verdict::Ok);
        let source_only = told("tcp4", 1 << 4);
        assert_eq!(source_only.0, Verdict::Warn);
        assert_eq!(
            source_only.1,
            "sudo ethtool -N span0 rx-flow-hash tcp4 sdfn"
        );
        assert_eq!(told("tcp6", 1 << 31).0, Verdict::Fail);
        assert_eq!(told("tcp6", 0).0, Verdict::Note);
        let fragments = told("udp4", fields_of_four);
        assert_eq!(fragments.0, Verdict::Note);
        assert_eq!(fragments.1, "sudo ethtool -N span0 rx-flow-hash udp4 sd");
        assert_eq!(told("udp4", 0b11_0000).0, Verdict::Ok);
        assert!(fields("span0", &of("tcp4", 1 << 4, 1)).is_empty());
    }

    fn fields_of(nic: &Nic) -> (Verdict, String) {
        let [one] = &fields("span0", nic)[..] else {
            panic!("one finding")
        };
        (one.verdict, one.fix.clone())
    }

    #[test]
    fn a_card_that_sends_pause_frames_is_told() {
        let of = |sends| Nic {
            pause: Some(Pause {
                receives: true,
                sends,
            }),
            ..Nic::default()
        };
        assert_eq!(pause("span0", &of(true)).unwrap().verdict, Verdict::Warn);
        assert_eq!(pause("span0", &of(false)).unwrap().verdict, Verdict::Ok);
    }
}
