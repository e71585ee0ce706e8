//! `asset` events: a device once it has been watched for some seconds, later what is new of it.

use std::sync::Arc;

use parsers::event::{Direction, Endpoint, Envelope, Event, VLANS_MAX, Value};
use parsers::kinds::asset as kind;
use parsers::time::{NANOS_PER_SEC, Time};

use super::asset::{Asset, Attribute};
use super::view::View;
use super::{Inventory, News, oui};
use crate::Ruleset;
use crate::correlate::{Correlator, Out};
use crate::eve::timestamp;

/// How long a device is watched before it is told of: its names, its services, and whether an
/// Ethernet address is a router's show in its first seconds.
pub(super) const SETTLE_NS: i64 = 10 * NANOS_PER_SEC;
/// Devices told of in one second of packet time; the others wait for the next. A sweep of a
/// network is no flood of events.
const NEW_PER_SECOND: usize = 64;
/// Devices told of when everything ends; more are in the snapshot all the same.
const LAST_MAX: usize = 4096;
/// Changes told in one second, whatever the device.
const CHANGES_PER_SECOND: u32 = 64;
/// Changes of one device told in an hour: an archive learns names all day.
const CHANGES_PER_HOUR: u32 = 32;
const HOUR_NS: i64 = 3600 * NANOS_PER_SEC;

/// The lists in an event, each with what it holds.
const LISTS: [(Attribute, parsers::catalogue::FieldIx); 7] = [
    (Attribute::Address, kind::ADDRESSES),
    (Attribute::AeTitle, kind::AE_TITLES),
    (Attribute::Application, kind::APPLICATIONS),
    (Attribute::Facility, kind::FACILITIES),
    (Attribute::Function, kind::FUNCTIONS),
    (Attribute::Service, kind::SERVICES),
    (Attribute::Device, kind::DEVICES),
];

const SINGLES: [(Attribute, parsers::catalogue::FieldIx); 5] = [
    (Attribute::Manufacturer, kind::MANUFACTURER),
    (Attribute::Model, kind::MODEL),
    (Attribute::Serial, kind::SERIAL),
    (Attribute::Software, kind::SOFTWARE),
    (Attribute::Station, kind::STATION),
];

impl Inventory {
    /// The devices that are due to be told of now, at most so many.
    fn due(&mut self, now: i64, most: usize) -> Vec<Asset> {
        let mut due = Vec::new();
        while due.len() < most
            && let Some((at, key)) = self.settling.first().copied()
            && at <= now
        {
            self.settling.pop_first();
            let known = self.known.peek_mut(&key);
            let asset = match known {
                Some(asset) => Some(asset),
                None => self.seen.peek_mut(&key),
            };
            if let Some(asset) = asset.filter(|asset| !asset.told) {
                asset.told = true;
                due.push(asset.clone());
            }
        }
        due
    }

    /// What is new of devices, each with the device as it is now; what one device may not tell
    /// in this hour any more is counted.
    fn news(&mut self, now: i64) -> Vec<(News, Asset)> {
        let mut told = Vec::new();
        for news in std::mem::take(&mut self.news) {
            let asset = match self.known.peek_mut(&news.key) {
                Some(asset) => Some(asset),
                None => self.seen.peek_mut(&news.key),
            };
            let Some(asset) = asset else {
                continue;
            };
            let second = Time(now).secs();
            let (since, changes) = &mut self.changes;
            if *since != second {
                (*since, *changes) = (second, 0);
            }
            if *changes < CHANGES_PER_SECOND && asset.may_change(now) {
                *changes = changes.saturating_add(1);
                told.push((news, asset.clone()));
            } else {
                self.untold = self.untold.saturating_add(1);
            }
        }
        told
    }
}

impl Asset {
    fn may_change(&mut self, now: i64) -> bool {
        let (since, count) = &mut self.changes;
        if *count == 0 || now.saturating_sub(*since) >= HOUR_NS {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= CHANGES_PER_HOUR
    }
}

impl Correlator {
    /// Packet time went on: tells of devices that have been watched long enough.
    pub(in crate::correlate) fn tell_settled(&mut self, out: &mut Out) {
        let now = self.now;
        self.tell_new(now, NEW_PER_SECOND, out);
    }

