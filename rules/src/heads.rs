//! The heads of lines, remembered by flow: nothing in them changes from one event of a flow to the
//! next, and rendering addresses costs as much as everything else on a line.

use parsers::event::Envelope;
use parsers::time::Time;

use crate::eve::Eve;

/// Flows that are remembered, each direction by itself; another one takes the place of an earlier
/// one. Each takes some 600 bytes.
const HEADS_MAX: usize = 512;

/// Renders what [`Eve::head`] does. One a worker.
#[derive(Debug, Default)]
pub struct Heads {
    known: Vec<Head>,
}

#[derive(Clone, Debug, Default)]
struct Head {
    of: Envelope,
    bytes: Vec<u8>,
}

impl Heads {
    /// Appends the envelope's members, each with a leading comma.
    pub fn write(&mut self, eve: &Eve, envelope: &Envelope, out: &mut Vec<u8>) {
        match self.place(envelope) {
            Some(head) => {
                let of = Envelope {
                    frame: 0,
                    time: Time::ZERO,
                    ..*envelope
                };
                if head.bytes.is_empty() || head.of != of {
                    head.bytes.clear();
                    eve.head_of_flow(&of, &mut head.bytes);
                    head.of = of;
                }
                out.extend_from_slice(&head.bytes);
            }
            None => eve.head_of_flow(envelope, out),
        }
        Eve::head_of_frame(envelope, out);
    }

    /// What every line shares has changed.
    pub fn clear(&mut self) {
        self.known.clear();
    }

    /// Where the head of a flow's direction may be.
    fn place(&mut self, envelope: &Envelope) -> Option<&mut Head> {
        let flow = envelope.flow?;
        let direction = envelope.direction?;
        if self.known.is_empty() {
            self.known.resize_with(HEADS_MAX, Head::default);
        }
        let at = flow.id.wrapping_mul(2).wrapping_add(direction as u64);
        let at = usize::try_from(at).unwrap_or(usize::MAX) % HEADS_MAX;
        self.known.get_mut(at)
    }
}

#[cfg(test)]
mod tests {
    use parsers::event::{Direction, FlowFacts};

    use super::*;

    fn envelope(flow: u64, frame: u64, app: &'static str) -> Envelope {
        Envelope {
            frame,
            time: Time::new(7, 0),
            direction: Some(Direction::ToClient),
            flow: Some(FlowFacts {
                id: flow,
                first_frame: 1,
                start: Time::ZERO,
                app,
                midstream: false,
                one_sided: false,
                gaps: false,
            }),
            ..Envelope::default()
        }
    }

    #[test]
    fn a_remembered_head_is_what_would_be_rendered_anew() {
        let (eve, mut heads) = (Eve::default(), Heads::default());
        let places = u64::try_from(HEADS_MAX).unwrap();
        // One that is remembered, one whose application became known, one in the same place.
        for (flow, frame, app) in [(3, 5, ""), (3, 6, ""), (3, 7, "hl7"), (3 + places, 8, "")] {
            let envelope = envelope(flow, frame, app);
            let (mut anew, mut remembered) = (Vec::new(), Vec::new());
            eve.head(&envelope, &mut anew);
            heads.write(&eve, &envelope, &mut remembered);
            assert_eq!(anew, remembered);
        }
    }
}
