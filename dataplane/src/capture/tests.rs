use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use parsers::time::Time;

use super::blocks::{BLOCK_BYTES, Pool};
use super::fault::{Fault, Faults};
use super::files::Files;
use super::memory::{Memory, Stored};
use super::{Batch, CaptureError, Fill, Losses, Source};
use crate::batch::LinkType;

/// A frame as a test sees it.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    no: u64,
    time: i64,
    now: i64,
    bytes: Vec<u8>,
    wire_len: u32,
    link: u16,
    interface: u16,
}

/// A file that is gone when the test is.
struct Temp(PathBuf);

impl Temp {
    fn new(bytes: &[u8]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let no = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vitalwire-capture-{}-{no}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn drain(source: &mut dyn Source) -> (Vec<Seen>, Vec<String>) {
    let mut batch = Batch::default();
    let (mut seen, mut errors) = (Vec::new(), Vec::new());
    loop {
        batch.clear();
        match source.fill(&mut batch) {
            Ok(Fill::End) => return (seen, errors),
            Ok(Fill::More) => {}
            Err(e @ CaptureError::Damaged { .. }) => {
                let text = e.to_string();
                errors.push(text.split_once(": ").unwrap().1.to_owned());
            }
            Err(e) => errors.push(e.to_string()),
        }
        seen.extend(batch.frames.iter().map(|f| Seen {
            no: f.no,
            time: f.time.0,
            now: f.now.0,
            bytes: f.bytes(&batch.blocks).to_vec(),
            wire_len: f.wire_len,
            link: f.link.0,
            interface: f.interface,
        }));
    }
}

fn read(files: &[&[u8]]) -> (Vec<Seen>, Vec<String>) {
    let temps: Vec<Temp> = files.iter().map(|b| Temp::new(b)).collect();
    drain(&mut Files::new(temps.iter().map(|t| t.0.clone()).collect()))
}

/// A number in the file's byte order.
fn n(big: bool, value: u32) -> [u8; 4] {
    if big {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    }
}

fn n16(big: bool, value: u16) -> [u8; 2] {
    if big {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    }
}

fn pcap(big: bool, magic: u32, frames: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut out = n(big, magic).to_vec();
    out.extend(n16(big, 2));
    out.extend(n16(big, 4));
    for field in [0, 0, 65_535, 1] {
        out.extend(n(big, field));
    }
    for (secs, frac, bytes) in frames {
        let len = u32::try_from(bytes.len()).unwrap();
        for field in [*secs, *frac, len, len + 2] {
            out.extend(n(big, field));
        }
        if magic == 0xa1b2_cd34 {
            out.extend([0; 8]);
        }
        out.extend(*bytes);
    }
    out
}

fn block(big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let len = n(big, u32::try_from(body.len() + 12).unwrap());
    [&n(big, kind)[..], &len, &body, &len].concat()
}

fn section(big: bool) -> Vec<u8> {
    let fields = [
        &n(big, 0x1a2b_3c4d)[..],
        &n16(big, 1),
        &n16(big, 0),
        &[0xff; 8],
    ];
    block(big, 0x0a0d_0d0a, &fields.concat())
}

fn option(big: bool, code: u16, value: &[u8]) -> Vec<u8> {
    let mut padded = value.to_vec();
    padded.resize(value.len().next_multiple_of(4), 0);
    let len = u16::try_from(value.len()).unwrap();
    [&n16(big, code)[..], &n16(big, len), &padded].concat()
}

fn interface(big: bool, link: u16, snap: u32, options: &[u8]) -> Vec<u8> {
    let fields = [&n16(big, link)[..], &[0, 0], &n(big, snap), options];
    block(big, 1, &fields.concat())
}

fn enhanced(big: bool, interface: u32, stamp: u64, bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).unwrap();
    let high = u32::try_from(stamp >> 32).unwrap();
    let low = u32::try_from(stamp & 0xffff_ffff).unwrap();
    let fields = [interface, high, low, len, len].map(|f| n(big, f));
    block(big, 6, &[&fields.concat()[..], bytes].concat())
}

#[test]
fn pcap_in_both_orders_and_all_resolutions() {
    for big in [false, true] {
        for (magic, unit) in [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1), (0xa1b2_cd34, 1000)] {
            let file = pcap(big, magic, &[(5, 7, b"one"), (4, 0, b""), (6, 0, b"three")]);
            let (seen, errors) = read(&[&file]);
            assert_eq!(errors, [] as [&str; 0]);
            let first = Seen {
                no: 1,
                time: 5_000_000_000 + 7 * unit,
                now: 5_000_000_000 + 7 * unit,
                bytes: b"one".to_vec(),
                wire_len: 5,
                link: 1,
                interface: 0,
            };
            assert_eq!(seen[0], first);
            assert_eq!((seen[1].now, seen[1].time), (first.now, 4_000_000_000));
            assert_eq!((seen[2].no, &seen[2].bytes[..]), (3, &b"three"[..]));
        }
    }
}

