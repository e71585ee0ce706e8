// SPDX-License-Identifier: MIT OR Apache-2.0
/* Which of a fanout group's sockets gets a frame: one value for both directions of the innermost
 * flow, whatever tunnel or fragment each packet comes in. The kernel takes the value modulo the
 * number of sockets. `src/capture/af_packet/steer.rs` computes the same. */

#include "parse.h"

/* A bound on packets whose later fragments may still come; the oldest make room. */
#define FRAGMENTED_MAX 16384

/* Set before the program is loaded. */
const volatile __u64 KEY[2] SEC(".rodata") = {};
const volatile __u32 SNAP_LEN SEC(".rodata") = 0xffff;

/* Places in `counts`. */
enum { COUNT_EARLY, COUNT_SHORT, COUNT_DEEP, COUNTS };

struct bpf_map_def SEC("maps") first_fragments = {
	.type = BPF_MAP_TYPE_LRU_HASH,
	.key_size = sizeof(struct fragment),
	.value_size = sizeof(__u32),
	.max_entries = FRAGMENTED_MAX,
};

struct bpf_map_def SEC("maps") counts = {
	.type = BPF_MAP_TYPE_PERCPU_ARRAY,
	.key_size = sizeof(__u32),
	.value_size = sizeof(__u64),
	.max_entries = COUNTS,
};

/* The walk at work; frames of one processor come one after the other. */
struct bpf_map_def SEC("maps") scratch = {
	.type = BPF_MAP_TYPE_PERCPU_ARRAY,
	.key_size = sizeof(__u32),
	.value_size = sizeof(struct walk),
	.max_entries = 1,
};

INLINE void count(__u32 place)
{
	__u64 *value = bpf_map_lookup_elem(&counts, &place);

	if (value)
		*value += 1;
}

INLINE __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

INLINE __u64 end_point(const __u64 *address, __u16 port)
{
	return mix(mix(mix(KEY[0], address[0]), address[1]), port);
}

INLINE __u32 by_sender(__u64 mac)
{
	return (__u32)(mix(mix(KEY[1], mac), 0x100) >> 32);
}

/* The sum makes both directions the same. */
INLINE __u32 by_flow(const struct flow *flow)
{
	__u64 ends = end_point(flow->src, flow->src_port) + end_point(flow->dest, flow->dest_port);

	return (__u32)(mix(mix(KEY[1], ends), flow->proto) >> 32);
}

/* What a later fragment cannot say, its first one said, if it was here. */
INLINE __u32 later(struct walk *w)
{
	__u32 *known = bpf_map_lookup_elem(&first_fragments, &w->fragment[w->fragments & 1]);

	if (known)
		return *known;
	count(COUNT_EARLY);
	return by_flow(&w->flow);
}

/* Remembers for later fragments where the first one went. */
INLINE void first(struct walk *w, int result, __u32 hash)
{
	if (!w->fragments)
		return;
	if (w->is_short || result == SHORT)
		count(COUNT_SHORT);
	bpf_map_update_elem(&first_fragments, &w->fragment[0], &hash, BPF_ANY);
	if (w->fragments > 1)
		bpf_map_update_elem(&first_fragments, &w->fragment[1], &hash, BPF_ANY);
}

SEC("socket")
int fanout(struct __sk_buff *skb)
{
	__u32 zero = 0, hash;
	struct walk *w = bpf_map_lookup_elem(&scratch, &zero);
	__u8 b[ETHERNET];
	__u64 sender;
	int result;

	if (!w || bpf_skb_load_bytes_relative(skb, 0, b, sizeof(b), BPF_HDR_START_MAC))
		return 0;
	w->at = w->gre_flags = w->fragments = w->is_later = w->has_fallback = w->is_short = 0;
	w->flow.is_ip = 0;
	w->end = w->len = skb->len + ETHERNET;
	if (w->len > SNAP_LEN)
		w->len = SNAP_LEN;
	w->next = ethernet_header(skb, w, b);
	sender = sender_of(b);
	result = follow(skb, w);
	if (result == TOO_DEEP) {
		count(COUNT_DEEP);
	} else if (result < DONE && w->has_fallback) {
		w->flow = w->fallback;
		result = DONE;
	}
	if (result < DONE)
		hash = by_sender(sender);
	else if (w->is_later)
		hash = later(w);
	else
		hash = w->flow.is_ip ? by_flow(&w->flow) : by_sender(w->flow.mac);
	first(w, w->next, hash);
	return (int)hash;
}

char LICENSE[] SEC("license") = "MIT";
