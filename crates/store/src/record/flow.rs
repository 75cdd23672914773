use firman_proto::authorize::AuthorizationRequest;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::scope::Scope;
use firman_proto::seal::{self, Salt};
use firman_proto::time::{Lifetime, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Epochs, Rest, Subject};

/// One interaction short of a grant.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Flow {
    /// The key's first part is the day this id was made. The grant that comes of the flow has the same id.
    pub id: RecordId,
    /// The issuer.
    pub issuer: IssuerNumber,
    /// The client that asked.
    pub client: RecordId,
    /// What it asked for, and how.
    pub request: FlowRequest,
    /// Who allowed what; nobody while it is pending.
    pub approval: Option<Approval>,
    /// Where it stands.
    pub state: FlowState,
    /// Failed attempts to redeem its code.
    pub misses: u32,
    /// What its code is proved against.
    #[cfg_attr(feature = "serde", serde(with = "crate::salts"))]
    pub salt: Salt,
    /// While pending, the request is good until then; when ready, its code.
    pub expires_at: Timestamp,
    /// The certificate (RFC 8705 §3.1 `x5t#S256`) that who redeems it must present.
    #[cfg_attr(feature = "serde", serde(default))]
    pub certificate_thumbprint: Option<String>,
    /// The upstream identity provider by which its person signs in or has signed in.
    #[cfg_attr(feature = "serde", serde(default))]
    pub upstream: Option<String>,
    /// Members of a later version.
    pub rest: Rest,
}

/// What a client asked for. The kind of a flow is the kind of its request.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum FlowRequest {
    /// An authorization request that was pushed (RFC 9126): pending until somebody has approved it, then like the next.
    Pushed(AuthorizationRequest),
    /// A device authorization request (RFC 8628).
    Device(PolledRequest),
    /// A backchannel authentication request (OpenID Connect CIBA).
    Backchannel(PolledRequest),
    /// An authorization request that came with the browser (RFC 6749 §4.1): stored when it is approved.
    #[cfg_attr(feature = "serde", serde(untagged))]
    Code(AuthorizationRequest),
}

/// A request whose answer the client asks for again and again.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PolledRequest {
    /// What is asked for, within what the client registered.
    pub scope: Scope,
    /// Resource indicators (RFC 8707).
    pub resource: Vec<String>,
    /// RFC 9396, as it was checked.
    pub authorization_details: Option<Json>,
    /// The key the tokens are for (RFC 9449), if that was settled when it was asked.
    pub dpop_jkt: Option<String>,
    /// Authentication context classes, the best first (OpenID Connect Core §3.1.2.1).
    pub acr_values: Vec<String>,
    /// Whom the client means (OpenID Connect CIBA).
    pub login_hint: Option<String>,
    /// What is shown at both places (OpenID Connect CIBA).
    pub binding_message: Option<String>,
    /// How long the client must wait between two questions (RFC 8628 §3.5).
    pub interval: Lifetime,
    /// When it last asked.
    pub polled_at: Option<Timestamp>,
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
    /// Nobody has answered yet.
    Pending,
    /// Approved; its code may be redeemed once.
    Ready,
    /// Redeemed: the grant of the same id exists.
    Done {
        /// When.
        at: Timestamp,
    },
    /// Somebody said no.
    Denied,
    /// It came to nothing.
    Failed(FlowFailure),
    /// Withdrawn before it was redeemed.
    Revoked,
}

/// Why a flow came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowFailure {
    /// Burnt by too many failed attempts to redeem its code.
    Misses,
    /// The person could not be asked, or could not prove who they are.
    Unanswered,
}

impl FlowFailure {
    /// The number in the database; numbers are never given twice.
    pub const fn number(self) -> u8 {
        match self {
            Self::Misses => 1,
            Self::Unanswered => 2,
        }
    }

    /// Reads the number in the database.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Misses),
            2 => Some(Self::Unanswered),
            _ => None,
        }
    }
}

impl FlowRequest {
    /// The authorization request, if it is one.
    pub fn authorization(&self) -> Option<&AuthorizationRequest> {
        match self {
            Self::Code(request) | Self::Pushed(request) => Some(request),
            Self::Device(_) | Self::Backchannel(_) => None,
        }
    }

    /// The request whose answer is asked for again and again, if it is one.
    pub fn polled(&self) -> Option<&PolledRequest> {
        match self {
            Self::Device(request) | Self::Backchannel(request) => Some(request),
            Self::Code(_) | Self::Pushed(_) => None,
        }
    }

    /// What is asked for.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::Code(request) | Self::Pushed(request) => &request.scope,
            Self::Device(request) | Self::Backchannel(request) => &request.scope,
        }
    }
}

impl Flow {
    /// Whether its code may still be redeemed at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == FlowState::Ready && now < self.expires_at
    }

    /// Whether it may still be answered at `now`.
    pub fn is_pending(&self, now: Timestamp) -> bool {
        self.state == FlowState::Pending && now < self.expires_at
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
