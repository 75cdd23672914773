//! Whether somebody is still there, asked of their provider at a refresh of what they allowed.

use firman_proto::error::{Denied, ErrorCode, invalid_grant};
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Account, EventKind, Grant, RevokeReason, Subject, UpstreamLink};
use firman_store::{Change, Commit, Editable};
use zeroize::Zeroizing;

use super::exchange::{Asked, Desk};
use super::kept::Kept;
use super::provider::{OnRefusal, Provider};
use super::said::{Said, is_in};
use super::scopes::Permitted;
use super::trouble::Broken;
use crate::Engine;
use crate::failure::{Failure, Fault};

/// How long others go on with what is known while one asks, and how soon it is asked again after it gave no answer, or said no.
const PAUSE: Lifetime = Lifetime::from_seconds(30);
/// How often an account that was edited meanwhile is looked at again.
const LOOKS: usize = 4;

/// Refuses the refresh of a grant whose person their provider does not know any more, or does not let in; gives what of a scope they
/// can still have. Grants of people who sign in here cost nothing.
pub(crate) async fn still_there(engine: &Engine, grant: &Grant, now: Timestamp) -> Result<Permitted, Failure> {
    let (Some(name), Some(subject)) = (&grant.terms.upstream, &grant.subject) else { return Ok(Permitted::all()) };
    // What an operator has taken out of the file vouches for nobody; the grant waits for it to come back.
    let Some(provider) = engine.policy.upstream.providers.find(name) else {
        return Err(invalid_grant("the identity provider of its person is none here any more").into());
    };
    if provider.recheck().is_none() && provider.allowed_groups.is_empty() && provider.scopes.is_empty() {
        return Ok(Permitted::all());
    }
    let Some((account, link)) = linked(engine, provider, subject).await? else {
        let why = "its person is not linked to anybody of their identity provider any more";
        return Err(refused(engine, provider, grant, why, now).await?);
    };
    let asking = Asking { engine, provider, account: account.id, now };
    match asking.settle(account, link).await? {
        Ok(link) => Ok(Permitted::by(provider, link.claims)),
        Err(No::Refused(why)) => Err(refused(engine, provider, grant, why, now).await?),
        // Whoever signs in again can be asked about again.
        Err(No::Stale) => Err(invalid_grant("nobody has said for too long that its person is still there").into()),
        Err(No::Unknown) => {
            let text = "the identity provider of this person cannot be asked now; try again later";
            Err(Denied::new(ErrorCode::TemporarilyUnavailable, text).into())
        }
    }
}

/// The account of a subject, and who it is at a provider.
pub(super) async fn linked(
    engine: &Engine,
    provider: &Provider,
    subject: &Subject,
) -> Result<Option<(Account, UpstreamLink)>, Fault> {
    let account = engine.store.account(Account::id_of(subject, engine.number)).await?;
    let theirs = |account: &Account| account.enabled && account.subject().as_ref() == Some(subject);
    Ok(account.filter(theirs).and_then(|account| {
        let link = account.upstreams.links.iter().find(|link| link.issuer == provider.issuer).cloned()?;
        Some((account, link))
    }))
}

/// Why a refresh does not go on.
enum No {
    /// They are not let in.
    Refused(&'static str),
    /// There is nothing to ask with, and what was said is too old.
    Stale,
    /// Nobody has answered for too long.
    Unknown,
}

/// What a provider answers about somebody.
enum Answer {
    /// They are there: what it says of them now, and what asks the next time, if that is another.
    There(Box<Said>, Option<Zeroizing<String>>),
    /// They are not.
    Gone,
    /// It gave no answer.
    None,
}

struct Asking<'a> {
    engine: &'a Engine,
    provider: &'a Provider,
    account: RecordId,
    now: Timestamp,
}

