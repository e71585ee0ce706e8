#include "shim.h"

#include <string.h>

int vw_errno(void) { return rte_errno; }

void vw_find_stamps(struct vw_stamps *stamps) {
    stamps->offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
    int bit = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
    if (stamps->offset < 0 || bit < 0) {
        stamps->offset = -1;
        stamps->flag = 0;
    } else {
        stamps->flag = RTE_BIT64(bit);
    }
}

struct region {
    uintptr_t from, to;
};

static void widen(struct rte_mempool *pool, void *opaque, struct rte_mempool_memhdr *piece, unsigned index) {
    struct region *region = opaque;
    uintptr_t at = (uintptr_t)piece->addr;
    (void)pool;
    if (index == 0 || at < region->from)
        region->from = at;
    if (index == 0 || at + piece->len > region->to)
        region->to = at + piece->len;
}

void vw_region(struct rte_mempool *pool, uintptr_t *from, uintptr_t *to) {
    struct region region = {0, 0};
    rte_mempool_mem_iter(pool, widen, &region);
    *from = region.from;
    *to = region.to;
}

static void describe(const struct rte_mbuf *m, const struct vw_stamps *stamps, struct vw_frame *frame) {
    frame->data = rte_pktmbuf_mtod(m, uintptr_t);
    frame->len = rte_pktmbuf_pkt_len(m);
    frame->flags = 0;
    if (m->nb_segs > 1)
        frame->flags |= VW_SEGMENTS;
    if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
        frame->flags |= VW_VLAN;
        frame->vlan = m->vlan_tci;
    }
    if (stamps->offset >= 0 && (m->ol_flags & stamps->flag)) {
        frame->flags |= VW_STAMPED;
        frame->stamp = *RTE_MBUF_DYNFIELD(m, stamps->offset, const rte_mbuf_timestamp_t *);
    }
}

uint16_t vw_receive(uint16_t port, uint16_t queue, const struct vw_stamps *stamps,
                    struct rte_mbuf **mbufs, struct vw_frame *frames, uint16_t n) {
    uint16_t got = rte_eth_rx_burst(port, queue, mbufs, n);
    for (uint16_t i = 0; i < got; i++)
        rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], const void *));
    for (uint16_t i = 0; i < got; i++)
        describe(mbufs[i], stamps, &frames[i]);
    return got;
}

uint32_t vw_copy(const struct rte_mbuf *mbuf, uint8_t *to, uint32_t n) {
    uint32_t at = 0;
    for (; mbuf != NULL && at < n; mbuf = mbuf->next) {
        uint32_t len = RTE_MIN((uint32_t)rte_pktmbuf_data_len(mbuf), n - at);
        memcpy(to + at, rte_pktmbuf_mtod(mbuf, const void *), len);
        at += len;
    }
    return at;
}

int vw_link_up(uint16_t port) {
    struct rte_eth_link link;
    memset(&link, 0, sizeof(link));
    int failed = rte_eth_link_get_nowait(port, &link);
    return failed < 0 ? failed : link.link_status == RTE_ETH_LINK_UP;
}

int vw_waiting(uint16_t port, uint16_t queue) { return rte_eth_rx_queue_count(port, queue); }

struct rte_mbuf *vw_make(struct rte_mempool *pool, const uint8_t *bytes, uint16_t n) {
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    if (m == NULL)
        return NULL;
    char *room = rte_pktmbuf_append(m, n);
    if (room == NULL) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    memcpy(room, bytes, n);
    return m;
}

int vw_enqueue(struct rte_ring *ring, struct rte_mbuf *mbuf) { return rte_ring_enqueue(ring, mbuf); }
