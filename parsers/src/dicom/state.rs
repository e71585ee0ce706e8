//! One connection: PDUs in order to messages, events and anomalies.
//!
//! Association PDUs are framed whole. A P-DATA-TF is walked value by value, and what the dataset
//! wants none of is skipped. Each direction has one message in progress: fragments of one message
//! follow each other (PS3.8 E.1).

use super::anomalies as wrong;
use super::association;
use super::dataset::Dataset;
use super::dimse::Command;
use super::negotiation::Association;
use super::resync::{self, ASSOCIATE_BYTES_MAX, Found};
use super::wire::{self, PDU_HEADER_BYTES, PduHeader, PduType, PdvHeader};
use crate::event::Direction;
use crate::protocol::{Anomaly, Emit, Open, Parser, Progress, Then};

/// A PDU that is too long to be held, or of no known type, is skipped up to this length; a longer
/// one is a lie, and the next header is looked for instead.
const SKIPPED_PDU_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// Anomalies told of one direction of one connection, so that a stream of nonsense does not drown
/// the others.
const ANOMALIES_MAX: u8 = 64;

/// How far the association is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    Idle,
    /// Asked for, by this side.
    Requested(Direction),
    Accepted,
    Rejected,
    /// This side asked for its end.
    Releasing(Direction),
    Released,
    /// This side aborted it.
    Aborted(Direction),
}

/// Where one direction stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum At {
    /// Before a PDU's header.
    Pdu,
    /// Before a presentation data value's header.
    Pdv,
    /// Within its fragment.
    Fragment,
    /// Nobody knows where.
    Lost,
    /// Before the header that has to fit for a likely place to be the right one.
    Unconfirmed,
}

/// What the message in progress waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// A command set.
    Idle,
    /// The rest of the command set.
    Command,
    /// The dataset.
    Dataset,
    /// The end of a dataset whose command was missed.
    Orphan,
}

/// One direction.
pub(super) struct Side {
    pub(super) at: At,
    /// Bytes of the P-DATA-TF behind the current value. `pdv_left` is not in it.
    pub(super) pdu_left: u32,
    pub(super) pdv: PdvHeader,
    pub(super) pdv_left: u32,
    pub(super) phase: Phase,
    pub(super) context_id: u8,
    pub(super) command_bytes: Vec<u8>,
    pub(super) command: Command,
    pub(super) dataset: Dataset,
    pub(super) truncated: bool,
    pub(super) anomalies_left: u8,
}

impl Side {
    const fn new(at: At) -> Self {
        Self {
            at,
            pdu_left: 0,
            pdv: PdvHeader {
                len: 0,
                context_id: 0,
                control: 0,
            },
            pdv_left: 0,
            phase: Phase::Idle,
            context_id: 0,
            command_bytes: Vec::new(),
            command: Command::NONE,
            dataset: Dataset::new(),
            truncated: false,
            anomalies_left: ANOMALIES_MAX,
        }
    }
}

/// The parser of one connection.
pub(super) struct Connection {
    association: Association,
    stage: Stage,
    /// Whether every byte from the first on was seen, so that the order of PDUs can be judged.
    clean: bool,
    /// Whether the requestor sent P-DATA-TF before the answer was seen.
    early: bool,
    to_server: Side,
    to_client: Side,
}

/// What one step did with the bytes it was given.
pub(super) enum Took {
    /// So many of them.
    Bytes(usize),
    /// None: it needs so many in one piece.
    Need(usize),
    /// It wants none of so many.
    Skip(u64),
    /// So many; there is no PDU in them.
    Lost(usize),
}

impl Connection {
    pub(super) fn new(open: &Open) -> Self {
        let at = if open.midstream { At::Lost } else { At::Pdu };
        Self {
            association: Association::default(),
            stage: Stage::Idle,
            clean: !open.midstream,
            early: false,
            to_server: Side::new(at),
            to_client: Side::new(at),
        }
    }
}

