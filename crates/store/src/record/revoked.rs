use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::time::{Day, Timestamp};

/// One token that is dead while its grant lives. What was weakened from it dies with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RevokedToken {
    /// The day the token would have expired, from the token itself.
    pub day: Day,
    /// The grant it refers to.
    pub grant: RecordId,
    /// The digest of its last HMAC.
    pub digest: Digest16,
    /// When it would have expired: then the record may go.
    pub expires_at: Timestamp,
}

/// What to look for in the list of revoked tokens when a grant is read for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTrace {
    /// The day the token expires.
    pub day: Day,
    /// The digest of every HMAC of its chain: its own and those it was weakened from. At most 17.
    pub digests: Vec<Digest16>,
}
