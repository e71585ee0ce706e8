/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A frame down to its innermost flow, as `src/decode` walks it: what that stage follows is followed
 * here, in the same way, so that both see the same flow. A test compares the two.
 *
 * One loop over steps, each of which reads one header (or one label, tag or option of it) and says
 * what comes next. Every read is bounded by the frame, every loop by STEPS_MAX. */
#pragma once

#include "bpf.h"

/* More than any frame needs: decode follows 32 headers, of which labels and options are parts. */
#define STEPS_MAX 40
#define EXTENSIONS_MAX 12
/* Packets around packets that are fragments: one in a tunnel that is a fragment itself. */
#define FRAGMENTS_MAX 2
#define ETHERNET 14

/* What comes next. Those below zero are why a frame cannot be read. */
enum next {
	TOO_DEEP = -3,
	MALFORMED = -2,
	SHORT = -1,
	DONE = 0,
	NEXT_ETHERNET,
	NEXT_TYPE,
	NEXT_LLC,
	NEXT_PPP,
	NEXT_IPV4,
	NEXT_IPV6,
	NEXT_EXTENSION,
	NEXT_ANY_IP,
	NEXT_PROTO,
	NEXT_MPLS,
	NEXT_MPLS_BEHIND,
	NEXT_NSH,
	NEXT_TZSP_TAG,
	NEXT_GRE_ROUTE,
	NEXT_GRE_PAYLOAD,
};

enum { TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806, TYPE_ERSPAN_3 = 0x22eb, TYPE_BRIDGED = 0x6558,
       TYPE_VLAN = 0x8100, TYPE_IPV6 = 0x86dd, TYPE_PPP = 0x880b, TYPE_WCCP = 0x883e,
       TYPE_MPLS = 0x8847, TYPE_MPLS_MULTICAST = 0x8848, TYPE_PPPOE = 0x8864,
       TYPE_JUMBO_LLC = 0x8870, TYPE_VLAN_AD = 0x88a8, TYPE_ERSPAN = 0x88be, TYPE_MACSEC = 0x88e5,
       TYPE_PBB = 0x88e7, TYPE_FABRIC_PATH = 0x8903, TYPE_CISCO_META = 0x8909,
       TYPE_VN_TAG = 0x8926, TYPE_NSH = 0x894f, TYPE_VLAN_9100 = 0x9100, TYPE_VLAN_9200 = 0x9200,
       TYPE_ARISTA = 0xd28b };

enum { PROTO_HOP_BY_HOP = 0, PROTO_ICMP = 1, PROTO_IPV4 = 4, PROTO_TCP = 6, PROTO_UDP = 17,
       PROTO_IPV6 = 41, PROTO_ROUTING = 43, PROTO_FRAGMENT = 44, PROTO_GRE = 47, PROTO_AH = 51,
       PROTO_NONE = 59, PROTO_OPTIONS = 60, PROTO_ETHER_IP = 97, PROTO_MOBILITY = 135,
       PROTO_MPLS = 137, PROTO_HIP = 139, PROTO_SHIM6 = 140 };

enum { PORT_TEREDO = 3544, PORT_VXLAN = 4789, PORT_VXLAN_GPE = 4790, PORT_GENEVE = 6081,
       PORT_MPLS = 6635, PORT_HP_ERM = 7932, PORT_VXLAN_LINUX = 8472, PORT_TZSP = 37008 };

enum { GRE_CHECKSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000,
       GRE_ACKNOWLEDGMENT = 0x0080, GRE_VERSION = 0x0007 };

/* Who talks to whom, as the walk found it last. */
struct flow {
	__u64 src[2];
	__u64 dest[2];
	__u16 src_port;
	__u16 dest_port;
	__u8 proto;
	/* Whether there is an IP packet: if not, the frame goes by its sender. */
	__u8 is_ip;
	__u16 unused;
	/* The innermost Ethernet sender. */
	__u64 mac;
};

/* What tells fragments of one packet from others. */
struct fragment {
	__u64 src[2];
	__u64 dest[2];
	__u32 id;
	/* 0 for IPv6, whose number is the packet's alone. */
	__u32 proto;
};

/* It lies in a map and not on the stack: of what it reads there the kernel's verifier assumes
 * nothing, so that every step looks the same to it and checking all of them stays cheap. */
