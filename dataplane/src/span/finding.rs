//! What is said of a mirror port: a name, how serious, in words, and what mends it.

use std::fmt;

use parsers::time::{NANOS_PER_SEC, Time};

use super::pairs::Ends;

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something is not seen, or not as it was.
    Warn,
    /// Nothing of use is seen.
    Fail,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Share {
    /// So many …
    pub part: u64,
    /// … of so many.
    pub whole: u64,
}

impl Share {
    /// So many of so many.
    #[must_use]
    pub const fn new(part: u64, whole: u64) -> Self {
        Self { part, whole }
    }

    /// Rounded down; 0 of nothing.
    #[must_use]
    pub fn percent(self) -> u64 {
        let hundred = self.part.saturating_mul(100);
        hundred.checked_div(self.whole).unwrap_or(0)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (part, whole) = (self.part, self.whole);
        match self.percent() {
            0 if part > 0 => write!(f, "{part} of {whole} (less than 1%)"),
            percent => write!(f, "{part} of {whole} ({percent}%)"),
        }
    }
}

/// Who cut frames.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// Whoever mirrors them.
    Mirror,
    /// Our own capture, or that of the recording.
    Capture,
}

/// One finding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finding {
    /// No frame at all.
    Silent {
        /// For so long, in nanoseconds.
        nanos: i64,
    },
    /// What reaches every port of a switch, and hardly anything else: no mirror.
    AccessPort {
        /// Frames with an Ethernet header …
        frames: u64,
        /// … and those from one other station to another.
        foreign: u64,
    },
    /// Conversations that show one direction only.
    OneSided {
        /// Of the address pairs with established TCP.
        pairs: Share,
        /// One of them.
        example: Ends,
    },
    /// Conversations that are tagged in one direction and not in the other.
    TagOneWay {
        /// Of the address pairs that show both directions.
        pairs: Share,
        /// A VLAN that is missing on the way back.
        vlan: u16,
        /// Who is tagged with it, and to whom.
        example: Ends,
    },
    /// Conversations whose directions are in different VLANs.
    VlansDiffer {
        /// Of the address pairs that show both directions.
        pairs: Share,
        /// There and back.
        vlans: (u16, u16),
        /// Between whom.
        example: Ends,
    },
    /// A VLAN that ought to be heard, and is not.
    SilentVlan {
        /// Which.
        vlan: u16,
        /// When it was heard last, if ever.
        last: Option<Time>,
    },
    /// No VLAN tag at all, where VLANs are expected.
    Untagged {
        /// Frames seen.
        frames: u64,
    },
    /// Packets that come twice.
    Duplicates(Share),
    /// Frames that are shorter than their headers say.
    Truncated {
        /// Of all frames.
        share: Share,
        /// By whom.
        by: Cut,
    },
    /// Frames longer than 1514 bytes and their tags.
    Giants {
        /// Of all frames.
        share: Share,
        /// Bytes of the longest.
        longest: u32,
        /// Whether an offload glued some of them together.
        merged: bool,
    },
    /// Wrong checksums: they were left to an adapter behind the point of capture.
    Checksums(Share),
    /// Frames that cannot be read.
    Unreadable(Share),
    /// Traffic in a tunnel.
    Encapsulated {
        /// Which, as `vxlan` or `erspan2`.
        kind: &'static str,
        /// Of all frames.
        share: Share,
    },
    /// Conversations, but none of a medical protocol.
    NothingMedical {
        /// Frames seen.
        frames: u64,
    },
}

