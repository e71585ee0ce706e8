//! A protocol's sample conversation, given to its parser as the stream layer would.

use std::net::Ipv4Addr;

use parsers::event::{Direction, Endpoint, Envelope, Event, FlowFacts};
use parsers::protocol::{Anomaly, Emit, Open, Parser, Spec, Then};
use parsers::time::Time;

/// Calls a function with every event.
pub struct Each<F>(pub F);

impl<F: FnMut(&Event<'_>)> Emit for Each<F> {
    fn event(&mut self, event: &Event<'_>) {
        (self.0)(event);
    }

    fn anomaly(&mut self, _: Direction, _: &'static Anomaly) {}
}

/// Bytes of a sample.
#[must_use]
pub fn len(spec: &Spec) -> u64 {
    let bytes = spec.sample.iter().map(|(_, bytes)| bytes.len());
    u64::try_from(bytes.sum::<usize>()).unwrap_or(u64::MAX)
}

/// Reads the sample once with a fresh parser; nothing where the protocol is only recognised.
pub fn read(spec: &Spec, emit: &mut dyn Emit) {
    let Some(open) = spec.open else {
        return;
    };
    let mut parser = open(&Open::default());
    for (direction, bytes) in spec.sample {
        give(&mut *parser, *direction, bytes, emit);
    }
}

/// Gives bytes to a parser. They hold whole messages, so what it leaves is not given again.
pub fn give(parser: &mut dyn Parser, direction: Direction, mut rest: &[u8], emit: &mut dyn Emit) {
    while !rest.is_empty() {
        let progress = parser.parse(direction, rest, emit);
        let skip = match progress.then {
            Then::Skip(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
            _ => 0,
        };
        let done = progress.consumed.saturating_add(skip);
        if done == 0 || matches!(progress.then, Then::Stop) {
            return;
        }
        rest = rest.get(done..).unwrap_or_default();
    }
}

/// Where an event of a flow comes from.
#[must_use]
pub fn envelope() -> Envelope {
    let at = |host, port| Endpoint {
        ip: Some(Ipv4Addr::new(10, 20, 3, host).into()),
        port: Some(port),
        mac: Some([2, 0, 10, 20, 3, host]),
    };
    Envelope {
        frame: 1,
        src: at(28, 50008),
        dest: at(10, 2575),
        proto: Some(6),
        direction: Some(Direction::ToServer),
        flow: Some(FlowFacts {
            id: 1,
            first_frame: 1,
            start: Time::ZERO,
            app: "hl7",
            midstream: false,
            one_sided: false,
            gaps: false,
        }),
        ..Envelope::default()
    }
}
