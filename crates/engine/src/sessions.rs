//! The end of a browser session, whoever ends it, and of what was allowed in it.

use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{EventKind, Grant, GrantKind, RevokeReason, Session};
use firman_store::{Change, GrantsOf, Page};

use crate::Engine;
use crate::failure::Fault;
use crate::logout::farewells;

/// How many grants of a session are revoked in one commit.
const PAGE: u32 = 200;
/// How far the clocks of nodes may be from each other.
const SKEW: Lifetime = Lifetime::from_seconds(60);

/// What becomes of what was allowed in a session when the session is ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionGrants {
    /// It stays.
    Keep,
    /// It ends, unless it was given for when the person is away (`offline_access`), or to something that is not in this
    /// browser.
    #[default]
    Online,
    /// It ends.
    All,
}

impl SessionGrants {
    /// Every answer.
    pub const ALL: &'static [Self] = &[Self::Keep, Self::Online, Self::All];

    /// As it is written in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Online => "online",
            Self::All => "all",
        }
    }

    /// Whether a grant of this kind and scope ends with its session; so does what was approved in it and is no grant yet.
    pub(crate) fn ends(self, kind: GrantKind, scope: &Scope) -> bool {
        match self {
            Self::Keep => false,
            Self::All => true,
            // OpenID Connect Back-Channel Logout §2.7: refresh tokens without offline_access should be revoked, others not.
            Self::Online => {
                let elsewhere = matches!(kind, GrantKind::DeviceCode | GrantKind::Backchannel);
                !elsewhere && !scope.contains("offline_access")
            }
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The person signed out, here or at a client.
    SignedOut,
    /// The person ended it from elsewhere.
    Person,
    /// Somebody else signed in with the same browser.
    Replaced,
    /// An operator ended it.
    Operator,
    /// Everything of the person was ended.
    Everywhere,
}

impl Why {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Person => "person",
            Self::Replaced => "replaced",
            Self::Operator => "operator",
            Self::Everywhere => "everywhere",
        }
    }
}

/// Ends a session, and what ends with it. One that has ended stays so.
pub async fn end(engine: &Engine, session: &Session, why: Why, now: Timestamp) -> Result<(), Fault> {
    if session.ended_at.is_some() {
        return Ok(());
    }
    let changes = ending(engine, session, why, now).await?;
    engine.commit(changes).await?;
    Ok(())
}

/// What the commit that ends a session has to do. None of it has a guard.
pub(crate) async fn ending(engine: &Engine, session: &Session, why: Why, now: Timestamp) -> Result<Vec<Change>, Fault> {
    let mut changes = revocations(engine, session, now).await?;
    changes.push(Change::EndSession { id: session.id, now });
    let mut event = engine.event(EventKind::SessionEnded, session.id, now)?;
    event.subject = Some(session.subject.to_string());
    event.details.insert("reason".to_owned(), why.as_str().into());
    changes.push(Change::Append(Box::new(event)));
    changes.extend(farewells(engine, session, now).await?);
    Ok(changes)
}

/// Letters to the clients of every session of a subject ((`Subject::key`)) that is about to end with its epoch.
pub(crate) async fn everywhere(engine: &Engine, subject: Digest16, now: Timestamp) -> Result<Vec<Change>, Fault> {
    let epochs = engine.store.epochs(None, Some(subject)).await?;
    // One of an earlier epoch has ended, and its clients were told then.
    let lives = |session: &&Session| {
        let of = session.epochs;
        session.is_live(now) && (of.subject, of.everything) == (epochs.subject, epochs.everything)
    };
    let (mut after, mut letters) = (None, Vec::new());
    loop {
        let page = engine.store.sessions_of(subject, Page { after, limit: PAGE }).await?;
        after = page.last().map(|session| session.id);
        for session in page.iter().filter(lives) {
            letters.extend(farewells(engine, session, now).await?);
        }
        if page.len() < PAGE as usize {
            return Ok(letters);
        }
    }
}

/// The last page of what is revoked with a session; the pages before it, where there are any, are revoked by then.
async fn revocations(engine: &Engine, session: &Session, now: Timestamp) -> Result<Vec<Change>, Fault> {
    let policy = engine.policy.session_grants;
    if policy == SessionGrants::Keep {
        return Ok(Vec::new());
    }
    let of = GrantsOf::Subject(session.subject.key(engine.number));
    // Ids are in the order in which they were made: none of this session is older than it.
    let mut after = Some(RecordId::new(session.id.made_at().minus(SKEW), [0; 10]));
    loop {
        let page = engine.store.grants(of, Page { after, limit: PAGE }).await?;
        after = page.last().map(|grant| grant.id);
        let is_last = page.len() < PAGE as usize;
        let mut changes = Vec::new();
        let own = |grant: &&Grant| {
            grant.session == Some(session.id) && grant.is_live(now) && policy.ends(grant.kind, &grant.scope)
        };
        for grant in page.iter().filter(own) {
            changes.push(Change::RevokeGrant { id: grant.id, reason: RevokeReason::SessionEnded, now });
            let mut event = engine.event(EventKind::GrantRevoked, grant.id, now)?;
            event.client = Some(grant.client);
            event.details.insert("reason".to_owned(), "session".into());
            changes.push(Change::Append(Box::new(event)));
        }
        if is_last {
            return Ok(changes);
        }
        if !changes.is_empty() {
            engine.commit(changes).await?;
        }
    }
}
