//! Who may do what: users and their roles, sessions, tokens of programs, and the throttling of
//! whoever guesses. Nothing here knows HTTP.

#![expect(
    clippy::result_large_err,
    reason = "rusqlite's error, in its own closures; far from the packet path"
)]

pub mod caller;
pub mod password;
pub mod role;
pub mod secret;
pub mod sessions;
pub mod setup;
pub mod throttle;
pub mod tokens;
pub mod users;

#[cfg(test)]
mod tests;

pub use caller::{Caller, Via};
pub use role::{Permission, Permissions, Role};
