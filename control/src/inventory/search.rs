//! Devices looked for: filters, orders, and pages that stay whole while devices come and go.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

use rules::correlate::inventory::{Asset, Attribute, Key, Listed};

use super::devices::{Known, Now};

/// What is looked for. Of a list one has to hold, of the parts all; empty is everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Words, each of them somewhere in what is known.
    pub text: String,
    /// Wards or departments.
    pub units: Vec<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// How much depends on it.
    pub criticalities: Vec<String>,
    /// Protocols that it speaks.
    pub protocols: Vec<String>,
    /// VLANs.
    pub vlans: Vec<u16>,
    /// Addresses that it has or had.
    pub ips: Vec<IpAddr>,
    /// Whether it is in the list.
    pub listed: Option<bool>,
    /// Whether the list says that a life depends on it.
    pub life_support: Option<bool>,
    /// Whether the list says, or leaves open, that cutting it off may hurt somebody.
    pub do_not_isolate: Option<bool>,
    /// First seen at this time, in nanoseconds, or later.
    pub new_since: Option<i64>,
    /// Last seen at this time, in nanoseconds, or later.
    pub seen_since: Option<i64>,
}

impl Filter {
    fn fits(&self, known: &Known<'_>) -> bool {
        let (asset, listed) = (known.asset, known.listed);
        let any_of = |wanted: &[String], has: &dyn Fn(&String) -> bool| {
            wanted.is_empty() || wanted.iter().any(has)
        };
        let unit = listed.map_or("", |l| &l.unit);
        let criticality = listed.map_or("", |l| &l.criticality);
        let is = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
        let had = |ip: &IpAddr| {
            let ip = ip.to_string();
            asset.values(Attribute::Address).any(|had| had == ip)
        };
        is(self.listed, listed.is_some())
            && is(
                self.life_support,
                listed.is_some_and(|l| l.life_support == Some(true)),
            )
            && is(self.do_not_isolate, listed.is_none_or(Listed::must_stay))
            && self.new_since.is_none_or(|since| asset.first_seen >= since)
            && self.seen_since.is_none_or(|since| asset.last_seen >= since)
            && any_of(&self.units, &|wanted| wanted == unit)
            && any_of(&self.criticalities, &|wanted| wanted == criticality)
            && any_of(&self.roles, &|role| {
                listed.is_some_and(|l| l.roles.contains(role))
            })
            && any_of(&self.protocols, &|app| {
                asset.peers.iter().any(|peer| peer.app == **app)
            })
            && (self.vlans.is_empty() || self.vlans.contains(&asset.key.vlan()))
            && (self.ips.is_empty() || self.ips.iter().any(|ip| asset.ip == Some(*ip) || had(ip)))
            && has_words(&self.text, known)
    }
}

/// Whether every word is somewhere in what is known.
fn has_words(words: &str, known: &Known<'_>) -> bool {
    if words.trim().is_empty() {
        return true;
    }
    let mut text = known.asset.key.to_string();
    let mut add = |part: &str| {
        text.push('\n');
        text.push_str(part);
    };
    if let Some(mac) = known.asset.mac() {
        let mac: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        add(&mac.join(":"));
    }
    known.asset.ip.iter().for_each(|ip| add(&ip.to_string()));
    add(known.asset.vendor().unwrap_or_default());
    known.asset.facts.iter().for_each(|fact| add(&fact.value));
    known.asset.peers.iter().for_each(|peer| add(&peer.app));
    if let Some(l) = known.listed {
        [
            &l.name,
            &l.owner,
            &l.phone,
            &l.unit,
            &l.criticality,
            &l.serial,
        ]
        .into_iter()
        .chain(&l.roles)
        .for_each(|part| add(part));
    }
    let text = text.to_lowercase();
    let words = words.to_lowercase();
    words.split_whitespace().all(|word| text.contains(word))
}

/// By what devices are ordered; those alike by their keys.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum By {
    /// What they are known by.
    #[default]
    Id,
    /// What the hospital calls them; those without a name last.
    Name,
    /// Their addresses.
    Ip,
    /// Manufacturer and model, or the vendor of the Ethernet address.
    Make,
    /// What they were seen to do.
    Does,
    /// Ward or department; those without one last.
    Unit,
    /// What they are for, by the list.
    Role,
    /// Protocols that they speak.
    Protocols,
    /// When they were seen first.
    FirstSeen,
    /// When they were seen last.
    LastSeen,
}

/// An order, up or down.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Order {
    /// By what.
    pub by: By,
    /// Whether the last come first.
    pub down: bool,
}

