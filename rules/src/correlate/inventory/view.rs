//! A device as rules and alerts see it: what was learnt of it, and what the imported list says.

use std::net::IpAddr;

use parsers::catalogue::{FieldIx, Type};
use parsers::event::{Endpoint, Envelope, Value};
use parsers::json::{display, text};

use super::{Asset, Attribute, Inventory, List, Listed};
use crate::rule::Side;

/// A device at one end of an event.
#[derive(Clone, Copy, Debug, Default)]
pub struct View<'a> {
    /// What was learnt of it.
    pub asset: Option<&'a Asset>,
    /// What the list says of it.
    pub listed: Option<&'a Listed>,
    /// Whether there is a list.
    pub has_list: bool,
    /// The address in the event.
    pub ip: Option<IpAddr>,
    /// Packet time.
    pub now: i64,
}

/// The devices at both ends of an event.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sides<'a> {
    src: View<'a>,
    dest: View<'a>,
}

impl Sides<'_> {
    /// Of nobody.
    pub(crate) const NONE: Sides<'static> = Sides {
        src: View::NONE,
        dest: View::NONE,
    };
}

impl<'a> Sides<'a> {
    pub(crate) const fn of(&self, side: Side) -> &View<'a> {
        match side {
            Side::Src => &self.src,
            Side::Dest => &self.dest,
        }
    }
}

impl Inventory {
    /// The devices at both ends of an event.
    pub(in crate::correlate) fn sides<'a>(
        &'a self,
        envelope: &Envelope,
        list: &'a List,
        now: i64,
    ) -> Sides<'a> {
        let view = |end: &Endpoint| {
            let key = self.key(envelope, end);
            let asset = key.and_then(|key| self.get(&key));
            View {
                asset,
                listed: list.find(key.and_then(|key| key.mac()), end.ip, asset),
                has_list: !list.is_empty(),
                ip: end.ip,
                now,
            }
        };
        Sides {
            src: view(&envelope.src),
            dest: view(&envelope.dest),
        }
    }
}

/// A field that rules may name after `asset.src.` and `asset.dest.`.
#[derive(Debug)]
pub struct Field {
    /// Its name after the side.
    pub name: &'static str,
    /// Its name with each side: of the sender, of the receiver.
    pub paths: [&'static str; 2],
    /// What values it takes.
    pub ty: Type,
    /// One line for people.
    pub doc: &'static str,
    /// Gives its values until one is taken; says whether one was.
    pub each: fn(&View<'_>, Take<'_>) -> bool,
}

/// Takes values until it says true.
pub type Take<'t> = &'t mut dyn FnMut(Value<'_>) -> bool;

macro_rules! fields {
    ($($name:literal : $ty:ident, $doc:literal, $each:expr;)*) => {
        &[$(Field {
            name: $name,
            paths: [concat!("asset.src.", $name), concat!("asset.dest.", $name)],
            ty: Type::$ty,
            doc: $doc,
            each: $each,
        },)*]
    };
}

/// Every field of a device.
pub static FIELDS: &[Field] = fields! {
    "id": Text, "what the inventory knows the device by", |v, take| match v.asset {
        Some(asset) => take(asset.key.to_string().as_str().into()),
        None => false,
    };
    "known": Bool, "whether it is in the imported list; absent without a list", |v, take| {
        v.has_list && take(Value::Bool(v.listed.is_some()))
    };
    "name": Text, "its name in the list", |v, take| v.listed(|l| &l.name, take);
    "role": TextList, "its roles in the list, as pump_server", |v, take| {
        v.listed.is_some_and(|l| l.roles.iter().any(|role| take(role.as_str().into())))
    };
    "owner": Text, "who answers for it, by the list", |v, take| v.listed(|l| &l.owner, take);
    "phone": Text, "whom to call about it, by the list", |v, take| v.listed(|l| &l.phone, take);
    "unit": Text, "its ward or department, by the list", |v, take| v.listed(|l| &l.unit, take);
    "criticality": Text, "how much depends on it, by the list", |v, take| {
        v.listed(|l| &l.criticality, take)
    };
    "life_support": Bool, "whether a life depends on it, by the list", |v, take| {
        v.listed.and_then(|l| l.life_support).is_some_and(|is| take(Value::Bool(is)))
    };
    "patient_connected": Bool, "whether it is connected to a patient, by the list or by its role",
        |v, take| v.listed.is_some_and(|l| take(Value::Bool(l.is_at_the_patient())));
    "vendor": Text, "who was assigned its Ethernet address", |v, take| {
        v.asset.and_then(Asset::vendor).is_some_and(|vendor| take(vendor.into()))
    };
    "random_mac": Bool, "whether its Ethernet address is locally administered", |v, take| {
        let mac = v.asset.and_then(Asset::mac);
        mac.is_some_and(|mac| take(Value::Bool(super::oui::is_local(mac))))
    };
    "router": Bool, "whether it carries the packets of others", |v, take| {
        v.asset.is_some_and(|asset| take(Value::Bool(asset.router)))
    };
    "first_seen_age": Duration, "how long ago it was first seen", |v, take| {
        let age = |asset: &Asset| v.now.saturating_sub(asset.first_seen).max(0);
        v.asset.is_some_and(|asset| take(Value::Duration(age(asset))))
    };
    "manufacturer": Text, "manufacturer, where all that it sends says the same",
        |v, take| v.single(Attribute::Manufacturer, take);
    "model": Text, "model, where all that it sends says the same",
        |v, take| v.single(Attribute::Model, take);
    "serial": Text, "serial number, where all that it sends says the same",
        |v, take| v.single(Attribute::Serial, take);
    "software": Text, "software, where all that it sends says the same",
        |v, take| v.single(Attribute::Software, take);
    "ae_title": TextList, "DICOM titles that it goes by", |v, take| v.many(Attribute::AeTitle, take);
    "application": TextList, "HL7 applications that it sends as",
        |v, take| v.many(Attribute::Application, take);
    "facility": TextList, "HL7 facilities that it sends as",
        |v, take| v.many(Attribute::Facility, take);
    "function": TextList, "what it was seen to do, as C-STORE SCP, HL7 sender, pump reporter",
        |v, take| v.many(Attribute::Function, take);
    "service": TextList, "ports on which it answers, as tcp/104",
        |v, take| v.many(Attribute::Service, take);
    "device": TextList, "pumps and other devices that it speaks for",
        |v, take| v.many(Attribute::Device, take);
};

/// The field that a rule names: `asset.src.role`.
#[must_use]
pub fn field(name: &str) -> Option<(Side, FieldIx, &'static Field)> {
    FIELDS.iter().enumerate().find_map(|(at, field)| {
        let [src, dest] = field.paths;
        let side = match name {
            _ if name == src => Side::Src,
            _ if name == dest => Side::Dest,
            _ => return None,
        };
        Some((side, FieldIx(u16::try_from(at).ok()?), field))
    })
}

impl View<'_> {
    const NONE: View<'static> = View {
        asset: None,
        listed: None,
        has_list: false,
        ip: None,
        now: 0,
    };

