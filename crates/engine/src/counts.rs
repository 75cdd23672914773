//! What all nodes together do so often and no oftener: mails to somebody, guesses at the code of one, accounts that are made from
//! somewhere.
//!
//! A count is a name that expires when it would be empty, so that the sweep takes it then. Who counts releases it as it was seen and takes
//! it anew in one commit: of rivals one wins, and the others look again. What a node counts by itself (`attempts`) stands before it, so
//! that floods do not reach the store.

use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Name, Namespace};
use firman_store::{Change, Commit};

use crate::attempts::{Attempt, Pace};
use crate::failure::Fault;
use crate::{Engine, random};

/// How often a count that others advanced meanwhile is read again.
const LOOKS: usize = 8;

/// What was counted on this node and among all.
pub(crate) struct Counted<'e> {
    engine: &'e Engine,
    here: Attempt<'e>,
    counts: Vec<(Digest16, Pace)>,
}

/// Counts one more of each, on this node and then among all.
///
/// `Err`: so long until there is room for one; nothing is counted then where all nodes count.
pub(crate) async fn begin(
    engine: &Engine,
    counts: Vec<(Digest16, Pace)>,
    now: Timestamp,
) -> Result<Result<Counted<'_>, Lifetime>, Fault> {
    let here = match engine.attempts.begin(counts.clone(), now) {
        Ok(here) => here,
        Err(wait) => return Ok(Err(wait)),
    };
    Ok(among_all(engine, &counts, now).await?.map(|()| Counted { engine, here, counts }))
}

impl Counted<'_> {
    /// It does not count: it was a guess, and right.
    pub(crate) async fn was_right(self, now: Timestamp) -> Result<(), Fault> {
        self.here.was_right();
        // Others who count at once may keep it from being taken back, as if it had been wrong.
        step(self.engine, &self.counts, Step::Back, now).await.map(|_| ())
    }
}

/// The same, among all nodes alone.
pub(crate) async fn among_all(
    engine: &Engine,
    counts: &[(Digest16, Pace)],
    now: Timestamp,
) -> Result<Result<(), Lifetime>, Fault> {
    step(engine, counts, Step::On, now).await
}

#[derive(Clone, Copy)]
enum Step {
    /// One more, where there is room for it.
    On,
    /// One less.
    Back,
}

async fn step(
    engine: &Engine,
    counts: &[(Digest16, Pace)],
    step: Step,
    now: Timestamp,
) -> Result<Result<(), Lifetime>, Fault> {
    let namespace = Namespace::Count;
    for _ in 0..LOOKS {
        let (mut wait, mut changes) = (Lifetime::ZERO, Vec::new());
        for (key, pace) in counts {
            let digest = Digest16::of(&[&engine.number.0.to_be_bytes(), &key.0]);
            let seen = engine.store.name(namespace, digest).await?;
            let due = seen.map_or(now, |name| name.expires_at.max(now));
            let expires_at = match step {
                Step::On => due.plus(pace.every),
                Step::Back => due.minus(pace.every),
            };
            if matches!(step, Step::On) {
                wait = wait.max(pace.wait(due, now));
            }
            changes.extend(seen.map(|name| Change::ReleaseName { namespace, digest, id: name.id }));
            if expires_at > now {
                let id = random::record_id(&*engine.entropy, now)?;
                changes.push(Change::TakeName { name: Name { namespace, digest, id, expires_at }, now });
            }
        }
        if wait > Lifetime::ZERO {
            return Ok(Err(wait));
        }
        if engine.commit(changes).await? == Commit::Done {
            return Ok(Ok(()));
        }
    }
    // So many at once are too many.
    Ok(Err(Lifetime::from_seconds(1)))
}