struct walk {
	/* From the frame's first byte: the next header; where the bytes end; where the headers say
	 * that the packet ends, which is behind that if the capture cuts it. at <= len. */
	__u32 at, len, end;
	__u16 type;
	__u16 gre_flags;
	__u8 proto, first_proto;
	__u8 extensions;
	/* First fragments on the way down. */
	__u8 fragments;
	/* A later fragment: nothing above it can be read. */
	__u8 is_later;
	__u8 has_fallback;
	/* Whether the capture cut a header, so that the flow is told less exactly. */
	__u8 is_short;
	/* One of `enum next`. */
	__s32 next;
	struct flow flow;
	/* The datagram that a tunnel recognised by port alone was found in. */
	struct flow fallback;
	struct fragment fragment[FRAGMENTS_MAX];
};

INLINE __u16 be16(const __u8 *b)
{
	return (__u16)(b[0] << 8 | b[1]);
}

/* The second address of an Ethernet header. */
INLINE __u64 sender_of(const __u8 *b)
{
	return (__u64)b[6] | (__u64)b[7] << 8 | (__u64)b[8] << 16 | (__u64)b[9] << 24 |
	       (__u64)b[10] << 32 | (__u64)b[11] << 40;
}

INLINE __u32 rest(const struct walk *w)
{
	return w->len - w->at;
}

INLINE int is_cut(const struct walk *w)
{
	return w->end > w->len;
}

/* Reads without consuming. The kernel hands the program what is behind the Ethernet header. */
INLINE int peek_ahead(struct __sk_buff *skb, const struct walk *w, __u32 ahead, void *to, __u32 len)
{
	if (w->at + ahead + len > w->len)
		return SHORT;
	return bpf_skb_load_bytes(skb, w->at + ahead - ETHERNET, to, len) ? SHORT : DONE;
}

INLINE int peek(struct __sk_buff *skb, const struct walk *w, void *to, __u32 len)
{
	return peek_ahead(skb, w, 0, to, len);
}

INLINE int take(struct __sk_buff *skb, struct walk *w, void *to, __u32 len)
{
	if (peek(skb, w, to, len))
		return SHORT;
	w->at += len;
	return DONE;
}

INLINE int skip(struct walk *w, __u32 len)
{
	if (len > rest(w))
		return SHORT;
	w->at += len;
	return DONE;
}

/* A header says that this many bytes follow: what is behind them is padding. */
INLINE void ends_after(struct walk *w, __u32 len)
{
	w->end = w->at + len;
	if (w->end < w->len)
		w->len = w->end;
}

INLINE int other(struct walk *w)
{
	w->flow.is_ip = 0;
	return DONE;
}

INLINE int by(struct walk *w, __u16 type)
{
	w->type = type;
	return NEXT_TYPE;
}

INLINE int type_or_length(struct walk *w, __u16 field)
{
	if (field > 1500)
		return by(w, field);
	ends_after(w, field);
	return NEXT_LLC;
}

INLINE int ethernet_header(struct __sk_buff *skb, struct walk *w, const __u8 *b)
{
	__u8 marks[3];

	/* Cisco ISL: 26 bytes around a whole Ethernet frame. */
	if ((b[0] == 0x01 || b[0] == 0x03) && b[1] == 0 && b[2] == 0x0c && b[3] == 0 && b[4] == 0 &&
	    rest(w) >= 26 && !peek_ahead(skb, w, ETHERNET, marks, sizeof(marks)) && marks[0] == 0xaa &&
	    marks[1] == 0xaa && marks[2] == 0x03) {
		w->at += 26;
		return NEXT_ETHERNET;
	}
	w->at += ETHERNET;
	w->flow.mac = sender_of(b);
	return type_or_length(w, be16(b + 12));
}

INLINE int ethernet(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[ETHERNET];

	if (peek(skb, w, b, sizeof(b)))
		return SHORT;
	return ethernet_header(skb, w, b);
}

INLINE int macsec(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[6];

	if (take(skb, w, b, sizeof(b)))
		return SHORT;
	if ((b[0] & 0x20) && skip(w, 8))
		return SHORT;
	/* Encrypted, or changed. */
	if (b[0] & 0x0c)
		return other(w);
	if (take(skb, w, b, 2))
		return SHORT;
	return type_or_length(w, be16(b));
}

