//! What was allowed becomes a grant and its first tokens: the end of every grant type but refresh and client credentials.

use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_proto::seal::Caveat;
use firman_proto::time::Timestamp;
use firman_proto::token::TokenResponse;
use firman_store::record::{
    AuthContext, Client, Epochs, EventKind, FirstAccess, Grant, GrantKind, LastAccess, Refresh, RefreshStep, Rest,
    Subject, Terms,
};
use firman_store::{Change, Commit};

use super::one::{self, Place};
use crate::Engine;
use crate::access_token::AccessToken;
use crate::authenticate::AuthenticatedClient;
use crate::failure::{Failure, Fault};
use crate::issue::{Extra, Issued};
use crate::random;
use crate::sender::Sender;
use crate::target::Target;

/// How often a place that others have taken meanwhile is looked at again.
const LOOKS: usize = 4;

/// What was allowed, and is to be a grant.
pub(super) struct Allowed {
    pub(super) id: RecordId,
    pub(super) kind: GrantKind,
    pub(super) subject: Option<Subject>,
    pub(super) session: Option<RecordId>,
    pub(super) scope: Scope,
    pub(super) epochs: Epochs,
    /// The grant it is delegated from.
    pub(super) parent: Option<RecordId>,
    pub(super) auth: AuthContext,
    pub(super) terms: Terms,
    /// Whether there is to be a refresh token.
    pub(super) refreshable: bool,
    /// It lives no longer than this.
    pub(super) until: Timestamp,
    /// What its access token is limited to beyond its grant.
    pub(super) caveats: Vec<Caveat>,
}

/// A grant that is to be made for a client.
pub(super) struct Making<'a> {
    pub(super) engine: &'a Engine,
    pub(super) client: &'a AuthenticatedClient,
    pub(super) allowed: Allowed,
    /// Whom its first access token is for.
    pub(super) target: Target,
    pub(super) sender: Sender,
    /// What is used up by it: of rivals the one who wins this gets the grant.
    pub(super) claim: Option<Change>,
    pub(super) event: EventKind,
    pub(super) now: Timestamp,
}

/// How one attempt ended.
enum Attempt {
    Done(TokenResponse),
    /// What was to be used up is used up.
    Lost,
    /// Its place was taken by another one.
    Again,
}

impl Making<'_> {
    /// The grant's first tokens. `None` if what was to be used up was used up, or withdrawn, meanwhile.
    pub(super) async fn make(&self) -> Result<Option<TokenResponse>, Failure> {
        for _ in 0..LOOKS {
            let place = one::place(self.engine, self.client.record(), &self.allowed).await?;
            if let Some((held, access)) = place.as_ref().and_then(|place| self.reusable(place)) {
                return self.give_again(held, access).await;
            }
            match self.attempt(place.as_ref()).await? {
                Attempt::Done(response) => return Ok(Some(response)),
                Attempt::Lost => return Ok(None),
                Attempt::Again => {}
            }
        }
        Err(Fault::temporary("make a grant", "others made one in its place each time it was looked at").into())
    }

    async fn attempt(&self, place: Option<&Place>) -> Result<Attempt, Failure> {
        let Self { engine, now, .. } = *self;
        let client = self.client.record();
        let (mut grant, access) = self.allowed.grant((engine, client), &self.target, now)?;
        if client.metadata.is_public() {
            self.sender.bind(&mut grant.terms);
        }
        if grant.refresh.is_none() && engine.policy.reuses_access_token_of(client) {
            grant.terms.first_access = Some(access.into());
        }
        // Sealed before the grant is moved into the commit; nobody gets them unless that is done.
        let response = self.seal(&grant, access).await?;
        let mut changes: Vec<Change> = self.claim.iter().cloned().collect();
        let event = self.event(&grant)?;
        let replaced = place.map(|place| place.taken_by(engine, &grant, now)).transpose()?;
        changes.extend([Change::InsertGrant(Box::new(grant)), event]);
        changes.extend(replaced.into_iter().flatten());
        let name = place.map(|_| changes.len() - 1);
        let changes = self.sender.once(changes);
        let count = changes.len();
        let outcome = engine.commit(changes).await?;
        self.sender.must_not_be_replayed(outcome, count)?;
        Ok(match outcome {
            Commit::Done => Attempt::Done(response),
            Commit::Conflict(place) if Some(place) == name => Attempt::Again,
            Commit::Conflict(_) => Attempt::Lost,
        })
    }

    fn event(&self, grant: &Grant) -> Result<Change, Fault> {
        let mut event = self.engine.event(self.event.clone(), grant.id, self.now)?;
        event.client = Some(grant.client);
        event.subject = grant.subject.as_ref().map(ToString::to_string);
        Ok(Change::Append(Box::new(event)))
    }

    async fn seal(&self, grant: &Grant, access: AccessToken) -> Result<TokenResponse, Failure> {
        let Self { engine, target, now, .. } = self;
        let client = self.client.record();
        let (scope, narrowed) = target.cut(&grant.scope, &grant.scope)?;
        let extra = Extra::ask(engine, client, grant, &scope, target, *now).await?;
        let issued = Issued {
            access,
            scope: &scope,
            narrowed,
            details: None,
            caveats: self.allowed.caveats.clone(),
            refresh: grant.refresh.as_ref(),
            nonce: self.allowed.auth.nonce.clone(),
            sender: self.sender,
            target,
            extra,
        };
        Ok(issued.seal(engine, client, grant, *now)?)
    }

    /// The grant whose access token is given again, and what seals that.
    fn reusable<'p>(&self, place: &'p Place) -> Option<(&'p Grant, AccessToken)> {
        let held = place.live(self.now)?;
        let client = self.client.record();
        let mut terms = self.allowed.terms.clone();
        if client.metadata.is_public() {
            self.sender.bind(&mut terms);
        }
        let same = |of: &Terms| {
            (&of.resource, &of.authorization_details, &of.claims)
                == (&terms.resource, &terms.authorization_details, &terms.claims)
                && (&of.dpop_jkt, &of.certificate_thumbprint) == (&terms.dpop_jkt, &terms.certificate_thumbprint)
        };
        let may = self.engine.policy.reuses_access_token_of(client)
            && self.allowed.caveats.is_empty()
            && held.refresh.is_some() == self.allowed.refreshable
            && same(&held.terms);
        let longest = self.now.plus(self.target.lifetime(self.engine, client));
        let good = |access: &AccessToken| self.now < access.expires_at && access.expires_at <= longest;
        let access = AccessToken::last_of(held).filter(|access| may && good(access))?;
        self.engine.keys.current().has_seal_key(access.seal_key).then_some((held, access))
    }

    /// Uses up what is to be used up, for tokens of the grant there is.
    async fn give_again(&self, held: &Grant, access: AccessToken) -> Result<Option<TokenResponse>, Failure> {
        // The ID token is about this sign-in.
        let grant = Grant { auth: self.allowed.auth.clone(), session: self.allowed.session, ..held.clone() };
        let response = self.seal(&grant, access).await?;
        let mut changes: Vec<Change> = self.claim.iter().cloned().collect();
        changes.push(self.event(&grant)?);
        let changes = self.sender.once(changes);
        let count = changes.len();
        let outcome = self.engine.commit(changes).await?;
        self.sender.must_not_be_replayed(outcome, count)?;
        Ok((outcome == Commit::Done).then_some(response))
    }
}

