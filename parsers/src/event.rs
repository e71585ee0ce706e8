//! The vocabulary that rules match on: an event, its values, and where it came from.
//!
//! An [`Event`] borrows from the packet and never leaves the worker that made it. What crosses to
//! the correlator is an owned record (crate `rules`).

use std::net::IpAddr;

use crate::catalogue::{FieldIx, Kind, Path};
use crate::phi::Phi;
use crate::time::Time;

/// The most fields a kind may declare; tested over all kinds.
pub const FIELDS_MAX: usize = 96;

/// Something that happened on the wire, with its fields.
pub struct Event<'a> {
    kind: &'static Kind,
    /// Who sent it, as seen from the flow.
    pub direction: Direction,
    values: [Value<'a>; FIELDS_MAX],
    paths: Option<&'a dyn Lookup>,
}

impl<'a> Event<'a> {
    /// An event without fields.
    #[must_use]
    #[inline(always)]
    pub const fn new(kind: &'static Kind, direction: Direction) -> Self {
        Self {
            kind,
            direction,
            values: [Value::Absent; FIELDS_MAX],
            paths: None,
        }
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// Sets a field. A text of a PHI class becomes [`Value::Phi`] here, whoever set it, so that a
    /// parser cannot forget.
    pub fn set(&mut self, field: FieldIx, value: impl Into<Value<'a>>) {
        let Some(declared) = self.kind.fields.get(field.index()) else {
            return;
        };
        let Some(slot) = self.values.get_mut(field.index()) else {
            return;
        };
        *slot = match value.into() {
            Value::Text(raw) if !declared.class.is_shown() => {
                Value::Phi(Phi::new(declared.class, raw))
            }
            other => other,
        };
    }

    /// Sets a field if there is something to set.
    pub fn set_opt(&mut self, field: FieldIx, value: Option<impl Into<Value<'a>>>) {
        if let Some(value) = value {
            self.set(field, value);
        }
    }

    /// The value of a declared field.
    #[must_use]
    pub fn get(&self, field: FieldIx) -> Value<'a> {
        self.values.get(field.index()).copied().unwrap_or_default()
    }

    /// The values of all declared fields, in order.
    #[must_use]
    pub fn values(&self) -> &[Value<'a>] {
        self.values
            .get(..self.kind.fields.len())
            .unwrap_or_default()
    }

    /// Lets rules look into the message by path.
    pub const fn set_paths(&mut self, paths: &'a dyn Lookup) {
        self.paths = Some(paths);
    }

    /// The message behind the event, for paths.
    #[must_use]
    pub const fn paths(&self) -> Option<&'a dyn Lookup> {
        self.paths
    }
}

/// A message in which values are found by path.
pub trait Lookup {
    /// Calls `each` for every value at `path` until it returns true; says whether it did.
    /// An empty value that is present is given as empty text.
    fn any(&self, path: &Path, each: &mut dyn FnMut(Value<'_>) -> bool) -> bool;
}

/// One value of a field.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Value<'a> {
    /// Not in the message: every comparison with it is false.
    #[default]
    Absent,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Decimal(f64),
    /// Text in UTF-8; what is not UTF-8 is rendered with replacement characters.
    Text(&'a [u8]),
    /// Text of a PHI class: rules may test it, nothing may print it.
    Phi(Phi<'a>),
    /// An address.
    Ip(IpAddr),
    /// An Ethernet address.
    Mac([u8; 6]),
    /// A span of time, in nanoseconds.
    Duration(i64),
    /// Several values.
    List(&'a [Self]),
}

impl std::fmt::Debug for Value<'_> {
    /// Text is off the wire, so only its length is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Decimal(v) => write!(f, "{v}"),
            Self::Text(v) => write!(f, "text of {} bytes", v.len()),
            Self::Phi(v) => write!(f, "{v:?}"),
            Self::Ip(v) => write!(f, "{v}"),
            Self::Mac(v) => write!(f, "{v:02x?}"),
            Self::Duration(v) => write!(f, "{v} ns"),
            Self::List(v) => f.debug_list().entries(*v).finish(),
        }
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(text: &'a [u8]) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.as_bytes())
    }
}

impl<'a> From<&'a [Self]> for Value<'a> {
    fn from(list: &'a [Self]) -> Self {
        Self::List(list)
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident),*) => {
        $(impl From<$from> for Value<'_> {
            fn from(v: $from) -> Self { Self::$variant(v.into()) }
        })*
    };
}
value_from!(bool => Bool, u8 => Int, u16 => Int, u32 => Int, i64 => Int, f64 => Decimal,
    IpAddr => Ip, [u8; 6] => Mac);

