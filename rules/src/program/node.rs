//! What an expression means once its names and types are known. Equal parts of different rules
//! are one node, so that they are evaluated once an event.

use std::net::IpAddr;

use hashbrown::HashMap;

use crate::FieldRef;
use crate::expr::ast::CompareOp;
use crate::sets::SetIx;

/// Place of a node in its program.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct NodeIx(pub(crate) u32);

/// A condition.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Node {
    /// All of them; of none, true.
    And(Vec<NodeIx>),
    /// Any of them.
    Or(Vec<NodeIx>),
    /// Plain negation.
    Not(NodeIx),
    /// About one field.
    Pred(Pred),
}

/// A test of one field; it holds when it holds for any of the field's values.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Pred {
    pub(crate) field: FieldRef,
    pub(crate) get: Get,
    pub(crate) test: Test,
}

/// What is read of a field.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Get {
    /// The value.
    Value,
    /// The text, whatever its case.
    Folded,
    /// The bytes of the text.
    Len,
    /// How many values there are.
    Count,
}

/// What is asked of it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Test {
    Present,
    Empty,
    Bool(bool),
    Int(CompareOp, i64),
    /// A decimal by its bits, so that equal tests are one.
    Decimal(CompareOp, u64),
    Ints(Vec<i64>, bool),
    Text(CompareOp, Box<[u8]>),
    Texts(Vec<Box<[u8]>>, bool),
    Matches(String),
    Nets(Vec<Net>, bool),
    IsPrivate,
    IsPublic,
    IsMulticast,
    Macs(Vec<[u8; 6]>, bool),
    Set(SetIx, bool),
    Field(CompareOp, FieldRef),
}

/// A network.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Net {
    pub(crate) ip: IpAddr,
    pub(crate) bits: u8,
}

/// Nodes, each once.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    list: Vec<Node>,
    known: HashMap<Node, NodeIx>,
}

impl Nodes {
    /// The node, an old one if it is there already.
    pub(crate) fn add(&mut self, node: Node) -> NodeIx {
        if let Some(ix) = self.known.get(&node) {
            return *ix;
        }
        let ix = NodeIx(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.known.insert(node.clone(), ix);
        self.list.push(node);
        ix
    }

    pub(crate) fn get(&self, ix: NodeIx) -> Option<&Node> {
        self.list.get(ix.0 as usize)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.list.iter()
    }

    /// What has to hold for a node to hold: its terms, if it is a conjunction.
    pub(crate) fn conjuncts(&self, ix: NodeIx) -> Vec<NodeIx> {
        match self.get(ix) {
            Some(Node::And(terms)) => terms.clone(),
            _ => vec![ix],
        }
    }

    /// How much work a node is; only the order matters.
    pub(crate) fn cost(&self, ix: NodeIx) -> u32 {
        match self.get(ix) {
            Some(Node::And(terms) | Node::Or(terms)) => terms
                .iter()
                .map(|t| self.cost(*t))
                .fold(1, u32::saturating_add),
            Some(Node::Not(inner)) => self.cost(*inner).saturating_add(1),
            Some(Node::Pred(pred)) => pred.cost(),
            None => 0,
        }
    }
}

impl Pred {
    fn cost(&self) -> u32 {
        let path = if matches!(self.field, FieldRef::Path(_)) {
            PATH_COST
        } else {
            1
        };
        let test = match &self.test {
            Test::Texts(list, _) => small(list.len()),
            Test::Nets(list, _) => small(list.len()),
            Test::Set(..) => 8,
            Test::Text(CompareOp::Eq | CompareOp::Ne, _) => 1,
            Test::Text(CompareOp::StartsWith | CompareOp::EndsWith, _) => 2,
            Test::Text(..) => SCAN_COST,
            Test::Matches(_) => SCAN_COST.saturating_mul(4),
            _ => 1,
        };
        path.saturating_mul(test)
    }

    /// Whether it looks at every byte of a value, or through a message.
    pub(crate) fn is_costly(&self) -> bool {
        self.cost() >= SCAN_COST
    }
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

const SCAN_COST: u32 = 50;
const PATH_COST: u32 = 100;
