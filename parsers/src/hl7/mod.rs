//! HL7 v2 over MLLP.

mod path;

pub use path::PATHS;
