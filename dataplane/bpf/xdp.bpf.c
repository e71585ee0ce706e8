// SPDX-License-Identifier: MIT OR Apache-2.0
/* Every frame goes to the socket of its queue, and nowhere else. A queue that has none, as while
 * the sockets are being set up, keeps giving its frames to the kernel. */

#include "bpf.h"

/* More queues than any adapter that this is for. */
#define QUEUES_MAX 256

struct bpf_map_def SEC("maps") sockets = {
	.type = BPF_MAP_TYPE_XSKMAP,
	.key_size = sizeof(__u32),
	.value_size = sizeof(__u32),
	.max_entries = QUEUES_MAX,
};

static __always_inline int redirect(struct xdp_md *frame)
{
	return (int)bpf_redirect_map(&sockets, frame->rx_queue_index, XDP_PASS);
}

SEC("xdp")
int to_socket(struct xdp_md *frame)
{
	return redirect(frame);
}

/* The same where a frame may come in several pieces, which only some kernels and drivers have. */
SEC("xdp.frags")
int pieces_to_socket(struct xdp_md *frame)
{
	return redirect(frame);
}

char LICENSE[] SEC("license") = "MIT";
