//! The tree of an expression, each node with its place.

use std::net::IpAddr;

use crate::diagnostic::{At, Span};

/// An expression.
pub(crate) type Expr = At<ExprKind>;

/// What an expression is.
#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    /// All of them.
    And(Vec<Expr>),
    /// Any of them.
    Or(Vec<Expr>),
    /// Plain negation.
    Not(Box<Expr>),
    /// A field of type bool, alone.
    Bare(Operand),
    /// `empty(f)`, `is_private(ip)` and the like.
    Test(At<Predicate>, At<String>),
    /// `f == x`, `f contains "x"`.
    Compare(Operand, At<CompareOp>, Right),
    /// `f in (…)`, `f not in $set`.
    In(Operand, Members, bool),
}

/// What a comparison reads.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    /// Applied to the field's values.
    pub(crate) func: Option<At<Func>>,
    /// The field's name.
    pub(crate) path: At<String>,
    /// All of it.
    pub(crate) span: Span,
}

/// What a comparison compares with.
#[derive(Clone, Debug)]
pub(crate) enum Right {
    /// A constant.
    Literal(At<Literal>),
    /// Another field.
    Field(Operand),
}

/// What `in` looks into.
#[derive(Clone, Debug)]
pub(crate) enum Members {
    /// `(…)`.
    Inline(At<Vec<At<Literal>>>),
    /// `10.0.0.0/8`, or one value.
    One(At<Literal>),
    /// `$name`.
    Set(At<String>),
}

/// A text constant as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quoted {
    /// What stands between the quotes.
    pub(crate) raw: String,
    /// Whether backslashes mean something.
    pub(crate) escapes: bool,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    /// Text.
    Text(Quoted),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Decimal(f64),
    /// True or false.
    Bool(bool),
    /// A network; an address is one of full length.
    Net(IpAddr, u8),
    /// An Ethernet address.
    Mac([u8; 6]),
    /// A span of time in nanoseconds.
    Duration(i64),
}

impl Literal {
    /// What it is, for error messages.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Int(_) => "a whole number",
            Self::Decimal(_) => "a number with a fraction",
            Self::Bool(_) => "true or false",
            Self::Net(..) => "an address",
            Self::Mac(_) => "an Ethernet address",
            Self::Duration(_) => "a span of time",
        }
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
}

impl CompareOp {
    /// As written.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::Matches => "matches",
        }
    }
}

/// A function of a field's values whose result is compared.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Func {
    /// Bytes of a text.
    Len,
    /// How many values a list or a path has.
    Count,
    /// A text in lower case.
    Lower,
    /// A text in upper case.
    Upper,
}

/// A function that is true or false.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Predicate {
    /// Absent, or present and empty.
    Empty,
    /// There, if only as empty text.
    Present,
    /// Private, link-local or unique-local.
    IsPrivate,
    /// Reachable over the Internet.
    IsPublic,
    /// Multicast or broadcast.
    IsMulticast,
}

/// The functions by name.
pub(crate) const FUNCS: &[(&str, Func)] = &[
    ("len", Func::Len),
    ("count", Func::Count),
    ("lower", Func::Lower),
    ("upper", Func::Upper),
];

/// The predicates by name.
pub(crate) const PREDICATES: &[(&str, Predicate)] = &[
    ("empty", Predicate::Empty),
    ("present", Predicate::Present),
    ("exists", Predicate::Present),
    ("is_private", Predicate::IsPrivate),
    ("is_public", Predicate::IsPublic),
    ("is_multicast", Predicate::IsMulticast),
];
