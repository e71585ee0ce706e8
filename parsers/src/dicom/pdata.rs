//! P-DATA-TF: presentation data values to fragments, fragments to messages (PS3.8 9.3.5, Annex E).

use super::dimse::{self, COMMAND_BYTES_MAX, Message};
use super::state::{At, Phase, Stage, Took, Walk};
use super::wire::{self, PDU_HEADER_BYTES, PDV_HEADER_BYTES, PduHeader, PdvHeader};
use super::{anomalies as wrong, status};
use crate::protocol::Anomaly;

/// A P-DATA-TF this long is wrong unless the receiver said that there is no limit.
const PDATA_BYTES_USUAL: u32 = 1 << 24;
/// Peers that count the header into the maximum length are wrong by six bytes, and common.
const MAX_PDU_TOLERANCE: u32 = 6;

impl Walk<'_> {
    pub(super) fn pdata(&mut self, header: PduHeader) -> Took {
        if header.len < 6 {
            self.found(&wrong::PDU_LENGTH);
            return self.pass_over(header);
        }
        let max = self.association.max_pdu(self.direction);
        match max {
            Some(max) if header.len > max.saturating_add(MAX_PDU_TOLERANCE) => {
                self.found(&wrong::PDU_OVER_NEGOTIATED_MAX);
            }
            None if header.len >= PDATA_BYTES_USUAL && !self.association.accepted => {
                self.found(&wrong::PDU_LENGTH);
            }
            _ => {}
        }
        if self.clean {
            self.judge_order();
        }
        self.side.pdu_left = header.len;
        self.side.at = At::Pdv;
        Took::Bytes(PDU_HEADER_BYTES)
    }

    /// Whether P-DATA-TF may come now. A requestor's may have overtaken the answer on its way to
    /// us, or the answer's direction may not be captured: that is told once the answer is here.
    fn judge_order(&mut self) {
        let me = self.direction;
        match *self.stage {
            Stage::Requested(asked) if asked == me => *self.early = true,
            Stage::Idle | Stage::Requested(_) | Stage::Rejected => {
                self.found(&wrong::PDATA_BEFORE_ACCEPT);
            }
            Stage::Released => self.found(&wrong::DATA_AFTER_RELEASE),
            Stage::Releasing(by) | Stage::Aborted(by) if by == me => {
                self.found(&wrong::DATA_AFTER_RELEASE);
            }
            _ => {}
        }
    }

    pub(super) fn pdv(&mut self, rest: &[u8]) -> Took {
        let left = self.side.pdu_left;
        if left == 0 {
            self.side.at = At::Pdu;
            return Took::Bytes(0);
        }
        if (left as usize) < PDV_HEADER_BYTES {
            return self.broken_pdv();
        }
        let Ok((_, pdv)) = wire::pdv_header(rest) else {
            return Took::Need(PDV_HEADER_BYTES);
        };
        let Some(behind) = left
            .checked_sub(4)
            .and_then(|left| left.checked_sub(pdv.len))
        else {
            return self.broken_pdv();
        };
        let Some(fragment) = pdv.len.checked_sub(2) else {
            return self.broken_pdv();
        };
        self.side.pdu_left = behind;
        self.side.pdv = pdv;
        self.side.pdv_left = fragment;
        self.side.at = At::Fragment;
        self.judge_pdv(pdv);
        self.begin_fragment(pdv);
        Took::Bytes(PDV_HEADER_BYTES)
    }

    /// The PDU lies about what is in it: the rest of it is left out.
    fn broken_pdv(&mut self) -> Took {
        self.found(&wrong::PDV_LENGTH);
        self.abandon();
        let left = std::mem::take(&mut self.side.pdu_left);
        self.side.at = At::Pdu;
        Took::Skip(u64::from(left))
    }

    fn judge_pdv(&mut self, pdv: PdvHeader) {
        let judged = self.side.phase != Phase::Idle && self.side.context_id == pdv.context_id;
        if judged {
            // With the message's first fragment.
        } else if pdv.context_id.is_multiple_of(2) {
            self.found(&wrong::CONTEXT_ID_EVEN);
        } else if self.association.is_accepted(pdv.context_id) == Some(false) {
            self.found(&wrong::CONTEXT_ID_UNKNOWN);
        }
        if pdv.control > 3 {
            self.found(&wrong::PDV_CONTROL_RESERVED);
        }
    }

    fn begin_fragment(&mut self, pdv: PdvHeader) {
        let same = self.side.context_id == pdv.context_id;
        match (self.side.phase, pdv.is_command()) {
            (Phase::Idle, true) => self.begin_command(pdv),
            (Phase::Orphan, true) => self.begin_command(pdv),
            (Phase::Command, true) if same => {}
            (Phase::Dataset, false) if same => {}
            (Phase::Orphan, false) => {}
            (Phase::Idle, false) => {
                if self.clean {
                    self.found(&wrong::DATASET_WITHOUT_COMMAND);
                }
                self.side.phase = Phase::Orphan;
                self.side.context_id = pdv.context_id;
            }
            (Phase::Command | Phase::Dataset, command) => {
                self.found(&wrong::MESSAGE_INTERRUPTED);
                self.abandon();
                if command {
                    self.begin_command(pdv);
                } else {
                    self.side.phase = Phase::Orphan;
                    self.side.context_id = pdv.context_id;
                }
            }
        }
    }

    fn begin_command(&mut self, pdv: PdvHeader) {
        self.side.phase = Phase::Command;
        self.side.context_id = pdv.context_id;
        self.side.command_bytes.clear();
        self.side.truncated = false;
    }

    pub(super) fn fragment(&mut self, rest: &[u8]) -> Took {
        let left = self.side.pdv_left;
        if left == 0 {
            self.side.at = At::Pdv;
            if self.side.pdv.is_last() {
                self.end_fragments();
            }
            return Took::Bytes(0);
        }
        let skip = self.skippable(left);
        if skip > 0 {
            self.side.pdv_left = left.saturating_sub(skip);
            if self.side.phase == Phase::Dataset {
                self.side.dataset.skipped(u64::from(skip));
            }
            return Took::Skip(u64::from(skip));
        }
        if rest.is_empty() {
            return Took::Need(1);
        }
        let len = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
        let piece = rest.get(..len).unwrap_or_default();
        self.side.pdv_left = left.saturating_sub(u32::try_from(len).unwrap_or(left));
        match self.side.phase {
            Phase::Dataset => self.side.dataset.feed(piece),
            Phase::Command => self.command_piece(piece),
            Phase::Idle | Phase::Orphan => {}
        }
        Took::Bytes(len)
    }

    /// How many of the fragment's next bytes nobody wants. The last byte of a message is always
    /// read, so that its event comes with it and not with what follows.
    fn skippable(&self, left: u32) -> u32 {
        let most = match self.side.phase {
            Phase::Dataset if self.side.pdv.is_last() => left.saturating_sub(1),
            Phase::Dataset | Phase::Orphan | Phase::Idle => left,
            Phase::Command => 0,
        };
        let wanted_not = match self.side.phase {
            Phase::Dataset => self.side.dataset.skippable(),
            Phase::Orphan | Phase::Idle => u64::MAX,
            Phase::Command => 0,
        };
        u32::try_from(wanted_not).map_or(most, |skip| skip.min(most))
    }

    fn command_piece(&mut self, piece: &[u8]) {
        let bytes = &mut self.side.command_bytes;
        if bytes.len().saturating_add(piece.len()) <= COMMAND_BYTES_MAX {
            bytes.extend_from_slice(piece);
        } else {
            self.found(&wrong::COMMAND_SET_LENGTH);
            self.side.phase = Phase::Orphan;
        }
    }

    /// The last fragment of a command set or a dataset is complete.
    fn end_fragments(&mut self) {
        match self.side.phase {
            Phase::Command => self.end_command(),
            Phase::Dataset => {
                self.side.dataset.end();
                self.tell();
            }
            Phase::Idle | Phase::Orphan => self.side.phase = Phase::Idle,
        }
    }

    fn end_command(&mut self) {
        let mut wrongs = smallvec::SmallVec::<[&'static Anomaly; 4]>::new();
        let command = dimse::command(&self.side.command_bytes, &mut |wrong| wrongs.push(wrong));
        for wrong in wrongs {
            self.found(wrong);
        }
        let Some(command) = command else {
            // Without it nobody knows whether a dataset follows.
            self.side.phase = Phase::Orphan;
            return;
        };
        if status::command(command.field) == "unknown" {
            self.found(&wrong::COMMAND_UNKNOWN);
        }
        self.side.command = command;
        if command.has_dataset {
            self.side.phase = Phase::Dataset;
            let syntax = self.association.context(self.side.context_id).syntax;
            self.side.dataset.begin(syntax);
        } else {
            self.tell();
        }
    }

    /// Emits the message in progress.
    fn tell(&mut self) {
        self.side.phase = Phase::Idle;
        let message = Message {
            association: self.association,
            direction: self.direction,
            context_id: self.side.context_id,
            command_bytes: &self.side.command_bytes,
            command: self.side.command,
            dataset: &self.side.dataset,
            truncated: self.side.truncated,
        };
        dimse::emit(&message, self.emit);
    }

    /// The message in progress will not be completed. It is told if its command is known.
    pub(super) fn abandon(&mut self) {
        if self.side.phase == Phase::Dataset {
            self.side.truncated = true;
            self.tell();
        }
        self.side.phase = Phase::Idle;
    }
}
