use parsers::time::Time;

use super::ring::Ring;
use super::{Keeper, Kept, Place, SLOT_BYTES};
use crate::batch::{Frame, LinkType};
use crate::capture::files::Files;
use crate::capture::{Batch, Source};

fn frame(no: u64) -> Frame {
    Frame {
        no,
        time: Time(i64::try_from(no).unwrap() * 1_000),
        wire_len: 1500,
        link: LinkType::ETHERNET,
        ..Frame::default()
    }
}

fn numbers<'a>(slots: impl Iterator<Item = &'a super::Slot>) -> Vec<u64> {
    slots.map(|slot| slot.no).collect()
}

#[test]
fn a_ring_gives_a_flow_back_newest_first_and_nothing_of_another() {
    let mut ring = Ring::new(8 * SLOT_BYTES);
    let mut last = [None; 2];
    for no in 1..=6_u64 {
        let flow = usize::from(no % 3 == 0);
        let name = ring.keep(
            &frame(no),
            b"header",
            u32::try_from(no).unwrap(),
            last[flow],
        );
        last[flow] = Some(name);
    }
    assert_eq!(numbers(ring.back_from(last[0].unwrap())), [5, 4, 2, 1]);
    assert_eq!(numbers(ring.back_from(last[1].unwrap())), [6, 3]);
}

#[test]
fn what_is_overwritten_is_gone_and_never_taken_for_another_flow() {
    let mut ring = Ring::new(4 * SLOT_BYTES);
    let mut last = None;
    for no in 1..=6 {
        last = Some(ring.keep(&frame(no), b"", 1, last));
    }
    let quiet = last.unwrap();
    assert_eq!(numbers(ring.back_from(quiet)), [6, 5, 4, 3]);
    for no in 7..=10 {
        ring.keep(&frame(no), b"", 1, None);
    }
    assert_eq!(numbers(ring.back_from(quiet)), [] as [u64; 0]);
    let again = ring.keep(&frame(11), b"", 2, Some(quiet));
    assert_eq!(
        numbers(ring.back_from(again)),
        [11],
        "what came before is gone"
    );
}

#[test]
fn a_header_is_cut_at_its_bound() {
    let mut ring = Ring::new(SLOT_BYTES);
    for (given, kept) in [(0, 0), (54, 54), (96, 96), (97, 96), (1500, 96)] {
        let name = ring.keep(&frame(1), &vec![7; given], 1, None);
        let lens: Vec<usize> = ring
            .back_from(name)
            .map(|slot| slot.bytes().len())
            .collect();
        assert_eq!(lens, [kept], "{given}");
    }
}

#[test]
fn a_place_survives_being_one_number() {
    let all = [Kept::Undecided, Kept::Medical, Kept::Loose];
    for (kept, name) in all
        .into_iter()
        .flat_map(|kept| [(kept, 0), (kept, u64::MAX >> 3)])
    {
        let place = Place::of(Place { kept, name }.trail().unwrap());
        assert_eq!((place.kept, place.name), (kept, name));
    }
}

#[test]
fn what_a_flow_brings_along_stays_in_order() {
    let mut keeper = Keeper::new(1024 * SLOT_BYTES);
    let mut last = None;
    for no in 1..=5 {
        let name = keeper
            .undecided
            .keep(&frame(no), b"", u32::try_from(no).unwrap(), last);
        last = Some(name);
    }
    let place = Place {
        kept: Kept::Undecided,
        name: last.unwrap(),
    };
    let moved = keeper.moved(place);
    let name = keeper.medical.keep(&frame(6), b"", 6, moved);
    let frames = keeper.gather(Place {
        kept: Kept::Medical,
        name,
    });
    assert_eq!(numbers(frames.iter()), [1, 2, 3, 4, 5, 6]);
}

/// A file of one frame, as our own reader reads it.
fn read_back(frame: &Frame, header: &[u8]) -> (Frame, Vec<u8>, Vec<String>) {
    let mut ring = Ring::new(SLOT_BYTES);
    let name = ring.keep(frame, header, 1, None);
    let slots: Vec<_> = ring.back_from(name).cloned().collect();
    let bytes = super::pcapng::write(&slots, &["span0".to_owned()], "program", "about");
    let path = std::env::temp_dir().join(format!(
        "vitalwire-evidence-{}-{}.pcapng",
        std::process::id(),
        frame.no
    ));
    std::fs::write(&path, bytes).unwrap();
    let mut files = Files::new(vec![path.clone()]);
    let mut batch = Batch::default();
    while batch.frames.is_empty() {
        files.fill(&mut batch).unwrap();
    }
    std::fs::remove_file(path).unwrap();
    let [read] = batch.frames[..] else {
        panic!("{} frames", batch.frames.len());
    };
    let bytes = read.bytes(&batch.blocks).to_vec();
    (read, bytes, files.interfaces().to_vec())
}

#[test]
fn a_file_has_times_lengths_and_the_interface() {
    let (read, bytes, interfaces) = read_back(&frame(1_234_567), &[7; 54]);
    assert_eq!(read.time, Time(1_234_567_000));
    assert_eq!((read.len, read.wire_len), (54, 1500));
    assert_eq!(read.link, LinkType::ETHERNET);
    assert_eq!(bytes, [7; 54]);
    assert_eq!(interfaces, ["span0"]);
}

#[test]
fn a_tag_that_the_capture_took_off_is_put_back() {
    let tagged = Frame {
        vlan: Some(0x2014),
        ..frame(1)
    };
    let header: Vec<u8> = (0..54).collect();
    let (read, bytes, _) = read_back(&tagged, &header);
    assert_eq!((read.len, read.wire_len), (58, 1504));
    assert_eq!(bytes[..12], header[..12]);
    assert_eq!(bytes[12..16], [0x81, 0, 0x20, 0x14]);
    assert_eq!(bytes[16..], header[12..]);
    let (read, bytes, _) = read_back(&Frame { no: 2, ..tagged }, &[7; 96]);
    assert_eq!((read.len, bytes.len()), (96, 96), "still within the bound");
}

/// An ARP message of a sender that claims an address.
fn arp(mac: u8, ip: u8, tags: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff; 6];
    bytes.extend([2, 0, 0, 0, 0, mac]);
    bytes.extend(tags);
    bytes.extend([
        8, 6, 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, mac, 10, 0, 0, ip,
    ]);
    bytes.extend([0; 10]);
    bytes
}

#[test]
fn frames_of_no_flow_are_those_of_an_address() {
    let mut keeper = Keeper::new(1 << 20);
    let rightful = arp(1, 9, &[]);
    let stranger = arp(3, 3, &[]);
    let to_who_will_claim_it = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 7, 8, 0];
    let claims_it_too = arp(2, 9, &[0x81, 0, 0, 20]);
    let frames = [rightful, stranger, to_who_will_claim_it, claims_it_too];
    let mut last = None;
    for (no, bytes) in (1..).zip(&frames) {
        last = keeper.keep_loose(&frame(no), bytes);
    }
    let gathered = keeper.gather(Place::of(last.unwrap()));
    let told: Vec<_> = gathered.iter().map(|slot| (slot.no, slot.nth)).collect();
    assert_eq!(told, [(1, 1), (3, 2), (4, 3)]);
    // Of a link without addresses there is the frame itself.
    let raw = Frame {
        link: LinkType::RAW,
        ..frame(9)
    };
    let alone = keeper.keep_loose(&raw, &[0x45; 28]).unwrap();
    assert_eq!(keeper.gather(Place::of(alone)).len(), 1);
}