impl Parser for Connection {
    fn parse(&mut self, direction: Direction, bytes: &[u8], emit: &mut dyn Emit) -> Progress {
        let mut walk = Walk::new(self, direction, emit);
        let mut at = 0_usize;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match walk.step(rest) {
                Took::Bytes(len) => at = at.saturating_add(len),
                Took::Need(len) => return Progress::more(at, len),
                Took::Skip(len) => match usize::try_from(len) {
                    Ok(len) if len <= rest.len() => at = at.saturating_add(len),
                    _ => return Progress::skip(at, len),
                },
                Took::Lost(len) => {
                    return Progress {
                        consumed: at.saturating_add(len),
                        then: Then::Resync,
                    };
                }
            }
        }
    }

    fn gap(&mut self, direction: Direction, len: u64, emit: &mut dyn Emit) {
        self.clean = false;
        Walk::new(self, direction, emit).gap(len);
    }

    fn close(&mut self, direction: Direction, _rest: &[u8], emit: &mut dyn Emit) {
        let mut walk = Walk::new(self, direction, emit);
        walk.abandon();
        walk.side.at = At::Lost;
    }

    fn heap_bytes(&self) -> usize {
        let side = |side: &Side| {
            side.command_bytes
                .capacity()
                .saturating_add(side.dataset.heap_bytes())
        };
        size_of::<Self>()
            .saturating_add(self.association.heap_bytes())
            .saturating_add(side(&self.to_server))
            .saturating_add(side(&self.to_client))
    }
}

/// A connection as one of its directions sees it.
pub(super) struct Walk<'a> {
    pub(super) association: &'a mut Association,
    pub(super) stage: &'a mut Stage,
    pub(super) clean: bool,
    pub(super) early: &'a mut bool,
    pub(super) side: &'a mut Side,
    pub(super) direction: Direction,
    pub(super) emit: &'a mut dyn Emit,
}

impl<'a> Walk<'a> {
    fn new(connection: &'a mut Connection, direction: Direction, emit: &'a mut dyn Emit) -> Self {
        let side = match direction {
            Direction::ToServer => &mut connection.to_server,
            Direction::ToClient => &mut connection.to_client,
        };
        Self {
            association: &mut connection.association,
            stage: &mut connection.stage,
            clean: connection.clean,
            early: &mut connection.early,
            side,
            direction,
            emit,
        }
    }

    fn step(&mut self, rest: &[u8]) -> Took {
        match self.side.at {
            At::Pdu => self.pdu(rest),
            At::Pdv => self.pdv(rest),
            At::Fragment => self.fragment(rest),
            At::Lost => self.search(rest),
            At::Unconfirmed => self.confirm(rest),
        }
    }

    pub(super) fn found(&mut self, anomaly: &'static Anomaly) {
        if self.side.anomalies_left > 0 {
            self.side.anomalies_left = self.side.anomalies_left.saturating_sub(1);
            self.emit.anomaly(self.direction, anomaly);
        }
    }

    /// A PDU's header, and the whole body of all but P-DATA-TF.
    fn pdu(&mut self, rest: &[u8]) -> Took {
        let Ok((body, header)) = wire::pdu_header(rest) else {
            return Took::Need(PDU_HEADER_BYTES);
        };
        match header.pdu_type {
            PduType::P_DATA_TF => self.pdata(header),
            PduType::ASSOCIATE_RQ | PduType::ASSOCIATE_AC => self.framed(
                header,
                body,
                (wire::ASSOCIATE_FIXED_BYTES..=ASSOCIATE_BYTES_MAX).contains(&header.len),
            ),
            PduType::ASSOCIATE_RJ | PduType::RELEASE_RQ | PduType::RELEASE_RP | PduType::ABORT => {
                self.framed(header, body, header.len == 4)
            }
            _ => {
                self.found(&wrong::PDU_TYPE_UNKNOWN);
                self.pass_over(header)
            }
        }
    }

    /// Leaves out a PDU that is not read.
    pub(super) fn pass_over(&mut self, header: PduHeader) -> Took {
        if header.len > SKIPPED_PDU_BYTES_MAX || header.reserved != 0 {
            self.lose();
            return Took::Bytes(PDU_HEADER_BYTES);
        }
        Took::Skip(u64::from(header.len).saturating_add(PDU_HEADER_BYTES as u64))
    }

