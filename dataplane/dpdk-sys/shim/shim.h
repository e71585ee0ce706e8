/* What Rust sees of DPDK: its functions, and those here for what is inline or a macro there. */
#ifndef VITALWIRE_DPDK_SHIM_H
#define VITALWIRE_DPDK_SHIM_H

#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>
#include <rte_ring.h>

/* Macros of 64 bits, which bindings cannot be made of. */
static const uint64_t VW_OFFLOAD_SCATTER = RTE_ETH_RX_OFFLOAD_SCATTER;
static const uint64_t VW_OFFLOAD_TIMESTAMP = RTE_ETH_RX_OFFLOAD_TIMESTAMP;
/* Addresses, and ports where there are some: the same in both directions with a symmetric key. */
static const uint64_t VW_RSS_FLOWS = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
/* Of these, those that hash ports too. */
static const uint64_t VW_RSS_PORTS = RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
static const uint32_t VW_MQ_NONE = RTE_ETH_MQ_RX_NONE;
static const uint32_t VW_MQ_RSS = RTE_ETH_MQ_RX_RSS;
static const int VW_SOCKET_ANY = SOCKET_ID_ANY;
static const uint16_t VW_HEADROOM = RTE_PKTMBUF_HEADROOM;
static const uint16_t VW_ETHER_OVERHEAD = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN;
static const uint32_t VW_CACHE_MAX = RTE_MEMPOOL_CACHE_MAX_SIZE;

/* A frame as it was received. */
struct vw_frame {
    uintptr_t data;        /* where the first segment is */
    uint64_t stamp;        /* the device's time stamp; only with VW_STAMPED */
    uint32_t len;          /* of all segments */
    uint16_t vlan;         /* the tag that was taken off; only with VW_VLAN */
    uint8_t flags;
    uint8_t pad;
};

static const uint8_t VW_VLAN = 1;      /* a VLAN tag was taken off the frame */
static const uint8_t VW_SEGMENTS = 2;  /* the frame is in more than one piece */
static const uint8_t VW_STAMPED = 4;   /* the device stamped it */

/* Where time stamps are in an mbuf: an offset, below 0 where there are none, and the flag. */
struct vw_stamps {
    int offset;
    uint64_t flag;
};

/* Finds them, or says that there are none: once the port is set up. */
void vw_find_stamps(struct vw_stamps *stamps);

/* From where to where a pool's memory goes, with whatever may lie between its pieces. */
void vw_region(struct rte_mempool *pool, uintptr_t *from, uintptr_t *to);

/* The error of the last call that failed, in this thread. */
int vw_errno(void);

/* Receives at most n frames and describes them; the mbufs are the caller's to free. */
uint16_t vw_receive(uint16_t port, uint16_t queue, const struct vw_stamps *stamps,
                    struct rte_mbuf **mbufs, struct vw_frame *frames, uint16_t n);

/* Copies a frame, segment by segment, to where there is room for n bytes; gives those copied. */
uint32_t vw_copy(const struct rte_mbuf *mbuf, uint8_t *to, uint32_t n);

/* A link's state as one number, below 0 on failure: 0 down, 1 up. */
int vw_link_up(uint16_t port);

/* Frames that wait in a queue, below 0 where the driver does not know. */
int vw_waiting(uint16_t port, uint16_t queue);

/* For tests: an mbuf of these bytes, and putting it on a ring. */
struct rte_mbuf *vw_make(struct rte_mempool *pool, const uint8_t *bytes, uint16_t n);
int vw_enqueue(struct rte_ring *ring, struct rte_mbuf *mbuf);

#endif
