//! The switch's side of a finding: what to type on Cisco, Aruba and Juniper switches.
//!
//! What a vendor has no command for, or none that its documentation gives, is left out.

use std::collections::BTreeMap;

use clap::ValueEnum;
use dataplane::span::{Cut, Finding};

/// A command language.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub enum Dialect {
    /// Cisco Catalyst: IOS and IOS-XE.
    Ios,
    /// Cisco Nexus: NX-OS.
    Nxos,
    /// HPE Aruba: AOS-CX.
    Aruba,
    /// HPE Aruba and ProCurve: ArubaOS-Switch.
    ArubaSwitch,
    /// Juniper EX with ELS: Junos.
    Junos,
}

impl Dialect {
    /// Every one, in the order in which they are printed.
    pub(super) const ALL: [Self; 5] = [
        Self::Ios,
        Self::Nxos,
        Self::Aruba,
        Self::ArubaSwitch,
        Self::Junos,
    ];

    /// Its name, for programs and the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Nxos => "nxos",
            Self::Aruba => "aruba",
            Self::ArubaSwitch => "aruba-switch",
            Self::Junos => "junos",
        }
    }

    /// Whose it is, for people.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Ios => "Cisco IOS, IOS-XE",
            Self::Nxos => "Cisco NX-OS",
            Self::Aruba => "HPE Aruba, AOS-CX",
            Self::ArubaSwitch => "HPE Aruba, ArubaOS-Switch",
            Self::Junos => "Juniper EX, Junos",
        }
    }
}

/// Commands by the name of their dialect.
pub(super) type Commands = BTreeMap<&'static str, Vec<String>>;

/// What the words in capitals stand for.
pub(super) const PLACEHOLDERS: &str = "SESSION is the mirror session's number or name, PORT the \
    switch's port that this cable goes to, SOURCE a mirrored port, TRUNK a port that carries VLANs \
    with their tags, VLAN a VLAN's number; in Junos a port has its unit, as ge-0/0/10.0. All but \
    `show` is typed in configuration mode.";

/// What mends a finding on a switch, for one dialect or all.
pub(super) fn commands(finding: &Finding, only: Option<Dialect>) -> Commands {
    if let Finding::Truncated {
        by: Cut::Capture, ..
    } = finding
    {
        return Commands::new(); // No switch did this.
    }
    let Some(mend) = TABLE.iter().find(|mend| mend.finding == finding.name()) else {
        return Commands::new();
    };
    let vlan = match finding {
        Finding::SilentVlan { vlan, .. } => vlan.to_string(),
        _ => "VLAN".to_owned(),
    };
    Dialect::ALL
        .into_iter()
        .filter(|dialect| only.is_none_or(|only| only == *dialect))
        .map(|dialect| (dialect.name(), mend.lines(dialect)))
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(name, lines)| {
            (
                name,
                lines.iter().map(|l| l.replace("VLAN", &vlan)).collect(),
            )
        })
        .collect()
}

/// What mends one finding. Lines that begin with blanks are typed within the one above.
struct Mend {
    finding: &'static str,
    ios: &'static [&'static str],
    nxos: &'static [&'static str],
    aruba: &'static [&'static str],
    aruba_switch: &'static [&'static str],
    junos: &'static [&'static str],
}

impl Mend {
    const fn lines(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Ios => self.ios,
            Dialect::Nxos => self.nxos,
            Dialect::Aruba => self.aruba,
            Dialect::ArubaSwitch => self.aruba_switch,
            Dialect::Junos => self.junos,
        }
    }
}

