//! The vitalwire binary.
fn main() {}
