use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::scope::Scope;
use firman_proto::seal::{self, Salt};
use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Epochs, Rest, Subject};

/// What was allowed. Tokens are sealed references to it; none is stored.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Grant {
    /// The id of the flow it came from, or of the client whose standing grant it is, or one that follows from that client's and the
    /// resources.
    pub id: RecordId,
    /// The issuer.
    pub issuer: IssuerNumber,
    /// How it came about.
    pub kind: GrantKind,
    /// To whom.
    pub client: RecordId,
    /// By whom; nobody for client credentials.
    pub subject: Option<Subject>,
    /// In which browser session.
    pub session: Option<RecordId>,
    /// What.
    pub scope: Scope,
    /// What access tokens are proved against; a new one kills them all.
    #[cfg_attr(feature = "serde", serde(with = "crate::salts"))]
    pub salt: Salt,
    /// The refresh chain, if it may be refreshed.
    pub refresh: Option<Refresh>,
    /// The epochs when it was allowed: under a later one it is dead.
    pub epochs: Epochs,
    /// The grant this one was delegated from; it lives only while that one does.
    pub parent: Option<RecordId>,
    /// The absolute end.
    pub expires_at: Timestamp,
    /// Since when it is revoked.
    pub revoked_at: Option<Timestamp>,
    /// Why it was revoked.
    pub reason: Option<RevokeReason>,
    /// How the person had signed in.
    pub auth: AuthContext,
    /// What it is limited and bound to.
    #[cfg_attr(feature = "serde", serde(default))]
    pub terms: Terms,
    /// When it was last used, to within the bound at which that is written; a refresh shows in its chain.
    #[cfg_attr(feature = "serde", serde(default))]
    pub last_used_at: Option<Timestamp>,
    /// Members of a later version.
    pub rest: Rest,
}

/// What a grant is limited and bound to beyond its scope. Most grants have none of it.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Terms {
    /// Resource indicators (RFC 8707): the most its tokens can be for.
    pub resource: Vec<String>,
    /// RFC 9396, as it was allowed.
    pub authorization_details: Option<Json>,
    /// The claims asked for one by one (OpenID Connect Core).
    pub claims: Option<Json>,
    /// The key a public client's refresh is bound to (RFC 9449 §5).
    pub dpop_jkt: Option<String>,
    /// The certificate a public client's refresh is bound to (RFC 8705 §4).
    pub certificate_thumbprint: Option<String>,
    /// What its owner calls it (API keys).
    pub name: Option<String>,
    /// How long it may lie idle, in seconds: its expiry moves with its use.
    pub idle_seconds: Option<i64>,
    /// The absolute end of one whose expiry moves.
    #[cfg_attr(feature = "serde", serde(default))]
    pub ends_at: Option<Timestamp>,
    /// Who acts for its subject (RFC 8693 §4.1 `act`).
    #[cfg_attr(feature = "serde", serde(default))]
    pub actor: Option<Json>,
    /// The grants between the one it was delegated from and its parent, the nearest first: it lives only while they do.
    #[cfg_attr(feature = "serde", serde(default))]
    pub via: Vec<RecordId>,
    /// What seals its one access token again, where that is to be given again and there is no refresh chain.
    #[cfg_attr(feature = "serde", serde(default))]
    pub first_access: Option<FirstAccess>,
    /// The upstream identity provider by which its person had signed in: a refresh may depend on what that says.
    #[cfg_attr(feature = "serde", serde(default))]
    pub upstream: Option<String>,
}

/// What seals the only access token of a grant again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstAccess {
    /// Its serial.
    pub serial: u64,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The number of its seal key.
    pub seal_key: u32,
}

/// How the person had signed in when they allowed it, and what the ID token repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthContext {
    /// When the person last proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// OpenID Connect Core §2 `acr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// RFC 8176 `amr`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The nonce of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// How a grant came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// Somebody allowed it on a consent page.
    AuthorizationCode,
    /// The standing grant of a client to itself; it never expires.
    ClientCredentials,
    /// Somebody allowed it to a device on the page for devices (RFC 8628).
    DeviceCode,
    /// Somebody allowed it elsewhere than where they use it (OpenID Connect CIBA).
    Backchannel,
    /// It was delegated from another one (RFC 8693).
    TokenExchange,
    /// A trusted issuer said so (RFC 7523 §2.1).
    JwtBearer,
    /// Somebody gave the client their password (RFC 6749 §4.3).
    Password,
    /// Its owner made it on the account page, to be used as it is.
    ApiKey,
}

