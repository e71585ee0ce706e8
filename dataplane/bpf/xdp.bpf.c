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

SEC("xdp")
int to_socket(struct xdp_md *frame)
{
	return (int)bpf_redirect_map(&sockets, frame->rx_queue_index, XDP_PASS);
}

char LICENSE[] SEC("license") = "MIT";
