//! What a condition needs before anything costly is tried: its literals, its fields.

use crate::FieldRef;
use crate::expr::ast::CompareOp;
use crate::program::{Node, NodeIx, Nodes, Pred, Test};

/// Whether a condition either tries something cheap first or does nothing costly at all.
pub(crate) fn is_selective(nodes: &Nodes, root: NodeIx) -> bool {
    let cheap = |ix: &NodeIx| is_cheap(nodes, *ix);
    nodes.conjuncts(root).iter().any(cheap)
}

fn is_cheap(nodes: &Nodes, ix: NodeIx) -> bool {
    match nodes.get(ix) {
        Some(Node::Pred(pred)) => !pred.is_costly(),
        Some(Node::Or(terms)) => terms.iter().all(|term| is_selective(nodes, *term)),
        Some(Node::And(_)) => is_selective(nodes, ix),
        Some(Node::Not(inner)) => is_cheap(nodes, *inner),
        None => true,
    }
}

/// The texts without one of which the condition cannot hold: for each necessary test of a text,
/// the field and what it may be.
pub(crate) fn literals(nodes: &Nodes, root: NodeIx) -> Vec<(FieldRef, Vec<Box<[u8]>>)> {
    let literal = |ix: NodeIx| match nodes.get(ix) {
        Some(Node::Pred(Pred { field, test, .. })) => match test {
            Test::Text(CompareOp::Ne, _) | Test::Texts(_, true) => None,
            Test::Text(_, text) => Some((*field, vec![text.clone()])),
            Test::Texts(texts, false) => Some((*field, texts.clone())),
            _ => None,
        },
        _ => None,
    };
    nodes
        .conjuncts(root)
        .into_iter()
        .filter_map(literal)
        .collect()
}

/// The fields that some nodes read.
pub(crate) fn fields(nodes: &Nodes) -> Vec<FieldRef> {
    let mut fields = Vec::new();
    for node in nodes.iter() {
        if let Node::Pred(pred) = node {
            add(&mut fields, pred);
        }
    }
    fields
}

/// The fields that one condition reads.
pub(crate) fn fields_of(nodes: &Nodes, root: NodeIx, fields: &mut Vec<FieldRef>) {
    match nodes.get(root) {
        Some(Node::And(terms) | Node::Or(terms)) => {
            terms
                .iter()
                .for_each(|term| fields_of(nodes, *term, fields));
        }
        Some(Node::Not(inner)) => fields_of(nodes, *inner, fields),
        Some(Node::Pred(pred)) => add(fields, pred),
        None => {}
    }
}

fn add(fields: &mut Vec<FieldRef>, pred: &Pred) {
    let other = match pred.test {
        Test::Field(_, other) => Some(other),
        _ => None,
    };
    for field in [Some(pred.field), other].into_iter().flatten() {
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
}
