//! Each finding fires on frames made for it, and is silent on a good mirror.

use parsers::time::{NANOS_PER_SEC, Time};

use super::{Cut, Expect, Finding, Judge, PAIRS_MAX, Severity, watch};
use crate::batch::{Frame, LinkType};
use crate::capture::memory::{Memory, Stored};
use crate::decode::decode;

const ACK: u8 = 0x10;
const SYN: u8 = 0x02;
const RST_ACK: u8 = 0x14;
const MS: i64 = 1_000_000;

/// A TCP segment between `10.0.0.from` and `10.0.0.to`; each of its own identification.
#[derive(Clone)]
struct Seg {
    from: u8,
    to: u8,
    flags: u8,
    vlan: Option<u16>,
    id: u16,
    ttl: u8,
    payload: Vec<u8>,
    checksum: Option<u16>,
}

fn seg(from: u8, to: u8, id: u16) -> Seg {
    Seg {
        from,
        to,
        flags: ACK,
        vlan: None,
        id,
        ttl: 64,
        payload: vec![7; 20],
        checksum: None,
    }
}

fn sum(parts: &[&[u8]]) -> u16 {
    let mut total = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            total += u32::from(u16::from_be_bytes([pair[0], low]));
        }
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

impl Seg {
    fn bytes(&self) -> Vec<u8> {
        let mut out = ether(self.from, self.to, self.vlan, 0x0800);
        let len = 40 + self.payload.len() as u16;
        let mut ip = vec![0x45, 0];
        ip.extend(len.to_be_bytes());
        ip.extend(self.id.to_be_bytes());
        ip.extend([
            0x40, 0, self.ttl, 6, 0, 0, 10, 0, 0, self.from, 10, 0, 0, self.to,
        ]);
        let checksum = sum(&[&ip]).to_be_bytes();
        ip[10..12].copy_from_slice(&checksum);
        // Ports 40000 and 8888, whoever speaks.
        let (src, dest) = if self.from < self.to {
            (40_000_u16, 8888_u16)
        } else {
            (8888, 40_000)
        };
        let mut tcp = Vec::new();
        tcp.extend(src.to_be_bytes());
        tcp.extend(dest.to_be_bytes());
        tcp.extend([
            0, 0, 0, 1, 0, 0, 0, 1, 0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0,
        ]);
        tcp.extend(&self.payload);
        let pseudo = [&ip[12..20], &[0, 6][..], &(len - 20).to_be_bytes()].concat();
        let right = sum(&[&pseudo, &tcp]);
        tcp[16..18].copy_from_slice(&self.checksum.unwrap_or(right).to_be_bytes());
        out.extend(ip);
        out.extend(tcp);
        out
    }
}

fn ether(from: u8, to: u8, vlan: Option<u16>, kind: u16) -> Vec<u8> {
    let mut out = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from];
    if to == 255 {
        out[..6].fill(255);
    }
    if let Some(id) = vlan {
        out.extend([0x81, 0]);
        out.extend(id.to_be_bytes());
    }
    out.extend(kind.to_be_bytes());
    out
}

/// An ARP request to everybody.
fn arp(from: u8) -> Vec<u8> {
    let mut out = ether(from, 255, None, 0x0806);
    out.extend([0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, from, 10, 0, 0, from]);
    out.extend([0, 0, 0, 0, 0, 0, 10, 0, 0, 1]);
    out
}

fn judge(frames: impl IntoIterator<Item = Vec<u8>>) -> Judge {
    judge_of(Expect::default(), frames)
}

/// A frame each millisecond.
fn judge_of(expect: Expect, frames: impl IntoIterator<Item = Vec<u8>>) -> Judge {
    let stored = frames
        .into_iter()
        .enumerate()
        .map(|(at, bytes)| Stored::ethernet(Time(NANOS_PER_SEC + at as i64 * MS), bytes));
    let mut judge = Judge::new(expect);
    watch(&mut Memory::new(stored), &mut judge, |_| true).unwrap();
    judge
}

fn names(judge: &Judge) -> Vec<&'static str> {
    let found = judge.findings(judge.now());
    found
        .iter()
        .filter(|f| f.name() != "nothing-medical")
        .map(Finding::name)
        .collect()
}