INLINE int arista(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[4];

	if (take(skb, w, b, sizeof(b)))
		return SHORT;
	if (b[0] != 0 || b[1] != 1)
		return other(w);
	if (skip(w, b[3] >> 4 == 2 ? 6 : 8) || take(skb, w, b, 2))
		return SHORT;
	return type_or_length(w, be16(b));
}

INLINE int arp(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[8];

	if (peek(skb, w, b, sizeof(b)) || 8 + 2 * ((__u32)b[4] + b[5]) > rest(w))
		return SHORT;
	return other(w);
}

/* PPPoE session stage, RFC 2516 section 4. */
INLINE int pppoe(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[6];

	if (take(skb, w, b, sizeof(b)))
		return SHORT;
	if (b[0] != 0x11)
		return MALFORMED;
	if (b[1] != 0)
		return other(w);
	ends_after(w, be16(b + 4));
	return NEXT_PPP;
}

INLINE int by_type(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[6];

	switch (w->type) {
	case TYPE_IPV4:
		return NEXT_IPV4;
	case TYPE_IPV6:
		return NEXT_IPV6;
	case TYPE_VLAN:
	case TYPE_VLAN_AD:
	case TYPE_VLAN_9100:
	case TYPE_VLAN_9200:
		return take(skb, w, b, 4) ? SHORT : type_or_length(w, be16(b + 2));
	case TYPE_ARP:
		return arp(skb, w);
	case TYPE_MPLS:
	case TYPE_MPLS_MULTICAST:
		return NEXT_MPLS;
	case TYPE_PPPOE:
		return pppoe(skb, w);
	case TYPE_VN_TAG:
		return take(skb, w, b, 6) ? SHORT : type_or_length(w, be16(b + 4));
	case TYPE_CISCO_META:
		if (take(skb, w, b, 2) || skip(w, (__u32)b[1] * 4) || take(skb, w, b, 2))
			return SHORT;
		return type_or_length(w, be16(b));
	case TYPE_FABRIC_PATH:
		return skip(w, 2) ? SHORT : NEXT_ETHERNET;
	case TYPE_PBB:
		return skip(w, 4) ? SHORT : NEXT_ETHERNET;
	case TYPE_NSH:
		return NEXT_NSH;
	case TYPE_MACSEC:
		return macsec(skb, w);
	case TYPE_JUMBO_LLC:
		return NEXT_LLC;
	case TYPE_BRIDGED:
		return NEXT_ETHERNET;
	case TYPE_PPP:
		return NEXT_PPP;
	case TYPE_ARISTA:
		return arista(skb, w);
	default:
		return other(w);
	}
}

/* IEEE 802.2, with SNAP where it says so. */
INLINE int llc(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[5];

	if (take(skb, w, b, 3))
		return SHORT;
	if (b[0] == 0xaa && b[1] == 0xaa && b[2] == 0x03) {
		if (take(skb, w, b, 5))
			return SHORT;
		if (b[0] == 0 && b[1] == 0 && (b[2] == 0 || b[2] == 0xf8))
			return by(w, be16(b + 3));
		return other(w);
	}
	if (b[0] == 0x06 && b[1] == 0x06)
		return NEXT_IPV4;
	return other(w);
}

/* RFC 1661 and 1662: address and control may be left out, the protocol may be a byte. */
INLINE int ppp(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[2];
	__u16 protocol;

	if (!peek(skb, w, b, 2) && b[0] == 0xff && b[1] == 0x03)
		w->at += 2;
	if (take(skb, w, b, 1))
		return SHORT;
	protocol = b[0];
	if (!(b[0] & 1)) {
		if (take(skb, w, b, 1))
			return SHORT;
		protocol = (__u16)(protocol << 8 | b[0]);
	}
	switch (protocol) {
	case 0x0021:
		return NEXT_IPV4;
	case 0x0057:
		return NEXT_IPV6;
	case 0x0281:
	case 0x0283:
		return NEXT_MPLS;
	default:
		return other(w);
	}
}

