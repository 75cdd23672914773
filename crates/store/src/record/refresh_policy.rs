use serde::{Deserialize, Serialize};

/// What becomes of a refresh token when it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshPolicy {
    /// It is replaced by its successor (RFC 9700 §4.14.2).
    #[default]
    Rotate,
    /// It stays, and each use gets another access token; as FAPI 2.0 asks of clients with a sender key.
    Reuse,
}

impl RefreshPolicy {
    /// Every policy.
    pub const ALL: &'static [Self] = &[Self::Rotate, Self::Reuse];

    /// As it is written in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotate => "rotate",
            Self::Reuse => "reuse",
        }
    }
}

/// What is revoked when an old refresh token is presented again: somebody has a copy (RFC 9700 §4.14.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReuseReaction {
    /// Its grant.
    #[default]
    Grant,
    /// Everything that its subject ever allowed, to any client; and the grant.
    Subject,
    /// Nothing: the old token is refused and no more. For clients that cannot be mended.
    Ignore,
}

impl ReuseReaction {
    /// Every reaction.
    pub const ALL: &'static [Self] = &[Self::Grant, Self::Subject, Self::Ignore];

    /// As it is written in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Subject => "subject",
            Self::Ignore => "ignore",
        }
    }
}

/// What a refresh gets that asks for more than was granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WiderScope {
    /// `invalid_scope` (RFC 6749 §6).
    #[default]
    Refuse,
    /// What it asked for and was granted, unless that is nothing.
    Intersect,
}

impl WiderScope {
    /// Every answer.
    pub const ALL: &'static [Self] = &[Self::Refuse, Self::Intersect];

    /// As it is written in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Intersect => "intersect",
        }
    }
}