#[test]
fn pcapng_with_sections_interfaces_and_units() {
    let mut file = Vec::new();
    for big in [false, true] {
        file.extend(section(big));
        let named = option(big, 2, b"eth0");
        file.extend(interface(big, 1, 0, &named));
        let nanos = [option(big, 2, b"eth1"), option(big, 9, &[9])].concat();
        file.extend(interface(big, 101, 4, &nanos));
        let binary = [
            option(big, 9, &[0x8a]),
            option(
                big,
                14,
                &if big {
                    100_i64.to_be_bytes()
                } else {
                    100_i64.to_le_bytes()
                },
            ),
        ];
        file.extend(interface(big, 113, 0, &binary.concat()));
        file.extend(block(big, 0x0bad, &[1; 40]));
        file.extend(enhanced(big, 0, 1_000_000, b"micro"));
        file.extend(enhanced(big, 1, 2_000_000_000, b"nano"));
        file.extend(enhanced(big, 2, 3 * 1024 + 512, b"binary"));
        // Simple: interface 0, no time of its own. Obsolete: a short interface number.
        file.extend(block(big, 3, &[&n(big, 6)[..], b"simple"].concat()));
        let old = [
            &n16(big, 1)[..],
            &[0, 0],
            &n(big, 0),
            &n(big, 9),
            &n(big, 3),
            &n(big, 3),
        ];
        file.extend(block(big, 2, &[&old.concat()[..], b"old"].concat()));
    }
    let (seen, errors) = read(&[&file]);
    assert_eq!(errors, [] as [&str; 0]);
    let brief: Vec<(&[u8], i64, u16, u16)> = seen
        .iter()
        .map(|s| (&s.bytes[..], s.time, s.link, s.interface))
        .collect();
    let one: [(&[u8], i64, u16, u16); 5] = [
        (b"micro", 1_000_000_000, 1, 0),
        (b"nano", 2_000_000_000, 101, 1),
        (b"binary", 103_500_000_000, 113, 2),
        (b"simple", 103_500_000_000, 1, 0),
        (b"old", 9, 101, 1),
    ];
    assert_eq!(brief, [one, one].concat());
}

#[test]
fn statistics_blocks_tell_of_losses() {
    let mut file = section(false);
    file.extend(interface(false, 1, 0, &[]));
    let stats: Vec<u8> = [(4_u16, 100_u64), (5, 3), (7, 2)]
        .into_iter()
        .flat_map(|(code, count)| option(false, code, &count.to_le_bytes()))
        .collect();
    file.extend(block(false, 5, &[&[0; 12][..], &stats].concat()));
    file.extend(file.clone());
    let temp = Temp::new(&file);
    let mut source = Files::new(vec![temp.0.clone()]);
    drain(&mut source);
    let losses = Losses {
        received: 200,
        kernel: 4,
        interface: 6,
    };
    assert_eq!(source.losses(), losses);
    assert_eq!(source.progress().bytes, source.progress().total);
}

