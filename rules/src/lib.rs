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
use std::sync::Arc;

pub use diagnostic::{Diagnostic, Level, SourceFile};
pub use program::Scratch;
pub use rule::{Count, Impact, Pack, Rule, RuleTest, Side, Status, Then, Tier};
pub use sets::Set;
pub use severity::Severity;
pub use suppress::Suppression;
pub use template::{Slot, Template};

use correlate::builtin_needs;
use correlate::inventory::{List, Sides};
use parsers::catalogue::{FieldIx, Kind, KindId, Path};
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
    /// Of the device at one end ([`correlate::inventory::FIELDS`]); the correlator knows it.
    Asset(Side, FieldIx),
}

/// What of an event is known in the correlator: its envelope, the fields that crossed, and the
/// devices at its ends.
pub(crate) type Crossed<'e> = (&'e Envelope, &'e [Owned], Sides<'e>);

/// What of a rule's condition is tested in the correlator.
#[derive(Debug)]
struct Later {
    root: NodeIx,
    program: Program,
}

/// Where a kind's fields are among those that cross.
#[derive(Debug)]
struct Places(Box<[Option<u16>]>);

impl Places {
    fn new(kind: &Kind, needs: &[FieldRef]) -> Self {
        let place = |at| {
            let field = FieldRef::Field(FieldIx(at));
            let place = needs.iter().position(|need| *need == field)?;
            u16::try_from(place).ok()
        };
        Self((0..).take(kind.fields.len()).map(place).collect())
    }
}

/// A compiled rule set: immutable, shared by all workers, swapped whole.
#[derive(Debug, Default)]
pub struct Ruleset {
    /// By kind, like the next three.
    programs: Box<[Program]>,
    needs: Box<[Vec<FieldRef>]>,
    places: Box<[Places]>,
    nodes: Box<[Nodes]>,
    /// By rule.
    roots: Box<[NodeIx]>,
    rules: Box<[Rule]>,
    /// By rule: what of its condition is tested in the correlator.
    later: Box<[Option<Later>]>,
    suppressions: Box<[Suppression]>,
    sets: Sets,
    /// The imported list of devices.
    pub(crate) assets: Arc<List>,
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

    /// The same rules with the imported list of devices.
    #[must_use]
    pub fn with_assets(mut self, list: Arc<List>) -> Self {
        self.assets = list;
        self
    }

    /// The imported list of devices.
    #[must_use]
    pub const fn assets(&self) -> &Arc<List> {
        &self.assets
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

    /// What one event of its kind costs a rule at most, as the compiler weighs it to test what is
    /// cheap first. What rules share is tested once for all of them.
    #[must_use]
    pub fn cost(&self, rule: &Rule) -> u32 {
        let nodes = self.nodes.get(rule.kind.index());
        let root = self.roots.get(usize::from(rule.ix.0));
        nodes.zip(root).map_or(0, |(nodes, root)| nodes.cost(*root))
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

    /// The same, of a declared field: asked for each event some ten times.
    fn place(&self, kind: KindId, field: FieldIx) -> Option<usize> {
        let place = self.places.get(kind.index())?.0.get(field.index())?;
        place.map(usize::from)
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

    /// Whether the part of a rule's condition holds that is tested in the correlator.
    pub(crate) fn holds_later(
        &self,
        scratch: &mut Scratch,
        rule: &Rule,
        crossed: Crossed<'_>,
    ) -> bool {
        let later = self.later.get(usize::from(rule.ix.0));
        let Some(Some(later)) = later else {
            return true;
        };
        let on = self.on_record(rule, crossed);
        later.program.holds(scratch, &on, later.root)
    }

    fn on_record<'e>(
        &'e self,
        rule: &Rule,
        (envelope, fields, sides): Crossed<'e>,
    ) -> OnRecord<'e> {
        OnRecord {
            envelope,
            needs: self.needs(rule.kind),
            fields,
            sides,
        }
    }

    /// The suppression, not expired, that silences an alert. The fields are those of
    /// [`Ruleset::needs`]. Part of the correlator.
    pub(crate) fn suppressed(
        &self,
        scratch: &mut Scratch,
        rule: &Rule,
        crossed: Crossed<'_>,
        now: Time,
    ) -> Option<&Suppression> {
        let on = self.on_record(rule, crossed);
        self.suppressions.iter().find(|suppression| {
            suppression.rule == rule.id
                && !suppression.has_expired(now)
                && suppression.covers(scratch, &on)
        })
    }

    /// Whether a suppression would have silenced an alert of which only its fields are left, those of
    /// [`Ruleset::needs`]. Of the devices nothing is known then.
    #[must_use]
    pub fn would_suppress(
        &self,
        scratch: &mut Scratch,
        rule: &Rule,
        (envelope, fields): (&Envelope, &[Owned]),
        now: Time,
    ) -> bool {
        self.suppressed(scratch, rule, (envelope, fields, Sides::NONE), now)
            .is_some()
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
