//! The bindings and the shim on devices that are none: `net_null` and `net_ring`.
//!
//! EAL can be initialised only once a process, and `cargo test` runs a file's tests in one: this
//! file therefore has a single test.
#![cfg(feature = "dpdk")]
#![expect(unsafe_code, reason = "it tests a foreign function interface")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use dpdk_sys::*;

/// Smallest sensible EAL: no huge pages, no hardware, nothing shared and nothing left behind.
const ARGUMENTS: &[&str] = &[
    "vdevs",
    "--no-huge",
    "--no-pci",
    "-m",
    "128",
    "--no-shconf",
    "--no-telemetry",
    "--log-level=4",
    "--lcores=0",
    "--vdev=net_null0,size=60",
    "--vdev=net_ring0",
];

const BURST: u16 = 32;
const MBUFS: u32 = 1023;

fn init() {
    let arguments: Vec<CString> = ARGUMENTS
        .iter()
        .map(|argument| CString::new(*argument).unwrap())
        .collect();
    let mut pointers: Vec<*mut c_char> = arguments
        .iter()
        .map(|argument| argument.as_ptr().cast_mut())
        .collect();
    let count = i32::try_from(pointers.len()).unwrap();
    // SAFETY: `count` strings that live through the call, of which EAL keeps copies.
    let parsed = unsafe { rte_eal_init(count, pointers.as_mut_ptr()) };
    assert!(parsed >= 0, "{}", error());
}

fn error() -> String {
    // SAFETY: reads a variable of this thread.
    let code = unsafe { vw_errno() };
    // SAFETY: takes any number.
    let text = unsafe { rte_strerror(code) };
    // SAFETY: a text that lives until this thread asks for the next one.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().into_owned()
}

fn pool(name: &CStr) -> *mut rte_mempool {
    let room = VW_HEADROOM + 2048;
    // SAFETY: the name lives through the call.
    let pool = unsafe { rte_pktmbuf_pool_create(name.as_ptr(), MBUFS, 0, 0, room, VW_SOCKET_ANY) };
    assert!(!pool.is_null(), "{}", error());
    pool
}

/// Opens a port for receiving with one queue, and none to send with.
fn open(device: &CStr, pool: *mut rte_mempool) -> u16 {
    let mut port = 0;
    let conf = rte_eth_conf::default();
    // SAFETY: the name and the place for the port live through the call.
    let found = unsafe { rte_eth_dev_get_port_by_name(device.as_ptr(), &raw mut port) };
    assert_eq!(found, 0, "{device:?}");
    // SAFETY: the port is there, and nobody uses it yet.
    let done = unsafe { rte_eth_dev_configure(port, 1, 0, &raw const conf) };
    assert_eq!(done, 0, "{device:?}");
    // SAFETY: as above; the pool outlives the port, as neither is ever freed.
    let done = unsafe { rte_eth_rx_queue_setup(port, 0, 64, 0, ptr::null(), pool) };
    assert_eq!(done, 0, "{device:?}");
    // SAFETY: it is configured and has its queue.
    let done = unsafe { rte_eth_dev_start(port) };
    assert_eq!(done, 0, "{device:?}");
    port
}

type Received = (Vec<*mut rte_mbuf>, Vec<vw_frame>);

fn receive(port: u16) -> Received {
    let mut mbufs = vec![ptr::null_mut(); usize::from(BURST)];
    let mut frames = vec![vw_frame::default(); usize::from(BURST)];
    let mut stamps = vw_stamps::default();
    // SAFETY: writes the place that it is given.
    unsafe { vw_find_stamps(&raw mut stamps) };
    // SAFETY: the port is started, this is the only thread, and there is room for a burst.
    let got = unsafe {
        vw_receive(
            port,
            0,
            &raw const stamps,
            mbufs.as_mut_ptr(),
            frames.as_mut_ptr(),
            BURST,
        )
    };
    mbufs.truncate(usize::from(got));
    frames.truncate(usize::from(got));
    (mbufs, frames)
}

fn free(mbufs: &mut [*mut rte_mbuf]) {
    // SAFETY: they were received or made, and nobody else has them.
    unsafe { rte_pktmbuf_free_bulk(mbufs.as_mut_ptr(), u32::try_from(mbufs.len()).unwrap()) };
}

fn available(pool: *mut rte_mempool) -> u32 {
    // SAFETY: the pool is never freed.
    unsafe { rte_mempool_avail_count(pool) }
}

fn region(pool: *mut rte_mempool) -> std::ops::Range<usize> {
    let (mut from, mut to) = (0, 0);
    // SAFETY: the pool is never freed, and both places live through the call.
    unsafe { vw_region(pool, &raw mut from, &raw mut to) };
    from..to
}

#[test]
fn what_is_received_lies_in_the_pool_and_goes_back_to_it() {
    init();
    null();
    ring();
}

/// A device that gives empty frames for ever.
fn null() {
    let pool = pool(c"null");
    let port = open(c"net_null0", pool);
    let region = region(pool);
    for _ in 0..100 {
        let (mut mbufs, frames) = receive(port);
        assert_eq!(frames.len(), usize::from(BURST));
        assert_eq!(available(pool), MBUFS - u32::from(BURST));
        for frame in frames {
            assert_eq!((frame.len, frame.flags), (60, 0));
            assert!(region.contains(&frame.data) && frame.data + 60 <= region.end);
        }
        free(&mut mbufs);
        assert_eq!(available(pool), MBUFS);
    }
    // SAFETY: the port is started.
    assert_eq!(unsafe { vw_link_up(port) }, 1);
}

/// A device that gives what somebody puts on its ring.
fn ring() {
    let pool = pool(c"ring");
    let port = open(c"net_ring0", pool);
    assert!(receive(port).0.is_empty());
    // SAFETY: the name lives through the call.
    let ring = unsafe { rte_ring_lookup(c"ETH_RXTX0_net_ring0".as_ptr()) };
    assert!(!ring.is_null(), "{}", error());
    for n in 1..=10_u8 {
        let bytes = vec![n; usize::from(n)];
        // SAFETY: the bytes live through the call, which copies them.
        let mbuf = unsafe { vw_make(pool, bytes.as_ptr(), u16::from(n)) };
        // SAFETY: the ring is the device's, and the mbuf is given away.
        assert_eq!(unsafe { vw_enqueue(ring, mbuf) }, 0);
    }
    let (mut mbufs, frames) = receive(port);
    assert_eq!(frames.len(), 10);
    for (n, (frame, mbuf)) in (1_u8..).zip(frames.iter().zip(&mbufs)) {
        let data: *const u8 = ptr::with_exposed_provenance(frame.data);
        // SAFETY: so many bytes were written there, and the mbuf is not free yet.
        let bytes = unsafe { std::slice::from_raw_parts(data, frame.len as usize) };
        assert_eq!(bytes, vec![n; usize::from(n)]);
        let mut copy = [0; 4];
        // SAFETY: the mbuf is not free yet, and there is room for so many bytes.
        let copied = unsafe { vw_copy(*mbuf, copy.as_mut_ptr(), 4) };
        assert_eq!(copied, u32::from(n.min(4)));
    }
    free(&mut mbufs);
    assert_eq!(available(pool), MBUFS);
}
