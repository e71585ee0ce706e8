use make::frame::{self, host};

use super::{AfXdp, Mode, Settings};
use crate::capture::wire::{FAR, NEAR, Wire, drain, ip, transmitted};
use crate::capture::{Batch, Source};

fn open(mode: Mode, filter: Option<&str>) -> Option<AfXdp> {
    let settings = Settings {
        interface: NEAR.to_owned(),
        ring_bytes: 4 << 20,
        filter: filter.map(str::to_owned),
        mode,
        ..Settings::default()
    };
    match AfXdp::open(&settings) {
        Ok(source) => Some(source),
        Err(error) if error.to_string().contains("CAP_") => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn datagram(n: u16, len: usize) -> Vec<u8> {
    let (a, b) = (host("10.0.0.1"), host("10.0.0.2"));
    frame::udp(a.port(n), b.port(2575), &vec![7; len])
}

/// More than the memory holds, in both ways that every kernel has.
#[test]
fn frames_come_as_they_were_sent_and_nothing_is_sent() {
    let Some(mut wire) = Wire::new() else { return };
    for mode in [Mode::Copy, Mode::Generic] {
        let Some(mut source) = open(mode, None) else {
            return;
        };
        assert_eq!(source.mode(), Some((mode, 2)));
        let mut last = 0;
        for round in 0..20 {
            let sent: Vec<_> = (0..100)
                .map(|n| datagram(n, 10 + usize::from(n) * round / 2))
                .collect();
            sent.iter().for_each(|frame| wire.send(frame));
            let seen = drain(&mut source);
            assert_eq!(seen.len(), sent.len(), "{mode:?} {round}");
            for ((frame, bytes), sent) in seen.iter().zip(&sent) {
                assert!(bytes == sent, "{mode:?} {round}");
                assert!(frame.no > last);
                last = frame.no;
            }
        }
        let losses = source.losses();
        assert_eq!((losses.kernel, losses.received), (0, 2000));
    }
    assert_eq!(transmitted(), 0);
}

#[test]
fn what_cannot_be_had_gives_way_and_is_said() {
    let Some(mut wire) = Wire::new() else { return };
    let Some(mut source) = open(Mode::ZeroCopy, Some("udp src port 5")) else {
        return;
    };
    let (mode, _) = source.mode().unwrap();
    // A kernel may yet learn to do without a copy here.
    let gave_way = source.notes().iter().any(|n| n.contains("zero_copy"));
    assert_eq!(mode == Mode::ZeroCopy, !gave_way);
    for n in 1..10 {
        wire.send(&datagram(n, 9));
    }
    let seen = drain(&mut source);
    assert_eq!(seen.len(), 1);
    assert!(seen[0].1 == datagram(5, 9));
    let filtered = source.samples();
    let filtered = filtered.iter().find(|s| s.name.contains("filtered"));
    assert_eq!(filtered.unwrap().value, 8);
}

/// Jumbo frames take more than a chunk each, and come in pieces.
#[test]
fn frames_of_several_pieces_are_whole() {
    let Some(mut wire) = Wire::new() else { return };
    for end in [NEAR, FAR] {
        ip(&format!("link set {end} mtu 9000"));
    }
    for mode in [Mode::Copy, Mode::Generic] {
        let Some(mut source) = open(mode, None) else {
            return;
        };
        if source.notes().iter().any(|note| note.contains("3.8 kB")) {
            eprintln!("skipped: {:?}", source.notes());
            return;
        }
        for round in 0..20 {
            let lens = [10, 8900, 3800, 60, 4100, 8000, 8000, 100];
            let sent: Vec<_> = (0..).zip(lens).map(|(n, len)| datagram(n, len)).collect();
            sent.iter().for_each(|frame| wire.send(frame));
            let seen = drain(&mut source);
            assert_eq!(seen.len(), sent.len(), "{mode:?} {round}");
            for ((frame, bytes), sent) in seen.iter().zip(&sent) {
                assert!(bytes == sent, "{mode:?} {round}: {} bytes", sent.len());
                assert_eq!(frame.wire_len as usize, sent.len());
            }
        }
        let losses = source.losses();
        assert_eq!((losses.kernel, losses.received), (0, 160), "{mode:?}");
    }
}

/// A frame that somebody looks at stays as it is, and its memory comes back when nobody does.
#[test]
fn lent_frames_stay_as_they_are() {
    let Some(mut wire) = Wire::new() else { return };
    let Some(mut source) = open(Mode::Generic, None) else {
        return;
    };
    wire.send(&datagram(1, 100));
    let mut held = Batch::default();
    while held.frames.is_empty() {
        source.fill(&mut held).unwrap();
    }
    for n in 0..3000 {
        wire.send(&datagram(n, 200));
        if n % 100 == 0 {
            drain(&mut source);
        }
    }
    assert!(held.frames[0].bytes(&held.blocks) == datagram(1, 100));
    drop(held);
    drain(&mut source);
    assert_eq!(source.losses().kernel, 0);
}

#[test]
fn an_interface_that_comes_back_is_listened_on_again() {
    let Some(wire) = Wire::new() else { return };
    let Some(mut source) = open(Mode::Generic, None) else {
        return;
    };
    ip(&format!("link del {NEAR}"));
    drop(wire);
    let mut batch = Batch::default();
    while source.blind().is_none() {
        source.fill(&mut batch).unwrap();
    }
    let Some(mut wire) = Wire::new() else { return };
    while source.blind().is_some() {
        source.fill(&mut batch).unwrap();
    }
    wire.send(&datagram(1, 100));
    assert_eq!(drain(&mut source).len(), 1);
}
