//! Writes or records the captures under pcaps/.
fn main() {}
