//! Giving out a token: one that is kept, or a new one, which one of all who need it gets for all.

use std::cmp::Reverse;

use firman_proto::digest::Digest16;
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use serde_json::{Value, json};

use super::{Held, Kind, Manager, ManagerError, Need, Who, Whose};
use crate::backoff::jittered;
use crate::error::Error;
use crate::flow::dpop::DpopKey;
use crate::flow::introspection::TokenFacts;
use crate::flow::token::{Presented, Target, TokenType, Tokens};
use crate::secret::Secret;
use crate::wire::{Asked, Desk};
use crate::world::number;

/// Where it is noted for which resources a token was asked for.
const RESOURCES: &str = "resource";

impl Manager {
    /// An access token that does what is needed. It is good now, as far as anybody here knows.
    ///
    /// What renews goes on when its caller does not wait for it any more: what a server gave is never lost for that.
    ///
    /// # Errors
    ///
    /// [`ManagerError::advice`] says whether to ask again, or the person.
    pub async fn get(&self, desk: &Desk, need: &Need) -> Result<Held, ManagerError> {
        let now = self.wire.now();
        let Some(held) = self.find(desk, need, now).await? else {
            return self.renewed(desk, need, self.settings.patience, None).await;
        };
        if !self.is_due(&held, now)? {
            return Ok(held);
        }
        // It is good for a while yet: who finds another renewing, or a server in trouble, goes on with it.
        let before = held.token.clone();
        Ok(self.renewed(desk, need, Lifetime::ZERO, Some(before)).await.unwrap_or(held))
    }

    /// A token that is kept and will do, not near its end: found without asking anybody, so that of the server only the issuer need
    /// be known.
    ///
    /// # Errors
    ///
    /// What is kept cannot be read.
    pub async fn kept(&self, desk: &Desk, need: &Need) -> Result<Option<Held>, ManagerError> {
        let now = self.wire.now();
        let Some(held) = self.find(desk, need, now).await? else { return Ok(None) };
        Ok((!self.is_due(&held, now)?).then_some(held))
    }

    /// The best of those that are kept: with the narrowest scope, and of those the one that ends last.
    async fn find(&self, desk: &Desk, need: &Need, now: Timestamp) -> Result<Option<Held>, ManagerError> {
        let all = self.keeper.tokens(Kind::Access, &desk.server.issuer, need.who.whose(desk), now).await?;
        let suitable = all.into_iter().filter(|held| self.suits(desk, held, need));
        let breadth = |held: &Held| held.scope().map_or(usize::MAX, |scope| scope.iter().count());
        Ok(suitable.min_by_key(|held| (breadth(held), Reverse(held.expires_at()))))
    }

    fn suits(&self, desk: &Desk, held: &Held, need: &Need) -> bool {
        let scope = match (&need.scope, held.scope()) {
            (None, _) => true,
            (Some(wanted), Some(has)) if self.settings.broader_will_do => wanted.is_within(&has),
            (Some(wanted), Some(has)) => *wanted == has,
            (Some(_), None) => false,
        };
        let refused = need.not.as_ref().is_some_and(|not| *not == held.token);
        scope && !refused && is_of(desk, held) && resources(held) == need.resource
    }

    /// Whether its end is near enough to renew it, by chance earlier or later, so that not all do at once.
    fn is_due(&self, held: &Held, now: Timestamp) -> Result<bool, ManagerError> {
        let Some(end) = held.expires_at() else { return Ok(false) };
        let life = end.since(Timestamp::from_seconds(held.facts.iat.unwrap_or(held.updated_at.seconds())));
        let early = self.settings.renew_before.min(Lifetime::from_millis(life.millis() / 4));
        Ok(end.since(now) <= jittered(early, number(self.wire.entropy())?))
    }

    /// A new token. `before` is the one that is to be renewed although it is good.
    async fn renewed(
        &self,
        desk: &Desk,
        need: &Need,
        patience: Lifetime,
        before: Option<Secret>,
    ) -> Result<Held, ManagerError> {
        let what = flight(desk, need.who.whose(desk));
        let Some(lease) = self.keeper.lease(what, patience).await? else { return Err(ManagerError::Busy) };
        let (manager, desk, need) = (self.clone(), desk.clone(), need.clone());
        // A task of its own: it is not cut off between the server's answer and the keeping of it.
        let work = tokio::spawn(async move {
            let outcome = manager.renew(&desk, &need, before.as_ref()).await;
            lease.release().await;
            outcome
        });
        work.await.map_err(|_| ManagerError::Busy)?
    }