/* A label of a stack (RFC 3032). */
INLINE int mpls(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[4];

	if (take(skb, w, b, sizeof(b)))
		return SHORT;
	return b[2] & 1 ? NEXT_MPLS_BEHIND : NEXT_MPLS;
}

INLINE int looks_like_ethernet(struct __sk_buff *skb, const struct walk *w, __u32 ahead)
{
	__u8 b[2];

	if (peek_ahead(skb, w, ahead + 12, b, sizeof(b)))
		return 0;
	switch (be16(b)) {
	case TYPE_IPV4:
	case TYPE_IPV6:
	case TYPE_ARP:
	case TYPE_VLAN:
	case TYPE_VLAN_AD:
	case TYPE_MPLS:
		return 1;
	default:
		return 0;
	}
}

/* What RFC 4385 says may be behind a stack. */
INLINE int mpls_behind(struct __sk_buff *skb, struct walk *w)
{
	__u8 first = 0;
	int plain;

	peek(skb, w, &first, 1);
	if (first >> 4 == 4)
		return NEXT_IPV4;
	if (first >> 4 == 6)
		return NEXT_IPV6;
	plain = looks_like_ethernet(skb, w, 0);
	/* A control word, unless the frame makes sense without it only. */
	if (first >> 4 == 0 && (!plain || looks_like_ethernet(skb, w, 4)))
		return skip(w, 4) ? SHORT : NEXT_ETHERNET;
	return plain ? NEXT_ETHERNET : other(w);
}

/* What VXLAN-GPE and NSH number alike; zero for what they do not. */
INLINE int carried(__u8 next)
{
	switch (next) {
	case 1:
		return NEXT_IPV4;
	case 2:
		return NEXT_IPV6;
	case 3:
		return NEXT_ETHERNET;
	case 4:
		return NEXT_NSH;
	case 5:
		return NEXT_MPLS;
	default:
		return 0;
	}
}

/* RFC 8300. */
INLINE int nsh(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[4];
	int next;

	if (take(skb, w, b, sizeof(b)))
		return SHORT;
	if (!(b[1] & 0x3f))
		return MALFORMED;
	if (skip(w, ((b[1] & 0x3f) - 1) * 4))
		return SHORT;
	next = carried(b[3]);
	return next ? next : other(w);
}

/* A later fragment ends the walk. A first one is read on as the whole packet, which it is not:
 * lengths that it tells are not compared with what is there. */
INLINE int fragment(struct walk *w, __u32 id, __u8 proto, __u32 offset)
{
	struct fragment *f = &w->fragment[w->fragments & (FRAGMENTS_MAX - 1)];

	if (w->fragments == FRAGMENTS_MAX)
		return TOO_DEEP;
	f->src[0] = w->flow.src[0];
	f->src[1] = w->flow.src[1];
	f->dest[0] = w->flow.dest[0];
	f->dest[1] = w->flow.dest[1];
	f->id = id;
	f->proto = proto;
	if (offset) {
		w->is_later = 1;
		return DONE;
	}
	w->fragments++;
	w->end = w->at + 0xffff;
	return NEXT_PROTO;
}

INLINE int ipv4(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[20];
	__u32 head, total, start = w->at;
	__u16 field;

	if (peek(skb, w, b, sizeof(b)))
		return SHORT;
	head = (b[0] & 0x0f) * 4;
	if (b[0] >> 4 != 4 || head < sizeof(b))
		return MALFORMED;
	if (head > rest(w))
		return SHORT;
	total = be16(b + 2);
	/* Zero is what segmentation offload leaves to the adapter: then it is all there is. */
	if (total) {
		if (total < head)
			return MALFORMED;
		ends_after(w, total);
	}
	w->at = start + head;
	w->flow.src[0] = w->flow.dest[0] = 0;
	w->flow.src[1] = *(__u32 *)(b + 12);
	w->flow.dest[1] = *(__u32 *)(b + 16);
	w->flow.src_port = w->flow.dest_port = 0;
	w->flow.proto = w->proto = b[9];
	w->flow.is_ip = 1;
	field = be16(b + 6);
	if (field & 0x3fff)
		return fragment(w, be16(b + 4), b[9], field & 0x1fff);
	return NEXT_PROTO;
}