impl From<u64> for Value<'_> {
    /// Saturates: nothing on a wire counts beyond 2^63.
    fn from(v: u64) -> Self {
        Self::Int(i64::try_from(v).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value<'_> {
    fn from(v: usize) -> Self {
        Self::Int(i64::try_from(v).unwrap_or(i64::MAX))
    }
}

/// Who sent something, as seen from the flow: the client opened it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

impl Direction {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }

    /// 0 or 1, for arrays of two.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// As EVE writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ToServer => "to_server",
            Self::ToClient => "to_client",
        }
    }
}

/// The most VLAN tags kept of a frame.
pub const VLANS_MAX: usize = 3;

/// One side of a packet.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Endpoint {
    /// Network address; absent below IP.
    pub ip: Option<IpAddr>,
    /// Port; absent where the transport has none.
    pub port: Option<u16>,
    /// Ethernet address of the innermost Ethernet header.
    pub mac: Option<[u8; 6]>,
}

/// Where and when an event happened: what every event of whatever kind has.
///
/// `src` is the sender of the message, whoever opened the flow.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Envelope {
    /// Number of the frame that completed it, from 1, over all captures of a run.
    pub frame: u64,
    /// That frame's time stamp.
    pub time: Time,
    /// Index of the capture interface (names are in the run's table).
    pub interface: u16,
    /// VLAN ids, outermost first.
    pub vlan: [u16; VLANS_MAX],
    /// How many of them.
    pub vlans: u8,
    /// Who sent it.
    pub src: Endpoint,
    /// To whom.
    pub dest: Endpoint,
    /// IP protocol number; absent below IP.
    pub proto: Option<u8>,
    /// Of ICMP, what stands for the ports of sender and receiver: the types of a question and its
    /// answer, the sender's first, or type and code where there is no answer.
    pub icmp: Option<[u16; 2]>,
    /// Seen from the flow; absent without one.
    pub direction: Option<Direction>,
    /// The innermost tunnel it came through.
    pub tunnel: Option<Tunnel>,
    /// The flow it belongs to.
    pub flow: Option<FlowFacts>,
}

/// A tunnel whose headers were taken off.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Tunnel {
    /// `vxlan`, `gre`, `erspan2`, …
    pub kind: &'static str,
    /// VNI, GRE key, ERSPAN session, MPLS label …
    pub id: u32,
    /// Outer addresses.
    pub src: Option<IpAddr>,
    /// Outer addresses.
    pub dest: Option<IpAddr>,
    /// How many tunnels there were.
    pub depth: u8,
}

/// What is known of a flow when one of its events happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FlowFacts {
    /// Unkeyed hash of the canonical key and the first frame's number, below 2^51.
    pub id: u64,
    /// Its first frame.
    pub first_frame: u64,
    /// When it began.
    pub start: Time,
    /// Recognised application protocol (a `Spec`'s name), or empty.
    pub app: &'static str,
    /// Whether it was picked up midstream.
    pub midstream: bool,
    /// Whether only one direction has been seen so far.
    pub one_sided: bool,
    /// Whether bytes of it are missing.
    pub gaps: bool,
}