impl Finding {
    /// Its name, for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Silent { .. } => "silent-span",
            Self::AccessPort { .. } => "access-port",
            Self::OneSided { .. } => "one-sided",
            Self::TagOneWay { .. } => "tag-one-way",
            Self::VlansDiffer { .. } => "vlans-differ",
            Self::SilentVlan { .. } => "silent-vlan",
            Self::Untagged { .. } => "untagged",
            Self::Duplicates(_) => "duplicates",
            Self::Truncated { .. } => "truncated",
            Self::Giants { .. } => "giants",
            Self::Checksums(_) => "checksums",
            Self::Unreadable(_) => "unreadable",
            Self::Encapsulated { .. } => "encapsulated",
            Self::NothingMedical { .. } => "nothing-medical",
        }
    }

    /// How serious it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Silent { .. } | Self::AccessPort { .. } => Severity::Fail,
            // A few one-sided pairs are asymmetric routes; most of them are a one-sided mirror.
            Self::OneSided { pairs, .. } if pairs.percent() < MOST => Severity::Note,
            Self::OneSided { .. }
            | Self::TagOneWay { .. }
            | Self::SilentVlan { .. }
            | Self::Untagged { .. }
            | Self::Duplicates(_)
            | Self::Truncated { .. }
            | Self::Unreadable(_)
            | Self::Giants { merged: true, .. } => Severity::Warn,
            Self::VlansDiffer { .. }
            | Self::Giants { .. }
            | Self::Checksums(_)
            | Self::Encapsulated { .. }
            | Self::NothingMedical { .. } => Severity::Note,
        }
    }

    /// What mends it: the command, or what to do on the switch, whose commands differ by vendor.
    #[must_use]
    pub fn fix(&self, interface: &str) -> String {
        match self {
            Self::Silent { .. } => format!(
                "on the switch: is this port the session's destination, and are its sources up? here: \
                 ip -s link show dev {interface}"
            ),
            Self::AccessPort { .. } => "on the switch: make the port that this cable goes to the \
                                        destination of a mirror session"
                .to_owned(),
            Self::OneSided { .. } => {
                "on the switch: mirror both directions of each source".to_owned()
            }
            Self::TagOneWay { .. } => {
                "on the switch: keep tags in both directions; flow.vlan_in_key: auto copes with it \
                 meanwhile"
                    .to_owned()
            }
            Self::VlansDiffer { .. } => "in the configuration: flow: {vlan_in_key: no}".to_owned(),
            Self::SilentVlan { vlan, .. } => {
                format!("on the switch: add VLAN {vlan}, or a trunk that has it, to the sources")
            }
            Self::Untagged { .. } => "on the switch: keep tags at the session's destination, or \
                                      mirror a trunk in the place of access ports"
                .to_owned(),
            Self::Duplicates(_) => {
                "on the switch: mirror what enters only, since what enters one port leaves another; \
                 flow.duplicates: remove copes with it meanwhile"
                    .to_owned()
            }
            Self::Truncated {
                by: Cut::Mirror, ..
            } => "on the switch: no truncation within the mirror session".to_owned(),
            Self::Truncated {
                by: Cut::Capture, ..
            } => "in the configuration: capture: {snaplen: 65535}; of recordings: tcpdump -s 0".to_owned(),
            Self::Giants { merged: true, .. } => {
                format!("sudo ethtool -K {interface} gro off lro off (and tso off gso off on a virtual peer)")
            }
            Self::Giants { longest, .. } => format!(
                "sudo ip link set dev {interface} mtu {}",
                longest.saturating_sub(14).max(9000)
            ),
            Self::Checksums(_) => "in the configuration: flow: {checksums: false}".to_owned(),
            Self::Unreadable(_) => format!("sudo tcpdump -c 20 -eni {interface}"),
            Self::Encapsulated { .. } => String::new(),
            Self::NothingMedical { .. } => {
                "on the switch: mirror the VLANs of modalities, archives, interface engines and pumps"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { nanos } => write!(f, "silent SPAN: no frame in {}", seconds(*nanos)),
            Self::AccessPort { frames, foreign } => write!(
                f,
                "no SPAN but a plain access port: of {frames} frames {foreign} go from one other \
                 station to another, the rest is broadcast, multicast or for this machine"
            ),
            Self::OneSided { pairs, example } => one_sided(f, *pairs, *example),
            Self::TagOneWay {
                pairs,
                vlan,
                example: Ends { from, to },
            } => write!(
                f,
                "a tag in one direction only: VLAN {vlan} from {from} to {to}, none on the way back; \
                 so with {pairs} address pairs"
            ),
            Self::VlansDiffer {
                pairs,
                vlans: (there, back),
                example: Ends { from, to },
            } => write!(
                f,
                "the directions are in different VLANs: {there} from {from} to {to}, {back} on the \
                 way back; so with {pairs} address pairs"
            ),
            Self::SilentVlan { vlan, last } => silent_vlan(f, *vlan, *last),
            Self::Untagged { frames } => write!(
                f,
                "no tags seen: the SPAN lacks `encapsulation replicate`, or its sources are access \
                 ports; none of {frames} frames has a tag, though VLANs are expected"
            ),
            Self::Duplicates(share) => {
                write!(
                    f,
                    "double mirroring: {share} packets came twice within 20 ms"
                )
            }
            Self::Truncated { share, by } => {
                let by = match by {
                    Cut::Mirror => "before they came here: whoever mirrors them truncates",
                    Cut::Capture => "by the capture's snap length",
                };
                write!(f, "truncated frames: {share} are cut {by}")
            }
            Self::Giants {
                share,
                longest,
                merged,
            } => giants(f, *share, *longest, *merged),
            Self::Checksums(share) => write!(
                f,
                "wrong checksums: {share} packets looked at; they are left to an adapter behind the \
                 point of capture, as virtual switches do"
            ),
            Self::Unreadable(share) => write!(f, "unreadable: {share} frames make no sense"),
            Self::Encapsulated { kind, share } => {
                write!(f, "{share} frames come in {kind}; it is taken off")
            }
            Self::NothingMedical { frames } => write!(
                f,
                "no DICOM and no HL7 among {frames} frames: perhaps nobody spoke it, perhaps the \
                 mirror has the wrong sources"
            ),
        }
    }
}

fn one_sided(f: &mut fmt::Formatter<'_>, pairs: Share, Ends { from, to }: Ends) -> fmt::Result {
    if pairs.percent() < MOST {
        return write!(
            f,
            "some conversations show one direction only: {pairs} address pairs, such as {from} to \
             {to} (an asymmetric route, or a source that is mirrored in one direction)"
        );
    }
    write!(
        f,
        "one-sided SPAN: {pairs} address pairs show one direction only; {from} speaks to {to} and \
         is never answered"
    )
}

fn silent_vlan(f: &mut fmt::Formatter<'_>, vlan: u16, last: Option<Time>) -> fmt::Result {
    write!(f, "silent VLAN: nothing of VLAN {vlan}")?;
    let Some(last) = last else {
        return Ok(());
    };
    let mut when = Vec::new();
    rules::eve::timestamp(last, &mut when);
    write!(f, " since {}", String::from_utf8_lossy(&when))
}

fn giants(f: &mut fmt::Formatter<'_>, share: Share, longest: u32, merged: bool) -> fmt::Result {
    let why = if merged {
        "some were glued together by an offload (GRO, LRO, TSO)"
    } else {
        "jumbo frames, or headers that the mirror adds"
    };
    write!(
        f,
        "giant frames: {share} are longer than 1514 bytes, the longest {longest}; {why}"
    )
}

fn seconds(nanos: i64) -> String {
    let tenths = nanos.checked_div(NANOS_PER_SEC / 10).unwrap_or(0);
    format!("{}.{} s", tenths.div_euclid(10), tenths.rem_euclid(10))
}

/// From this percentage of one-sided address pairs on, it is the mirror.
const MOST: u64 = 50;