impl GrantKind {
    /// The number in the database; numbers are never given twice.
    pub const fn number(self) -> u8 {
        match self {
            Self::AuthorizationCode => 1,
            Self::ClientCredentials => 2,
            Self::DeviceCode => 3,
            Self::Backchannel => 4,
            Self::TokenExchange => 5,
            Self::JwtBearer => 6,
            Self::Password => 7,
            Self::ApiKey => 8,
        }
    }

    /// Reads the number in the database.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::AuthorizationCode),
            2 => Some(Self::ClientCredentials),
            3 => Some(Self::DeviceCode),
            4 => Some(Self::Backchannel),
            5 => Some(Self::TokenExchange),
            6 => Some(Self::JwtBearer),
            7 => Some(Self::Password),
            8 => Some(Self::ApiKey),
            _ => None,
        }
    }
}

/// Why a grant was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeReason {
    /// The client revoked one of its tokens (RFC 7009).
    Client,
    /// An operator did.
    Operator,
    /// The person withdrew it.
    Subject,
    /// Its code was presented twice (RFC 6749 §4.1.2).
    CodeReplayed,
    /// An old refresh token was presented (RFC 9700 §4.14.2).
    RefreshReused,
    /// A later one took its place, where there is to be one at a time.
    Replaced,
    /// The browser session that it came of has ended.
    SessionEnded,
    /// The identity provider of its person knows them no more, or lets them in no more.
    Upstream,
}

impl RevokeReason {
    /// Every reason, at the place of its number in the database less one.
    pub const ALL: &'static [Self] = &[
        Self::Client,
        Self::Operator,
        Self::Subject,
        Self::CodeReplayed,
        Self::RefreshReused,
        Self::Replaced,
        Self::SessionEnded,
        Self::Upstream,
    ];

    /// The number in the database; numbers are never given twice.
    pub const fn number(self) -> u8 {
        match self {
            Self::Client => 1,
            Self::Operator => 2,
            Self::Subject => 3,
            Self::CodeReplayed => 4,
            Self::RefreshReused => 5,
            Self::Replaced => 6,
            Self::SessionEnded => 7,
            Self::Upstream => 8,
        }
    }

    /// Reads the number in the database.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.number() == number)
    }
}

/// The refresh chain of a grant: where it is now, and the two steps before, so that a late client can be told from a thief.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Refresh {
    /// How often it was rotated; the refresh token of this generation is the live one.
    pub generation: u64,
    /// The live step.
    pub current: RefreshStep,
    /// The step before: its token may be retried inside the window.
    pub before: Option<RefreshStep>,
    /// The step before that: its token may come late, and no more.
    pub earlier: Option<RefreshStep>,
    /// The number of the seal key of the live refresh token and of the last access token.
    pub seal_key: u32,
    /// What seals the last access token again.
    pub last_access: LastAccess,
    /// Whether the retry window of the step before was closed by a revocation.
    pub retry_closed: bool,
}

/// One generation of a refresh chain.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RefreshStep {
    /// What its refresh token is proved against.
    #[cfg_attr(feature = "serde", serde(with = "crate::salts"))]
    pub salt: Salt,
    /// When it became the live one.
    pub since: Timestamp,
}

/// What is needed to seal the last access token again; it was issued when its generation began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LastAccess {
    /// Its serial.
    pub serial: u64,
    /// Its expiry.
    pub expires_at: Timestamp,
}

impl Refresh {
    /// The salt of the refresh token of a generation, as long as it is remembered.
    pub fn salt_of(&self, generation: u64) -> Option<&Salt> {
        match self.generation.checked_sub(generation)? {
            0 => Some(&self.current.salt),
            1 => self.before.as_ref().map(|step| &step.salt),
            2 => self.earlier.as_ref().map(|step| &step.salt),
            _ => None,
        }
    }
}

impl Grant {
    /// Whether the grant by itself is good at `now`; its client, parent and epochs must be too.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// A reference from an access token is one, whether it comes alone or inside a JWT.
impl<K: seal::AccessReference> seal::Anchor<K> for Grant {
    fn record(&self) -> RecordId {
        self.id
    }

    fn salt_for(&self, _serial: u64) -> Option<&Salt> {
        Some(&self.salt)
    }

    fn admits(&self, now: Timestamp) -> bool {
        self.is_live(now)
    }
}