impl By {
    /// All of them, with their words.
    pub const ALL: [(&'static str, Self); 10] = [
        ("id", Self::Id),
        ("name", Self::Name),
        ("ip", Self::Ip),
        ("make", Self::Make),
        ("does", Self::Does),
        ("unit", Self::Unit),
        ("role", Self::Role),
        ("protocols", Self::Protocols),
        ("first_seen", Self::FirstSeen),
        ("last_seen", Self::LastSeen),
    ];

    /// What is compared, as text; of devices alike their addresses, as numbers.
    fn rank(self, known: &Known<'_>) -> String {
        let (asset, listed) = (known.asset, known.listed);
        let or_last = |text: &str| match text {
            "" => "\u{10ffff}".to_owned(),
            text => text.to_lowercase(),
        };
        let time = |nanos: i64| format!("{:020}", nanos.max(0));
        let rank = match self {
            Self::Id => return String::new(),
            Self::Ip => String::new(),
            Self::Name => or_last(listed.map_or("", |l| &l.name)),
            Self::Unit => or_last(listed.map_or("", |l| &l.unit)),
            Self::Make => or_last(make(asset)),
            Self::Does => or_last(asset.values(Attribute::Function).next().unwrap_or_default()),
            Self::Role => or_last(listed.and_then(|l| l.roles.first()).map_or("", |r| r)),
            Self::Protocols => or_last(asset.peers.first().map_or("", |peer| &peer.app)),
            Self::FirstSeen => time(asset.first_seen),
            Self::LastSeen => time(asset.last_seen),
        };
        format!("{rank} {}", number(asset.ip))
    }
}

/// An address as text that sorts as the number does; none is last.
fn number(ip: Option<IpAddr>) -> String {
    match ip {
        Some(IpAddr::V4(ip)) => format!("4{:08x}", u32::from(ip)),
        Some(IpAddr::V6(ip)) => format!("6{:032x}", u128::from(ip)),
        None => "7".to_owned(),
    }
}

fn make(asset: &Asset) -> &str {
    let said = asset.single(Attribute::Manufacturer);
    said.or_else(|| asset.single(Attribute::Model))
        .or_else(|| asset.vendor())
        .unwrap_or_default()
}

impl Order {
    /// From a word, with `-` before it where the last come first.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let (down, word) = match word.strip_prefix('-') {
            Some(word) => (true, word),
            None => (false, word),
        };
        let found = By::ALL.into_iter().find(|(known, _)| *known == word);
        found.map(|(_, by)| Self { by, down })
    }

    fn compare(self, (a, a_key): (&str, Key), (b, b_key): (&str, Key)) -> Ordering {
        let order = a.cmp(b).then_with(|| a_key.cmp(&b_key));
        if self.down { order.reverse() } else { order }
    }
}

/// Devices that were found.
#[derive(Debug)]
pub struct Page<'a> {
    /// The devices, in their order.
    pub devices: Vec<Known<'a>>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// What the filter finds.
    pub found: Found,
}

/// What a filter finds, counted.
#[derive(Debug, Default)]
pub struct Found {
    /// All of it.
    pub devices: usize,
    /// By ward or department.
    pub units: BTreeMap<String, u64>,
    /// By role.
    pub roles: BTreeMap<String, u64>,
    /// By protocol.
    pub protocols: BTreeMap<String, u64>,
    /// By VLAN.
    pub vlans: BTreeMap<String, u64>,
}

