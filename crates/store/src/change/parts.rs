//! What the larger changes bring.

use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::seal::Salt;
use firman_proto::time::Timestamp;

use crate::record::{Approval, DeliveryState, LastAccess, RefreshStep, SessionDetails};

/// What a pending flow becomes when somebody allows it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FlowApproval {
    /// Which flow.
    pub id: RecordId,
    /// The issuer, as in the flow.
    pub issuer: IssuerNumber,
    /// Who allowed what.
    pub approval: Approval,
    /// Its code is good until then.
    pub expires_at: Timestamp,
    /// The upstream identity provider by which the person signed in; `None` leaves what the flow has.
    #[cfg_attr(feature = "serde", serde(default))]
    pub upstream: Option<String>,
    /// Now.
    pub now: Timestamp,
}

/// One step of a refresh chain: what the grant's row becomes.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rotation {
    /// Which grant.
    pub id: RecordId,
    /// The generation the caller saw; the next is one more.
    pub from: u64,
    /// The new live step; what was current becomes the one before.
    pub to: RefreshStep,
    /// The number of the seal key of the new refresh token and access token.
    pub seal_key: u32,
    /// What seals the new access token again.
    pub last_access: LastAccess,
    /// When the grant expires from now on, where that moves.
    #[cfg_attr(feature = "serde", serde(default))]
    pub expires_at: Option<Timestamp>,
}

/// A session after its person has proved again who they are.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Renewal {
    /// Which session.
    pub id: RecordId,
    /// The salt the caller saw.
    #[cfg_attr(feature = "serde", serde(with = "crate::salts"))]
    pub from_salt: Salt,
    /// The new one: cookies sealed before are dead.
    #[cfg_attr(feature = "serde", serde(with = "crate::salts"))]
    pub to_salt: Salt,
    /// When the person proved it.
    pub auth_time: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// How the person signed in.
    pub details: SessionDetails,
}

/// What became of an attempt to deliver something.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DeliveryFate {
    /// Which delivery.
    pub id: RecordId,
    /// How often it was taken, this time included.
    pub seen: u32,
    /// Where it stands from now on: due again, done, or given up. What is done forgets what it was.
    pub state: DeliveryState,
    /// What went wrong, for people; nothing secret.
    pub error: Option<String>,
}