    /// Gives the values of a field until one is taken.
    pub(crate) fn any(&self, field: FieldIx, mut take: impl FnMut(Value<'_>) -> bool) -> bool {
        let field = FIELDS.get(field.index());
        field.is_some_and(|field| (field.each)(self, &mut take))
    }

    fn listed(&self, get: fn(&Listed) -> &String, take: Take<'_>) -> bool {
        let value = self.listed.map(get).filter(|value| !value.is_empty());
        value.is_some_and(|value| take(value.as_str().into()))
    }

    fn single(&self, attribute: Attribute, take: Take<'_>) -> bool {
        let value = self.asset.and_then(|asset| asset.single(attribute));
        value.is_some_and(|value| take(value.into()))
    }

    fn many(&self, attribute: Attribute, take: Take<'_>) -> bool {
        let mut values = self.asset.into_iter().flat_map(|a| a.values(attribute));
        values.any(|value| take(value.into()))
    }

    /// Whether cutting it off may hurt somebody: a life depends on it, it is connected to a
    /// patient, or nobody said what it is. A host of the Internet is no device.
    pub(in crate::correlate) fn must_stay(&self) -> bool {
        match self.listed {
            Some(listed) => listed.must_stay(),
            None => match self.ip {
                Some(ip) => !crate::program::is_public(ip) && !crate::program::is_multicast(ip),
                None => self.asset.is_some(),
            },
        }
    }

    /// Its members in an alert, `{…}`.
    pub(in crate::correlate) fn write(&self, out: &mut Vec<u8>) {
        let empty = out.len().saturating_add(1);
        out.push(b'{');
        let mut member = |name: &str, value: &str| {
            if !value.is_empty() {
                let comma = if out.len() > empty { "," } else { "" };
                display(out, format_args!("{comma}\"{name}\":"));
                text(value.as_bytes(), out);
            }
        };
        if let Some(asset) = self.asset {
            member("id", &asset.key.to_string());
        }
        if let Some(listed) = self.listed {
            member("name", &listed.name);
            member("role", &listed.roles.join(", "));
            member("unit", &listed.unit);
            member("owner", &listed.owner);
            member("phone", &listed.phone);
            member("criticality", &listed.criticality);
        }
        if let Some(asset) = self.asset {
            member("vendor", asset.vendor().unwrap_or_default());
            member("model", asset.single(Attribute::Model).unwrap_or_default());
        }
        let flags = [
            ("life_support", self.listed.and_then(|l| l.life_support)),
            (
                "patient_connected",
                self.listed.map(Listed::is_at_the_patient),
            ),
            ("known", self.has_list.then_some(self.listed.is_some())),
        ];
        for (name, value) in flags {
            if let Some(value) = value {
                let comma = if out.len() > empty { "," } else { "" };
                display(out, format_args!("{comma}\"{name}\":{value}"));
            }
        }
        out.push(b'}');
    }
}
