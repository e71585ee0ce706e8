//! Whoever asks for something, once it is known who that is.

use std::net::IpAddr;

use super::role::{Permission, Permissions, Role};
use super::secret::{Hash, same};

/// Somebody who logged in, or a program with a token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user's number.
    pub user: i64,
    /// The user's name.
    pub name: String,
    /// The user's role.
    pub role: Role,
    /// What is permitted: what the role permits, of a token only its scopes.
    pub permissions: Permissions,
    /// How it is known.
    pub via: Via,
    /// Where from.
    pub address: IpAddr,
}

/// How a caller is known.
#[derive(Clone, Debug)]
pub enum Via {
    /// By the cookie of a session.
    Session {
        /// Of the session.
        hash: Hash,
        /// What its changes have to bring.
        csrf: String,
    },
    /// By a token of this name.
    Token(String),
}

impl Caller {
    /// As the audit log names it.
    #[must_use]
    pub fn actor(&self) -> String {
        match &self.via {
            Via::Session { .. } => format!("user:{}", self.name),
            Via::Token(token) => format!("token:{}/{token}", self.name),
        }
    }

    /// Whether it may do that.
    #[must_use]
    pub const fn may(&self, what: Permission) -> bool {
        self.permissions.has(what)
    }

    /// What a form or a header of this session has to bring with a change; nothing of a token.
    #[must_use]
    pub fn csrf(&self) -> Option<&str> {
        match &self.via {
            Via::Session { csrf, .. } => Some(csrf),
            Via::Token(_) => None,
        }
    }

    /// Whether a change that brings this comes from our own pages. A browser adds a cookie by itself,
    /// a token never.
    #[must_use]
    pub fn meant_it(&self, brought: Option<&str>) -> bool {
        match &self.via {
            Via::Session { csrf, .. } => brought.is_some_and(|brought| same(brought, csrf)),
            Via::Token(_) => true,
        }
    }
}
