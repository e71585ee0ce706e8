//! What people and programs ask the store for beside alerts, and what they do to single alerts.

pub mod comments;
pub mod findings;
pub mod incidents;
pub mod overview;
pub mod triage;
