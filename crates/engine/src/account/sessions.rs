//! Where somebody is signed in, and how they end that.

use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::Page;
use firman_store::record::Session;

use super::{Listed, PAGE, Person, next_after};
use crate::Engine;
use crate::authorize::Browser;
use crate::failure::Failure;
use crate::logout::{self, Left};
use crate::sessions::{self, Why};

/// A browser that somebody is signed in with, for its person.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its session.
    pub id: RecordId,
    /// Whether it is the one that asks.
    pub here: bool,
    /// Since when.
    pub since: Timestamp,
    /// When they last proved who they are.
    pub signed_in: Timestamp,
    /// When it was last used, to within a minute.
    pub last_seen: Timestamp,
    /// How they signed in (RFC 8176).
    pub amr: Vec<String>,
}

/// A page of where somebody is signed in.
pub async fn places(
    engine: &Engine,
    person: &Person,
    after: Option<RecordId>,
    now: Timestamp,
) -> Result<Listed<Place>, Failure> {
    let rows = engine.store.sessions_of(person.key(engine), Page { after, limit: PAGE }).await?;
    let next = next_after(rows.len(), rows.last().map(|session| session.id));
    let live = rows.into_iter().filter(|session| is_live(engine, person, session, now));
    let items = live.map(|session| Place {
        id: session.id,
        here: session.id == person.session(),
        since: session.id.made_at(),
        signed_in: session.auth_time,
        last_seen: session.last_seen,
        amr: session.details.amr,
    });
    Ok(Listed { items: items.collect(), next })
}

/// As the session of the person who asks is live, and under the same epochs.
fn is_live(engine: &Engine, person: &Person, session: &Session, now: Timestamp) -> bool {
    let epochs = person.signed_in.epochs;
    session.is_live(now)
        && now < session.last_seen.plus(engine.policy.session_idle)
        && (session.epochs.subject, session.epochs.everything) == (epochs.subject, epochs.everything)
}

/// Ends one of a person's sessions, and what ends with it; what is not theirs is not there.
pub async fn end(engine: &Engine, person: &Person, id: RecordId, now: Timestamp) -> Result<(), Failure> {
    let session = engine.store.session(id, None).await?.map(|signed_in| signed_in.session);
    if let Some(session) = session.filter(|session| session.subject == *person.subject() && session.is_live(now)) {
        sessions::end(engine, &session, Why::Person, now).await?;
    }
    Ok(())
}

/// Ends the session that asks: the browser tells the clients that want to be told so.
pub async fn end_here(engine: &Engine, browser: &Browser, person: &Person, now: Timestamp) -> Result<Left, Failure> {
    logout::here(engine, browser, &person.signed_in, now).await
}

/// Ends all of a person's sessions but the one that asks.
pub async fn end_others(engine: &Engine, person: &Person, now: Timestamp) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let rows = engine.store.sessions_of(person.key(engine), Page { after, limit: PAGE }).await?;
        for other in rows.iter().filter(|other| other.id != person.session() && other.is_live(now)) {
            sessions::end(engine, other, Why::Person, now).await?;
        }
        after = next_after(rows.len(), rows.last().map(|session| session.id));
        if after.is_none() {
            return Ok(());
        }
    }
}
