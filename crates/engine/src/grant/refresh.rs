//! The refresh token grant (RFC 6749 §6): idempotent, race-proof, and watching for thieves (RFC 9700 §4.14.2).

use firman_proto::authorization_details::Details;
use firman_proto::error::{Denied, ErrorCode, invalid_grant};
use firman_proto::scope::Scope;
use firman_proto::seal::{self, Opened};
use firman_proto::time::{Lifetime, Timestamp};
use firman_proto::token::{RefreshRequest, TokenResponse};
use firman_store::record::{
    Client, EpochKey, EventKind, Grant, LastAccess, Refresh, RefreshPolicy, RefreshStep, ReuseReaction, RevokeReason,
    WiderScope,
};
use firman_store::{Change, Commit, Rotation, Standing};

use crate::Engine;
use crate::access_token::AccessToken;
use crate::authenticate::AuthenticatedClient;
use crate::details;
use crate::dpop;
use crate::failure::Failure;
use crate::issue::{Extra, Issued};
use crate::policy::Policy;
use crate::random;
use crate::sender::Sender;
use crate::sessions;
use crate::target::{self, Target};
use crate::upstream::{self, Permitted};

/// How often a lost race is judged again. Every loser but one whose grant is moved on again at once stops at the second look.
const LOOKS: usize = 4;

/// What a good refresh token gets.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The live one: the chain moves on.
    Rotate,
    /// The live one of a client whose refresh tokens stay: another access token.
    Keep,
    /// The one before, retried inside its window: what it got before, once more.
    Retry,
}

/// Why a refresh token gets nothing.
#[derive(Debug)]
enum Verdict {
    Denied(Denied),
    /// It is too old to be a retry: somebody has a copy.
    Reused,
}

pub(super) async fn refresh(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &RefreshRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let opened = engine.keys.open::<seal::Refresh>(&*engine.store, &request.token, now).await?;
    let opened = opened.map_err(|why| invalid_grant(format!("the refresh token does not open: {why:?}")))?;
    let sender = Sender::of(client)?;
    let mut unseen = sender.key();
    for _ in 0..LOOKS {
        let standing = engine.store.grant(opened.record(), None).await?;
        let standing =
            standing.ok_or_else(|| invalid_grant("no grant of this token: purged, or of another database"))?;
        match decide(client, &opened, &standing, &engine.policy, now) {
            Err(Verdict::Denied(denied)) => return Err(denied.into()),
            Err(Verdict::Reused) => return Err(react(engine, client.record(), &standing.record, now).await?),
            Ok((step, chain)) => {
                // Whoever signed in elsewhere must still be there, before anything moves on.
                let permitted = upstream::still_there(engine, &standing.record, now).await?;
                let granted = (&standing.record, &permitted);
                let asked = Asked::of(engine, client.record(), granted, request, (sender, now)).await?;
                // RFC 9449 §11.1: a rotation remembers the proof in its own commit; what writes nothing else, by itself.
                if step != Step::Rotate
                    && let Some(proved) = unseen.take()
                {
                    dpop::must_be_new(engine, proved).await?;
                }
                match step {
                    Step::Keep => {
                        if let Some(response) = asked.keep(chain).await? {
                            return Ok(response);
                        }
                    }
                    Step::Retry => {
                        // Another node may have rotated the chain, under a seal key that is new here.
                        engine.keys.know(&*engine.store, chain.seal_key, now).await?;
                        return asked.again(chain);
                    }
                    Step::Rotate => {
                        if let Some(response) = asked.rotate(chain).await? {
                            return Ok(response);
                        }
                    }
                }
            }
        }
    }
    Err(invalid_grant("the grant was moved on by others each time it was looked at").into())
}