#[test]
fn compressed_files_are_told_by_their_first_bytes() {
    let plain = pcap(false, 0xa1b2_c3d4, &[(1, 0, &[7; 900]), (2, 0, b"x")]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(&plain[..], 1).unwrap();
    for packed in [&gzip, &zstd] {
        assert_eq!(read(&[packed]), read(&[&plain]));
        let (seen, errors) = read(&[&packed[..packed.len() - 9]]);
        assert!(seen.len() <= 2);
        let [error] = &errors[..] else {
            panic!("{errors:?}")
        };
        assert!(
            error.contains("ends early") || error.contains("damaged"),
            "{error}"
        );
    }
}

#[test]
fn a_damaged_file_says_where_and_the_next_one_follows() {
    let good = pcap(false, 0xa1b2_c3d4, &[(1, 0, b"one"), (2, 0, b"two")]);
    let mut absurd = good.clone();
    absurd[24 + 16 + 3 + 8..][..4].copy_from_slice(&[0xff; 4]);
    for (bad, frames, said) in [
        (
            &good[..good.len() - 1],
            1,
            "the file ends inside a frame at byte 43",
        ),
        (
            &good[..50],
            1,
            "the file ends inside a record header at byte 43",
        ),
        (&good[..20], 0, "the file ends inside its header at byte 0"),
        (
            &good[..0],
            0,
            "the file is too short for a capture at byte 0",
        ),
        (&absurd, 1, "a record that claims over 256 KiB at byte 51"),
        (
            b"GET / HTTP/1.1",
            0,
            "neither pcap nor pcapng: editcap (of Wireshark) may convert it at byte 0",
        ),
    ] {
        let (seen, errors) = read(&[bad, &good]);
        assert_eq!(errors, [said]);
        let nos: Vec<u64> = seen.iter().map(|s| s.no).collect();
        assert_eq!(nos, (1..=frames + 2).collect::<Vec<_>>());
    }
    let missing = PathBuf::from("/nonexistent/capture.pcap");
    let (seen, errors) = drain(&mut Files::new(vec![missing]));
    assert_eq!((seen.len(), errors.len()), (0, 1));
}

#[test]
fn every_cut_of_a_pcapng_gives_what_was_before_it() {
    let mut file = section(true);
    file.extend(interface(true, 1, 0, &[]));
    let first = file.len();
    file.extend(enhanced(true, 0, 1, b"one"));
    let second = file.len();
    file.extend(block(true, 0x0bad, &[1; 40]));
    file.extend(enhanced(true, 0, 2, b"two"));
    let blocks = [0, 28, first, second, second + 52];
    for len in 0..file.len() {
        let (seen, errors) = read(&[&file[..len]]);
        assert_eq!(seen.len(), usize::from(len >= second), "{len}");
        let whole = len != 0 && blocks.contains(&len);
        assert_eq!(errors.len(), usize::from(!whole), "{len} {errors:?}");
    }
}

#[test]
fn frames_that_cross_blocks_come_whole() {
    let frames: Vec<Vec<u8>> = (0..40_u8)
        .map(|n| vec![n; 100_000 + usize::from(n)])
        .collect();
    let frames: Vec<(u32, u32, &[u8])> = frames.iter().map(|f| (1, 0, &f[..])).collect();
    let (seen, errors) = read(&[&pcap(false, 0xa1b2_c3d4, &frames)]);
    assert_eq!(errors, [] as [&str; 0]);
    assert_eq!(seen.len(), 40);
    for (seen, (_, _, bytes)) in seen.iter().zip(&frames) {
        assert_eq!(seen.bytes, *bytes);
    }
}

/// A capture that takes several pieces to map, and what is in it.
fn large() -> (Temp, Vec<Vec<u8>>) {
    let bytes = |n: u32| vec![n.to_le_bytes()[0]; 1000 + (n as usize * 7919) % 60_000];
    let frames: Vec<Vec<u8>> = (0..700).map(bytes).collect();
    let stored: Vec<(u32, u32, &[u8])> = frames.iter().map(|f| (1, 0, &f[..])).collect();
    (Temp::new(&pcap(false, 0xa1b2_c3d4, &stored)), frames)
}

/// Opens for writing, without waiting for a lease to be given back.
fn opens_to_write(path: &Path) -> bool {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let opened = options
        .append(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path);
    opened.is_ok()
}

#[test]
fn a_file_is_looked_at_in_place_and_nobody_writes_it_meanwhile() {
    let (file, frames) = large();
    let mut source = Files::new(vec![file.0.clone()]);
    let mut batch = Batch::default();
    let mut seen = Vec::new();
    while source.fill(&mut batch).unwrap() != Fill::End {
        let bytes = batch.frames.iter().map(|frame| frame.bytes(&batch.blocks));
        seen.extend(bytes.map(<[u8]>::to_vec));
        assert!(batch.blocks.iter().all(|block| !block.is_own()));
        batch.clear();
    }
    assert_eq!(seen.len(), frames.len());
    assert!(seen == frames);
    assert_eq!(source.progress().bytes, source.progress().total);
    drop(source);
    assert!(opens_to_write(&file.0));
}

#[test]
fn who_wants_to_write_a_file_waits_for_its_frames_and_no_longer() {
    let (file, frames) = large();
    let mut source = Files::new(vec![file.0.clone()]);
    let mut held = Batch::default();
    while held.frames.is_empty() {
        source.fill(&mut held).unwrap();
    }
    assert!(!opens_to_write(&file.0), "frames of it are out");
    let path = file.0.clone();
    let mut writer = Some(std::thread::spawn(move || {
        std::fs::File::create(path).unwrap()
    }));
    let (mut seen, mut errors, mut fills) = (held.frames.len(), 0, 0);
    let mut batch = Batch::default();
    loop {
        batch.clear();
        match source.fill(&mut batch) {
            Ok(Fill::End) => break,
            Ok(Fill::More) => {}
            Err(_) => errors += 1,
        }
        for frame in &batch.frames {
            assert!(frame.bytes(&batch.blocks) == frames[seen]);
            seen += 1;
        }
        for (frame, bytes) in held.frames.iter().zip(&frames) {
            assert!(frame.bytes(&held.blocks) == *bytes, "it stays as it was");
        }
        fills += 1;
        if fills == 4 {
            held.clear();
        }
        // By now it was read on without frames of the mapped part being out.
        if fills == 7
            && let Some(writer) = writer.take()
        {
            drop(writer.join().unwrap());
        }
    }
    assert_eq!(file.0.metadata().unwrap().len(), 0);
    assert!(
        seen < frames.len() && errors == 1,
        "{seen} frames, then it is cut"
    );
}

/// How long the system waits for a lease, and what it waited before.
struct Patience(String);

impl Patience {
    const FILE: &str = "/proc/sys/fs/lease-break-time";

    /// Nothing without the right to.
    fn of_a_second() -> Option<Self> {
        let before = std::fs::read_to_string(Self::FILE).ok()?;
        std::fs::write(Self::FILE, "1").ok()?;
        Some(Self(before))
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        drop(std::fs::write(Self::FILE, &self.0));
    }
}

/// As while the whole process stands still for longer than the system waits.
#[test]
fn a_file_that_is_cut_by_force_under_its_frames_reads_as_zeros() {
    let Some(patience) = Patience::of_a_second() else {
        eprintln!("skipped: {} needs root", Patience::FILE);
        return;
    };
    let (file, frames) = large();
    let mut source = Files::new(vec![file.0.clone()]);
    let mut held = Batch::default();
    while held.frames.is_empty() {
        source.fill(&mut held).unwrap();
    }
    drop(std::fs::File::create(&file.0).unwrap());
    drop(patience);
    for (frame, bytes) in held.frames.iter().zip(&frames) {
        let read = frame.bytes(&held.blocks);
        assert_eq!(read.len(), bytes.len());
        assert!(read.iter().all(|byte| *byte == 0));
    }
    held.clear();
    let (seen, errors) = drain(&mut source);
    assert_eq!((seen.len(), errors.len()), (0, 1), "{errors:?}");
    assert!(errors[0].contains("cut the file"), "{errors:?}");
    assert!(source.samples().iter().any(|s| s.value > 0));
}

#[test]
fn packet_time_starts_anew_after_a_step() {
    let hour = 3600;
    let stamps = [10 * hour, 10 * hour - 60, 12 * hour, hour];
    let frames: Vec<(u32, u32, &[u8])> = stamps.iter().map(|s| (*s, 0, &b"x"[..])).collect();
    let (seen, _) = read(&[&pcap(false, 0xa1b2_c3d4, &frames)]);
    let now: Vec<i64> = seen.iter().map(|s| s.now / 1_000_000_000).collect();
    let hours = [10, 10, 12, 1].map(|h| i64::from(h * hour));
    assert_eq!(now, hours);
}

#[test]
fn a_block_is_recycled_when_nobody_has_it() {
    let mut pool = Pool::new(64);
    let mut first = pool.take();
    first.writable().fill(7);
    let reader = first.clone();
    pool.put(first);
    let second = pool.take();
    assert_eq!(
        (second.get(0, 1), reader.get(0, 1)),
        (Some(&[0][..]), Some(&[7][..]))
    );
    pool.put(second);
    drop(reader);
    let mut third = pool.take();
    assert_eq!(third.writable()[0], 7);
    assert_eq!(BLOCK_BYTES, 1 << 20);
}

#[test]
fn faults_are_the_same_for_the_same_seed() {
    let stored = |n: u8| Stored::ethernet(Time::new(i64::from(n), 0), vec![n; 60]);
    let faults = Faults {
        seed: 1,
        lost: 100,
        doubled: 100,
        swapped: 100,
        cut: 100,
        bent: 100,
        late: 100,
    };
    let run = |faults| drain(&mut Fault::new(Memory::new((0..200).map(stored)), faults)).0;
    let seen = run(faults);
    assert_eq!(seen, run(faults));
    assert!(seen.iter().any(|s| s.bytes.len() < 60));
    assert!(seen.iter().map(|s| s.no).eq(1..=seen.len() as u64));
    let quiet = run(Faults::default());
    assert_eq!(quiet, drain(&mut Memory::new((0..200).map(stored))).0);
    assert_eq!(quiet[0].link, LinkType::ETHERNET.0);
}

/// A poor fuzzer that runs everywhere: bytes of a good file bent at random.
#[test]
fn bent_files_are_read_to_their_end() {
    let mut ng = section(false);
    ng.extend(interface(false, 1, 0, &option(false, 2, b"eth0")));
    ng.extend(enhanced(false, 0, 1, &[2; 80]));
    ng.extend(block(false, 3, &[&n(false, 6)[..], b"simple"].concat()));
    let classic = pcap(true, 0xa1b2_3c4d, &[(1, 0, &[2; 80]), (2, 0, &[8; 90])]);
    let mut random = 1_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap()
    };
    for good in [ng, classic] {
        for _ in 0..3000 {
            let mut bad = good.clone();
            for _ in 0..next() % 6 {
                let at = next() % bad.len();
                bad[at] = u8::try_from(next() % 256).unwrap();
            }
            bad.truncate(next() % (bad.len() * 2) + 1);
            super::fuzz(&bad);
        }
    }
}

