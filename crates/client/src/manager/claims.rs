//! What servers say of people.

use firman_proto::jose::Jwt;
use serde_json::{Map, Value};

use super::{Manager, ManagerError, Need, Who};
use crate::secret::Secret;
use crate::wire::Desk;

/// Claims of an ID token that are about it, and not about its person (OpenID Connect Core §2).
const PROTOCOL: [&str; 14] =
    ["acr", "amr", "at_hash", "aud", "auth_time", "azp", "c_hash", "exp", "iat", "iss", "jti", "nbf", "nonce", "sid"];

impl Manager {
    /// Claims of a person: of userinfo, asked at most once in [`super::Settings::userinfo_interval`], and of the latest ID token. Where
    /// both say something, the later holds.
    ///
    /// # Errors
    ///
    /// There is no token to ask with, or the server refused or is in trouble.
    pub async fn claims(&self, desk: &Desk, subject: &str) -> Result<Map<String, Value>, ManagerError> {
        let (issuer, now) = (&desk.server.issuer, self.wire.now());
        let kept = self.keeper.claims(issuer, subject).await?;
        let fresh = kept.filter(|(_, at)| now < at.plus(self.settings.userinfo_interval));
        let (claims, at) = if let Some(fresh) = fresh {
            fresh
        } else {
            let claims = self.userinfo(desk, subject).await?;
            self.keeper.put_claims(issuer, subject, claims.clone(), now).await?;
            (claims, now)
        };
        let id_token = self.keeper.id_token(issuer, subject).await?;
        let Some((stated, iat)) = id_token.as_ref().and_then(stated) else { return Ok(claims) };
        let (mut merged, later) = if iat > at.seconds() { (claims, stated) } else { (stated, claims) };
        merged.extend(later);
        Ok(merged)
    }

    async fn userinfo(&self, desk: &Desk, subject: &str) -> Result<Map<String, Value>, ManagerError> {
        let mut need = Need::of(Who::Subject(subject.to_owned()));
        let mut held = self.get(desk, &need).await?;
        loop {
            let asked = self.wire.userinfo(desk, (&held.token, held.token_type), subject).await;
            match asked {
                // RFC 6750 §3.1: another token may do, once.
                Err(error) if error.code() == Some("invalid_token") && need.not.is_none() => {
                    need.not = Some(held.token);
                    held = self.get(desk, &need).await?;
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    /// The latest ID token of a person, also one that has expired.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub async fn id_token(&self, desk: &Desk, subject: &str) -> Result<Option<Secret>, ManagerError> {
        Ok(self.keeper.id_token(&desk.server.issuer, subject).await?)
    }
}

/// What an ID token says of its person, and when. It was verified before it was kept.
fn stated(id_token: &Secret) -> Option<(Map<String, Value>, i64)> {
    let jwt = Jwt::parse(id_token.reveal()).ok()?;
    let claims = jwt.unverified();
    let own = claims.rest.iter().filter(|(name, _)| !PROTOCOL.contains(&name.as_str()));
    Some((own.map(|(name, value)| (name.clone(), value.clone())).collect(), claims.iat?.seconds()))
}
