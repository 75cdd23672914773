//! Asking about tokens, and ending them.

use super::register::merged;
use super::{Held, Kind, Manager, ManagerError, Who};
use crate::error::Error;
use crate::flow::introspection::{Hint, TokenFacts};
use crate::wire::Desk;

const fn hint(kind: Kind) -> Hint {
    match kind {
        Kind::Access => Hint::AccessToken,
        Kind::Refresh => Hint::RefreshToken,
    }
}

impl Manager {
    /// What the server says of a token, asked at most once in [`super::Settings::introspect_interval`]. What it says is kept; a token
    /// that it says is dead is forgotten.
    ///
    /// # Errors
    ///
    /// The server refused or is in trouble, or the answer cannot be kept.
    pub async fn introspect(&self, desk: &Desk, held: &Held) -> Result<TokenFacts, ManagerError> {
        let now = self.wire.now();
        let told_at = held.updated_at.plus(self.settings.introspect_interval);
        if held.facts.active.is_some() && now < told_at {
            return Ok(held.facts.clone());
        }
        let told = self.wire.introspect(desk, &held.token, hint(held.kind)).await?;
        // RFC 7662 §2.2: active is the whole answer.
        if told.active == Some(false) {
            self.keeper.delete_token(held.kind, &held.token).await?;
            return Ok(TokenFacts { active: Some(false), ..TokenFacts::default() });
        }
        let facts = merged(held.facts.clone(), told);
        self.keeper.put_token(Held { facts: facts.clone(), updated_at: now, ..held.clone() }).await?;
        Ok(facts)
    }

    /// Makes a token dead at the server. What is kept of it stays; it will be found dead.
    ///
    /// # Errors
    ///
    /// The server refused, or is in trouble.
    pub async fn revoke(&self, desk: &Desk, held: &Held) -> Result<(), ManagerError> {
        Ok(self.wire.revoke(desk, &held.token, hint(held.kind)).await?)
    }

    /// Forgets a token, and makes it dead at the server ([`super::Settings::revoke_on_delete`]).
    ///
    /// # Errors
    ///
    /// It is forgotten unless the error is [`ManagerError::Keep`]; the server has refused, or is in trouble.
    pub async fn delete(&self, desk: &Desk, held: &Held) -> Result<(), ManagerError> {
        self.keeper.delete_token(held.kind, &held.token).await?;
        if self.settings.revoke_on_delete && desk.server.revocation_endpoint.is_some() {
            self.revoke(desk, held).await?;
        }
        Ok(())
    }

    /// Forgets all tokens that this client has of somebody, and what is known of them. Refresh tokens go first: with them most
    /// servers end the rest.
    ///
    /// # Errors
    ///
    /// Everything is forgotten unless the error is [`ManagerError::Keep`]; else it is the first of the server.
    pub async fn delete_all(&self, desk: &Desk, who: &Who) -> Result<(), ManagerError> {
        let (issuer, now) = (&desk.server.issuer, self.wire.now());
        let mut first: Option<Error> = None;
        for kind in [Kind::Refresh, Kind::Access] {
            for held in self.keeper.tokens(kind, issuer, who.whose(desk), now).await? {
                if held.facts.client_id.as_deref() != Some(&desk.client.id) {
                    continue;
                }
                match self.delete(desk, &held).await {
                    Err(ManagerError::Wire(error)) => drop(first.get_or_insert(error)),
                    outcome => outcome?,
                }
            }
        }
        if let Some(subject) = who.subject() {
            self.keeper.delete_person(issuer, subject).await?;
        }
        first.map_or(Ok(()), |error| Err(error.into()))
    }
}