impl Allowed {
    /// The grant it becomes, and its first access token.
    fn grant(
        &self,
        (engine, client): (&Engine, &Client),
        target: &Target,
        now: Timestamp,
    ) -> Result<(Grant, AccessToken), Fault> {
        let access_ends = now.plus(target.lifetime(engine, client)).min(self.until);
        let mut terms = self.terms.clone();
        let expires_at = if self.refreshable {
            let end = now.plus(engine.policy.refresh_token_of(client)).min(self.until);
            match engine.policy.refresh_idle_of(client) {
                None => end,
                Some(idle) => {
                    (terms.idle_seconds, terms.ends_at) = (Some(idle.seconds()), Some(end));
                    now.plus(idle).min(end)
                }
            }
        } else {
            access_ends
        };
        let access = AccessToken {
            serial: random::serial(&*engine.entropy)?,
            issued_at: now,
            expires_at: access_ends.min(expires_at),
            seal_key: engine.keys.current().keyring.current_number(),
        };
        let refresh = self.refreshable.then(|| chain(engine, access, now)).transpose()?;
        let grant = Grant {
            id: self.id,
            issuer: engine.number,
            kind: self.kind,
            client: client.id,
            subject: self.subject.clone(),
            session: self.session,
            scope: self.scope.clone(),
            salt: random::salt(&*engine.entropy)?,
            refresh,
            epochs: self.epochs,
            parent: self.parent,
            expires_at,
            revoked_at: None,
            reason: None,
            auth: self.auth.clone(),
            terms,
            last_used_at: None,
            rest: Rest::new(),
        };
        Ok((grant, access))
    }
}

/// The beginning of a refresh chain.
fn chain(engine: &Engine, access: AccessToken, now: Timestamp) -> Result<Refresh, Fault> {
    Ok(Refresh {
        generation: 0,
        current: RefreshStep { salt: random::salt(&*engine.entropy)?, since: now },
        before: None,
        earlier: None,
        seal_key: access.seal_key,
        last_access: LastAccess { serial: access.serial, expires_at: access.expires_at },
        retry_closed: false,
    })
}

impl From<AccessToken> for FirstAccess {
    fn from(access: AccessToken) -> Self {
        let AccessToken { serial, issued_at, expires_at, seal_key } = access;
        Self { serial, issued_at, expires_at, seal_key }
    }
}
