use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use make::frame::{self, Host, fragment_v4, fragment_v6, host};
use make::tunnel::Tunnel;

use super::super::fanout::{Fanout, Misplaced};
use crate::batch::LinkType;
use crate::capture::files::Files;
use crate::capture::{Batch, Fill, Source};
use crate::decode::{DecodeIssue, Net, Packet};
use crate::spread::{Spread, Work};

const SNAP_LEN: u32 = 65_535;

/// The program, where this process may load one.
fn fanout(snap_len: u32) -> Option<Fanout> {
    match Fanout::load(snap_len) {
        Ok(fanout) => Some(fanout),
        Err(error) if error.contains("CAP_BPF") => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn pair(v6: bool) -> (Host, Host) {
    if v6 {
        (host("2001:db8::11"), host("2001:db8::22"))
    } else {
        (host("10.20.1.11"), host("10.20.2.10"))
    }
}

fn tunnels() -> Vec<Tunnel> {
    let (a, b) = (host("192.0.2.1"), host("192.0.2.2"));
    vec![
        Tunnel::Vxlan(a, b, 7),
        Tunnel::Geneve(a, b, 7),
        Tunnel::Gre(a, b),
        Tunnel::GreBridged(a, b, 9),
        Tunnel::Erspan1(a, b),
        Tunnel::Erspan2(a, b, 3),
        Tunnel::Erspan3(a, b, 3),
        Tunnel::IpInIp(a, b),
        Tunnel::Mpls(vec![17]),
        Tunnel::Mpls(vec![1, 2, 3, 4, 5]),
        Tunnel::Pppoe(1),
    ]
}

fn tagged(frame: &[u8], tags: &[u16]) -> Vec<u8> {
    let mut out = frame[..12].to_vec();
    for tag in tags {
        let [high, low] = tag.to_be_bytes();
        out.extend([0x81, 0, high, low]);
    }
    out.extend(&frame[12..]);
    out
}

#[test]
fn both_directions_of_a_flow_have_one_value_in_whatever_they_come() {
    let Some(fanout) = fanout(SNAP_LEN) else {
        return;
    };
    for v6 in [false, true] {
        let (a, b) = pair(v6);
        let (to, from) = (
            frame::udp(a.port(2575), b.port(40_000), &[7; 100]),
            frame::udp(b.port(40_000), a.port(2575), &[7; 100]),
        );
        let value = fanout.value(&to).unwrap();
        assert_eq!(fanout.expected(&to), Some(value));
        assert_eq!(fanout.value(&from), Ok(value));
        let elsewhere = frame::udp(a.port(2575), b.port(40_001), &[7; 100]);
        assert_ne!(fanout.value(&elsewhere), Ok(value));
        for outer in tunnels() {
            for frame in [&to, &from] {
                let around = outer.wrap(frame);
                assert_eq!(fanout.value(&around), Ok(value), "{outer:?}");
                assert_eq!(fanout.value(&tagged(&around, &[1, 2, 3])), Ok(value));
                let is_ip = matches!(around[12..14], [8, 0] | [0x86, 0xdd]);
                for outermost in tunnels().iter().filter(|_| is_ip) {
                    let both = outermost.wrap(&around);
                    assert_eq!(fanout.value(&both), Ok(value), "{outermost:?} {outer:?}");
                }
            }
        }
    }
}

#[test]
fn fragments_follow_their_first_one() {
    let Some(fanout) = fanout(SNAP_LEN) else {
        return;
    };
    let cut = |frame: &[u8], v6: bool, id: u32| {
        if v6 {
            fragment_v6(frame, 600, id)
        } else {
            fragment_v4(frame, 600)
        }
    };
    for v6 in [false, true] {
        let (a, b) = pair(v6);
        let whole = frame::udp(a.port(2575), b.port(40_000), &[7; 2000]);
        let value = fanout.expected(&whole).unwrap();
        let parts = cut(&whole, v6, 5);
        assert!(parts.len() > 2);
        for part in &parts {
            assert_eq!(fanout.value(part), Ok(value));
        }
        for outer in tunnels() {
            for part in &parts {
                assert_eq!(fanout.value(&outer.wrap(part)), Ok(value), "{outer:?}");
            }
        }
    }
    // A tunnel in fragments; and fragments in a tunnel in fragments.
    let (a, b) = (host("192.0.2.1"), host("192.0.2.2"));
    let inner = frame::udp(
        host("10.0.0.1").port(1),
        host("10.0.0.2").port(2),
        &[7; 2000],
    );
    let value = fanout.expected(&inner).unwrap();
    for part in fragment_v4(&Tunnel::Vxlan(a, b, 7).wrap(&inner), 800) {
        assert_eq!(fanout.value(&part), Ok(value));
    }
    for part in fragment_v4(&inner, 1200) {
        for piece in fragment_v4(&Tunnel::Vxlan(b, a, 8).wrap(&part), 800) {
            assert_eq!(fanout.value(&piece), Ok(value));
        }
    }
    assert_eq!(fanout.misplaced().early_fragments, 0);
    let parts = fragment_v4(
        &frame::udp(
            host("10.9.0.1").port(1),
            host("10.9.0.2").port(2),
            &[7; 2000],
        ),
        600,
    );
    fanout.value(&parts[1]).unwrap();
    assert_eq!(fanout.misplaced().early_fragments, 1);
}

/// Of every frame of a capture what the program gives, and of every packet what it should be.
fn agree(fanout: &Fanout, file: &Path) -> usize {
    let mut source = Files::new(vec![file.to_path_buf()]);
    let mut spread = Spread::new(1);
    let mut works = [Work::new(Arc::default())];
    let (mut batch, mut seen) = (Batch::default(), 0);
    let (mut values, mut fragments) = (BTreeMap::new(), BTreeSet::new());
    loop {
        batch.clear();
        let Ok(filled) = source.fill(&mut batch) else {
            return seen; // damaged captures have tests of their own
        };
        for frame in &batch.frames {
            let bytes = frame.bytes(&batch.blocks);
            let can_be_run = (14..3000).contains(&bytes.len());
            if frame.link == LinkType::ETHERNET && frame.len == frame.wire_len && can_be_run {
                values.insert(frame.no, fanout.value(bytes).unwrap());
                if fanout.expected(bytes).is_none() {
                    fragments.insert(frame.no);
                }
            }
        }
        spread.spread(&mut batch, &mut works);
        for item in works[0].items.iter() {
            let Some(value) = values.get(&item.frame.no) else {
                continue;
            };
            let bytes = item.frame.bytes(&works[0].blocks);
            let expected = fanout.expected_of(&item.packet, bytes);
            let told = fanout.misplaced() != Misplaced::default();
            let in_vain = told && is_reassembled(&item.packet);
            let given_up = fragments.contains(&item.frame.no) && item.packet.is_err();
            if !in_vain && !given_up {
                let at = (file.display(), item.frame.no);
                assert_eq!(Some(*value), expected, "{} {}", at.0, at.1);
            }
            seen += 1;
        }
        if filled == Fill::End {
            return seen;
        }
    }
}

fn is_reassembled(packet: &Result<Packet, DecodeIssue>) -> bool {
    matches!(packet, Ok(Packet { net: Net::Ip(ip), .. }) if ip.reassembled)
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(captures(&path));
        } else if path.to_string_lossy().contains(".pcap") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_frame_of_every_sample_goes_where_our_decoder_says() {
    let Some(fanout) = fanout(SNAP_LEN) else {
        return;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps");
    let mut seen: usize = captures(&folder).iter().map(|f| agree(&fanout, f)).sum();
    assert!(seen > 10_000, "{seen}");
    assert_eq!(fanout.misplaced(), Misplaced::default());
    if let Some(more) = std::env::var_os("VITALWIRE_CAPTURES") {
        seen += captures(Path::new(&more))
            .iter()
            .map(|f| agree(&fanout, f))
            .sum::<usize>();
    }
    println!("{seen} packets, {:?}", fanout.misplaced());
}

/// What is wrong in a frame is wrong in the same way for both.
#[test]
fn bent_frames_are_read_as_our_decoder_reads_them() {
    let (a, b) = pair(false);
    let inner = frame::udp(a.port(2575), b.port(40_000), &[7; 40]);
    let (c, d) = pair(true);
    let inner_v6 = frame::udp(c.port(2575), d.port(4789), &[8, 0, 0, 0, 1, 2, 3, 4, 5]);
    let mut whole = vec![inner.clone(), inner_v6.clone(), tagged(&inner, &[5, 6])];
    for outer in tunnels() {
        whole.extend([outer.wrap(&inner), outer.wrap(&inner_v6)]);
    }
    let mut random = 1_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap()
    };
    for snap_len in [SNAP_LEN, 60] {
        let Some(fanout) = fanout(snap_len) else {
            return;
        };
        for good in &whole {
            for _ in 0..2000 {
                let mut bad = good.clone();
                for _ in 0..next() % 5 {
                    let at = 12 + next() % (bad.len() - 12);
                    bad[at] = INTERESTING[next() % INTERESTING.len()];
                }
                // The kernel runs a program over no frame shorter than its own headers.
                bad.truncate(54 + next() % (bad.len() * 2));
                if let Some(expected) = fanout.expected(&bad) {
                    assert_eq!(fanout.value(&bad), Ok(expected), "{snap_len} {bad:02x?}");
                }
            }
        }
    }
}

const INTERESTING: [u8; 24] = [
    0, 1, 2, 4, 6, 8, 17, 33, 40, 41, 44, 45, 47, 50, 51, 60, 64, 0x65, 0x69, 0x81, 0x88, 0xaa,
    0xdd, 0xff,
];

/// What was compiled is what the sources say.
#[test]
fn the_objects_are_those_of_the_sources() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpf");
    let folder = std::env::temp_dir().join(format!("vitalwire-bpf-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let built = Command::new(sources.join("build")).arg(&folder).output();
    let name = |object: &[u8]| {
        let text = String::from_utf8_lossy(object).into_owned();
        let version = text.split("clang version").nth(1).unwrap_or_default();
        version.chars().take(16).collect::<String>()
    };
    for object in ["fanout.o", "xdp.o"] {
        let committed = std::fs::read(sources.join(object)).unwrap();
        let Ok(made) = std::fs::read(folder.join(object)) else {
            eprintln!("skipped: no clang that makes eBPF: {built:?}");
            break;
        };
        if name(&made) == name(&committed) {
            assert!(made == committed, "{object}: run dataplane/bpf/build");
        } else {
            eprintln!(
                "skipped: made by {}, here is {}",
                name(&committed),
                name(&made)
            );
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
