//! Events to alerts: the signature language, its compiler, the matcher, the correlator.
//!
//! A rule is split by the compiler. Its predicates on the event, the envelope and static sets run
//! in the worker that made the event ([`Ruleset::matches`]); what needs more than one event runs
//! in the one [`correlate::Correlator`]. What crosses between them is an owned [`record::Record`].
//!
//! Absent on purpose: I/O but for the loading of packs, clocks, threads, `unsafe`.
#![forbid(unsafe_code)]

pub mod correlate;
pub mod eve;
pub mod record;
pub mod severity;

pub use severity::Severity;

use parsers::catalogue::{FieldIx, KindId, Path};
use parsers::event::{Envelope, Event};
use record::RuleIx;
use smallvec::SmallVec;

/// A field that a rule, or the correlator itself, reads.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FieldRef {
    /// Of the event's kind.
    Field(FieldIx),
    /// Of the envelope ([`parsers::kinds::envelope::FIELDS`]).
    Envelope(FieldIx),
    /// Found by path.
    Path(Path),
}

/// A compiled rule set: immutable, shared by all workers, swapped whole.
#[derive(Debug)]
pub struct Ruleset {}

impl Ruleset {
    /// Appends the rules whose worker part the event meets. Allocates nothing while nothing
    /// matches.
    pub fn matches(
        &self,
        _scratch: &mut Scratch,
        _event: &Event<'_>,
        _envelope: &Envelope,
        _matched: &mut SmallVec<[RuleIx; 2]>,
    ) {
    }

    /// The fields of a kind that have to cross to the correlator, in the order in which
    /// [`record::EventBody::fields`] holds them. Envelope fields are not among them: the envelope
    /// crosses whole.
    #[must_use]
    pub fn needs(&self, _kind: KindId) -> &[FieldRef] {
        &[]
    }

    /// Whether any rule is about this kind, so that events nobody writes need not be rendered.
    #[must_use]
    pub fn watches(&self, _kind: KindId) -> bool {
        false
    }
}

/// What matching needs to write to; one a worker, recycled.
#[derive(Debug, Default)]
pub struct Scratch {}