/// Every check of a refresh, and what the token's age makes of it.
fn decide<'g>(
    client: &AuthenticatedClient,
    opened: &Opened<seal::Refresh>,
    standing: &'g Standing<Grant>,
    policy: &Policy,
    now: Timestamp,
) -> Result<(Step, &'g Refresh), Verdict> {
    let denied = |why: &'static str| Err(Verdict::Denied(invalid_grant(why)));
    let grant = &standing.record;
    // RFC 6749 §6, RFC 9700 §4.14.2: the token is bound to the client it was issued to.
    if grant.client != client.record().id {
        return denied("another client's refresh token");
    }
    // RFC 8705 §4: before anything is revoked, because a stranger must not be able to do that.
    Sender::must_hold(client, grant).map_err(Verdict::Denied)?;
    let Some(chain) = &grant.refresh else { return denied("the grant cannot be refreshed") };
    // A fail-over or a restored backup: the token is newer than the grant. Nobody is to blame.
    let Some(age) = chain.generation.checked_sub(opened.serial()) else { return denied("newer than its grant") };
    // As long as the salt of its generation is remembered, the token must have been made with it.
    if chain.salt_of(opened.serial()).is_some_and(|salt| !opened.proves(salt)) {
        return denied("sealed for another salt");
    }
    if !standing.is_live(now) {
        return denied("the grant is revoked or has expired");
    }
    let superseded_at = match (age, &chain.before) {
        (0, _) => {
            let step = match policy.refresh_of(client.record()) {
                RefreshPolicy::Rotate => Step::Rotate,
                RefreshPolicy::Reuse => Step::Keep,
            };
            return Ok((step, chain));
        }
        (1, _) => chain.current.since,
        (2, Some(before)) => before.since,
        _ => return Err(Verdict::Reused),
    };
    let window_ends = superseded_at.plus(policy.retry_window_of(client.record()));
    if age == 1 && now < window_ends && !chain.retry_closed {
        return Ok((Step::Retry, chain));
    }
    // One or two generations old and not long after its window: late, and refused, and no more than that.
    if now < window_ends.plus(policy.late) {
        return denied("rotated a moment ago");
    }
    Err(Verdict::Reused)
}

/// RFC 6749 §6: the scope must not include any that was not granted.
fn narrowed(granted: &Scope, asked: Option<&Scope>, wider: WiderScope) -> Result<Scope, Denied> {
    let Some(asked) = asked else { return Ok(granted.clone()) };
    let asked = match wider {
        WiderScope::Intersect => asked.intersect(granted),
        WiderScope::Refuse => asked.clone(),
    };
    if !asked.is_within(granted) || asked.is_empty() {
        return Err(Denied::new(ErrorCode::InvalidScope, "scope: more than was granted"));
    }
    Ok(asked)
}

/// RFC 9396 §6.1: the same for details.
fn narrowed_details(
    engine: &Engine,
    client: &Client,
    grant: &Grant,
    request: &RefreshRequest,
) -> Result<Option<Details>, Denied> {
    let granted = grant.terms.authorization_details.as_ref();
    let narrower = details::narrowed(engine, client, granted, request.authorization_details.as_deref())?;
    Ok(narrower.filter(|details| Some(&details.to_value()) != granted))
}

/// A refresh that was judged good.
struct Asked<'a> {
    engine: &'a Engine,
    client: &'a Client,
    grant: &'a Grant,
    /// Whom the access token is for.
    target: Target,
    /// The scope of the access token.
    scope: Scope,
    /// Whether that is less than the grant's.
    narrowed: bool,
    /// Its details, if they are to be less than the grant's.
    details: Option<Details>,
    /// Claims beside those of the protocol.
    extra: Extra,
    /// What the access token is bound to.
    sender: Sender,
    now: Timestamp,
}

