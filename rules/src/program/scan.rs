//! One multi-pattern search (Aho-Corasick) for the literals that many rules look for in one
//! field.

use aho_corasick::{AhoCorasick, MatchKind};
use hashbrown::HashMap;

use super::eval::{Subject, bytes};
use super::node::{Get, Node, Nodes, Pred, Test};
use crate::FieldRef;
use crate::expr::ast::CompareOp;

/// One field's literals.
#[derive(Debug)]
pub(crate) struct Scan {
    field: FieldRef,
    search: AhoCorasick,
    /// Where a match has to lie for each pattern.
    anchors: Vec<CompareOp>,
}

/// A pattern of a scan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    scan: u16,
    pattern: u8,
}

/// Which patterns of a scan this event has, once it has been searched.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hits {
    searched: bool,
    bits: [u64; 4],
}

/// Patterns of one scan: as many as [`Hits`] has bits.
const PATTERNS_MAX: usize = 256;
/// From how many `contains` of one field a common search is worth it.
const WORTH_IT: usize = 2;

impl Hits {
    fn has(&self, pattern: u8) -> bool {
        let word = self.bits.get(usize::from(pattern / 64));
        word.is_some_and(|word| word >> (pattern % 64) & 1 == 1)
    }

    fn add(&mut self, pattern: usize) {
        if let Some(word) = self.bits.get_mut(pattern / 64) {
            *word |= 1 << (pattern % 64);
        }
    }
}

/// Finds what to search for in common: the scans, and for each node that a scan answers, where.
pub(crate) fn plan(nodes: &Nodes) -> (Box<[Scan]>, HashMap<usize, Place>) {
    let mut fields: Vec<((FieldRef, Get), Vec<usize>)> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let Some((pred, _, _)) = literal(node) else {
            continue;
        };
        let key = (pred.field, pred.get);
        match fields.iter_mut().find(|(known, _)| *known == key) {
            Some((_, at_field)) => at_field.push(at),
            None => fields.push((key, vec![at])),
        }
    }
    let mut scans = Vec::new();
    let mut places = HashMap::new();
    for ((field, get), members) in &fields {
        for members in members.chunks(PATTERNS_MAX) {
            let list: Vec<_> = members
                .iter()
                .filter_map(|at| literal(nodes.iter().nth(*at)?))
                .collect();
            let contains = list.iter().filter(|l| l.1 == CompareOp::Contains).count();
            if contains < WORTH_IT {
                continue;
            }
            let search = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .ascii_case_insensitive(*get == Get::Folded)
                .build(list.iter().map(|literal| literal.2));
            let (Ok(search), Ok(scan)) = (search, u16::try_from(scans.len())) else {
                continue;
            };
            for (pattern, at) in members.iter().enumerate() {
                let pattern = u8::try_from(pattern).unwrap_or(u8::MAX);
                places.insert(*at, Place { scan, pattern });
            }
            scans.push(Scan {
                field: *field,
                search,
                anchors: list.iter().map(|literal| literal.1).collect(),
            });
        }
    }
    (scans.into(), places)
}

/// The literal that a node looks for in a text.
pub(crate) fn literal(node: &Node) -> Option<(&Pred, CompareOp, &[u8])> {
    let Node::Pred(pred) = node else {
        return None;
    };
    let Test::Text(op, text) = &pred.test else {
        return None;
    };
    let within = matches!(
        op,
        CompareOp::Contains | CompareOp::StartsWith | CompareOp::EndsWith
    );
    (within && !text.is_empty()).then_some((pred, *op, &**text))
}

/// Whether a field has a pattern; the first question searches for all.
pub(crate) fn holds(
    scans: &[Scan],
    place: Place,
    hits: &mut [Hits],
    subject: &impl Subject,
) -> bool {
    let at = usize::from(place.scan);
    let (Some(scan), Some(hits)) = (scans.get(at), hits.get_mut(at)) else {
        return false;
    };
    if !hits.searched {
        hits.searched = true;
        subject.any(scan.field, |value| {
            scan.search(bytes(value).unwrap_or_default(), hits);
            false
        });
    }
    hits.has(place.pattern)
}

impl Scan {
    fn search(&self, text: &[u8], hits: &mut Hits) {
        let Ok(found) = self.search.try_find_overlapping_iter(text) else {
            return;
        };
        for found in found {
            let pattern = found.pattern().as_usize();
            let counts = match self.anchors.get(pattern) {
                Some(CompareOp::StartsWith) => found.start() == 0,
                Some(CompareOp::EndsWith) => found.end() == text.len(),
                _ => true,
            };
            if counts {
                hits.add(pattern);
            }
        }
    }
}
