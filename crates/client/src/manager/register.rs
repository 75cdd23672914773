//! Taking in what a flow brought.

use firman_proto::scope::Scope;

use super::get::refresh_end;
use super::{Held, Kind, Manager, ManagerError};
use crate::error::{Breach, Error};
use crate::flow::encrypted;
use crate::flow::introspection::{Hint, TokenFacts};
use crate::flow::party::Authentication;
use crate::flow::token::{Target, Tokens};
use crate::secret::Secret;
use crate::wire::{Asked, Desk};

impl Manager {
    /// Keeps the tokens of a flow, in one step. `subject` is the person, where it is known from a verified ID token; else the server
    /// is asked ([`super::Settings::auto_introspect`]); else they are the client's own.
    ///
    /// # Errors
    ///
    /// They cannot be kept, or the server that is asked about them is in trouble or says that they are dead.
    pub async fn register(
        &self,
        desk: &Desk,
        tokens: &Tokens,
        target: &Target,
        subject: Option<&str>,
    ) -> Result<Held, ManagerError> {
        let known = TokenFacts {
            sub: subject.map(str::to_owned),
            scope: target.scope.as_ref().map(Scope::to_string),
            ..TokenFacts::default()
        };
        let mut access = self.access(desk, tokens, &known, target);
        let lacks = subject.is_none() || tokens.expires_at.is_none();
        if lacks && self.settings.auto_introspect && desk.server.introspection_endpoint.is_some() {
            let told = self.wire.introspect(desk, &access.token, Hint::AccessToken).await?;
            access.facts = merged(access.facts, told);
        }
        if access.facts.active == Some(false) {
            return Err(crate::flow::answer::malformed(&access.issuer, "it gave a token that it says is dead").into());
        }
        let mut gained = vec![access.clone()];
        if let Some(token) = &tokens.refresh_token {
            let mut facts = TokenFacts {
                active: None,
                exp: refresh_end(tokens, access.updated_at),
                token_type: None,
                jti: None,
                ..access.facts.clone()
            };
            // RFC 9449 §5: the refresh token of a client that proves itself otherwise is bound to no key.
            if !matches!(desk.client.authentication, Authentication::None) {
                facts.rest.remove(Held::CONFIRMATION);
            }
            gained.push(Held { kind: Kind::Refresh, token: token.clone(), facts, ..access.clone() });
        }
        self.keeper.exchange(None, gained).await?;
        if let (Some(id_token), Some(subject)) = (&tokens.id_token, subject) {
            self.keep_id_token(desk, subject, id_token).await?;
        }
        Ok(access)
    }

    /// Keeps an ID token, after it was verified; gives its subject.
    ///
    /// # Errors
    ///
    /// It is not of this server for this client, or cannot be kept.
    pub async fn register_id_token(&self, desk: &Desk, id_token: &Secret) -> Result<String, ManagerError> {
        let claims = self.wire.verify(desk, id_token, None, Asked::default()).await?;
        let subject = claims.sub.unwrap_or_default();
        self.keep_id_token(desk, &subject, id_token).await?;
        Ok(subject)
    }

    /// Keeps an ID token as it was signed: its claims are read again, and no server need open what was encrypted for us.
    pub(super) async fn keep_id_token(&self, desk: &Desk, subject: &str, given: &Secret) -> Result<(), ManagerError> {
        let issuer = &desk.server.issuer;
        let signed = encrypted::open(&desk.client, given);
        let signed = signed.map_err(|refused| Error::breach(issuer, Breach::Signed(refused)))?;
        Ok(self.keeper.put_id_token(issuer, subject, &signed, self.wire.now()).await?)
    }
}

/// What a server says of a token goes before what was guessed of it; what it does not say stays.
pub(super) fn merged(known: TokenFacts, told: TokenFacts) -> TokenFacts {
    if told.active == Some(false) {
        return TokenFacts { active: Some(false), ..known };
    }
    let mut rest = known.rest;
    rest.extend(told.rest);
    TokenFacts {
        active: told.active,
        scope: told.scope.or(known.scope),
        client_id: known.client_id,
        username: told.username.or(known.username),
        token_type: told.token_type.or(known.token_type),
        exp: told.exp.or(known.exp),
        iat: told.iat.or(known.iat),
        nbf: told.nbf.or(known.nbf),
        sub: known.sub.or(told.sub),
        aud: told.aud.or(known.aud),
        iss: known.iss,
        jti: told.jti.or(known.jti),
        rest,
    }
}
