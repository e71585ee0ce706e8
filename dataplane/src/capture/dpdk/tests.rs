//! On devices that are none. EAL can be initialised only once a process and a port be opened only
//! once, so that all tests share one set of arguments, and each has a device of its own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::*;
use crate::capture::files::Files;

/// Frames of 9000 and 60 000 bytes between small ones.
const LARGE: [usize; 5] = [60, 9000, 100, 60_000, 1500];

fn ward() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps/ward/hl7-pumps.pcap")
}

fn pattern(len: usize) -> Vec<u8> {
    (0..=250_u8).cycle().take(len).collect()
}

fn capture(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        file.extend(word.to_le_bytes());
    }
    for (second, frame) in (1_700_000_000_u32..).zip(frames) {
        let len = u32::try_from(frame.len()).unwrap();
        for word in [second, 123_456, len, len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// The arguments of all tests, with which EAL is up once this returns. Devices have opened their
/// files by then.
fn arguments() -> &'static [String] {
    static ARGUMENTS: OnceLock<Vec<String>> = OnceLock::new();
    ARGUMENTS.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let large = dir.path().join("large.pcap");
        std::fs::write(&large, capture(&LARGE.map(pattern))).unwrap();
        let (ward, large) = (ward().display().to_string(), large.display().to_string());
        let devices = [
            "null0,size=60".to_owned(),
            "null1,size=60".to_owned(),
            "null2".to_owned(),
            "ring0".to_owned(),
            "ring1".to_owned(),
            format!("pcap0,rx_pcap={ward}"),
            format!("pcap1,rx_pcap={ward},infinite_rx=1"),
            format!("pcap2,rx_pcap={large}"),
            format!("pcap3,rx_pcap={ward}"),
            format!("pcap4,rx_pcap={ward}"),
        ];
        let mut arguments: Vec<String> = ["--no-huge", "--no-shconf", "--no-pci", "-m", "192"]
            .map(str::to_owned)
            .to_vec();
        arguments.extend(["--no-telemetry", "--log-level=4"].map(str::to_owned));
        arguments.extend(devices.map(|device| format!("--vdev=net_{device}")));
        eal::init(&arguments).unwrap();
        arguments
    })
}

fn settings(port: &str) -> Settings {
    Settings {
        eal_args: arguments().to_vec(),
        port: port.to_owned(),
        mbufs: 2047,
        ..Settings::default()
    }
}

fn one(port: &str) -> Queue {
    let mut opened = open(&settings(port), 1).unwrap();
    assert_eq!(opened.device, port);
    assert_eq!(opened.queues.len(), 1);
    opened.queues.remove(0)
}

fn fill(source: &mut dyn Source) -> Batch {
    let mut batch = Batch::default();
    assert_eq!(source.fill(&mut batch).unwrap(), Fill::More);
    batch
}

/// Everything that a source gives until it has no more.
fn all(source: &mut dyn Source) -> Vec<(Time, u32, Vec<u8>)> {
    let mut frames = Vec::new();
    loop {
        let mut batch = Batch::default();
        let filled = source.fill(&mut batch).unwrap();
        let told = |f: &Frame| (f.time, f.wire_len, f.bytes(&batch.blocks).to_vec());
        frames.extend(batch.frames.iter().map(told));
        if batch.frames.is_empty() || filled == Fill::End {
            return frames;
        }
    }
}

#[test]
fn what_is_held_is_lost_to_the_port_until_it_is_let_go_in_any_thread() {
    let mut queue = one("net_null0");
    let mut held = Vec::new();
    loop {
        let batch = fill(&mut queue);
        if batch.frames.is_empty() {
            break;
        }
        assert!(batch.frames.len() <= BATCH_FRAMES_MAX);
        assert!(
            batch
                .frames
                .iter()
                .all(|f| f.bytes(&batch.blocks).len() == 60)
        );
        held.push(batch);
    }
    let count: usize = held.iter().map(|batch| batch.frames.len()).sum();
    assert!((1024..=2047).contains(&count), "{count} of 2047 mbufs");
    assert!(fill(&mut queue).frames.is_empty());
    let told: Vec<u8> = held.iter().map(|batch| batch.backlog).collect();
    assert!(told.is_sorted(), "{told:?}");
    assert_eq!(
        told.last(),
        Some(&100),
        "all that frames may have, they have"
    );
    std::thread::spawn(move || drop(held)).join().unwrap();
    for _ in 0..100 {
        let batch = fill(&mut queue);
        assert!(!batch.frames.is_empty() && batch.backlog < 50);
    }
    assert_eq!(queue.blind(), None);
    assert!(queue.losses().received >= count as u64);
    assert_eq!(queue.losses().dropped(), 0);
}

#[test]
fn a_batch_outlives_its_port() {
    let mut queue = one("net_null1");
    let batch = fill(&mut queue);
    drop(queue);
    assert!(
        batch
            .frames
            .iter()
            .all(|f| f.bytes(&batch.blocks).len() == 60)
    );
}