INLINE int ipv6(struct __sk_buff *skb, struct walk *w)
{
	__u64 addresses[4];
	__u8 b[8];
	__u32 payload;

	if (peek(skb, w, b, sizeof(b)) || peek_ahead(skb, w, 8, addresses, sizeof(addresses)))
		return SHORT;
	if (b[0] >> 4 != 6)
		return MALFORMED;
	w->at += 40;
	payload = be16(b + 4);
	/* Zero is a jumbogram, or left to the adapter: then it is all there is. */
	if (payload || b[6] == PROTO_NONE)
		ends_after(w, payload);
	w->flow.src[0] = addresses[0];
	w->flow.src[1] = addresses[1];
	w->flow.dest[0] = addresses[2];
	w->flow.dest[1] = addresses[3];
	w->flow.src_port = w->flow.dest_port = 0;
	w->flow.proto = w->proto = w->first_proto = b[6];
	w->flow.is_ip = 1;
	w->extensions = 0;
	return NEXT_EXTENSION;
}

/* An extension header that the capture cut: there is nothing above that could be read. */
INLINE int cut_extension(struct walk *w)
{
	w->is_short = 1;
	if (!is_cut(w))
		return SHORT;
	w->flow.proto = w->first_proto;
	return DONE;
}

INLINE int extension(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[8];
	__u32 len;
	__u16 field;

	switch (w->proto) {
	case PROTO_HOP_BY_HOP:
	case PROTO_ROUTING:
	case PROTO_OPTIONS:
	case PROTO_MOBILITY:
	case PROTO_HIP:
	case PROTO_SHIM6:
	case PROTO_AH:
		if (peek(skb, w, b, 2))
			return cut_extension(w);
		len = w->proto == PROTO_AH ? ((__u32)b[1] + 2) * 4 : ((__u32)b[1] + 1) * 8;
		if (skip(w, len))
			return cut_extension(w);
		break;
	case PROTO_FRAGMENT:
		if (take(skb, w, b, 8))
			return cut_extension(w);
		break;
	default:
		w->flow.proto = w->proto;
		return NEXT_PROTO;
	}
	if (++w->extensions > EXTENSIONS_MAX)
		return TOO_DEEP;
	if (w->proto == PROTO_FRAGMENT) {
		w->proto = b[0];
		field = be16(b + 2);
		/* A fragment that is the whole is no fragment (RFC 6946). */
		if (field & 0xfff9) {
			w->flow.proto = w->proto;
			return fragment(w, (__u32)be16(b + 4) << 16 | be16(b + 6), 0,
					field & 0xfff8);
		}
		return NEXT_EXTENSION;
	}
	w->proto = b[0];
	return NEXT_EXTENSION;
}

INLINE int tcp(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[20];
	__u32 head;

	if (peek(skb, w, b, sizeof(b)))
		return SHORT;
	head = (b[12] >> 4) * 4;
	if (head < sizeof(b))
		return MALFORMED;
	if (w->at + head > w->end)
		return SHORT;
	w->flow.src_port = be16(b);
	w->flow.dest_port = be16(b + 2);
	return DONE;
}

INLINE int gre_route(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[4];

	/* Source routes (RFC 1701), each with its length, up to an empty one. */
	if (take(skb, w, b, sizeof(b)))
		return SHORT;
	if (!b[3])
		return NEXT_GRE_PAYLOAD;
	return skip(w, b[3]) ? SHORT : NEXT_GRE_ROUTE;
}

INLINE int gre_payload(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[12];

	switch (w->type) {
	case TYPE_ERSPAN:
		if (!(w->gre_flags & GRE_SEQUENCE))
			return NEXT_ETHERNET;
		return take(skb, w, b, 8) ? SHORT : NEXT_ETHERNET;
	case TYPE_ERSPAN_3:
		if (take(skb, w, b, sizeof(b)) || ((b[11] & 1) && skip(w, 8)))
			return SHORT;
		return ((b[10] >> 2) & 0x1f) == 2 ? NEXT_ANY_IP : NEXT_ETHERNET;
	case TYPE_CISCO_META:
		/* Here, unlike in Ethernet, the type of what follows comes first. */
		if (take(skb, w, b, 4) || skip(w, (__u32)b[3] * 4))
			return SHORT;
		return by(w, be16(b));
	case TYPE_WCCP:
		/* The second version has a redirect header, whose first nibble is none of IP's. */
		b[0] = 0;
		peek(skb, w, b, 1);
		if (b[0] >> 4 != 4 && b[0] >> 4 != 6 && skip(w, 4))
			return SHORT;
		return NEXT_ANY_IP;
	default:
		return NEXT_TYPE;
	}
}