const TABLE: [Mend; 9] = [
    Mend {
        finding: "silent-span",
        ios: &[
            "show monitor session SESSION",
            "monitor session SESSION source interface SOURCE both",
            "monitor session SESSION destination interface PORT encapsulation replicate",
        ],
        // A session of NX-OS is made shut, and its destination has to be a monitor port.
        nxos: &[
            "show monitor session SESSION",
            "interface PORT",
            "  switchport",
            "  switchport monitor",
            "monitor session SESSION",
            "  source interface SOURCE both",
            "  destination interface PORT",
            "  no shut",
        ],
        // A session of AOS-CX is made disabled.
        aruba: &[
            "show mirror SESSION",
            "mirror session SESSION",
            "  source interface SOURCE both",
            "  destination interface PORT",
            "  enable",
        ],
        aruba_switch: &[
            "show monitor SESSION",
            "mirror SESSION port PORT",
            "interface SOURCE monitor all both mirror SESSION",
        ],
        junos: &[
            "show forwarding-options analyzer SESSION",
            "set forwarding-options analyzer SESSION input ingress interface SOURCE",
            "set forwarding-options analyzer SESSION input egress interface SOURCE",
            "set forwarding-options analyzer SESSION output interface PORT",
            "commit",
        ],
    },
    Mend {
        finding: "access-port",
        ios: &["monitor session SESSION destination interface PORT encapsulation replicate"],
        nxos: &[
            "interface PORT",
            "  switchport",
            "  switchport monitor",
            "monitor session SESSION",
            "  destination interface PORT",
            "  no shut",
        ],
        aruba: &[
            "mirror session SESSION",
            "  destination interface PORT",
            "  enable",
        ],
        aruba_switch: &["mirror SESSION port PORT"],
        junos: &[
            "set forwarding-options analyzer SESSION output interface PORT",
            "commit",
        ],
    },
    Mend {
        finding: "one-sided",
        ios: &["monitor session SESSION source interface SOURCE both"],
        nxos: &[
            "monitor session SESSION",
            "  source interface SOURCE both",
            "  no shut",
        ],
        aruba: &["mirror session SESSION", "  source interface SOURCE both"],
        aruba_switch: &["interface SOURCE monitor all both mirror SESSION"],
        junos: &[
            "set forwarding-options analyzer SESSION input ingress interface SOURCE",
            "set forwarding-options analyzer SESSION input egress interface SOURCE",
            "commit",
        ],
    },
    tags("tag-one-way"),
    tags("untagged"),
    vlan("silent-vlan"),
    vlan("nothing-medical"),
    Mend {
        finding: "duplicates",
        ios: &[
            "no monitor session SESSION source vlan VLAN both",
            "monitor session SESSION source vlan VLAN rx",
        ],
        nxos: &[
            "monitor session SESSION",
            "  no source interface SOURCE both",
            "  source interface SOURCE rx",
        ],
        // Said again with another direction, it is changed.
        aruba: &["mirror session SESSION", "  source interface SOURCE rx"],
        aruba_switch: &[
            "no interface SOURCE monitor all both mirror SESSION",
            "interface SOURCE monitor all in mirror SESSION",
        ],
        junos: &[
            "delete forwarding-options analyzer SESSION input egress",
            "commit",
        ],
    },
    Mend {
        finding: "truncated",
        // Only ERSPAN cuts there.
        ios: &[
            "monitor session SESSION type erspan-source",
            "  destination",
            "    mtu 9000",
        ],
        nxos: &["monitor session SESSION", "  no mtu"],
        aruba: &[],
        aruba_switch: &[],
        junos: &[],
    },
];

/// Where copies lose their tags. Catalysts strip them at the destination unless told otherwise;
/// elsewhere the copy is as the source has it, and an access port has none.
const fn tags(finding: &'static str) -> Mend {
    Mend {
        finding,
        ios: &["monitor session SESSION destination interface PORT encapsulation replicate"],
        nxos: &[
            "interface PORT",
            "  switchport",
            "  switchport mode trunk",
            "  switchport monitor",
            "monitor session SESSION",
            "  source interface TRUNK both",
            "  no shut",
        ],
        aruba: &["mirror session SESSION", "  source interface TRUNK both"],
        // Without `no-tag-added` at its end.
        aruba_switch: &[
            "no interface SOURCE monitor all both mirror SESSION",
            "interface SOURCE monitor all both mirror SESSION",
        ],
        junos: &[
            "set forwarding-options analyzer SESSION input ingress interface TRUNK",
            "set forwarding-options analyzer SESSION input egress interface TRUNK",
            "commit",
        ],
    }
}

