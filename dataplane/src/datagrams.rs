//! Datagrams to events: each is probed, or given to the flow's parser, whole.

use parsers::event::Direction;
use parsers::protocol::{Parser, Probe, Spec, Then, Transport, Verdict};

use crate::counters::Count;
use crate::emit::FlowEmit;
use crate::flow::Flow;
use crate::inspect::{Around, of, opening};

/// A UDP flow that is looked into.
pub(crate) struct Datagrams {
    parser: Option<Box<dyn Parser>>,
    /// Datagrams that nobody knew.
    strange: u8,
}

impl Datagrams {
    pub(crate) const fn new() -> Self {
        Self {
            parser: None,
            strange: 0,
        }
    }

    /// Reads a datagram; says whether to look into further ones.
    pub(crate) fn push(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        flow: &mut Flow,
        around: &mut Around<'_>,
    ) -> bool {
        if self.parser.is_none() && !self.probe(direction, bytes, flow, around) {
            return flow.cold.app.is_none() && self.strange < STRANGE_DATAGRAMS_MAX;
        }
        around
            .recorder
            .counts
            .add(Count::ParserSeen, bytes.len() as u64);
        let mut emit = FlowEmit {
            flow,
            recorder: around.recorder,
            moment: around.moment,
        };
        match &mut self.parser {
            Some(parser) => parser.parse(direction, bytes, &mut emit).then != Then::Stop,
            None => false,
        }
    }

    fn probe(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        flow: &mut Flow,
        around: &mut Around<'_>,
    ) -> bool {
        let [_, server] = flow.endpoints();
        let probe = Probe {
            direction,
            bytes,
            from_start: true,
            server_port: server.port.unwrap_or(0),
        };
        let yes = |spec: &&Spec| matches!((spec.probe)(&probe), Verdict::Yes(_));
        let known = of(around.protocols, Transport::Udp)
            .map(|(_, spec)| spec)
            .find(yes);
        let Some(spec) = known else {
            self.strange = self.strange.saturating_add(1);
            return false;
        };
        flow.recognise(spec);
        if spec.medical {
            around.recorder.counts.one(Count::FlowMedical);
        }
        self.parser = spec.open.map(|open| open(&opening(flow, false)));
        self.parser.is_some()
    }

    pub(crate) fn close(&mut self, flow: &mut Flow, around: &mut Around<'_>) {
        let Some(parser) = &mut self.parser else {
            return;
        };
        let mut emit = FlowEmit {
            flow,
            recorder: around.recorder,
            moment: around.moment,
        };
        parser.close(Direction::ToServer, &[], &mut emit);
        parser.close(Direction::ToClient, &[], &mut emit);
    }
}

/// Datagrams of a flow that nobody knew, after which nobody looks any more.
const STRANGE_DATAGRAMS_MAX: u8 = 4;