    async fn renew(&self, desk: &Desk, need: &Need, before: Option<&Secret>) -> Result<Held, ManagerError> {
        // Who waited for the lease finds what the one before has brought.
        if let Some(held) = self.find(desk, need, self.wire.now()).await?
            && before.is_none_or(|before| *before != held.token)
        {
            return Ok(held);
        }
        if let Some(not) = &need.not {
            // Nobody else should be given what a resource server has refused.
            self.keeper.delete_token(Kind::Access, not).await?;
        }
        match &need.who {
            Who::Client => self.for_itself(desk, need).await,
            Who::Subject(subject) => self.for_person(desk, need, subject).await,
        }
    }

    /// RFC 6749 §4.4.2.
    async fn for_itself(&self, desk: &Desk, need: &Need) -> Result<Held, ManagerError> {
        let target = Target { scope: need.scope.clone(), resource: need.resource.clone() };
        let presented = Presented::ClientCredentials;
        let tokens = self.wire.tokens_patiently(desk, &presented, &target, self.settings.attempts).await?;
        let access = self.access(desk, &tokens, &TokenFacts::default(), &target);
        self.keeper.exchange(None, vec![access.clone()]).await?;
        Ok(access)
    }

    /// RFC 6749 §6: with each of the refresh tokens that may bring it, the newest first.
    async fn for_person(&self, desk: &Desk, need: &Need, subject: &str) -> Result<Held, ManagerError> {
        let whose = Whose::Subject(subject);
        let all = self.keeper.tokens(Kind::Refresh, &desk.server.issuer, whose, self.wire.now()).await?;
        let mut error = nothing(desk, need, false);
        for refresh in all.into_iter().filter(|held| is_of(desk, held)) {
            let has = refresh.scope();
            if need.scope.as_ref().zip(has.as_ref()).is_some_and(|(wanted, has)| !wanted.is_within(has)) {
                error = nothing(desk, need, true);
                continue;
            }
            match self.refresh(desk, need, &refresh).await {
                // The grant is dead, and the next may be another's: RFC 6749 §5.2.
                Err(ManagerError::Wire(refused)) if refused.code() == Some("invalid_grant") => {
                    self.keeper.delete_token(Kind::Refresh, &refresh.token).await?;
                    error = refused.into();
                }
                outcome => return outcome,
            }
        }
        Err(error)
    }

    async fn refresh(&self, desk: &Desk, need: &Need, refresh: &Held) -> Result<Held, ManagerError> {
        // RFC 6749 §6: without scope it is that of the grant, of which every narrower need can be served.
        let whole = self.settings.broader_will_do && refresh.scope().is_some();
        let scope = if whole { None } else { need.scope.clone() };
        let target = Target { scope, resource: need.resource.clone() };
        let presented = Presented::RefreshToken(&refresh.token);
        let tokens = self.wire.tokens_patiently(desk, &presented, &target, self.settings.attempts).await?;

        let access = self.access(desk, &tokens, &refresh.facts, &target);
        let mut gained = vec![access.clone()];
        let mut spent = None;
        if let Some(next) = &tokens.refresh_token {
            spent = (*next != refresh.token).then_some(&refresh.token);
            gained.push(self.successor(refresh, next.clone(), &tokens));
        }
        // First of all: from here on nothing that the server gave can be lost.
        self.keeper.exchange(spent, gained).await?;
        if let Some(id_token) = &tokens.id_token {
            self.take_id_token(desk, &access, id_token, refresh.facts.sub.as_deref()).await?;
        }
        if self.suits(desk, &access, need) { Ok(access) } else { Err(nothing(desk, need, true)) }
    }

    /// OpenID Connect Core §12.2: the ID token of a refresh is of the same person; else what came with it is not used.
    async fn take_id_token(
        &self,
        desk: &Desk,
        access: &Held,
        id_token: &Secret,
        subject: Option<&str>,
    ) -> Result<(), ManagerError> {
        let verified = self.wire.verify(desk, id_token, Some(&access.token), Asked::default()).await;
        let refused = match verified {
            Ok(claims) if claims.sub.as_deref() == subject => {
                return self.keep_id_token(desk, subject.unwrap_or_default(), id_token).await;
            }
            Ok(_) => crate::flow::answer::malformed(&desk.server.issuer, "the ID token is of another person"),
            // That its keys cannot be had now, or not here, says nothing against the tokens.
            Err(error) if error.is_outage() || matches!(error, Error::Local(_)) => return Ok(()),
            Err(error) => error,
        };
        self.keeper.delete_token(Kind::Access, &access.token).await?;
        Err(refused.into())
    }