impl<'a> Asked<'a> {
    /// Settles everything that can be refused before the chain moves on.
    async fn of(
        engine: &'a Engine,
        client: &'a Client,
        (grant, permitted): (&'a Grant, &Permitted),
        request: &RefreshRequest,
        (sender, now): (Sender, Timestamp),
    ) -> Result<Self, Failure> {
        let wider = engine.policy.wider_scope_of(client);
        let asked = permitted.of(&narrowed(&grant.scope, request.scope.as_ref(), wider)?);
        if asked.is_empty() && !grant.scope.is_empty() {
            return Err(Denied::new(ErrorCode::InvalidScope, "scope: its person can allow none of it any more").into());
        }
        let target = target::of(engine, client, &grant.terms.resource, &request.resource).await?;
        let (scope, narrowed) = target.cut(&asked, &grant.scope)?;
        let details = narrowed_details(engine, client, grant, request)?;
        if let Some(details) = &details {
            details::must_fit(details, &target, narrowed.then_some(&scope))?;
        }
        let extra = Extra::ask(engine, client, grant, &scope, &target, now).await?;
        Ok(Self { engine, client, grant, target, scope, narrowed, details, extra, sender, now })
    }

    /// Moves the chain on by one guarded update of one row. `None` if somebody else did.
    async fn rotate(&self, chain: &Refresh) -> Result<Option<TokenResponse>, Failure> {
        let Self { engine, client, grant, now, .. } = *self;
        let moved = self.moved_expiry();
        let ends = moved.unwrap_or(grant.expires_at);
        let access_ends = now.plus(self.target.lifetime(engine, client)).min(ends);
        let rotation = Rotation {
            id: grant.id,
            from: chain.generation,
            to: RefreshStep { salt: random::salt(&*engine.entropy)?, since: now },
            seal_key: engine.keys.current().keyring.current_number(),
            last_access: LastAccess { serial: random::serial(&*engine.entropy)?, expires_at: access_ends },
            expires_at: moved,
        };
        let next = Refresh {
            generation: chain.generation + 1,
            current: rotation.to.clone(),
            before: None,
            earlier: None,
            seal_key: rotation.seal_key,
            last_access: rotation.last_access,
            retry_closed: false,
        };
        let changes = self.sender.once(vec![Change::Rotate(Box::new(rotation))]);
        let count = changes.len();
        let outcome = engine.commit(changes).await?;
        self.sender.must_not_be_replayed(outcome, count)?;
        match outcome {
            Commit::Done => self.again(&next).map(Some),
            Commit::Conflict(_) => Ok(None),
        }
    }

    /// When the grant expires from now on, if that moves with its use.
    fn moved_expiry(&self) -> Option<Timestamp> {
        let terms = &self.grant.terms;
        let idle = Lifetime::from_seconds(terms.idle_seconds?);
        Some(self.now.plus(idle).min(terms.ends_at.unwrap_or(Timestamp::NEVER)).max(self.grant.expires_at))
    }

    /// Another access token beside those there are; nothing is written, unless the grant lives longer by it. `None` if somebody
    /// else moved its expiry.
    async fn keep(&self, chain: &Refresh) -> Result<Option<TokenResponse>, Failure> {
        let Self { engine, client, grant, now, .. } = *self;
        let from = grant.expires_at;
        let mut ends = from;
        if let Some(to) = self.moved_expiry().filter(|to| to.since(from) >= self.worth_a_write()) {
            let change = Change::MoveExpiry { id: grant.id, from, to, now };
            if engine.commit(vec![change]).await? != Commit::Done {
                return Ok(None);
            }
            ends = to;
        }
        let access = AccessToken {
            serial: random::serial(&*engine.entropy)?,
            issued_at: now,
            expires_at: now.plus(self.target.lifetime(engine, client)).min(ends),
            seal_key: engine.keys.current().keyring.current_number(),
        };
        self.answer(access, chain).map(Some)
    }

    /// By how much an expiry must move to be written: a tenth of the time for which the grant may lie idle.
    fn worth_a_write(&self) -> Lifetime {
        Lifetime::from_seconds(self.grant.terms.idle_seconds.unwrap_or_default() / 10).max(Lifetime::from_millis(1))
    }

    /// Seals what the chain's last step got: the same tokens for everybody who asks.
    fn again(&self, chain: &Refresh) -> Result<TokenResponse, Failure> {
        self.answer(AccessToken::last_of_chain(chain), chain)
    }

    fn answer(&self, access: AccessToken, chain: &Refresh) -> Result<TokenResponse, Failure> {
        let issued = Issued {
            access,
            scope: &self.scope,
            narrowed: self.narrowed,
            details: self.details.as_ref(),
            caveats: Vec::new(),
            refresh: Some(chain),
            // OpenID Connect Core §12.2: no nonce in the ID token of a refresh.
            nonce: None,
            sender: self.sender,
            target: &self.target,
            extra: self.extra.clone(),
        };
        Ok(issued.seal(self.engine, self.client, self.grant, self.now)?)
    }
}

/// RFC 9700 §4.14.2: an old refresh token means that somebody has a copy; nobody can tell who, so the grant dies, and whatever
/// else the policy says.
async fn react(engine: &Engine, client: &Client, grant: &Grant, now: Timestamp) -> Result<Failure, Failure> {
    let reaction = engine.policy.on_refresh_reuse_of(client);
    if reaction == ReuseReaction::Ignore {
        return Ok(invalid_grant("an old refresh token was presented again; the policy is to ignore that").into());
    }
    let mut event = engine.event(EventKind::GrantRevoked, grant.id, now)?;
    event.client = Some(grant.client);
    event.details.insert("reason".to_owned(), "refresh_reused".into());
    let revoke = Change::RevokeGrant { id: grant.id, reason: RevokeReason::RefreshReused, now };
    let mut changes = vec![revoke, Change::Append(Box::new(event))];
    if let (ReuseReaction::Subject, Some(subject)) = (reaction, &grant.subject) {
        let mut event = engine.event(EventKind::EpochAdvanced, grant.id, now)?;
        event.subject = Some(subject.to_string());
        event.details.insert("reason".to_owned(), "refresh_reused".into());
        changes
            .extend([Change::AdvanceEpoch(EpochKey::subject(grant.issuer, subject)), Change::Append(Box::new(event))]);
        changes.extend(sessions::everywhere(engine, subject.key(grant.issuer), now).await?);
    }
    engine.commit(changes).await?;
    Ok(invalid_grant("an old refresh token was presented again; its grant is revoked").into())
}
