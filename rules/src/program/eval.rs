//! Testing an event, or what crossed of one.

use std::net::IpAddr;

use parsers::event::{Envelope, Event, Value};
use parsers::kinds::envelope;

use crate::FieldRef;
use crate::correlate::inventory::Sides;
use crate::expr::ast::CompareOp;
use crate::record::Owned;

/// What conditions are tested on.
pub(crate) trait Subject {
    /// Calls `test` for each value of a field until it returns true; says whether it did.
    fn any(&self, field: FieldRef, test: impl FnMut(Value<'_>) -> bool) -> bool;
}

/// An event in its worker.
pub(crate) struct OnEvent<'e> {
    pub(crate) event: &'e Event<'e>,
    pub(crate) envelope: &'e Envelope,
}

impl Subject for OnEvent<'_> {
    fn any(&self, field: FieldRef, mut test: impl FnMut(Value<'_>) -> bool) -> bool {
        match field {
            FieldRef::Field(ix) => each(self.event.get(ix), test),
            FieldRef::Envelope(ix) => of_envelope(self.envelope, ix, test),
            FieldRef::Path(path) => {
                let paths = self.event.paths();
                paths.is_some_and(|paths| paths.any(&path, &mut test))
            }
            // Nobody knows devices here.
            FieldRef::Asset(..) => false,
        }
    }
}

/// What crossed of an event, in the correlator.
pub(crate) struct OnRecord<'e> {
    pub(crate) envelope: &'e Envelope,
    pub(crate) needs: &'e [FieldRef],
    pub(crate) fields: &'e [Owned],
    pub(crate) sides: Sides<'e>,
}

impl Subject for OnRecord<'_> {
    fn any(&self, field: FieldRef, mut test: impl FnMut(Value<'_>) -> bool) -> bool {
        if let FieldRef::Envelope(ix) = field {
            return of_envelope(self.envelope, ix, test);
        }
        if let FieldRef::Asset(side, ix) = field {
            return self.sides.of(side).any(ix, test);
        }
        let place = self.needs.iter().position(|need| *need == field);
        let Some(owned) = place.and_then(|at| self.fields.get(at)) else {
            return false;
        };
        match owned {
            Owned::List(items) => items
                .iter()
                .any(|item| item.tested(|value| each(value, &mut test))),
            one => one.tested(|value| each(value, test)),
        }
    }
}

fn of_envelope(
    envelope: &Envelope,
    ix: parsers::catalogue::FieldIx,
    test: impl FnMut(Value<'_>) -> bool,
) -> bool {
    let field = envelope::FIELDS.get(ix.index());
    field.is_some_and(|field| each((field.get)(envelope), test))
}

fn each(value: Value<'_>, mut test: impl FnMut(Value<'_>) -> bool) -> bool {
    match value {
        Value::Absent => false,
        Value::List(items) => items
            .iter()
            .any(|item| !matches!(item, Value::Absent) && test(*item)),
        one => test(one),
    }
}

/// The bytes of a text, PHI or not: a test answers yes or no and nothing else leaves it.
pub(crate) const fn bytes(value: Value<'_>) -> Option<&[u8]> {
    match value {
        Value::Text(text) => Some(text),
        Value::Phi(phi) => Some(phi.expose_to_match()),
        _ => None,
    }
}

/// The number in a value.
pub(crate) const fn number(value: Value<'_>) -> Option<f64> {
    match value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "nothing on a wire counts beyond 2^53"
        )]
        Value::Int(v) | Value::Duration(v) => Some(v as f64),
        Value::Decimal(v) => Some(v),
        _ => None,
    }
}

/// Whether an ordering is what an operator asks for.
pub(crate) const fn ordered(op: CompareOp, ordering: std::cmp::Ordering) -> bool {
    match op {
        CompareOp::Eq => ordering.is_eq(),
        CompareOp::Ne => ordering.is_ne(),
        CompareOp::Lt => ordering.is_lt(),
        CompareOp::Le => ordering.is_le(),
        CompareOp::Gt => ordering.is_gt(),
        CompareOp::Ge => ordering.is_ge(),
        _ => false,
    }
}

/// Compares two values of one type.
pub(crate) fn compare(op: CompareOp, left: Value<'_>, right: Value<'_>) -> bool {
    if let (Some(left), Some(right)) = (bytes(left), bytes(right)) {
        return text(op, left, right, false);
    }
    let ordering = match (left, right) {
        (Value::Int(a), Value::Int(b)) | (Value::Duration(a), Value::Duration(b)) => {
            Some(a.cmp(&b))
        }
        (Value::Ip(a), Value::Ip(b)) => Some(a.cmp(&b)),
        (Value::Mac(a), Value::Mac(b)) => Some(a.cmp(&b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
        _ => match (number(left), number(right)) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => None,
        },
    };
    ordering.is_some_and(|ordering| ordered(op, ordering))
}

/// Compares two texts; folded, case does not count.
pub(crate) fn text(op: CompareOp, value: &[u8], with: &[u8], folded: bool) -> bool {
    let same = |a: &[u8], b: &[u8]| {
        if folded {
            a.eq_ignore_ascii_case(b)
        } else {
            a == b
        }
    };
    match op {
        CompareOp::Eq => same(value, with),
        CompareOp::Ne => !same(value, with),
        CompareOp::StartsWith => value.get(..with.len()).is_some_and(|v| same(v, with)),
        CompareOp::EndsWith => {
            let from = value.len().checked_sub(with.len());
            let end = from.and_then(|from| value.get(from..));
            end.is_some_and(|v| same(v, with))
        }
        CompareOp::Contains if folded => {
            with.is_empty() || value.windows(with.len()).any(|v| same(v, with))
        }
        CompareOp::Contains => memchr::memmem::find(value, with).is_some(),
        _ => false,
    }
}

/// Private (RFC 1918), shared (RFC 6598), link-local, loopback or unique-local (RFC 4193).
pub(crate) const fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_private(IpAddr::V4(ip)),
            None => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        },
    }
}

/// Multicast or the limited broadcast.
pub(crate) const fn is_multicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    }
}

/// Reachable over the Internet, as far as an address tells; documentation ranges (RFC 5737) count,
/// since captures made for tests use them for the Internet.
pub(crate) const fn is_public(ip: IpAddr) -> bool {
    let special = match ip {
        IpAddr::V4(ip) => {
            let [a, ..] = ip.octets();
            a == 0 || a >= 240
        }
        IpAddr::V6(ip) => ip.is_unspecified(),
    };
    !special && !is_private(ip) && !is_multicast(ip)
}
