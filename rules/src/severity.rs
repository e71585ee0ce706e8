//! The one severity table: our five words, and what every other dialect calls them.

/// How bad, for security. What it means at the bedside is a second word, clinical impact.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look this week.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
    /// Wake somebody.
    Critical,
}

impl Severity {
    /// All of them, mildest first.
    pub const ALL: [Self; 5] = [
        Self::Info,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The word in rules and in our object.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// EVE's `alert.severity`: 1 is the worst.
    #[must_use]
    pub const fn eve(self) -> u8 {
        match self {
            Self::Critical | Self::High => 1,
            Self::Medium => 2,
            Self::Low => 3,
            Self::Info => 4,
        }
    }

    /// ECS `event.severity`.
    #[must_use]
    pub const fn ecs(self) -> u8 {
        match self {
            Self::Critical => 99,
            Self::High => 73,
            Self::Medium => 47,
            Self::Low => 21,
            Self::Info => 1,
        }
    }

    /// OCSF `severity_id`.
    #[must_use]
    pub const fn ocsf(self) -> u8 {
        match self {
            Self::Critical => 5,
            Self::High => 4,
            Self::Medium => 3,
            Self::Low => 2,
            Self::Info => 1,
        }
    }

    /// CEF and LEEF.
    #[must_use]
    pub const fn cef(self) -> u8 {
        match self {
            Self::Critical => 10,
            Self::High => 8,
            Self::Medium => 5,
            Self::Low => 3,
            Self::Info => 1,
        }
    }

    /// Syslog (RFC 5424 6.2.1).
    #[must_use]
    pub const fn syslog(self) -> u8 {
        match self {
            Self::Critical => 2,
            Self::High => 3,
            Self::Medium => 4,
            Self::Low => 5,
            Self::Info => 6,
        }
    }
}
