//! The compiled form of all rules about one kind of event: immutable; evaluation allocates
//! nothing.
//!
//! Rules that share a necessary condition form a [`Group`], which is tested once. Groups whose
//! condition is that a field equals some text are found by one look-up of that field.

mod atom;
mod eval;
mod node;
mod scan;

pub(crate) use atom::Regexes;
pub(crate) use eval::{OnEvent, OnRecord, Subject, bytes, is_multicast, is_public};
pub(crate) use node::{Get, Net, Node, NodeIx, Nodes, Pred, Test};

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::FieldRef;
use crate::expr::ast::CompareOp;
use crate::record::RuleIx;
use crate::sets::Sets;
use atom::Atom;
use scan::Scan;

/// All rules about one kind.
#[derive(Debug, Default)]
pub(crate) struct Program {
    steps: Box<[Step]>,
    scans: Box<[Scan]>,
    switches: Box<[Switch]>,
    /// Groups that no switch leads to.
    always: Box<[u16]>,
    groups: Box<[Group]>,
}

/// A node as it is evaluated.
#[derive(Debug)]
enum Step {
    And(Box<[NodeIx]>),
    Or(Box<[NodeIx]>),
    Not(NodeIx),
    Atom(Atom),
}

/// Rules with a necessary condition in common.
#[derive(Debug)]
struct Group {
    guard: NodeIx,
    rules: Vec<(NodeIx, RuleIx)>,
}

/// Groups by the text that a field has to equal.
#[derive(Debug)]
struct Switch {
    field: FieldRef,
    groups: HashMap<Box<[u8]>, SmallVec<[u16; 4]>>,
}

/// What matching writes to: which nodes have been evaluated for this event, and to what.
#[derive(Debug, Default)]
pub struct Scratch {
    nodes: Vec<Memo>,
    scans: Vec<scan::Hits>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Memo {
    known: u64,
    value: u64,
}

impl Scratch {
    fn reset(&mut self, nodes: usize, scans: usize) {
        self.nodes.clear();
        self.nodes.resize(nodes.div_ceil(64), Memo::default());
        self.scans.clear();
        self.scans.resize(scans, scan::Hits::default());
    }

    fn known(&self, ix: NodeIx) -> Option<bool> {
        let memo = self.nodes.get((ix.0 / 64) as usize)?;
        let bit = 1_u64 << (ix.0 % 64);
        (memo.known & bit != 0).then_some(memo.value & bit != 0)
    }

    fn learn(&mut self, ix: NodeIx, value: bool) {
        if let Some(memo) = self.nodes.get_mut((ix.0 / 64) as usize) {
            let bit = ix.0 % 64;
            memo.known |= 1 << bit;
            memo.value |= u64::from(value) << bit;
        }
    }
}

impl Program {
    /// Builds the program for some rules, each with the node that is its condition.
    pub(crate) fn new(
        nodes: &Nodes,
        rules: &[(NodeIx, RuleIx)],
        sets: &Sets,
        regexes: &Regexes,
    ) -> Self {
        let (scans, scanned) = scan::plan(nodes);
        let step = |(at, node): (usize, &Node)| match node {
            Node::And(terms) => Step::And(by_cost(nodes, terms)),
            Node::Or(terms) => Step::Or(by_cost(nodes, terms)),
            Node::Not(inner) => Step::Not(*inner),
            Node::Pred(pred) => match scanned.get(&at) {
                Some(place) => Step::Atom(Atom::Scanned(*place)),
                None => Step::Atom(Atom::new(pred, sets, regexes)),
            },
        };
        let steps = nodes.iter().enumerate().map(step).collect();
        let groups = group(nodes, rules);
        let (switches, always) = switch(nodes, &groups);
        Self {
            steps,
            scans,
            switches,
            always,
            groups,
        }
    }

    /// Whether there is no rule in it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Appends the rules whose condition holds, in the order of their numbers.
    pub(crate) fn run(
        &self,
        scratch: &mut Scratch,
        subject: &impl Subject,
        matched: &mut SmallVec<[RuleIx; 2]>,
    ) {
        scratch.reset(self.steps.len(), self.scans.len());
        let before = matched.len();
        for switch in &self.switches {
            subject.any(switch.field, |value| {
                let groups = bytes(value).and_then(|text| switch.groups.get(text));
                let groups = groups.map_or(&[][..], |groups| groups);
                // That the field equals the text is what their conditions ask.
                for group in groups
                    .iter()
                    .filter_map(|at| self.groups.get(usize::from(*at)))
                {
                    scratch.learn(group.guard, true);
                }
                self.groups(scratch, subject, groups, matched);
                false
            });
        }
        self.groups(scratch, subject, &self.always, matched);
        if let Some(new) = matched.get_mut(before..) {
            new.sort_unstable();
        }
        // A list may lead to one group by several of its values.
        matched.dedup();
    }

