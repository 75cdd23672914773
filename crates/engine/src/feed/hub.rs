//! What one node has read, shared by all who listen there.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use firman_proto::feed::{Key, Told, Withdrawn};
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};

use super::{DEEP, FeedPolicy, WHOLE, read};
use crate::Engine;
use crate::failure::Fault;

/// The most keys in one message.
const KEYS: usize = 1000;
/// How many messages are kept for those who are a little behind.
const KEPT: usize = 10_000;
/// After so long without anybody who listens, what was read is forgotten.
const IDLE: Lifetime = Lifetime::from_seconds(60);
/// How much more than what they missed those get who come back: clocks differ, and commits take time.
const MARGIN: Lifetime = Lifetime::from_seconds(60);

/// What one node has read.
#[derive(Default)]
pub struct Hub {
    known: Mutex<Known>,
    closed: AtomicBool,
    /// Who reads does it for all.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    /// Events that were told, by their ids, as far back as is looked.
    told: BTreeSet<RecordId>,
    withdrawn: Withdrawn,
    /// The latest messages, and the number of the first of them.
    latest: VecDeque<Told>,
    first: u64,
    looked: Option<Timestamp>,
    deep: Timestamp,
    whole: Timestamp,
    listeners: usize,
}

/// Somebody who listens. It counts until it is dropped.
pub struct Listener {
    engine: Arc<Engine>,
    /// The number of the next message for it.
    next: u64,
}

/// What somebody is told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// All that matters, in place of what was told before.
    Snapshot(Vec<Told>),
    /// What came since.
    Since(Vec<Told>),
}

impl Hub {
    /// Nobody is told anything more: the server stops.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Reads what is new, unless somebody has just done so.
    async fn look(&self, engine: &Engine, now: Timestamp) -> Result<(), Fault> {
        let policy = &engine.policy.feed;
        let _flight = self.flight.lock().await;
        let (since, depth) = {
            let mut known = self.lock();
            if known.looked.is_some_and(|at| now < at.plus(policy.poll)) {
                return Ok(());
            }
            if known.looked.is_some_and(|at| now >= at.plus(IDLE)) {
                let listeners = known.listeners;
                // Whoever listened before has gone, or was not served for so long that a snapshot is what they need.
                let first = known.first + u64::try_from(known.latest.len()).unwrap_or(u64::MAX) + 1;
                *known = Known { first, listeners, ..Known::default() };
            }
            known.since(policy, now)
        };
        let whole = read::everything(engine, now).await?;
        let news = read::news(engine, since, |id| self.lock().told.contains(id)).await?;
        // Nothing more is signed or sealed with a key that all are told of as dead.
        let ours = engine.keys.current().told_as(engine.number);
        if news.iter().flat_map(|(_, told)| &told.dead).any(|key| ours.contains(key)) {
            engine.keys.reload(&*engine.store, now).await?;
        }
        let mut known = self.lock();
        known.take(news, whole, now);
        known.looked = Some(now);
        match depth {
            Depth::Whole => (known.whole, known.deep) = (now, now),
            Depth::Deep => known.deep = now,
            Depth::Short => {}
        }
        known.forget(policy, now);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy)]
enum Depth {
    Short,
    Deep,
    Whole,
}

impl Known {
    /// How far back to look now.
    fn since(&self, policy: &FeedPolicy, now: Timestamp) -> (Timestamp, Depth) {
        let beginning = now.minus(policy.window).minus(MARGIN);
        let Some(looked) = self.looked else { return (beginning, Depth::Whole) };
        // Where reading stood still, writing may have stood still too: what was committed late may lie anywhere.
        if now >= looked.plus(policy.overlap) || now >= self.whole.plus(WHOLE) {
            return (beginning, Depth::Whole);
        }
        if now >= self.deep.plus(DEEP) {
            let back = Lifetime::from_millis(policy.overlap.millis().saturating_mul(10));
            return (looked.minus(back), Depth::Deep);
        }
        (looked.minus(policy.overlap), Depth::Short)
    }

    fn take(&mut self, news: Vec<(RecordId, Told)>, everything: Told, now: Timestamp) {
        // Told to each in a snapshot, and to all when it moves.
        let before = self.withdrawn.epoch(Key::EVERYTHING);
        self.withdrawn.note(&everything, now);
        if self.looked.is_some() && before != self.withdrawn.epoch(Key::EVERYTHING) {
            self.latest.push_back(everything);
        }
        for (id, told) in news {
            self.told.insert(id);
            self.withdrawn.note(&told, now);
            self.latest.push_back(told);
        }
        while self.latest.len() > KEPT {
            self.latest.pop_front();
            self.first += 1;
        }
    }

    fn forget(&mut self, policy: &FeedPolicy, now: Timestamp) {
        self.withdrawn.forget(now);
        let beginning = RecordId::new(now.minus(policy.window).minus(MARGIN).minus(MARGIN), [0; 10]);
        self.told = self.told.split_off(&beginning);
    }

    fn end(&self) -> u64 {
        self.first + u64::try_from(self.latest.len()).unwrap_or(u64::MAX)
    }
}

impl Listener {
    /// Begins to listen; `None` if too many do.
    pub fn new(engine: &Arc<Engine>) -> Option<Self> {
        let mut known = engine.feed.lock();
        if known.listeners >= engine.policy.feed.listeners {
            return None;
        }
        known.listeners += 1;
        Some(Self { engine: Arc::clone(engine), next: u64::MAX })
    }

    /// Whether there is nothing more to listen to.
    pub fn is_over(&self) -> bool {
        self.engine.feed.closed.load(Ordering::Relaxed)
    }

    /// What is to be told at the beginning: all, or what was missed by who was told everything up to `since`.
    pub async fn begin(&mut self, since: Option<Timestamp>, now: Timestamp) -> Result<News, Fault> {
        self.engine.feed.look(&self.engine, now).await?;
        let known = self.engine.feed.lock();
        self.next = known.end();
        let oldest = now.minus(self.engine.policy.feed.window);
        match since {
            Some(since) if since > oldest && since <= now.plus(MARGIN) => {
                Ok(News::Since(known.withdrawn.messages(since.minus(MARGIN), KEYS)))
            }
            _ => Ok(News::Snapshot(known.withdrawn.messages(Timestamp::from_millis(i64::MIN), KEYS))),
        }
    }

    /// What is to be told now.
    pub async fn next(&mut self, now: Timestamp) -> Result<News, Fault> {
        self.engine.feed.look(&self.engine, now).await?;
        {
            let known = self.engine.feed.lock();
            let place = self.next.checked_sub(known.first).and_then(|place| usize::try_from(place).ok());
            if let Some(place) = place.filter(|place| *place <= known.latest.len()) {
                self.next = known.end();
                return Ok(News::Since(known.latest.iter().skip(place).cloned().collect()));
            }
        }
        // So far behind that not all of it is kept.
        self.begin(None, now).await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.engine.feed.lock().listeners -= 1;
    }
}