/// A VLAN that is to be mirrored too. Nexus and EX switches take what enters a VLAN only. A session of
/// a Catalyst has ports or VLANs for its sources, not both, and of trunks it may filter VLANs.
const fn vlan(finding: &'static str) -> Mend {
    Mend {
        finding,
        ios: &[
            "show monitor session SESSION",
            "! if its sources are ports",
            "monitor session SESSION source interface TRUNK both",
            "no monitor session SESSION filter",
            "! if they are VLANs",
            "monitor session SESSION source vlan VLAN both",
        ],
        nxos: &[
            "show monitor session SESSION",
            "monitor session SESSION",
            "  source vlan VLAN",
            "  no shut",
        ],
        aruba: &[
            "show mirror SESSION",
            "mirror session SESSION",
            "  source interface TRUNK both",
        ],
        aruba_switch: &[
            "show monitor SESSION",
            "vlan VLAN monitor all both mirror SESSION",
        ],
        junos: &[
            "show forwarding-options analyzer SESSION",
            "set forwarding-options analyzer SESSION input ingress vlan VLAN",
            "commit",
        ],
    }
}

#[cfg(test)]
mod tests {
    use dataplane::span::Share;

    use super::*;

    #[test]
    fn missing_tags_are_mended_by_replication_on_a_catalyst() {
        let all = commands(&Finding::Untagged { frames: 48 }, None);
        let replicate =
            "monitor session SESSION destination interface PORT encapsulation replicate";
        assert_eq!(all["ios"], [replicate]);
        assert_eq!(all.len(), Dialect::ALL.len());
        let one = commands(&Finding::Untagged { frames: 48 }, Some(Dialect::Junos));
        assert_eq!(one.keys().collect::<Vec<_>>(), [&"junos"]);
    }

    #[test]
    fn a_vlan_that_is_known_is_named() {
        let silent = Finding::SilentVlan {
            vlan: 40,
            last: None,
        };
        let all = commands(&silent, None);
        assert!(
            all["ios"].contains(&"monitor session SESSION source vlan 40 both".to_owned()),
            "{all:?}"
        );
        assert!(all["junos"][1].ends_with("vlan 40"), "{all:?}");
    }

    #[test]
    fn what_no_switch_did_no_switch_mends() {
        let cut = |by| Finding::Truncated {
            share: Share::new(1, 2),
            by,
        };
        assert!(commands(&cut(Cut::Capture), None).is_empty());
        let mirror = commands(&cut(Cut::Mirror), None);
        assert_eq!(mirror.keys().collect::<Vec<_>>(), [&"ios", &"nxos"]);
        assert!(commands(&Finding::Checksums(Share::new(1, 2)), None).is_empty());
    }

    #[test]
    fn placeholders_are_those_that_are_explained() {
        let words = TABLE
            .iter()
            .flat_map(|mend| Dialect::ALL.map(|dialect| mend.lines(dialect)))
            .flat_map(|lines| lines.iter().flat_map(|line| line.split_whitespace()));
        for word in words.filter(|word| word.chars().all(|c| c.is_ascii_uppercase())) {
            let told = PLACEHOLDERS.split_whitespace().any(|one| one == word);
            assert!(told, "{word}");
        }
    }

    #[test]
    fn dialects_are_named_as_on_the_command_line() {
        for dialect in Dialect::ALL {
            let value = dialect.to_possible_value().unwrap();
            assert_eq!(value.get_name(), dialect.name());
        }
    }
}
