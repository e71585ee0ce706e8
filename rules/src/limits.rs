//! Every bound of the language, in one place, each with its reason. All are in the JSON Schema.

/// Rules in one rule set. [`crate::record::RuleIx`] is a `u16`, and the shipped packs need some
/// hundreds.
pub const RULES_MAX: usize = 8192;
/// Bytes of one rule file; the parser holds a tree of it.
pub const FILE_BYTES_MAX: usize = 4 << 20;
/// Rule files in one rule set: a span names its file in a `u16`.
pub const FILES_MAX: usize = 4096;
/// Bytes of one expression; people cannot read longer ones.
pub const EXPRESSION_BYTES_MAX: usize = 16 << 10;
/// How deep parentheses and `not` may nest: both the parser and the matcher recurse.
pub const EXPRESSION_DEPTH_MAX: usize = 48;
/// Elements of an inline list `in (…)`; longer lists are named sets.
pub const LIST_MAX: usize = 256;
/// Entries of a named set: an address book of a large hospital, not a threat feed of the Internet.
pub const SET_ENTRIES_MAX: usize = 262_144;
/// Named sets.
pub const SETS_MAX: usize = 1024;
/// Bytes of one regular expression.
pub const REGEX_BYTES_MAX: usize = 1024;
/// Bytes that one regular expression's automaton may take; the automaton is built in full at
/// load, so that matching neither allocates nor backtracks.
pub const REGEX_AUTOMATON_BYTES_MAX: usize = 1 << 20;
/// Bytes that all regular expressions of a rule set may take together.
pub const REGEX_TOTAL_BYTES_MAX: usize = 64 << 20;
/// Fields in a `count.by`: a key is hashed for every match.
pub const COUNT_BY_MAX: usize = 6;
/// The largest `count.at_least`; the correlator keeps that many time stamps a key at most.
pub const COUNT_AT_LEAST_MAX: u32 = 100_000;
/// The longest `count.within`, a week in nanoseconds: state lives that long.
pub const COUNT_WITHIN_NS_MAX: i64 = 7 * 24 * 3600 * parsers::time::NANOS_PER_SEC;
/// Bytes of a title, a template or another text of a rule: an alert line has 64 KiB in all.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Elements of `attack`, `references` and `requires`.
pub const WORDS_MAX: usize = 32;
/// Tests of one rule.
pub const TESTS_MAX: usize = 64;
/// Suppressions in one rule set; each alert of their rule is tested against them.
pub const SUPPRESSIONS_MAX: usize = 4096;
/// Errors, and as many warnings, kept of one compilation; the rest is counted.
pub const DIAGNOSTICS_MAX: usize = 200;
/// The rule numbers that are ours; other ranges belong to other rule sets.
pub const SID: std::ops::RangeInclusive<i64> = 1_000_000..=1_999_999;