impl Asking<'_> {
    /// What is known of them, asked for anew if it is time.
    async fn settle(&self, account: Account, link: UpstreamLink) -> Result<Result<UpstreamLink, No>, Fault> {
        let now = self.now;
        let due = self.provider.recheck().is_some_and(|every| now >= link.checked_at.plus(every));
        let paused = link.asked_at.is_some_and(|at| now < at.plus(PAUSE));
        let askable = link.refresh_token.is_some();
        if !askable || paused || (!due && link.refused_at.is_none()) {
            return Ok(self.judge(link));
        }
        // One asks, the others go on with what is known: a provider that rotates its refresh tokens must not see one twice.
        let begun = UpstreamLink { asked_at: Some(now), ..link.clone() };
        if !self.write(&account, begun.clone()).await? {
            return Ok(self.judge(link));
        }
        let mut link = begun;
        match self.ask(&link).await? {
            Answer::There(said, token) => {
                link.claims = said.claims;
                (link.checked_at, link.asked_at, link.refused_at) = (now, None, None);
                if let Some(sealed) = token.and_then(|token| Kept::RefreshToken.seal(self.engine, self.account, &token))
                {
                    link.refresh_token = Some(sealed);
                }
            }
            Answer::Gone => link.refused_at = link.refused_at.or(Some(now)),
            Answer::None => return Ok(self.judge(link)),
        }
        Ok(self.judge(self.keep(link).await?))
    }

    /// Whether they go on with what is known of them.
    fn judge(&self, link: UpstreamLink) -> Result<UpstreamLink, No> {
        let Self { provider, now, .. } = self;
        if link.refused_at.is_some() {
            return Err(No::Refused("the identity provider of its person does not know them any more"));
        }
        if !provider.allowed_groups.is_empty() && !is_in(&link.claims, &provider.allowed_groups) {
            return Err(No::Refused("none of the groups of its person is let in any more"));
        }
        let known_until = provider.recheck().map(|every| link.checked_at.plus(every).plus(provider.outage()));
        match known_until {
            Some(until) if *now >= until && link.refresh_token.is_none() => Err(No::Stale),
            Some(until) if *now >= until => Err(No::Unknown),
            _ => Ok(link),
        }
    }

    /// Asks, and tells the log of what is no answer.
    async fn ask(&self, link: &UpstreamLink) -> Result<Answer, Fault> {
        let provider = &self.provider.name;
        match self.exchange(link).await {
            Ok((said, token)) => Ok(Answer::There(Box::new(said), token)),
            Err(broken) if broken.says_no() => {
                tracing::info!(upstream = %provider, why = broken.why(), "an identity provider knows somebody no more");
                Ok(Answer::Gone)
            }
            Err(broken) => {
                tracing::warn!(upstream = %provider, why = broken.why(), "an identity provider cannot be asked about somebody");
                Ok(Answer::None)
            }
        }
    }

    async fn exchange(&self, link: &UpstreamLink) -> Result<(Said, Option<Zeroizing<String>>), Broken> {
        let Self { engine, provider, now, .. } = *self;
        let token = self.refresh_token(link).ok_or_else(|| Broken::unreachable("its refresh token does not open"))?;
        let metadata = engine.upstreams.of(engine, provider, now).await?;
        let desk = Desk { engine, provider, metadata: &metadata, now };
        // RFC 6749 §6: for as much as was given.
        let answer = desk.tokens(&[("grant_type", "refresh_token"), ("refresh_token", &token)]).await?;
        let userinfo = desk.userinfo(&answer, &link.subject).await?;
        let before = Said { subject: link.subject.clone(), claims: link.claims.clone() };
        let said = match (answer.id_token.is_some(), userinfo) {
            (true, userinfo) => {
                let claims = desk.verified(&answer, Asked { nonce: None, max_age: None }).await?;
                Said::of(provider, &claims, userinfo).map_err(Broken::unproved)?
            }
            (false, Some(userinfo)) => before.told_more(provider, &userinfo).map_err(Broken::unproved)?,
            (false, None) => before,
        };
        // OpenID Connect Core §12.2: it is about the same person.
        if said.subject != link.subject {
            return Err(Broken::gone("its ID token is about somebody else"));
        }
        Ok((said, answer.refresh_token))
    }

    fn refresh_token(&self, link: &UpstreamLink) -> Option<Zeroizing<String>> {
        Kept::RefreshToken.open(self.engine, self.account, link.refresh_token.as_ref()?)
    }

    /// Writes what was learnt, whatever else of the account was edited meanwhile; gives what is known then.
    async fn keep(&self, learnt: UpstreamLink) -> Result<UpstreamLink, Fault> {
        for _ in 0..LOOKS {
            let account = self.engine.store.account(self.account).await?;
            let known =
                account.as_ref().and_then(|account| account.upstreams.links.iter().find(|link| is_same(link, &learnt)));
            let (Some(account), Some(known)) = (&account, known) else { return Ok(learnt) };
            // They have signed in there since: that is the later word.
            if known.asked_at != Some(self.now) {
                return Ok(known.clone());
            }
            if self.write(account, learnt.clone()).await? {
                return Ok(learnt);
            }
        }
        Err(Fault::temporary(
            "keep what a provider said",
            "the account was edited by others each time it was looked at",
        ))
    }

    /// Writes a link into an account as it was read. False if that was edited meanwhile.
    async fn write(&self, account: &Account, link: UpstreamLink) -> Result<bool, Fault> {
        let mut edited = account.clone();
        for known in edited.upstreams.links.iter_mut().filter(|known| is_same(known, &link)) {
            *known = link.clone();
        }
        let record = Editable::Account(Box::new(edited));
        Ok(self.engine.commit(vec![Change::Replace { record, if_revision: account.revision }]).await? == Commit::Done)
    }
}

fn is_same(one: &UpstreamLink, other: &UpstreamLink) -> bool {
    one.issuer == other.issuer && one.subject == other.subject
}

/// Carries out what is so configured, and gives the refusal.
async fn refused(
    engine: &Engine,
    provider: &Provider,
    grant: &Grant,
    why: &'static str,
    now: Timestamp,
) -> Result<Failure, Fault> {
    engine.upstream_refused(Some(grant), &provider.name, why, now).await;
    if provider.on_refusal == OnRefusal::Revoke {
        let mut event = engine.event(EventKind::GrantRevoked, grant.id, now)?;
        event.client = Some(grant.client);
        event.subject = grant.subject.as_ref().map(ToString::to_string);
        event.details.insert("reason".to_owned(), "upstream".into());
        event.details.insert("upstream".to_owned(), provider.name.clone().into());
        let revoke = Change::RevokeGrant { id: grant.id, reason: RevokeReason::Upstream, now };
        engine.commit(vec![revoke, Change::Append(Box::new(event))]).await?;
    }
    Ok(invalid_grant(why).into())
}