    /// What is known of a new access token: what was said, and else what is known of the grant.
    pub(super) fn access(&self, desk: &Desk, tokens: &Tokens, grant: &TokenFacts, target: &Target) -> Held {
        let now = self.wire.now();
        let end = tokens.expires_at.unwrap_or_else(|| now.plus(self.settings.assumed_life));
        let mut facts = TokenFacts {
            scope: tokens.scope.as_ref().map(Scope::to_string).or_else(|| grant.scope.clone()),
            client_id: Some(desk.client.id.clone()),
            username: grant.username.clone(),
            token_type: Some(tokens.token_type.as_str().to_owned()),
            exp: Some(end.seconds()),
            iat: Some(now.seconds()),
            sub: grant.sub.clone(),
            aud: grant.aud.clone(),
            iss: Some(desk.server.issuer.clone()),
            ..TokenFacts::default()
        };
        if let Some(key) = desk.dpop.as_ref().filter(|_| tokens.token_type == TokenType::Dpop) {
            facts.rest.insert(Held::CONFIRMATION.to_owned(), json!({"jkt": key.thumbprint()}));
        }
        if !target.resource.is_empty() {
            facts.rest.insert(RESOURCES.to_owned(), target.resource.clone().into());
        }
        let (token, issuer) = (tokens.access_token.clone(), desk.server.issuer.clone());
        Held { kind: Kind::Access, token, token_type: tokens.token_type, issuer, facts, updated_at: now }
    }

    /// The next refresh token: what was known of the one before, and its own end, where the server tells.
    fn successor(&self, before: &Held, token: Secret, tokens: &Tokens) -> Held {
        let now = self.wire.now();
        let facts = TokenFacts {
            active: None,
            exp: refresh_end(tokens, now),
            iat: Some(now.seconds()),
            jti: None,
            ..before.facts.clone()
        };
        Held { token, facts, updated_at: now, ..before.clone() }
    }
}

/// Some servers say how long a refresh token is good.
pub(super) fn refresh_end(tokens: &Tokens, now: Timestamp) -> Option<i64> {
    let names = ["refresh_token_expires_in", "refresh_expires_in"];
    let seconds = names.iter().find_map(|name| tokens.rest.get(*name).and_then(Value::as_i64));
    // Some write 0 for one that does not end.
    seconds.filter(|seconds| *seconds > 0).map(|seconds| now.plus(Lifetime::from_seconds(seconds)).seconds())
}

/// Whether a token is this client's, and bound to no key but its own.
fn is_of(desk: &Desk, held: &Held) -> bool {
    let own = desk.dpop.as_deref().map(DpopKey::thumbprint);
    // RFC 9449 §5, §7.1: who has a key takes no token that is bound to none, and nobody else can use one that is bound.
    let fits = held.kind == Kind::Refresh || own.is_some() == (held.token_type == TokenType::Dpop);
    let is_own = held.bound_to().is_none_or(|key| own == Some(key));
    held.facts.client_id.as_deref() == Some(&desk.client.id) && fits && is_own
}

fn resources(held: &Held) -> Vec<String> {
    let list = held.facts.rest.get(RESOURCES).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What only one does at a time.
fn flight(desk: &Desk, whose: Whose<'_>) -> Digest16 {
    let (kind, name): (&[u8], &str) = match whose {
        Whose::Subject(subject) => (b"subject", subject),
        Whose::Client(client_id) => (b"client", client_id),
    };
    Digest16::of(&[b"renewal", desk.server.issuer.as_bytes(), kind, name.as_bytes(), desk.client.id.as_bytes()])
}

fn nothing(desk: &Desk, need: &Need, reduced: bool) -> ManagerError {
    let wanted = match &need.scope {
        Some(scope) => format!("is good for {scope}"),
        None => "is good".to_owned(),
    };
    let (issuer, client_id) = (desk.server.issuer.clone(), desk.client.id.clone());
    ManagerError::Nothing { issuer, client_id, wanted, reduced }
}
