//! What an operator can learn of a token, and how to make it dead.

use firman_proto::id::RecordId;
use firman_proto::seal::{self, Caveat, Kind, Opened};
use firman_proto::time::Timestamp;
use firman_store::record::{EventKind, Grant, RevokeReason, RevokedToken};
use firman_store::{Change, Standing};
use serde::Serialize;

use super::AdminError;
use crate::Engine;
use crate::presented::OpenedAccess;

/// What a token of ours is. Holds nothing that could be presented.
#[derive(Clone, Debug, Serialize)]
pub struct TokenReport {
    /// Whether it would be accepted now, by somebody who meets its caveats.
    pub active: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    /// `access_token`, `jwt_access_token`, `api_key` or `refresh_token`.
    pub kind: &'static str,
    /// The grant it refers to.
    pub grant: RecordId,
    /// Which of the grant's tokens it is.
    pub serial: u64,
    /// When it was sealed, in seconds.
    pub issued_at: i64,
    /// When its seal ends, in seconds; none: the grant decides.
    pub expires_at: Option<i64>,
    /// The number of the key it was sealed with.
    pub seal_key: u32,
    /// What its holders and the server added.
    pub caveats: Vec<String>,
    /// The digest by which it would be revoked.
    pub digest: String,
}

/// Explains a token.
pub async fn inspect(engine: &Engine, token: &str, now: Timestamp) -> Result<TokenReport, AdminError> {
    if token.starts_with(seal::Refresh::PREFIX) {
        let opened = engine.keys.open::<seal::Refresh>(&*engine.store, token, now).await?.map_err(|_| NOT_OURS)?;
        let standing = engine.store.grant(opened.record(), None).await?;
        let why = refusal(standing.as_ref(), now).or_else(|| {
            let chain = standing.as_ref()?.record.refresh.as_ref();
            let current =
                chain.is_some_and(|chain| chain.generation == opened.serial() && opened.proves(&chain.current.salt));
            (!current).then_some("it was rotated, or its grant cannot be refreshed")
        });
        return Ok(of_refresh_token(&opened, why));
    }
    let opened = open_access(engine, token, now).await?;
    let standing = engine.grant(opened.record(), opened.trace()).await?;
    let why = refusal(standing.as_ref(), now).or_else(|| {
        let grant = &standing.as_ref()?.record;
        let ended = opened.has_expired(now) || opened.caveats().expires_at().is_some_and(|end| end <= now);
        if ended {
            Some("it has expired")
        } else if !opened.proves(&grant.salt) {
            Some("its grant has a new salt: all its tokens were revoked")
        } else {
            None
        }
    });
    Ok(of_access_token(&opened, why))
}

/// Revokes a token: of a refresh token or an API key the whole grant, of an access token or a weakened key just that one.
pub async fn revoke(engine: &Engine, token: &str, now: Timestamp) -> Result<TokenReport, AdminError> {
    let before = inspect(engine, token, now).await?;
    let change = if token.starts_with(seal::Refresh::PREFIX) {
        Change::RevokeGrant { id: before.grant, reason: RevokeReason::Operator, now }
    } else {
        let opened = open_access(engine, token, now).await?;
        match opened.expires_at() {
            _ if opened.is_whole_key() => Change::RevokeGrant { id: before.grant, reason: RevokeReason::Operator, now },
            Some(expires_at) => Change::RevokeToken(RevokedToken {
                day: expires_at.day(),
                grant: opened.record(),
                digest: opened.digest(),
                expires_at,
            }),
            None => return Ok(before),
        }
    };
    let mut event = engine.event(EventKind::TokenRevoked, before.grant, now)?;
    event.details.insert("reason".to_owned(), "operator".into());
    engine.commit(vec![change, Change::Append(Box::new(event))]).await?;
    inspect(engine, token, now).await
}

const NOT_OURS: AdminError = AdminError::NotFound("not an access or refresh token that this server has sealed");

async fn open_access(engine: &Engine, token: &str, now: Timestamp) -> Result<OpenedAccess, AdminError> {
    OpenedAccess::open(engine, token, now).await?.ok_or(NOT_OURS)
}

fn refusal(standing: Option<&Standing<Grant>>, now: Timestamp) -> Option<&'static str> {
    let Some(standing) = standing else { return Some("its grant is gone") };
    let grant = &standing.record;
    if standing.token_revoked {
        Some("it, or a token it was weakened from, was revoked")
    } else if grant.revoked_at.is_some() {
        Some("its grant was revoked")
    } else if now >= grant.expires_at {
        Some("its grant has expired")
    } else if !standing.client_enabled {
        Some("its client is disabled or deleted")
    } else if !standing.is_live(now) {
        Some("its client, its subject or everybody was signed out everywhere, or its parent grant is dead")
    } else {
        None
    }
}

fn of_access_token(opened: &OpenedAccess, why: Option<&'static str>) -> TokenReport {
    TokenReport {
        active: why.is_none(),
        why,
        kind: match opened {
            OpenedAccess::Opaque(_) => "access_token",
            OpenedAccess::Jwt(..) => "jwt_access_token",
            OpenedAccess::ApiKey(_) => "api_key",
        },
        grant: opened.record(),
        serial: opened.serial(),
        issued_at: opened.issued_at().seconds(),
        expires_at: opened.expires_at().map(Timestamp::seconds),
        seal_key: opened.key_number(),
        caveats: opened.caveats().iter().map(Caveat::to_string).collect(),
        digest: opened.digest().to_string(),
    }
}

fn of_refresh_token(opened: &Opened<seal::Refresh>, why: Option<&'static str>) -> TokenReport {
    TokenReport {
        active: why.is_none(),
        why,
        kind: "refresh_token",
        grant: opened.record(),
        serial: opened.serial(),
        issued_at: opened.issued_at().seconds(),
        expires_at: opened.expires_at().map(Timestamp::seconds),
        seal_key: opened.key_number(),
        caveats: Vec::new(),
        digest: opened.digest().to_string(),
    }
}