/// Fills until so many frames came, or somebody gave up waiting.
fn wait_for(source: &mut dyn Source, frames: usize) -> Vec<Vec<u8>> {
    let mut batch = Batch::default();
    let mut seen = Vec::new();
    for _ in 0..100 {
        batch.clear();
        source.fill(&mut batch).unwrap();
        seen.extend(batch.frames.iter().map(|f| f.bytes(&batch.blocks).to_vec()));
        if seen.len() >= frames {
            break;
        }
    }
    seen
}

#[test]
fn a_growing_file_is_read_as_it_grows_even_when_cut_in_a_record() {
    let whole = pcap(false, 0xa1b2_c3d4, &[(1, 0, b"first"), (2, 0, b"second")]);
    let temp = Temp::new(b"");
    let mut source = Files::new(vec![temp.0.clone()]).following();
    let mut batch = Batch::default();
    assert_eq!(source.fill(&mut batch).unwrap(), Fill::More);
    assert!(batch.frames.is_empty());
    let mut file = std::fs::File::options().append(true).open(&temp.0).unwrap();
    file.write_all(&whole[..50]).unwrap();
    assert_eq!(wait_for(&mut source, 1), [b"first"]);
    file.write_all(&whole[50..]).unwrap();
    assert_eq!(wait_for(&mut source, 1), [b"second"]);
}

#[test]
fn a_directory_is_followed_from_file_to_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = Files::new(vec![dir.path().to_owned()]).following();
    let file = |no: u32, bytes: &[u8]| {
        let whole = pcap(false, 0xa1b2_c3d4, &[(no, 0, bytes)]);
        std::fs::write(dir.path().join(format!("ring{no}")), whole).unwrap();
    };
    file(9, b"nine");
    assert_eq!(wait_for(&mut source, 1), [b"nine"]);
    file(10, b"ten");
    file(11, b"eleven");
    assert_eq!(wait_for(&mut source, 2), [&b"ten"[..], b"eleven"]);
    let mut whole = Files::new(vec![dir.path().to_owned()]);
    assert_eq!(drain(&mut whole).0.len(), 3);
}
