//! A protocol's sample conversation, given to its parser as the stream layer would.

use parsers::event::{Direction, Event};
use parsers::protocol::{Anomaly, Emit, Open, Parser, Spec, Then};

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
