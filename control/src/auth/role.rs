//! Roles and what each of them permits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a user is.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Judges alerts and incidents too.
    Analyst,
    /// Changes rules, suppressions and the inventory too.
    Engineer,
    /// Judges alerts and incidents, and approves what touches devices at patients.
    ClinicalEngineer,
    /// Does what an engineer does, keeps users and reads the audit log. Does not approve in a
    /// clinical engineer's place.
    Admin,
}

/// One thing that one may do.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Look at everything but users and the audit log.
    Read,
    /// Acknowledge, comment, judge.
    Triage,
    /// Rules, suppressions, inventory.
    Configure,
    /// Approve what touches devices at patients.
    Clinical,
    /// Users, the audit log.
    Admin,
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Permissions(u8);

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Viewer,
        Self::Analyst,
        Self::Engineer,
        Self::ClinicalEngineer,
        Self::Admin,
    ];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Engineer => "engineer",
            Self::ClinicalEngineer => "clinical_engineer",
            Self::Admin => "admin",
        }
    }

    /// From the word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// What it permits.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        use Permission::{Admin, Clinical, Configure, Read, Triage};
        let list: &[Permission] = match self {
            Self::Viewer => &[Read],
            Self::Analyst => &[Read, Triage],
            Self::Engineer => &[Read, Triage, Configure],
            Self::ClinicalEngineer => &[Read, Triage, Clinical],
            Self::Admin => &[Read, Triage, Configure, Admin],
        };
        list.iter().copied().collect()
    }
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Triage,
        Self::Configure,
        Self::Clinical,
        Self::Admin,
    ];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Configure => "configure",
            Self::Clinical => "clinical",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Triage => 2,
            Self::Configure => 4,
            Self::Clinical => 8,
            Self::Admin => 16,
        }
    }
}

impl Permissions {
    /// Whether it is among them.
    #[must_use]
    pub const fn has(self, one: Permission) -> bool {
        self.0 & one.bit() != 0
    }

    /// What both permit.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Each of them.
    #[must_use]
    pub fn list(self) -> Vec<Permission> {
        Permission::ALL
            .into_iter()
            .filter(|one| self.has(*one))
            .collect()
    }

    /// Parted by commas, as they are stored.
    pub(super) fn words(self) -> String {
        let words: Vec<&str> = self.list().into_iter().map(Permission::word).collect();
        words.join(",")
    }

    /// From words parted by commas. Unknown ones permit nothing.
    pub(super) fn of_words(words: &str) -> Self {
        let one = |word: &str| Permission::ALL.into_iter().find(|one| one.word() == word);
        words.split(',').filter_map(one).collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(list: I) -> Self {
        Self(list.into_iter().fold(0, |all, one| all | one.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Permissions, Role};

    #[test]
    fn an_admin_does_not_approve_as_a_clinical_engineer_does() {
        assert!(!Role::Admin.permissions().has(Permission::Clinical));
        assert!(
            Role::ClinicalEngineer
                .permissions()
                .has(Permission::Clinical)
        );
        assert!(
            !Role::ClinicalEngineer
                .permissions()
                .has(Permission::Configure)
        );
    }

    #[test]
    fn words_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::of_word(role.word()), Some(role));
            let all = role.permissions();
            assert_eq!(Permissions::of_words(&all.words()), all);
        }
        assert_eq!(Permissions::of_words("root,,READ"), Permissions::default());
    }
}