    /// Nothing will come any more: tells of the devices that nothing has told of.
    pub(in crate::correlate) fn tell_rest(&mut self, out: &mut Out) {
        self.tell_new(i64::MAX, LAST_MAX, out);
        let left = u64::try_from(self.inventory.settling.len()).unwrap_or(u64::MAX);
        self.inventory.untold = self.inventory.untold.saturating_add(left);
        self.inventory.settling.clear();
    }

    fn tell_new(&mut self, now: i64, most: usize, out: &mut Out) {
        let Some(ruleset) = self.ruleset().map(Arc::clone) else {
            return;
        };
        for asset in self.inventory.due(now, most) {
            self.tell_asset(&asset, None, &ruleset, out);
        }
    }

    /// Tells what the last event said that is new of devices which were told of before.
    pub(in crate::correlate) fn tell_news(&mut self, ruleset: &Ruleset, out: &mut Out) {
        if self.inventory.news.is_empty() {
            return;
        }
        for (news, asset) in self.inventory.news(self.now) {
            self.tell_asset(&asset, Some(&news), ruleset, out);
        }
    }

    fn tell_asset(&mut self, asset: &Asset, news: Option<&News>, ruleset: &Ruleset, out: &mut Out) {
        let device = Endpoint {
            ip: asset.ip,
            port: None,
            mac: asset.mac(),
        };
        let mut vlan = [0; VLANS_MAX];
        let [outermost, ..] = &mut vlan;
        *outermost = asset.key.vlan();
        let envelope = Envelope {
            frame: asset.frame,
            time: Time(self.now),
            interface: asset.interface,
            vlans: u8::from(*outermost != 0),
            vlan,
            src: device,
            ..Envelope::default()
        };
        let list = Arc::clone(&ruleset.assets);
        let view = View {
            asset: Some(asset),
            listed: list.find(asset.mac(), asset.ip, Some(asset)),
            has_list: !list.is_empty(),
            ip: asset.ip,
            now: self.now,
        };
        let lists: Vec<Vec<Value<'_>>> = LISTS
            .iter()
            .map(|(attribute, _)| asset.values(*attribute).map(Value::from).collect())
            .collect();
        let stamp = |time| {
            let mut text = Vec::new();
            timestamp(Time(time), &mut text);
            text
        };
        let times = [stamp(asset.first_seen), stamp(asset.last_seen)];
        let id = asset.key.to_string();
        let roles = view.listed.map_or(&[][..], |listed| &listed.roles);
        let roles: Vec<Value<'_>> = roles.iter().map(|role| role.as_str().into()).collect();
        let mut event = Event::new(&kind::KIND, Direction::ToServer);
        if !roles.is_empty() {
            event.set(kind::ROLES, roles.as_slice());
        }
        event.set(kind::ID, id.as_str());
        let [first, last] = &times;
        event.set(kind::FIRST_SEEN, first.as_slice());
        event.set(kind::LAST_SEEN, last.as_slice());
        for ((_, field), values) in LISTS.iter().zip(&lists) {
            if !values.is_empty() {
                event.set(*field, values.as_slice());
            }
        }
        describe(&mut event, &view);
        told(&mut event, news);
        self.made(&event, &envelope, ruleset, true, out);
    }
}

/// What a device is.
fn describe<'a>(event: &mut Event<'a>, view: &View<'a>) {
    if let Some(asset) = view.asset {
        event.set_opt(kind::IP, asset.ip);
        event.set_opt(kind::MAC, asset.mac());
        event.set_opt(kind::RANDOM_MAC, asset.mac().map(oui::is_local));
        event.set_opt(kind::VENDOR, asset.vendor());
        if asset.router {
            event.set(kind::ROUTER, true);
        }
        for (attribute, field) in SINGLES {
            event.set_opt(field, asset.single(attribute));
        }
    }
    if let Some(listed) = view.listed {
        let name = Some(listed.name.as_str());
        event.set_opt(kind::NAME, name.filter(|name| !name.is_empty()));
    }
    if view.has_list {
        event.set(kind::KNOWN, view.listed.is_some());
    }
}

/// Why it is told.
fn told<'a>(event: &mut Event<'a>, news: Option<&'a News>) {
    event.set(kind::EVENT, if news.is_some() { "changed" } else { "new" });
    if let Some(news) = news {
        event.set(kind::ATTRIBUTE, news.attribute.word());
        event.set(kind::VALUE, &*news.value);
        event.set_opt(kind::PREVIOUS, news.previous.as_deref());
        event.set(kind::SOURCE, news.source);
    }
}
