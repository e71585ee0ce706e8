//! A protocol for tests: lines. `T…` begins it and is an event, `S<n>` skips n bytes, `X` panics,
//! `Z` takes long, `!` is an anomaly. A flow that ends within a line `Q` panics.

use parsers::event::{Direction, Event};
use parsers::kinds::dicom;
use parsers::protocol::{
    Anomaly, Emit, Open, Parser, Probe, Progress, Spec, Then, Transport, Verdict,
};

use crate::telemetry::monotonic_nanos;

/// Looking up a packet of this IP protocol (for experiments, RFC 3692) panics.
pub(crate) const FAULTY: u8 = 253;

/// Reading the headers of a frame to this address panics.
pub(crate) const FAULTY_MAC: [u8; 6] = [0xfa; 6];

pub(super) static LINES: &[&Spec] = &[&SPEC];

/// And one like it that is not medical: it begins with `OO`.
pub(super) static LINES_AND_OTHERS: &[&Spec] = &[&SPEC, &OTHERS];

static OTHERS: Spec = Spec {
    name: "others",
    medical: false,
    probe: |probe| begins(probe, b'O'),
    ..SPEC
};

static ODD: Anomaly = Anomaly {
    name: "lines.odd",
    doc: "a line begins with !",
    section: "",
};

const SPEC: Spec = Spec {
    name: "lines",
    transport: Transport::Tcp,
    kinds: &[&dicom::KIND],
    anomalies: &[&ODD],
    medical: true,
    each_side: false,
    probe,
    open: Some(open),
    sample: &[],
};

fn probe(probe: &Probe<'_>) -> Verdict {
    if !probe.from_start {
        let found = probe.bytes.windows(3).position(|w| w == b"\nTT");
        return found.map_or(Verdict::No, |at| Verdict::Yes(at + 1));
    }
    begins(probe, b'T')
}

fn begins(probe: &Probe<'_>, with: u8) -> Verdict {
    match probe.bytes {
        [a, b, ..] if [*a, *b] == [with; 2] => Verdict::Yes(0),
        [a] if *a == with => Verdict::Unsure,
        _ if probe.direction == Direction::ToClient => Verdict::Unsure,
        _ => Verdict::No,
    }
}

fn open(_: &Open) -> Box<dyn Parser> {
    Box::new(Lines { lost: [false; 2] })
}

struct Lines {
    lost: [bool; 2],
}

impl Parser for Lines {
    fn parse(&mut self, direction: Direction, bytes: &[u8], emit: &mut dyn Emit) -> Progress {
        let Some(end) = bytes.iter().position(|b| *b == b'\n') else {
            return Progress::more(0, bytes.len() + 1);
        };
        let line = &bytes[..end];
        if std::mem::take(&mut self.lost[direction.index()]) {
            return Progress {
                consumed: end + 1,
                then: Then::Resync,
            };
        }
        match line {
            [b'S', number @ ..] => {
                let n = std::str::from_utf8(number)
                    .ok()
                    .and_then(|n| n.parse().ok());
                return Progress::skip(end + 1, n.unwrap_or(0));
            }
            [b'X', ..] => panic!("as told"),
            [b'Z', ..] => wait(300_000_000),
            [b'!', ..] => emit.anomaly(direction, &ODD),
            _ => {
                let mut event = Event::new(&dicom::KIND, direction);
                event.set(dicom::CALLING_AE, line);
                emit.event(&event);
            }
        }
        Progress::consumed(end + 1)
    }

    fn gap(&mut self, direction: Direction, _: u64, _: &mut dyn Emit) {
        self.lost[direction.index()] = true;
    }

    fn close(&mut self, _: Direction, rest: &[u8], _: &mut dyn Emit) {
        assert_ne!(rest, b"Q", "as told");
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

pub(super) fn wait(nanos: u64) {
    let until = monotonic_nanos() + nanos;
    while monotonic_nanos() < until {
        std::thread::yield_now();
    }
}
