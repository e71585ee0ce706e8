//! The store with real files.

mod basics;
mod make;
