use firman_proto::authorize::AuthorizationRequest;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::scope::Scope;
use firman_proto::seal::{self, Salt};
use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Epochs, Rest, Subject};

/// One interaction short of a grant: here, an authorization request that somebody has approved.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Flow {
    /// The key's first part is the day this id was made. The grant that comes of the flow has the same id.
    pub id: RecordId,
    /// The issuer.
    pub issuer: IssuerNumber,
    /// The client that asked.
    pub client: RecordId,
    /// What it asked for.
    pub request: AuthorizationRequest,
    /// Who allowed what.
    pub approval: Approval,
    /// Where it stands.
    pub state: FlowState,
    /// Failed attempts to redeem its code.
    pub misses: u32,
    /// What its code is proved against.
    #[cfg_attr(feature = "serde", serde(with = "crate::salts"))]
    pub salt: Salt,
    /// The code is good until then.
    pub expires_at: Timestamp,
    /// Members of a later version.
    pub rest: Rest,
}

/// Who allowed what, and how they had signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Who allowed it.
    pub subject: Subject,
    /// The browser session in which it was allowed.
    pub session: Option<RecordId>,
    /// When the person last proved who they are.
    pub auth_time: Timestamp,
    /// OpenID Connect Core §2 `acr`.
    pub acr: Option<String>,
    /// RFC 8176 `amr`.
    pub amr: Vec<String>,
    /// What was allowed, at most what was asked.
    pub scope: Scope,
    /// The epochs when it was allowed: a later one kills the code too.
    pub epochs: Epochs,
}

/// Where a flow stands. Expired is not a state: it is computed from the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowState {
    /// Approved; its code may be redeemed once.
    Ready,
    /// Redeemed: the grant of the same id exists.
    Done {
        /// When.
        at: Timestamp,
    },
    /// Burnt by too many failed attempts.
    Failed,
}

impl Flow {
    /// Whether its code may still be redeemed at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == FlowState::Ready && now < self.expires_at
    }
}

impl seal::Anchor<seal::Code> for Flow {
    fn record(&self) -> RecordId {
        self.id
    }

    fn salt_for(&self, _serial: u64) -> Option<&Salt> {
        Some(&self.salt)
    }

    /// A code that was redeemed or has expired still proves who presents it; what follows is decided by the grant type.
    fn admits(&self, _now: Timestamp) -> bool {
        true
    }
}