#[test]
fn a_queue_for_each_worker_where_the_device_can_spread() {
    let opened = open(&settings("net_null2"), 2).unwrap();
    assert!(opened.steered && opened.remark.is_none());
    assert_eq!(opened.queues.len(), 2);
    // This driver has a key of its own until it is told once more.
    assert_eq!(opened.about.spread, Spread::Symmetric { ports: true });
    assert_eq!(opened.about.driver, "net_null");
    for mut queue in opened.queues {
        let batch = fill(&mut queue);
        let near = |frame: &Frame| frame.no.abs_diff(frame.time.0.unsigned_abs()) < 1_000_000;
        assert!(batch.frames.iter().all(near), "numbered by their stamps");
        assert!(fill(&mut queue).frames[0].no > batch.frames[0].no);
    }
}

#[test]
fn an_errand_is_done_in_a_thread_that_is_older_than_this_one() {
    arguments();
    let me = || std::fs::read_link("/proc/thread-self").unwrap();
    let here = me();
    let there = in_its_thread(me).unwrap();
    assert_ne!(here, there);
    assert_eq!(in_its_thread(me).unwrap(), there);
}

#[test]
fn a_device_that_cannot_spread_has_one_queue_and_that_is_said() {
    let with = |queues| Settings {
        queues,
        ..settings("net_pcap3")
    };
    let error = |queues| open(&with(queues), 4).err().unwrap().to_string();
    assert!(
        error(3).contains("set it to 1 or 4, or to 0"),
        "{}",
        error(3)
    );
    assert!(error(4).contains("the device has 1"), "{}", error(4));
    let opened = open(&with(0), 4).unwrap();
    assert_eq!(opened.queues.len(), 1);
    assert!(!opened.steered);
    let remark = opened.remark.unwrap();
    assert!(
        remark.contains("no RSS") && remark.contains("one queue"),
        "{remark}"
    );
}

#[test]
fn time_goes_on_without_frames() {
    let mut queue = one("net_ring0");
    let before = machine_time();
    let batch = fill(&mut queue);
    assert!(batch.frames.is_empty() && batch.blocks.is_empty());
    assert!(batch.now >= before && batch.upto > 0);
    assert!(batch.now.since(before) >= IDLE_NANOS);
}

#[test]
#[expect(unsafe_code, reason = "DPDK is a C library")]
fn without_a_link_it_is_blind_and_says_why() {
    let mut queue = one("net_ring1");
    let port = queue.port.number();
    fill(&mut queue);
    assert_eq!(queue.blind(), None);
    // SAFETY: the port is open.
    assert_eq!(unsafe { dpdk_sys::rte_eth_dev_set_link_down(port) }, 0);
    fill(&mut queue);
    assert!(queue.blind().is_some_and(|why| why.contains("no link")));
    // SAFETY: the port is open.
    assert_eq!(unsafe { dpdk_sys::rte_eth_dev_set_link_up(port) }, 0);
    fill(&mut queue);
    assert_eq!(queue.blind(), None);
}

#[test]
fn a_file_behind_a_port_is_what_it_is_when_it_is_read() {
    let mut read = Files::new(vec![ward()]);
    let (read, received) = (all(&mut read), all(&mut one("net_pcap0")));
    assert_eq!(read.len(), 477);
    assert!(read == received);
}

#[test]
fn a_filter_leaves_frames_out() {
    let with = |filter: &str, port| Settings {
        filter: Some(filter.to_owned()),
        ..settings(port)
    };
    let mut opened = open(&with("tcp dst port 2575", "net_pcap4"), 1).unwrap();
    let received = all(&mut opened.queues[0]);
    let port = |bytes: &[u8]| bytes[36..38] == 2575_u16.to_be_bytes();
    let expected = all(&mut Files::new(vec![ward()]));
    let expected: Vec<_> = expected.into_iter().filter(|(_, _, b)| port(b)).collect();
    assert!(expected.len() > 50 && received == expected);
    let error = open(&with("prot 1", "net_pcap4"), 1)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("filter \"prot 1\":"), "{error}");
}

#[test]
fn a_file_comes_again_and_again_and_may_be_changed() {
    let mut count = 0_u32;
    let alter = move |frame: &mut [u8]| {
        frame[..4].copy_from_slice(&count.to_be_bytes());
        count += 1;
    };
    let mut queue = one("net_pcap1").altered(Box::new(alter));
    let mut seen = 0_u32;
    while seen < 2000 {
        let batch = fill(&mut queue);
        for frame in &batch.frames {
            assert_eq!(frame.bytes(&batch.blocks)[..4], seen.to_be_bytes());
            seen += 1;
        }
    }
}

#[test]
fn frames_that_fit_into_no_mbuf_are_put_together_and_counted() {
    let mut queue = one("net_pcap2");
    let received = all(&mut queue);
    let expected = LARGE.map(pattern);
    assert_eq!(received.len(), expected.len());
    for ((_, wire_len, bytes), expected) in received.iter().zip(&expected) {
        assert_eq!(*wire_len as usize, expected.len());
        assert!(bytes == expected);
    }
    let samples = queue.samples();
    assert_eq!(samples[0].value, 2);
    assert!(
        samples
            .iter()
            .any(|s| s.labels.contains(&("statistic", "rx_good_packets".into())))
    );
}

#[test]
fn what_is_not_there_is_said_and_what_is() {
    let error = open(&settings("net_none"), 1).err().unwrap().to_string();
    assert!(
        error.starts_with("dpdk port net_none: no such port; there is 0 (net_"),
        "{error}"
    );
}