INLINE int gre(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[4];
	__u32 len = 0;
	__u16 flags;

	if (take(skb, w, b, sizeof(b)))
		return SHORT;
	flags = be16(b);
	w->gre_flags = flags;
	w->type = be16(b + 2);
	if (flags & GRE_KEY)
		len += 4;
	if (flags & GRE_SEQUENCE)
		len += 4;
	switch (flags & GRE_VERSION) {
	case 0:
		if (flags & (GRE_CHECKSUM | GRE_ROUTING))
			len += 4;
		break;
	case 1:
		if (flags & GRE_ACKNOWLEDGMENT)
			len += 4;
		break;
	default:
		return MALFORMED;
	}
	if (skip(w, len))
		return SHORT;
	return (flags & GRE_VERSION) == 0 && (flags & GRE_ROUTING) ? NEXT_GRE_ROUTE
								    : NEXT_GRE_PAYLOAD;
}

/* RFC 4380 section 5.1.1: perhaps authentication, perhaps the origin, then IPv6. */
INLINE int teredo(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[4];
	__u8 s[4], d[4];

	if (!peek(skb, w, b, 2) && b[0] == 0 && b[1] == 1) {
		if (take(skb, w, b, 4) || skip(w, (__u32)b[2] + b[3] + 9))
			return SHORT;
	}
	if (!peek(skb, w, b, 2) && b[0] == 0 && b[1] == 0 && skip(w, 8))
		return SHORT;
	if (rest(w) < 40 || peek(skb, w, b, 1) || peek_ahead(skb, w, 8, s, 4) || peek_ahead(skb, w, 24, d, 4))
		return SHORT;
	if (b[0] >> 4 != 6)
		return MALFORMED;
	if ((s[0] == 0x20 && s[1] == 0x01 && s[2] == 0 && s[3] == 0) ||
	    (s[0] == 0xfe && s[1] == 0x80) ||
	    (d[0] == 0x20 && d[1] == 0x01 && d[2] == 0 && d[3] == 0))
		return NEXT_IPV6;
	return MALFORMED;
}

/* The headers of tunnels that only a port tells of. What is wrong with one means that it is none. */
INLINE int udp_tunnel(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[8];
	int next;

	switch (w->flow.dest_port) {
	case PORT_VXLAN:
	case PORT_VXLAN_LINUX:
		if (take(skb, w, b, 8))
			return SHORT;
		return b[0] & 0x08 ? NEXT_ETHERNET : MALFORMED;
	case PORT_VXLAN_GPE:
		if (take(skb, w, b, 8))
			return SHORT;
		if (!(b[0] & 0x08))
			return MALFORMED;
		if (!(b[0] & 0x04))
			return NEXT_ETHERNET;
		next = carried(b[3]);
		return next ? next : MALFORMED;
	case PORT_GENEVE:
		if (take(skb, w, b, 8))
			return SHORT;
		if (b[0] >> 6)
			return MALFORMED;
		if (skip(w, (b[0] & 0x3f) * 4))
			return SHORT;
		return by(w, be16(b + 2));
	case PORT_MPLS:
		return NEXT_MPLS;
	case PORT_HP_ERM:
		return skip(w, 12) ? SHORT : NEXT_ETHERNET;
	case PORT_TZSP:
		if (take(skb, w, b, 4))
			return SHORT;
		if (b[0] != 1 || b[1] > 1 || b[2] != 0 || b[3] != 1)
			return MALFORMED;
		return NEXT_TZSP_TAG;
	case PORT_TEREDO:
		return teredo(skb, w);
	default:
		return w->flow.src_port == PORT_TEREDO ? teredo(skb, w) : DONE;
	}
}

