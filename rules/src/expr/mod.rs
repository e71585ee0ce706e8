//! The expression language of `when`: text to tree. What fields exist and of which type is not
//! known here.

pub(crate) mod ast;
pub(crate) mod lexer;
pub(crate) mod parser;

pub(crate) use parser::parse;
