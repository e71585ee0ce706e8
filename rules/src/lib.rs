//! Events to alerts: the signature language, its compiler, the matcher, the correlator.
//!
//! A rule is split by the compiler. Its predicates on the event, the envelope and static sets run
//! in the worker that made the event ([`Ruleset::matches`]); what needs more than one event runs
//! in the one [`correlate::Correlator`]. What crosses between them is an owned [`record::Record`].
//!
//! Absent on purpose: I/O but for the loading of packs, clocks, threads, `unsafe`.
#![forbid(unsafe_code)]

mod check;
mod compile;
pub mod correlate;
pub mod diagnostic;
pub mod eve;
pub mod explain;
mod expr;
#[doc(hidden)]
pub mod fuzz;
pub mod heads;
pub mod limits;
pub mod packs;
mod prefilter;
mod program;
pub mod record;
pub mod rule;
pub mod schema;
mod sets;
pub mod severity;
mod suppress;
mod syntax;
mod template;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use diagnostic::{Diagnostic, Level, SourceFile};
pub use program::Scratch;
pub use rule::{Count, Impact, Pack, Rule, RuleTest, Side, Status, Then, Tier};
pub use sets::Set;
pub use severity::Severity;
pub use suppress::Suppression;
pub use template::{Slot, Template};

use correlate::builtin_needs;
use parsers::catalogue::{FieldIx, KindId, Path};
use parsers::event::{Envelope, Event};
use parsers::time::Time;
use program::{NodeIx, Nodes, OnEvent, OnRecord, Program};
use record::{Owned, RuleIx};
use sets::Sets;
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
#[derive(Debug, Default)]
pub struct Ruleset {
    /// By kind, like the next two.
    programs: Box<[Program]>,
    needs: Box<[Vec<FieldRef>]>,
    nodes: Box<[Nodes]>,
    /// By rule.
    roots: Box<[NodeIx]>,
    rules: Box<[Rule]>,
    suppressions: Box<[Suppression]>,
    sets: Sets,
    warnings: Vec<Diagnostic>,
    version_hash: u64,
    digest: [u8; 32],
}

impl Ruleset {
    /// Compiles rule files, packs and suppression lists alike. `sets` are the configured ones;
    /// each replaces the defaults of that name in the files.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files, not only the first thing.
    pub fn compile(
        sources: &[SourceFile],
        sets: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, Vec<Diagnostic>> {
        compile::compile(sources, sets)
    }

    /// A rule set without rules.
    #[must_use]
    pub fn empty() -> Self {
        Self::compile(&[], &BTreeMap::new()).unwrap_or_default()
    }

    /// Appends the rules whose worker part the event meets, in the order of their numbers.
    /// Allocates nothing while nothing matches.
    pub fn matches(
        &self,
        scratch: &mut Scratch,
        event: &Event<'_>,
        envelope: &Envelope,
        matched: &mut SmallVec<[RuleIx; 2]>,
    ) {
        if let Some(program) = self.programs.get(event.kind().id.index()) {
            program.run(scratch, &OnEvent { event, envelope }, matched);
        }
    }

    /// The fields of a kind that have to cross to the correlator, in the order in which
    /// [`record::EventBody::fields`] holds them. Envelope fields are not among them: the envelope
    /// crosses whole.
    #[must_use]
    pub fn needs(&self, kind: KindId) -> &[FieldRef] {
        self.needs.get(kind.index()).map_or(&[], Vec::as_slice)
    }

    /// The place of a field in [`record::EventBody::fields`].
    #[must_use]
    pub fn need(&self, kind: KindId, field: FieldRef) -> Option<usize> {
        self.needs(kind).iter().position(|need| *need == field)
    }

    /// Whether any rule that can fire is about this kind, so that events nobody writes need not be
    /// rendered.
    #[must_use]
    pub fn watches(&self, kind: KindId) -> bool {
        let program = self.programs.get(kind.index());
        program.is_some_and(|program| !program.is_empty())
    }

    /// All rules; a rule's [`RuleIx`] is its place here.
    #[must_use]
    pub const fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// One rule.
    #[must_use]
    pub fn rule(&self, ix: RuleIx) -> Option<&Rule> {
        self.rules.get(usize::from(ix.0))
    }

    /// A named set, configured or by default.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&Set> {
        self.sets.get(name)
    }

    /// All named sets.
    #[must_use]
    pub const fn sets(&self) -> &BTreeMap<String, Set> {
        self.sets.all()
    }

    /// All suppressions, expired ones as well.
    #[must_use]
    pub const fn suppressions(&self) -> &[Suppression] {
        &self.suppressions
    }

    /// The suppression, not expired, that silences an alert. `fields` are those of
    /// [`Ruleset::needs`]. Part of the correlator.
    #[must_use]
    pub fn suppressed(
        &self,
        scratch: &mut Scratch,
        rule: &Rule,
        (envelope, fields): (&Envelope, &[Owned]),
        now: Time,
    ) -> Option<&Suppression> {
        let on = OnRecord {
            envelope,
            needs: self.needs(rule.kind),
            fields,
        };
        self.suppressions.iter().find(|suppression| {
            suppression.rule == rule.id
                && !suppression.has_expired(now)
                && suppression.covers(scratch, &on)
        })
    }

    /// What is probably not as meant.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Differs between rule sets of different files or configured sets.
    #[must_use]
    pub const fn version_hash(&self) -> u64 {
        self.version_hash
    }

    /// SHA-256 over the same files and sets.
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }
}