impl Found {
    fn of(all: &[(String, Known<'_>)]) -> Self {
        let mut found = Self {
            devices: all.len(),
            ..Self::default()
        };
        let add = |map: &mut BTreeMap<String, u64>, word: &str| {
            if !word.is_empty() {
                let count = map.entry(word.to_owned()).or_default();
                *count = count.saturating_add(1);
            }
        };
        for (_, known) in all {
            if let Some(listed) = known.listed {
                add(&mut found.units, &listed.unit);
                listed
                    .roles
                    .iter()
                    .for_each(|role| add(&mut found.roles, role));
            }
            let mut apps: Vec<&str> = known.asset.peers.iter().map(|peer| &*peer.app).collect();
            apps.sort_unstable();
            apps.dedup();
            apps.into_iter()
                .for_each(|app| add(&mut found.protocols, app));
            match known.asset.key.vlan() {
                0 => {}
                vlan => add(&mut found.vlans, &vlan.to_string()),
            }
        }
        found
    }
}

/// A page of devices after a place, which is `next` of the page before. The place is where a device
/// stood and not the device: devices that come or go meanwhile neither repeat others nor hide them.
#[must_use]
pub fn page<'a>(
    now: &'a Now,
    filter: &Filter,
    order: Order,
    after: Option<&str>,
    limit: usize,
) -> Page<'a> {
    let fitting = now.all().filter(|known| filter.fits(known));
    let mut all: Vec<(String, Known<'a>)> = fitting
        .map(|known| (order.by.rank(&known), known))
        .collect();
    let place = |one: &(String, Known<'a>)| one.1.asset.key;
    all.sort_unstable_by(|a, b| order.compare((&a.0, place(a)), (&b.0, place(b))));
    let found = Found::of(&all);
    let after = after.and_then(|after| after.split_once('~'));
    let begins = after
        .and_then(|(id, rank)| Some((rank, id.parse().ok()?)))
        .map_or(0, |after| {
            all.partition_point(|one| order.compare((&one.0, place(one)), after).is_le())
        });
    let rest = all.get(begins..).unwrap_or_default();
    let shown = rest.get(..limit).unwrap_or(rest);
    let next = shown.last().filter(|_| rest.len() > shown.len());
    Page {
        devices: shown.iter().map(|(_, known)| *known).collect(),
        next: next.map(|(rank, known)| format!("{}~{rank}", known.asset.key)),
        found,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{inventory, testing};

    fn now() -> Now {
        let list = "name,role,unit,mac\nCT 1,modality,Radiology,00:09:fb:01:01:01\n";
        let list = inventory::parse("l.csv", list, Default::default()).unwrap();
        Now::new(Arc::new(testing::inventory()), list.list)
    }

    fn ids(filter: &Filter, order: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        let now = now();
        let page = page(&now, filter, Order::of_word(order).unwrap(), after, limit);
        let ids = page.devices.iter().map(|known| known.asset.key.to_string());
        ids.chain(page.next).collect()
    }

    const CT: &str = "mac-0009fb010101-30";
    const OTHER: &str = "mac-020000000002-30";

    #[test]
    fn each_order_has_pages_that_follow_each_other() {
        for (order, first, second) in [
            ("id", CT, OTHER),
            ("-id", OTHER, CT),
            ("name", CT, OTHER),
            ("-last_seen", CT, OTHER),
            ("-ip", OTHER, CT),
        ] {
            let page = ids(&Filter::default(), order, None, 1);
            assert_eq!(page[0], first, "{order}");
            let rest = ids(&Filter::default(), order, Some(&page[1]), 1);
            assert_eq!(rest, [second], "{order}");
        }
    }

    #[test]
    fn addresses_are_sorted_as_numbers() {
        let mut all = testing::inventory();
        let routed = all.assets.pop().unwrap();
        all.assets = ["10.0.0.2", "10.0.0.10", "10.0.1.1", "2001:db8::9"]
            .map(|ip| {
                let mut asset = routed.clone();
                asset.ip = ip.parse().ok();
                asset.key = Key::Ip(ip.parse().unwrap());
                asset
            })
            .into();
        let now = Now::new(Arc::new(all), Arc::default());
        for (by, _) in By::ALL {
            let order = Order::of_word(by).unwrap();
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = page(&now, &Filter::default(), order, after.as_deref(), 1);
                seen.extend(page.devices.iter().map(|one| one.asset.key.to_string()));
                let Some(next) = page.next else { break };
                after = Some(next);
            }
            let sorted = [
                "ip-10.0.0.2",
                "ip-10.0.0.10",
                "ip-10.0.1.1",
                "ip-2001:db8::9",
            ];
            assert_eq!(seen, sorted, "{by}");
        }
    }

    #[test]
    fn filters_hold_together() {
        let find = |filter: Filter| ids(&filter, "id", None, 9);
        let text = |text: &str| Filter {
            text: text.to_owned(),
            ..Filter::default()
        };
        assert_eq!(find(text("radiology SCANNER")), [CT]);
        assert_eq!(find(text("00:09:fb")), [CT]);
        assert_eq!(find(text("nosuchword")), [""; 0]);
        let of = |listed| Filter {
            listed: Some(listed),
            ..Filter::default()
        };
        assert_eq!(find(of(false)), [OTHER]);
        let both = Filter {
            ips: vec![[10, 0, 0, 2].into()],
            ..Filter::default()
        };
        assert_eq!(
            find(both.clone()),
            [CT, OTHER],
            "who has it, and who had it"
        );
        let dicom = Filter {
            protocols: vec!["dicom".to_owned()],
            ..both
        };
        assert_eq!(find(dicom), [CT]);
        let new = Filter {
            new_since: Some(1_500),
            ..Filter::default()
        };
        assert_eq!(find(new), [OTHER]);
    }
}