    /// Whether one condition holds, without rules around it.
    pub(crate) fn holds(&self, scratch: &mut Scratch, subject: &impl Subject, ix: NodeIx) -> bool {
        scratch.reset(self.steps.len(), self.scans.len());
        self.eval(scratch, subject, ix)
    }

    fn groups(
        &self,
        scratch: &mut Scratch,
        subject: &impl Subject,
        groups: &[u16],
        matched: &mut SmallVec<[RuleIx; 2]>,
    ) {
        for at in groups {
            let Some(group) = self.groups.get(usize::from(*at)) else {
                continue;
            };
            if !self.eval(scratch, subject, group.guard) {
                continue;
            }
            for (root, rule) in &group.rules {
                if self.eval(scratch, subject, *root) {
                    matched.push(*rule);
                }
            }
        }
    }

    fn eval(&self, scratch: &mut Scratch, subject: &impl Subject, ix: NodeIx) -> bool {
        if let Some(known) = scratch.known(ix) {
            return known;
        }
        let value = match self.steps.get(ix.0 as usize) {
            Some(Step::And(terms)) => terms.iter().all(|t| self.eval(scratch, subject, *t)),
            Some(Step::Or(terms)) => terms.iter().any(|t| self.eval(scratch, subject, *t)),
            Some(Step::Not(inner)) => !self.eval(scratch, subject, *inner),
            Some(Step::Atom(Atom::Scanned(place))) => {
                scan::holds(&self.scans, *place, &mut scratch.scans, subject)
            }
            Some(Step::Atom(atom)) => atom.holds(subject),
            None => false,
        };
        scratch.learn(ix, value);
        value
    }
}

/// Cheap terms first: the order of `and` and `or` is not observable.
fn by_cost(nodes: &Nodes, terms: &[NodeIx]) -> Box<[NodeIx]> {
    let mut terms = terms.to_vec();
    terms.sort_by_key(|term| nodes.cost(*term));
    terms.into()
}

/// Groups rules by one of their necessary conditions.
fn group(nodes: &Nodes, rules: &[(NodeIx, RuleIx)]) -> Box<[Group]> {
    let mut shared: HashMap<NodeIx, u32> = HashMap::new();
    for (root, _) in rules {
        for term in nodes.conjuncts(*root) {
            let count = shared.entry(term).or_default();
            *count = count.saturating_add(1);
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut place: HashMap<NodeIx, usize> = HashMap::new();
    for (root, rule) in rules {
        // A text costs one look-up whatever it is, so the one that leads to the fewest rules is
        // best; of other conditions one that is tested for many rules at once.
        let worth = |term: &NodeIx| {
            let count = shared.get(term).copied().unwrap_or_default();
            let (texts, cost, count) = match texts_of(nodes, *term) {
                Some(_) => (true, 0, u32::MAX.saturating_sub(count)),
                None => (false, nodes.cost(*term), count),
            };
            let (cost, term) = (std::cmp::Reverse(cost), std::cmp::Reverse(*term));
            (texts, cost, count, term)
        };
        let guard = nodes.conjuncts(*root).into_iter().max_by_key(worth);
        let guard = guard.unwrap_or(*root);
        let at = *place.entry(guard).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.rules.push((*root, *rule)),
            None => groups.push(Group {
                guard,
                rules: vec![(*root, *rule)],
            }),
        }
    }
    groups.into()
}

/// The texts one of which a single-valued field has to equal for a node to hold.
fn texts_of(nodes: &Nodes, ix: NodeIx) -> Option<(FieldRef, Vec<Box<[u8]>>)> {
    let Some(Node::Pred(pred)) = nodes.get(ix) else {
        return None;
    };
    if pred.get != Get::Value || matches!(pred.field, FieldRef::Path(_)) {
        return None;
    }
    match &pred.test {
        Test::Text(CompareOp::Eq, text) => Some((pred.field, vec![text.clone()])),
        Test::Texts(texts, false) => Some((pred.field, texts.clone())),
        _ => None,
    }
}

fn switch(nodes: &Nodes, groups: &[Group]) -> (Box<[Switch]>, Box<[u16]>) {
    let mut switches: Vec<Switch> = Vec::new();
    let mut always = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        let Some((field, texts)) = texts_of(nodes, group.guard) else {
            always.push(at);
            continue;
        };
        let known = switches.iter().position(|switch| switch.field == field);
        let place = known.unwrap_or(switches.len());
        if known.is_none() {
            let groups = HashMap::new();
            switches.push(Switch { field, groups });
        }
        for text in texts {
            if let Some(switch) = switches.get_mut(place) {
                let groups = switch.groups.entry(text).or_default();
                if groups.last() != Some(&at) {
                    groups.push(at);
                }
            }
        }
    }
    (switches.into(), always.into())
}