fn finding(judge: &Judge, name: &str) -> Finding {
    let found = judge.findings(judge.now());
    let found = found.into_iter().find(|f| f.name() == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// Four clients that talk to server 9, both ways, twelve frames each.
fn talk(change: impl Fn(&mut Seg)) -> Vec<Vec<u8>> {
    (0..48)
        .map(|n: u16| {
            let client = 1 + (n % 4) as u8;
            let (from, to) = if (n / 4).is_multiple_of(2) {
                (client, 9)
            } else {
                (9, client)
            };
            let mut one = seg(from, to, 100 + n);
            change(&mut one);
            one.bytes()
        })
        .collect()
}

#[test]
fn a_good_mirror_has_no_finding_but_that_nothing_is_medical() {
    let judge = judge(talk(|_| {}));
    assert_eq!(names(&judge), Vec::<&str>::new());
    let found = judge.findings(judge.now());
    assert!(matches!(
        found[..],
        [Finding::NothingMedical { frames: 48 }]
    ));
    assert_eq!(judge.pairs(), (4, 0));
    assert_eq!(judge.tally().established, 48);
}

#[test]
fn a_silent_mirror_is_named_and_for_how_long() {
    let mut judge = Judge::new(Expect::default());
    judge.begin(Time(0));
    let found = judge.findings(Time(10 * NANOS_PER_SEC));
    assert_eq!(found[0].name(), "silent-span");
    assert_eq!(found[0].severity(), Severity::Fail);
    assert_eq!(found[0].to_string(), "silent SPAN: no frame in 10.0 s");
}

#[test]
fn a_mirror_that_may_pause_is_silent_only_after_that() {
    let mut judge = Judge::new(Expect {
        silent_after: 5 * NANOS_PER_SEC,
        ..Expect::default()
    });
    judge.begin(Time(0));
    assert!(judge.findings(Time(4 * NANOS_PER_SEC)).is_empty());
    assert_eq!(judge.findings(Time(6 * NANOS_PER_SEC)).len(), 1);
}

#[test]
fn one_direction_of_most_pairs_is_a_one_sided_mirror() {
    let one_way: Vec<_> = (0..40)
        .map(|n| seg(1 + (n % 4) as u8, 9, n).bytes())
        .collect();
    let judge = judge(one_way);
    assert_eq!(names(&judge), ["one-sided"]);
    let found = finding(&judge, "one-sided");
    assert_eq!(found.severity(), Severity::Warn);
    assert!(found.to_string().contains("4 of 4 (100%)"), "{found}");
}

#[test]
fn one_direction_of_a_few_pairs_is_worth_a_note() {
    let mut frames = talk(|_| {});
    frames.extend((0..10).map(|n| seg(7, 9, n).bytes()));
    let judge = judge(frames);
    let found = finding(&judge, "one-sided");
    assert_eq!(found.severity(), Severity::Note);
    assert!(
        found.to_string().contains("10.0.0.7 to 10.0.0.9"),
        "{found}"
    );
}

#[test]
fn a_scan_that_nobody_answers_is_no_one_sided_mirror() {
    let mut frames = talk(|_| {});
    for n in 0..40 {
        let mut probe = seg(20, 30 + (n % 8) as u8, n);
        probe.flags = if n % 2 == 0 { SYN } else { RST_ACK };
        frames.push(probe.bytes());
    }
    assert_eq!(names(&judge(frames)), Vec::<&str>::new());
}

#[test]
fn a_host_that_speaks_with_itself_has_no_directions() {
    let mut frames = talk(|_| {});
    frames.extend((0..40).map(|n| seg(9, 9, n).bytes()));
    assert_eq!(names(&judge(frames)), Vec::<&str>::new());
}

#[test]
fn a_tag_in_one_direction_only_is_named_with_its_vlan() {
    let judge = judge(talk(|s| s.vlan = (s.to == 9).then_some(30)));
    assert_eq!(names(&judge), ["tag-one-way"]);
    let found = finding(&judge, "tag-one-way");
    assert!(
        found
            .to_string()
            .contains("VLAN 30 from 10.0.0.1 to 10.0.0.9"),
        "{found}"
    );
    let both = judge_of(Expect::default(), talk(|s| s.vlan = Some(30)));
    assert_eq!(names(&both), Vec::<&str>::new());
    assert_eq!(both.vlans().next().unwrap().0, 30);
}

#[test]
fn directions_in_different_vlans_are_worth_a_note() {
    let judge = judge(talk(|s| s.vlan = Some(if s.to == 9 { 30 } else { 40 })));
    assert_eq!(names(&judge), ["vlans-differ"]);
    assert_eq!(finding(&judge, "vlans-differ").severity(), Severity::Note);
}

#[test]
fn an_expected_vlan_that_says_nothing_is_named_and_others_are_not() {
    let expect = Expect {
        vlans: vec![30, 40],
        ..Expect::default()
    };
    let judge = judge_of(expect, talk(|s| s.vlan = Some(30)));
    assert_eq!(names(&judge), ["silent-vlan"]);
    let found = finding(&judge, "silent-vlan");
    assert_eq!(found.to_string(), "silent VLAN: nothing of VLAN 40");
    assert!(found.fix("span0").contains("VLAN 40"));
}

#[test]
fn no_tag_at_all_is_one_finding_and_not_one_for_each_expected_vlan() {
    let expect = || Expect {
        vlans: vec![30, 40],
        ..Expect::default()
    };
    let bare = judge_of(expect(), talk(|_| {}));
    assert_eq!(names(&bare), ["untagged"]);
    let found = finding(&bare, "untagged");
    assert_eq!(found.severity(), Severity::Warn);
    let text = found.to_string();
    let known = "no tags seen: the SPAN lacks `encapsulation replicate`";
    assert!(text.starts_with(known), "{text}");
    let third = judge_of(expect(), talk(|s| s.vlan = Some(50)));
    assert_eq!(names(&third), ["silent-vlan", "silent-vlan"]);
    let port = judge_of(expect(), (0..20).map(|n| arp(1 + n % 3)));
    assert!(!names(&port).contains(&"untagged"));
    let unasked = judge(talk(|_| {}));
    assert!(!names(&unasked).contains(&"untagged"));
}

#[test]
fn a_vlan_that_fell_silent_is_named_in_the_next_windows() {
    let expect = Expect {
        silent_after: 60 * NANOS_PER_SEC,
        ..Expect::default()
    };
    let many = (0..3).flat_map(|_| talk(|s| s.vlan = Some(30)));
    let mut judge = judge_of(expect, many);
    let last = judge.now();
    judge.begin(last);
    let soon = last.plus(30 * NANOS_PER_SEC);
    let frame = seg(1, 9, 1).bytes();
    show(&mut judge, soon, &frame);
    assert!(
        judge
            .findings(soon)
            .iter()
            .all(|f| f.name() != "silent-vlan")
    );
    let late = last.plus(61 * NANOS_PER_SEC);
    show(&mut judge, late, &frame);
    let found = judge.findings(late);
    let silent = found.iter().find(|f| f.name() == "silent-vlan").unwrap();
    assert!(
        silent
            .to_string()
            .contains("VLAN 30 since 1970-01-01T00:00:01"),
        "{silent}"
    );
}

fn show(judge: &mut Judge, time: Time, bytes: &[u8]) {
    let len = bytes.len() as u32;
    let frame = Frame {
        time,
        now: time,
        len,
        wire_len: len,
        link: LinkType::ETHERNET,
        ..Frame::default()
    };
    judge.frame(&frame, bytes, &decode(&frame, bytes).unwrap());
}

#[test]
fn what_reaches_every_port_is_no_mirror() {
    let mut frames: Vec<_> = (0..20).map(|n| arp(1 + n % 3)).collect();
    assert_eq!(names(&judge(frames.clone())), ["access-port"]);
    // What is for this machine proves nothing.
    frames.extend((0..20).map(|n| seg(1, 9, n).bytes()));
    frames.extend((0..20).map(|n| seg(9, 1, n).bytes()));
    let expect = Expect {
        own: Some([2, 0, 0, 0, 0, 9]),
        ..Expect::default()
    };
    assert_eq!(names(&judge_of(expect, frames.clone())), ["access-port"]);
    assert_eq!(names(&judge(frames)), Vec::<&str>::new());
}

#[test]
fn a_mirror_of_a_quiet_vlan_is_no_access_port() {
    let mut frames: Vec<_> = (0..2000_u16).map(|n| arp(1 + (n % 3) as u8)).collect();
    frames.extend((0..10).map(|n| seg(1, 9, n).bytes()));
    let names_of = |frames: &[Vec<u8>]| names(&judge(frames.to_vec()));
    assert_eq!(names_of(&frames), ["access-port", "one-sided"], "flooded");
    frames.extend((0..10).map(|n| seg(9, 1, n).bytes()));
    assert_eq!(names_of(&frames), Vec::<&str>::new());
}

#[test]
fn packets_that_come_twice_are_named_with_their_share() {
    let mut frames = talk(|_| {});
    // The copy of what leaves a router: another hop, another Ethernet address.
    let copies: Vec<_> = talk(|s| s.ttl = 63);
    frames = frames
        .into_iter()
        .zip(copies)
        .flat_map(|(one, mut copy)| {
            copy[5] = 77;
            [one, copy]
        })
        .collect();
    let judge = judge(frames);
    assert_eq!(names(&judge), ["duplicates"]);
    let found = finding(&judge, "duplicates");
    assert!(found.to_string().contains("48 of 96 (50%)"), "{found}");
}

#[test]
fn a_retransmission_is_no_duplicate() {
    // The same bytes again, each under an identification of its own, as hosts send them.
    let frames = (0..40).map(|n| {
        let (from, to) = if n % 2 == 0 { (1, 9) } else { (9, 1) };
        seg(from, to, n).bytes()
    });
    assert_eq!(names(&judge(frames)), Vec::<&str>::new());
}

#[test]
fn cut_frames_are_named_with_who_cut_them() {
    let mirror = judge(talk(|s| s.payload = vec![1; 900]).into_iter().map(|mut f| {
        f.truncate(128);
        f
    }));
    let Finding::Truncated { share, by } = finding(&mirror, "truncated") else {
        panic!("another finding");
    };
    assert_eq!((share.part, by), (48, Cut::Mirror));
    let stored = talk(|s| s.payload = vec![1; 900]).into_iter().map(|mut f| {
        let wire_len = f.len() as u32;
        f.truncate(128);
        Stored {
            wire_len,
            ..Stored::ethernet(Time(NANOS_PER_SEC), f)
        }
    });
    let mut judge = Judge::new(Expect::default());
    watch(&mut Memory::new(stored), &mut judge, |_| true).unwrap();
    let found = finding(&judge, "truncated");
    assert!(found.fix("span0").contains("snaplen: 65535"), "{found}");
}

#[test]
fn giant_frames_are_jumbo_ones_or_glued_ones() {
    let jumbo = judge(talk(|s| s.payload = vec![1; 8000]));
    let found = finding(&jumbo, "giants");
    assert_eq!(found.severity(), Severity::Note);
    let glued = judge(talk(|s| s.payload = vec![1; 4 * 1448]));
    let found = finding(&glued, "giants");
    assert_eq!(found.severity(), Severity::Warn);
    assert!(found.fix("span0").contains("gro off lro off"));
    // A whole frame with its tag is none.
    let whole = judge(talk(|s| {
        s.payload = vec![1; 1460];
        s.vlan = Some(30);
    }));
    assert_eq!(names(&whole), Vec::<&str>::new());
}

#[test]
fn checksums_that_an_adapter_would_have_made_are_told() {
    let judge = judge(talk(|s| s.checksum = (s.from == 9).then_some(0x1234)));
    assert_eq!(names(&judge), ["checksums"]);
    assert!(
        finding(&judge, "checksums")
            .to_string()
            .contains("24 of 48")
    );
}

#[test]
fn a_mirror_in_a_tunnel_is_told_by_its_kind() {
    let vxlan = talk(|_| {}).into_iter().map(|inner| {
        let mut out = ether(50, 60, None, 0x0800);
        let udp_len = 16 + inner.len() as u16;
        let mut ip = vec![0x45, 0];
        ip.extend((20 + udp_len).to_be_bytes());
        ip.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2]);
        let checksum = sum(&[&ip]).to_be_bytes();
        ip[10..12].copy_from_slice(&checksum);
        out.extend(ip);
        out.extend(50_000_u16.to_be_bytes());
        out.extend(4789_u16.to_be_bytes());
        out.extend(udp_len.to_be_bytes());
        out.extend([0, 0, 8, 0, 0, 0, 0, 0, 42, 0]);
        out.extend(inner);
        out
    });
    let judge = judge(vxlan);
    assert_eq!(names(&judge), ["encapsulated"]);
    let found = finding(&judge, "encapsulated");
    assert!(
        found.to_string().contains("100%) frames come in vxlan"),
        "{found}"
    );
}

