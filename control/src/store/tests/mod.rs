//! The store with real files.

mod audit_trim;
mod basics;
mod delivery;
mod incidents;
mod load;
pub(crate) mod make;
mod preview;
mod retention;