    fn framed(&mut self, header: PduHeader, body: &[u8], length_is_right: bool) -> Took {
        if !length_is_right {
            self.found(&wrong::PDU_LENGTH);
            return self.pass_over(header);
        }
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        let whole = PDU_HEADER_BYTES.saturating_add(len);
        let Some(body) = body.get(..len) else {
            return Took::Need(whole);
        };
        if self.side.phase != Phase::Idle {
            if header.pdu_type != PduType::ABORT && self.clean {
                self.found(&wrong::MESSAGE_INTERRUPTED);
            }
            self.abandon();
        }
        self.transition(header.pdu_type);
        match header.pdu_type {
            PduType::ASSOCIATE_RQ | PduType::ASSOCIATE_AC => {
                association::associate(
                    self.association,
                    header.pdu_type,
                    body,
                    self.direction,
                    self.emit,
                );
            }
            ending => {
                association::ending(self.association, ending, body, self.direction, self.emit);
            }
        }
        Took::Bytes(whole)
    }

    /// The order of PDUs (PS3.8 9.2), as far as one who listens can judge it.
    fn transition(&mut self, pdu_type: PduType) {
        let me = self.direction;
        let before = *self.stage;
        let over = before == Stage::Released || before == Stage::Aborted(me);
        let (next, wrong) = match pdu_type {
            PduType::ASSOCIATE_RQ => (
                Stage::Requested(me),
                (before != Stage::Idle).then_some(&wrong::SECOND_ASSOCIATE_RQ),
            ),
            PduType::ASSOCIATE_AC | PduType::ASSOCIATE_RJ => {
                let next = if pdu_type == PduType::ASSOCIATE_AC {
                    Stage::Accepted
                } else {
                    Stage::Rejected
                };
                let asked = before == Stage::Requested(me);
                (next, asked.then_some(&wrong::UNEXPECTED_PDU))
            }
            PduType::RELEASE_RQ => (
                Stage::Releasing(me),
                over.then_some(&wrong::DATA_AFTER_RELEASE),
            ),
            PduType::RELEASE_RP => (Stage::Released, None),
            _ => (Stage::Aborted(me), None),
        };
        *self.stage = next;
        if !self.clean {
            return;
        }
        if let Some(wrong) = wrong {
            self.found(wrong);
        }
        if *self.early && matches!(next, Stage::Accepted | Stage::Rejected) {
            *self.early = false;
            self.emit.anomaly(me.other(), &wrong::PDATA_BEFORE_ACCEPT);
        }
    }

    fn lose(&mut self) {
        self.abandon();
        self.side.at = At::Lost;
    }

    /// Bytes were missed. Within a fragment the framing survives, and so may the dataset.
    fn gap(&mut self, len: u64) {
        let inside = self.side.at == At::Fragment
            && len > 0
            && self.side.phase != Phase::Command
            && len < u64::from(self.side.pdv_left);
        if !inside {
            return self.lose();
        }
        let len32 = u32::try_from(len).unwrap_or(u32::MAX);
        self.side.pdv_left = self.side.pdv_left.saturating_sub(len32);
        if self.side.phase == Phase::Dataset {
            self.side.dataset.missed(len);
            self.side.truncated = true;
        }
    }

    fn search(&mut self, rest: &[u8]) -> Took {
        let accepted = |id| self.association.is_accepted(id);
        match resync::search(rest, &accepted) {
            Found::At(at, certain) => {
                self.side.at = if certain { At::Pdu } else { At::Unconfirmed };
                if certain {
                    return Took::Bytes(at);
                }
                // Its data are of a message whose command was missed: over them.
                self.side.phase = Phase::Idle;
                let header = rest.get(at..).unwrap_or_default();
                let len = wire::pdu_header(header).map_or(0, |(_, header)| header.len);
                let over = (at as u64)
                    .saturating_add(PDU_HEADER_BYTES as u64)
                    .saturating_add(u64::from(len));
                Took::Skip(over)
            }
            Found::None(consumed) => Took::Lost(consumed),
        }
    }

    /// The header behind a likely place: if it does not fit, the search goes on.
    fn confirm(&mut self, rest: &[u8]) -> Took {
        let Ok((_, header)) = wire::pdu_header(rest) else {
            return Took::Need(PDU_HEADER_BYTES);
        };
        let fits = header.pdu_type.is_defined()
            && header.reserved == 0
            && (header.len <= SKIPPED_PDU_BYTES_MAX || header.pdu_type == PduType::P_DATA_TF);
        self.side.at = if fits { At::Pdu } else { At::Lost };
        Took::Bytes(0)
    }
}
