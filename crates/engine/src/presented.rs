//! Access tokens as they are presented to us: a sealed reference as it is, or inside a JWT that we have signed.

use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::seal::{Access, ApiKey, Authority, Caveats, JwtId, Kind, Opened, Presented, Refusal, Salt};
use firman_proto::time::Timestamp;
use firman_store::record::{Grant, TokenTrace};

use crate::Engine;
use crate::failure::Fault;

/// An access token whose seal is right. Whether it still permits anything is for its grant to say.
pub(crate) enum OpenedAccess {
    /// The reference itself.
    Opaque(Opened<Access>),
    /// The reference that is the `jti` of a JWT (RFC 9068), and that text.
    Jwt(Opened<JwtId>, String),
    /// An API key: used as it is, wherever an access token is.
    ApiKey(Opened<ApiKey>),
}

/// The same, held against its live grant and the request.
pub(crate) enum AuthorizedAccess {
    Opaque(Authority<Access>),
    Jwt(Authority<JwtId>, String),
    ApiKey(Authority<ApiKey>),
}

/// What both forms have.
macro_rules! of_either {
    ($access:expr, $it:ident => $answer:expr) => {
        match $access {
            Self::Opaque($it) => $answer,
            Self::Jwt($it, _) => $answer,
            Self::ApiKey($it) => $answer,
        }
    };
}

impl OpenedAccess {
    /// Opens an access token, expired or not; `None` if it is none of ours.
    pub(crate) async fn open(engine: &Engine, token: &str, now: Timestamp) -> Result<Option<Self>, Fault> {
        if token.starts_with(Access::PREFIX) {
            return Ok(engine.keys.open::<Access>(&*engine.store, token, now).await?.ok().map(Self::Opaque));
        }
        if token.starts_with(ApiKey::PREFIX) {
            return Ok(engine.keys.open::<ApiKey>(&*engine.store, token, now).await?.ok().map(Self::ApiKey));
        }
        // RFC 9068 §4: the signature first; then the reference inside goes the same way as one that comes alone.
        let Some(jti) = engine.keys.verified_jti(&*engine.store, token, now).await? else { return Ok(None) };
        let opened = engine.keys.open::<JwtId>(&*engine.store, &jti, now).await?;
        Ok(opened.ok().map(|opened| Self::Jwt(opened, jti)))
    }

    /// What to look for in the list of revoked tokens.
    pub(crate) fn trace(&self) -> Option<TokenTrace> {
        of_either!(self, opened => trace(opened))
    }

    pub(crate) fn record(&self) -> RecordId {
        of_either!(self, opened => opened.record())
    }

    pub(crate) fn serial(&self) -> u64 {
        of_either!(self, opened => opened.serial())
    }

    pub(crate) fn issued_at(&self) -> Timestamp {
        of_either!(self, opened => opened.issued_at())
    }

    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        of_either!(self, opened => opened.expires_at())
    }

    pub(crate) fn key_number(&self) -> u32 {
        of_either!(self, opened => opened.key_number())
    }

    pub(crate) fn caveats(&self) -> &Caveats {
        of_either!(self, opened => opened.caveats())
    }

    pub(crate) fn digest(&self) -> Digest16 {
        of_either!(self, opened => opened.digest())
    }

    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        of_either!(self, opened => opened.has_expired(now))
    }

    pub(crate) fn proves(&self, salt: &Salt) -> bool {
        of_either!(self, opened => opened.proves(salt))
    }

    /// Whether it is an API key as it was made: whatever was weakened from it dies with its grant.
    pub(crate) fn is_whole_key(&self) -> bool {
        matches!(self, Self::ApiKey(opened) if opened.ancestor_digests().len() == 1)
    }

    /// Holds it against its grant and the request.
    pub(crate) fn authorize(self, grant: &Grant, request: &Presented<'_>) -> Result<AuthorizedAccess, Refusal> {
        Ok(match self {
            Self::Opaque(opened) => AuthorizedAccess::Opaque(opened.authorize(grant, request)?),
            Self::Jwt(opened, jti) => AuthorizedAccess::Jwt(opened.authorize(grant, request)?, jti),
            Self::ApiKey(opened) => AuthorizedAccess::ApiKey(opened.authorize(grant, request)?),
        })
    }
}

impl AuthorizedAccess {
    pub(crate) fn caveats(&self) -> &Caveats {
        of_either!(self, authority => authority.caveats())
    }

    pub(crate) fn issued_at(&self) -> Timestamp {
        of_either!(self, authority => authority.issued_at())
    }

    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        of_either!(self, authority => authority.expires_at())
    }

    /// What tells it from all others (RFC 7662 §2.2): of a JWT, what it says itself.
    pub(crate) fn jti(&self) -> String {
        match self {
            Self::Opaque(authority) => format!("{}.{:016x}", authority.record(), authority.serial()),
            Self::ApiKey(authority) => format!("{}.{:016x}", authority.record(), authority.serial()),
            Self::Jwt(_, jti) => jti.clone(),
        }
    }
}

/// What to look for in the list of revoked tokens. Tokens whose record decides when they end are revoked by it.
pub(crate) fn trace<K: Kind>(opened: &Opened<K>) -> Option<TokenTrace> {
    let day = opened.expires_at()?.day();
    Some(TokenTrace { day, digests: opened.ancestor_digests().to_vec() })
}
