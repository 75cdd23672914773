use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Rest;

/// One line of the audit trail. It rides in the commit of the change it records, and is never edited.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event {
    /// Its id; the key is (day, about, id).
    pub id: RecordId,
    /// The record it is about.
    pub about: RecordId,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// To or by which client.
    pub client: Option<RecordId>,
    /// To or by whom.
    pub subject: Option<String>,
    /// Anything else; never a secret.
    pub details: Rest,
}

/// What happened. A kind that this program does not know, of an earlier or later one, is kept as it is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum EventKind {
    ClientCreated,
    ClientUpdated,
    ClientDeleted,
    AccountCreated,
    AccountUpdated,
    SignedIn,
    Approved,
    CodeRedeemed,
    CodeBurnt,
    GrantMade,
    GrantRevoked,
    TokenRevoked,
    EpochAdvanced,
    ResourceCreated,
    ResourceUpdated,
    ResourceDeleted,
    KeyMade,
    KeyRevoked,
    AccountDeleted,
    AccountLocked,
    PasswordChanged,
    FactorAdded,
    FactorRemoved,
    RecoveryCodeUsed,
    EmailVerified,
    SignInFailed,
    SessionEnded,
    ConsentGiven,
    ConsentWithdrawn,
    UpstreamLinked,
    UpstreamUnlinked,
    ApiKeyMade,
    SecretRotated,
    OperatorGranted,
    OperatorWithdrawn,
    UpstreamRefused,
    DeliveryGivenUp,
    ClientRefused,
    LinkMade,
    AccountUnlocked,
    #[serde(untagged)]
    Other(Box<str>),
}
