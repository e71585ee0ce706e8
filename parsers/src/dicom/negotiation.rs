//! What the two sides of an association agreed on (PS3.8 9.3.2, 9.3.3).

use super::items::{CONTEXTS_MAX, Items};
use super::uids::{self, Syntax};
use super::wire::{self, Associate};
use crate::event::{Direction, Event};
use crate::kinds::dicom as field;

/// What is known of an association.
#[derive(Default)]
pub(super) struct Association {
    calling: Title,
    called: Title,
    contexts: Vec<Context>,
    /// The UIDs of the contexts, end to end.
    uids: Vec<u8>,
    /// Whether the proposal was seen.
    pub(super) requested: bool,
    /// Whether the answer was seen, so that an unlisted context is one never accepted.
    pub(super) accepted: bool,
    /// By direction: the longest PDU that it may send; 0 is any length.
    max_pdu: [Option<u32>; 2],
}

/// An AE title, without its padding.
#[derive(Clone, Copy, Default)]
struct Title {
    bytes: [u8; 16],
    len: u8,
}

impl Title {
    fn new(padded: &[u8]) -> Self {
        let mut title = Self::default();
        for (to, from) in title.bytes.iter_mut().zip(wire::trim(padded)) {
            *to = *from;
            title.len = title.len.saturating_add(1);
        }
        title
    }

    fn get(&self) -> Option<&[u8]> {
        self.bytes
            .get(..usize::from(self.len))
            .filter(|title| !title.is_empty())
    }
}

/// One presentation context.
#[derive(Clone, Copy)]
struct Context {
    id: u8,
    accepted: bool,
    abstract_syntax: Span,
    transfer_syntax: Span,
}

/// A piece of the arena of UIDs.
#[derive(Clone, Copy, Default)]
struct Span {
    at: usize,
    len: usize,
}

/// What the reader of a message wants to know of its presentation context.
pub(super) struct Negotiated<'a> {
    pub(super) syntax: Syntax,
    /// Empty if not known.
    pub(super) transfer_syntax: &'a [u8],
}

impl Association {
    /// The context of that id.
    pub(super) fn context(&self, id: u8) -> Negotiated<'_> {
        let found = self.contexts.iter().find(|context| context.id == id);
        let transfer_syntax = found.map_or(&[][..], |context| self.uid(context.transfer_syntax));
        Negotiated {
            syntax: if transfer_syntax.is_empty() {
                Syntax::Unknown
            } else {
                uids::syntax(transfer_syntax)
            },
            transfer_syntax,
        }
    }

    /// Whether a context of this id was accepted; none if the negotiation was not seen.
    pub(super) fn is_accepted(&self, id: u8) -> Option<bool> {
        let accepted = || self.contexts.iter().any(|c| c.id == id && c.accepted);
        self.accepted.then(accepted)
    }

    /// The longest PDU that `direction` may send, if there is a limit.
    pub(super) fn max_pdu(&self, direction: Direction) -> Option<u32> {
        let [to_server, to_client] = self.max_pdu;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
        .filter(|max| *max > 0)
    }

    /// Sets who talks with whom.
    pub(super) fn titles<'a>(&'a self, event: &mut Event<'a>) {
        event.set_opt(field::CALLING_AE, self.calling.get());
        event.set_opt(field::CALLED_AE, self.called.get());
    }

    /// Heap bytes.
    pub(super) const fn heap_bytes(&self) -> usize {
        self.uids.capacity().saturating_add(
            self.contexts
                .capacity()
                .saturating_mul(size_of::<Context>()),
        )
    }

    /// The abstract syntaxes accepted, of those whose proposal was seen.
    pub(super) fn accepted_syntaxes(&self) -> impl Iterator<Item = &[u8]> {
        self.contexts
            .iter()
            .filter(|context| context.accepted)
            .map(|context| self.uid(context.abstract_syntax))
    }

    fn uid(&self, span: Span) -> &[u8] {
        self.uids
            .get(span.at..span.at.saturating_add(span.len))
            .unwrap_or_default()
    }

    fn keep(&mut self, uid: &[u8]) -> Span {
        let at = self.uids.len();
        self.uids.extend_from_slice(uid);
        Span { at, len: uid.len() }
    }

    /// Learns a proposal: a new association begins.
    pub(super) fn learn_request(&mut self, fixed: &Associate<'_>, items: &Items<'_>) {
        self.calling = Title::new(fixed.calling_ae);
        self.called = Title::new(fixed.called_ae);
        self.contexts.clear();
        self.uids.clear();
        self.requested = true;
        self.accepted = false;
        self.max_pdu = [None; 2];
        for context in &items.contexts {
            // With one proposal there is nothing to choose, even if the answer is not seen.
            let only = match context.transfer_syntaxes.as_slice() {
                [only] => self.keep(only),
                _ => Span::default(),
            };
            let abstract_syntax = self.keep(context.abstract_syntax);
            self.contexts.push(Context {
                id: context.id,
                accepted: false,
                abstract_syntax,
                transfer_syntax: only,
            });
        }
    }

    /// Learns the answer.
    pub(super) fn learn_accept(&mut self, fixed: &Associate<'_>, items: &Items<'_>) {
        if !self.requested {
            // The titles are sent back as they came, by all peers that keep to 9.3.3.
            self.calling = Title::new(fixed.calling_ae);
            self.called = Title::new(fixed.called_ae);
            self.contexts.clear();
            self.uids.clear();
        }
        self.accepted = true;
        for answer in &items.contexts {
            let syntax = answer
                .transfer_syntaxes
                .first()
                .copied()
                .unwrap_or_default();
            let transfer_syntax = self.keep(syntax);
            let known = self.contexts.iter().position(|c| c.id == answer.id);
            let accepted = answer.result == 0;
            if let Some(context) = known.and_then(|at| self.contexts.get_mut(at)) {
                context.accepted = accepted;
                context.transfer_syntax = transfer_syntax;
            } else if self.contexts.len() < CONTEXTS_MAX {
                self.contexts.push(Context {
                    id: answer.id,
                    accepted,
                    abstract_syntax: Span::default(),
                    transfer_syntax,
                });
            }
        }
    }

    pub(super) fn limit(&mut self, direction: Direction, max: Option<u32>) {
        if let Some(slot) = self.max_pdu.get_mut(direction.index()) {
            *slot = max;
        }
    }
}
