//! Pairs of addresses, and what each direction of them looks like.

use std::net::{IpAddr, Ipv6Addr};

use hashbrown::HashMap;

use super::finding::{Finding, Share};
use super::tally::is_established;
use crate::decode::{Ip, Packet, Transport};

/// Pairs that are told apart in one window, some 100 bytes each; packets of others are counted.
pub const PAIRS_MAX: usize = 16_384;

/// Segments in one direction without one in the other before a conversation counts as seen in half:
/// a window may begin or end between question and answer.
const SEGMENTS_MIN: u32 = 6;
/// Packets in each direction before their tags are compared.
const PACKETS_MIN: u32 = 2;

/// Two stations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ends {
    /// The one who speaks, where only one does.
    pub from: IpAddr,
    /// The other.
    pub to: IpAddr,
}

/// The lower address first, IPv4 mapped into IPv6.
type Key = (u128, u128);

/// The tag of one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Tag {
    #[default]
    Unseen,
    None,
    Vlan(u16),
    /// Now this, now that.
    Mixed,
}

#[derive(Clone, Copy, Debug, Default)]
struct Way {
    packets: u32,
    /// TCP segments of conversations that both sides agreed to.
    established: u32,
    tag: Tag,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    /// From the lower address, and from the higher.
    ways: [Way; 2],
    /// Whether this machine is none of both.
    foreign: bool,
}

#[derive(Default)]
pub(super) struct Pairs {
    table: HashMap<Key, Pair>,
    pub(super) left_out: u64,
}

impl Pairs {
    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.left_out = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn packet(&mut self, packet: &Packet, ip: &Ip, foreign: bool) {
        let (src, dest) = (bits(ip.src), bits(ip.dest));
        if src == dest {
            return; // A host that speaks with itself has no directions.
        }
        let key = (src.min(dest), src.max(dest));
        let full = self.table.len() >= PAIRS_MAX;
        let pair = match self.table.get_mut(&key) {
            Some(pair) => pair,
            None if full => {
                self.left_out = self.left_out.saturating_add(1);
                return;
            }
            None => self.table.entry(key).or_default(),
        };
        pair.foreign |= foreign;
        let [low, high] = &mut pair.ways;
        let way = if src <= dest { low } else { high };
        way.packets = way.packets.saturating_add(1);
        if let Transport::Tcp(tcp) = &ip.transport
            && is_established(tcp)
        {
            way.established = way.established.saturating_add(1);
        }
        let tag = match (packet.vlans, packet.vlan) {
            (0, _) => Tag::None,
            (_, [outer, ..]) => Tag::Vlan(outer),
        };
        way.tag = match way.tag {
            Tag::Unseen => tag,
            same if same == tag => tag,
            _ => Tag::Mixed,
        };
    }

    /// Whether two others are heard to speak with each other: what a switch floods is one direction.
    pub(super) fn are_overheard(&self) -> bool {
        self.table.values().any(|pair| {
            let [low, high] = pair.ways.map(|way| way.established);
            pair.foreign && low > 0 && high > 0
        })
    }

    /// How many pairs with established conversations show one direction only.
    pub(super) fn one_sided(&self) -> Option<Finding> {
        let mut half = 0_u64;
        let mut judged = 0_u64;
        let mut loudest: Option<(u32, Ends)> = None;
        for (key, pair) in &self.table {
            let [low, high] = pair.ways.map(|way| way.established);
            if low.saturating_add(high) < SEGMENTS_MIN {
                continue;
            }
            judged = judged.saturating_add(1);
            if low > 0 && high > 0 {
                continue;
            }
            half = half.saturating_add(1);
            let (segments, ends) = (low.max(high), ends(key, low > 0));
            if loudest.is_none_or(|(most, _)| segments > most) {
                loudest = Some((segments, ends));
            }
        }
        let (_, example) = loudest?;
        let pairs = Share::new(half, judged);
        (pairs.percent() >= 5).then_some(Finding::OneSided { pairs, example })
    }

    /// Pairs whose directions are tagged differently: one finding for each sort.
    pub(super) fn tags(&self) -> Vec<Finding> {
        let mut judged = 0_u64;
        let mut bare = Sort::default();
        let mut other = Sort::default();
        for (key, pair) in &self.table {
            let [low, high] = pair.ways;
            if low.packets < PACKETS_MIN || high.packets < PACKETS_MIN {
                continue;
            }
            judged = judged.saturating_add(1);
            match (low.tag, high.tag) {
                (Tag::Vlan(vlan), Tag::None) => bare.add((vlan, 0), ends(key, true)),
                (Tag::None, Tag::Vlan(vlan)) => bare.add((vlan, 0), ends(key, false)),
                (Tag::Vlan(a), Tag::Vlan(b)) if a != b => other.add((a, b), ends(key, true)),
                _ => {}
            }
        }
        let one = bare
            .told(judged)
            .map(|(pairs, (vlan, _), example)| Finding::TagOneWay {
                pairs,
                vlan,
                example,
            });
        let two = other
            .told(judged)
            .map(|(pairs, vlans, example)| Finding::VlansDiffer {
                pairs,
                vlans,
                example,
            });
        one.into_iter().chain(two).collect()
    }
}

/// Pairs of one sort, and the first of them in the order of their VLANs and addresses: a table has
/// no order of its own, and findings are to be the same each time.
#[derive(Default)]
struct Sort {
    pairs: u64,
    first: Option<((u16, u16), Ends)>,
}

impl Sort {
    fn add(&mut self, vlans: (u16, u16), ends: Ends) {
        self.pairs = self.pairs.saturating_add(1);
        let order = |(vlans, ends): ((u16, u16), Ends)| (vlans, ends.from, ends.to);
        if self
            .first
            .is_none_or(|first| order((vlans, ends)) < order(first))
        {
            self.first = Some((vlans, ends));
        }
    }

    fn told(&self, judged: u64) -> Option<(Share, (u16, u16), Ends)> {
        let (vlans, ends) = self.first?;
        let share = Share::new(self.pairs, judged);
        (share.percent() >= 5).then_some((share, vlans, ends))
    }
}

const fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

fn ends(&(low, high): &Key, low_speaks: bool) -> Ends {
    let [low, high] = [low, high].map(|bits| Ipv6Addr::from_bits(bits).to_canonical());
    if low_speaks {
        Ends {
            from: low,
            to: high,
        }
    } else {
        Ends {
            from: high,
            to: low,
        }
    }
}