INLINE int tzsp_tag(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[1];

	if (take(skb, w, b, 1))
		return SHORT;
	if (b[0] == 0)
		return NEXT_TZSP_TAG;
	if (b[0] == 1)
		return NEXT_ETHERNET;
	if (take(skb, w, b, 1) || skip(w, b[0]))
		return SHORT;
	return NEXT_TZSP_TAG;
}

INLINE int udp(struct __sk_buff *skb, struct walk *w)
{
	__u32 announced = w->end - w->at, len;
	__u8 b[8];
	int next;

	if (take(skb, w, b, sizeof(b)))
		return SHORT;
	len = be16(b + 4);
	/* Zero is left to the adapter, or a jumbogram: then it is all there is. */
	if (len) {
		if (len < 8 || len > announced)
			return MALFORMED;
		ends_after(w, len - 8);
	}
	w->flow.src_port = be16(b);
	w->flow.dest_port = be16(b + 2);
	next = udp_tunnel(skb, w);
	if (next <= DONE)
		return DONE;
	w->fallback = w->flow;
	w->has_fallback = 1;
	return next;
}

/* Where the capture cut a header, the packet is given without what is above IP. */
INLINE int cut_or(struct walk *w, int next)
{
	if (next != SHORT || !is_cut(w))
		return next;
	w->is_short = 1;
	return DONE;
}

INLINE int by_proto(struct __sk_buff *skb, struct walk *w)
{
	__u8 b[2];
	__u32 len;

	switch (w->proto) {
	case PROTO_TCP:
		return cut_or(w, tcp(skb, w));
	case PROTO_UDP:
		return cut_or(w, udp(skb, w));
	case PROTO_GRE:
		return cut_or(w, gre(skb, w));
	case PROTO_IPV4:
		return NEXT_IPV4;
	case PROTO_IPV6:
		return NEXT_IPV6;
	case PROTO_ETHER_IP:
		return cut_or(w, skip(w, 2) ? SHORT : NEXT_ETHERNET);
	case PROTO_MPLS:
		return NEXT_MPLS;
	case PROTO_AH:
		if (peek(skb, w, b, 2))
			return SHORT;
		len = ((__u32)b[1] + 2) * 4;
		if (skip(w, len))
			return SHORT;
		w->flow.proto = w->proto = b[0];
		return NEXT_PROTO;
	default:
		return DONE;
	}
}

INLINE int any_ip(struct __sk_buff *skb, const struct walk *w)
{
	__u8 first;

	if (peek(skb, w, &first, 1))
		return SHORT;
	if (first >> 4 == 4)
		return NEXT_IPV4;
	return first >> 4 == 6 ? NEXT_IPV6 : MALFORMED;
}

INLINE int step(struct __sk_buff *skb, struct walk *w, int next)
{
	switch (next) {
	case NEXT_ETHERNET:
		return ethernet(skb, w);
	case NEXT_TYPE:
		return by_type(skb, w);
	case NEXT_LLC:
		return llc(skb, w);
	case NEXT_PPP:
		return ppp(skb, w);
	case NEXT_IPV4:
		return ipv4(skb, w);
	case NEXT_IPV6:
		return ipv6(skb, w);
	case NEXT_EXTENSION:
		return extension(skb, w);
	case NEXT_ANY_IP:
		return any_ip(skb, w);
	case NEXT_PROTO:
		return by_proto(skb, w);
	case NEXT_MPLS:
		return mpls(skb, w);
	case NEXT_MPLS_BEHIND:
		return mpls_behind(skb, w);
	case NEXT_NSH:
		return nsh(skb, w);
	case NEXT_TZSP_TAG:
		return tzsp_tag(skb, w);
	case NEXT_GRE_ROUTE:
		return cut_or(w, gre_route(skb, w));
	case NEXT_GRE_PAYLOAD:
		return cut_or(w, gre_payload(skb, w));
	default:
		return DONE;
	}
}

/* Walks from the first header on; gives DONE or what is wrong. */
INLINE int follow(struct __sk_buff *skb, struct walk *w)
{
	for (int steps = 0; steps < STEPS_MAX; steps++) {
		if (w->next <= DONE)
			return w->next;
		w->next = step(skb, w, w->next);
	}
	if (w->next == NEXT_MPLS)
		return MALFORMED; /* a stack without a bottom */
	return w->next > DONE ? TOO_DEEP : w->next;
}
