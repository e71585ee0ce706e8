//! An interface as the kernel sees it: link, silence, losses, room for long frames.

use super::link::Link;
use super::{Finding, Verdict};

/// The longest frame that an ordinary switch forwards, less its checksum and addresses: two tags,
/// or the headers of a mirror that comes in a tunnel, fit as well.
const MTU_MIN: u32 = 1600;

pub(super) fn all(link: &Link) -> Vec<Finding> {
    let mut findings = vec![state(link), promiscuous(link)];
    findings.extend(silence(link));
    findings.extend(master(link));
    findings.push(spoken(link));
    findings.push(drops(link));
    findings.extend(damage(link));
    findings.extend(mtu(link));
    findings
}

/// An interface that somebody works over: whoever asks for every interface gets no advice on it
/// that would cut the line.
pub(super) fn in_use(link: &Link) -> Finding {
    let what = format!(
        "has addresses ({}): it serves this machine; capture on another interface",
        link.addresses.join(", ")
    );
    Finding::of(&link.name, "link", Verdict::Note, what)
}

fn state(link: &Link) -> Finding {
    let name = &link.name;
    let speed = link
        .speed
        .map_or_else(String::new, |speed| format!(", {speed} Mbit/s"));
    match (link.is_up(), link.operstate.as_str()) {
        (false, _) => Finding::of(name, "link", Verdict::Fail, "is down").fix(format!(
            "sudo sysctl -w net.ipv6.conf.{}.disable_ipv6=1 && sudo ip link set dev {name} up",
            name.replace('.', "/")
        )),
        (true, "down" | "lowerlayerdown") => {
            let what =
                "is up but has no carrier: cable, transceiver, or the switch's SPAN port is off";
            Finding::of(name, "link", Verdict::Warn, what).fix(format!(
                "ethtool {name} | grep -i 'link detected'; then look at the switch"
            ))
        }
        (true, _) if link.half_duplex => {
            let what = format!("up{speed}, but half duplex: a mirror fills one direction alone");
            Finding::of(name, "link", Verdict::Warn, what)
                .fix(format!("sudo ethtool -s {name} autoneg on"))
        }
        (true, state) => {
            let what = format!("up ({state}{speed})");
            Finding::of(name, "link", Verdict::Ok, what)
        }
    }
}

fn promiscuous(link: &Link) -> Finding {
    let what = if link.is_promiscuous() {
        "promiscuous mode is on"
    } else {
        "promiscuous mode is off now; vitalwire switches it on while it captures"
    };
    Finding::of(&link.name, "promiscuous", Verdict::Ok, what)
}

fn silence(link: &Link) -> Vec<Finding> {
    let noises = link.noises();
    if noises.is_empty() {
        let what = "the kernel says nothing on it";
        return vec![Finding::of(&link.name, "silence", Verdict::Ok, what)];
    }
    noises
        .into_iter()
        .map(|noise| Finding::of(&link.name, "silence", Verdict::Warn, noise.what).fix(noise.fix))
        .collect()
}

/// A port of a bridge hands mirrored frames on to others.
fn master(link: &Link) -> Option<Finding> {
    let master = link.master.as_ref()?;
    let what = format!("belongs to {master}, which may forward what comes in");
    Some(
        Finding::of(&link.name, "bridge", Verdict::Warn, what)
            .fix(format!("sudo ip link set dev {} nomaster", link.name)),
    )
}

fn spoken(link: &Link) -> Finding {
    match link.sent {
        0 => Finding::of(
            &link.name,
            "sent",
            Verdict::Ok,
            "no frame since it is there",
        ),
        sent => {
            let what = format!("{sent} frames since it is there; a passive sensor sends none");
            Finding::of(&link.name, "sent", Verdict::Note, what)
                .fix(format!("sudo tcpdump -Q out -eni {}", link.name))
        }
    }
}

fn drops(link: &Link) -> Finding {
    let what = format!(
        "{} frames received, {} dropped by card or driver since boot",
        link.received, link.missed
    );
    if link.missed == 0 {
        return Finding::of(&link.name, "drops", Verdict::Ok, what);
    }
    Finding::of(&link.name, "drops", Verdict::Note, what).fix(format!(
        "ethtool -S {} | grep -iE 'drop|miss|error'",
        link.name
    ))
}

/// Frames that the card threw away: too long, or broken on the way.
fn damage(link: &Link) -> Vec<Finding> {
    let name = &link.name;
    let mut findings = Vec::new();
    if link.too_long > 0 {
        let what = format!(
            "{} giant frames were thrown away by the card",
            link.too_long
        );
        findings.push(
            Finding::of(name, "giants", Verdict::Warn, what)
                .fix(format!("sudo ip link set dev {name} mtu 9000")),
        );
    }
    if link.damaged > 0 {
        let what = format!(
            "{} frames came with a wrong checksum: cable, transceiver or duplex",
            link.damaged
        );
        findings.push(
            Finding::of(name, "damage", Verdict::Warn, what)
                .fix(format!("ethtool -S {name} | grep -iE 'crc|fcs|align'")),
        );
    }
    findings
}

fn mtu(link: &Link) -> Option<Finding> {
    if link.is_loopback() {
        return None;
    }
    let told = format!("MTU {}", link.mtu);
    if link.mtu >= MTU_MIN {
        let what = format!("{told}: tagged and encapsulated frames fit");
        return Some(Finding::of(&link.name, "mtu", Verdict::Ok, what));
    }
    let what = format!(
        "{told}: mirrored frames with several tags, tunnel headers or jumbo payload are longer, and \
         some cards drop them"
    );
    Some(
        Finding::of(&link.name, "mtu", Verdict::Note, what)
            .fix(format!("sudo ip link set dev {} mtu 9000", link.name)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link {
            name: "span0".to_owned(),
            flags: 0x1 | 0x80,
            operstate: "up".to_owned(),
            mtu: 9000,
            ..Link::default()
        }
    }

    fn verdict(link: &Link, check: &str) -> Verdict {
        let found = all(link).into_iter().find(|f| f.check == check);
        found.map_or(Verdict::Ok, |finding| finding.verdict)
    }

    #[test]
    fn a_prepared_interface_is_good() {
        for finding in all(&link()) {
            assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
        }
    }

    #[test]
    fn each_trouble_is_told() {
        let of = |change: fn(&mut Link)| {
            let mut link = link();
            change(&mut link);
            link
        };
        assert_eq!(verdict(&of(|l| l.flags = 0), "link"), Verdict::Fail);
        let half = of(|l| l.half_duplex = true);
        assert_eq!(verdict(&half, "link"), Verdict::Warn);
        let lower = of(|l| l.operstate = "lowerlayerdown".to_owned());
        assert_eq!(verdict(&lower, "link"), Verdict::Warn);
        assert_eq!(verdict(&of(|l| l.mtu = 1500), "mtu"), Verdict::Note);
        assert_eq!(verdict(&of(|l| l.too_long = 3), "giants"), Verdict::Warn);
        assert_eq!(verdict(&of(|l| l.damaged = 3), "damage"), Verdict::Warn);
        assert_eq!(verdict(&of(|l| l.missed = 3), "drops"), Verdict::Note);
        assert_eq!(verdict(&of(|l| l.sent = 3), "sent"), Verdict::Note);
        assert_eq!(verdict(&of(|l| l.ipv6 = true), "silence"), Verdict::Warn);
        let bridged = of(|l| l.master = Some("br0".to_owned()));
        assert_eq!(verdict(&bridged, "bridge"), Verdict::Warn);
    }
}