#[test]
fn medical_traffic_is_known_by_content() {
    let message = b"\x0bMSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\rPID|1\r\x1c\r";
    let judge = judge(talk(|s| {
        if s.to == 9 {
            s.payload = message.to_vec();
        }
    }));
    assert!(judge.tally().medical >= 40, "{}", judge.tally().medical);
    assert!(judge.findings(judge.now()).is_empty());
}

#[test]
fn a_table_of_pairs_that_is_full_counts_and_goes_on() {
    let mut judge = Judge::new(Expect::default());
    let mut bytes = seg(1, 9, 1).bytes();
    for n in 0..(PAIRS_MAX as u32 + 5) {
        bytes[26..30].copy_from_slice(&(0x0b00_0000 + n).to_be_bytes());
        show(&mut judge, Time(i64::from(n)), &bytes);
    }
    assert_eq!(judge.pairs(), (PAIRS_MAX, 5));
    judge.begin(Time(0));
    assert_eq!(judge.pairs(), (0, 0));
}

#[test]
fn every_finding_but_an_encapsulation_has_a_fix() {
    let judges = [
        judge([]),
        judge((0..20).map(|n| arp(1 + n % 3))),
        judge((0..40).map(|n| seg(1, 9, n).bytes())),
        judge(talk(|s| s.vlan = (s.to == 9).then_some(30))),
        judge(talk(|s| s.payload = vec![1; 8000])),
    ];
    for judge in &judges {
        let found = judge.findings(judge.now());
        assert!(!found.is_empty());
        assert!(
            found.iter().all(|f| !f.fix("span0").is_empty()),
            "{found:?}"
        );
    }
}
