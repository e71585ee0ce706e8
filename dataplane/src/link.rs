//! ARP and ICMP: events of their own, without a flow's content.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use parsers::event::{Direction, Event};
use parsers::kinds::{arp, icmp};

use crate::flow::expiry::ICMP;

/// An ARP message, and whether it is worth a line of its own.
pub(crate) struct Told {
    pub(crate) event: Event<'static>,
    pub(crate) written: bool,
    pub(crate) src: IpAddr,
    pub(crate) dest: IpAddr,
}

/// Reads an ARP message of Ethernet and IPv4 (RFC 826); `None` for anything else. The frame's
/// source address is compared with the sender's. Who held an address before is the correlator's
/// to say: an address may move between workers.
pub(crate) fn arp_event(bytes: &[u8], outer_src: Option<[u8; 6]>) -> Option<Told> {
    let [0, 1, 8, 0, 6, 4, op_hi, op_lo, rest @ ..] = bytes else {
        return None;
    };
    let (addresses, _) = rest.split_first_chunk::<20>()?;
    let [a, b, c, d, e, f, i, j, k, l, m, n, o, p, q, r, w, x, y, z] = *addresses;
    let (src_mac, src) = ([a, b, c, d, e, f], IpAddr::V4(Ipv4Addr::new(i, j, k, l)));
    let (dest_mac, dest) = ([m, n, o, p, q, r], IpAddr::V4(Ipv4Addr::new(w, x, y, z)));
    let gratuitous = src == dest;
    let mismatch = outer_src.is_some_and(|outer| outer != src_mac);
    let mut event = Event::new(&arp::KIND, Direction::ToServer);
    event.set(arp::HW_TYPE, "ethernet");
    event.set(arp::PROTO_TYPE, "ipv4");
    let opcode = match [*op_hi, *op_lo] {
        [0, 1] => "request",
        [0, 2] => "reply",
        _ => "other",
    };
    event.set(arp::OPCODE, opcode);
    event.set(arp::SRC_MAC, src_mac);
    event.set(arp::SRC_IP, src);
    event.set(arp::DEST_MAC, dest_mac);
    event.set(arp::DEST_IP, dest);
    event.set(arp::GRATUITOUS, gratuitous);
    event.set(arp::MAC_MISMATCH, mismatch);
    Some(Told {
        event,
        written: gratuitous || mismatch,
        src,
        dest,
    })
}

/// An ICMP or ICMPv6 message, and whether it is worth a line of its own: one that changes where
/// packets go.
pub(crate) fn icmp_event(
    proto: u8,
    bytes: &[u8],
    direction: Direction,
) -> Option<(Event<'static>, bool)> {
    let [ty, code, _, _, rest @ ..] = bytes else {
        return None;
    };
    let v4 = proto == ICMP;
    let mut event = Event::new(&icmp::KIND, direction);
    event.set(icmp::VERSION, if v4 { 4_u8 } else { 6 });
    event.set(icmp::TYPE, *ty);
    event.set(icmp::CODE, *code);
    event.set(icmp::BYTES, bytes.len());
    match (v4, *ty) {
        (true, ICMP_REDIRECT) => {
            let gateway = rest
                .first_chunk::<4>()
                .map(|a| IpAddr::V4(Ipv4Addr::from(*a)));
            event.set_opt(icmp::REDIRECT_TO, gateway);
        }
        (false, NDP_SOLICITATION | NDP_ADVERTISEMENT) => {
            event.set_opt(icmp::TARGET, v6(rest));
            event.set_opt(icmp::TARGET_MAC, link_address(rest));
        }
        (false, NDP_REDIRECT) => event.set_opt(icmp::REDIRECT_TO, v6(rest)),
        _ => {}
    }
    let written = matches!(
        (v4, *ty),
        (true, ICMP_REDIRECT) | (false, NDP_ROUTER | NDP_REDIRECT)
    );
    Some((event, written))
}

/// Bytes of a message that are headers. Neighbour discovery has no payload, but addresses; an echo
/// is payload behind its identifiers.
pub(crate) fn icmp_header(proto: u8, bytes: &[u8]) -> usize {
    match bytes {
        [NDP_ROUTER_SOLICITATION..=NDP_REDIRECT, ..] if proto != ICMP => NDP_BYTES,
        _ => ICMP_BYTES,
    }
}

/// The target behind the four reserved bytes (RFC 4861 4.3 to 4.5).
fn v6(rest: &[u8]) -> Option<IpAddr> {
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let target = rest.first_chunk::<16>()?;
    Some(IpAddr::V6(Ipv6Addr::from(*target)))
}

/// The first option, if it is a link-layer address of Ethernet (RFC 4861 4.6.1).
fn link_address(rest: &[u8]) -> Option<[u8; 6]> {
    match rest.get(20..)? {
        [1 | 2, 1, a, b, c, d, e, f, ..] => Some([*a, *b, *c, *d, *e, *f]),
        _ => None,
    }
}

/// Type, code, checksum, and what they say of the rest.
const ICMP_BYTES: usize = 8;
/// The same, target and destination of a redirect, or target and an option with its link address.
const NDP_BYTES: usize = 40;
const ICMP_REDIRECT: u8 = 5;
const NDP_ROUTER_SOLICITATION: u8 = 133;
const NDP_ROUTER: u8 = 134;
const NDP_SOLICITATION: u8 = 135;
const NDP_ADVERTISEMENT: u8 = 136;
const NDP_REDIRECT: u8 = 137;
