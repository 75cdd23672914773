//! What is known of withdrawals, and whether it is all.

use std::sync::{Mutex, PoisonError};

use firman_proto::feed::{Key, LivesBy, Told, Withdrawn};
use firman_proto::time::{Lifetime, Timestamp};

use super::OnLoss;

/// Whether the guard knows what was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// All that was revoked, but for the last moment.
    Known,
    /// Nothing that was revoked since.
    CannotKnow {
        /// The last time of which everything is known; when the guard began, if it was never told.
        since: Timestamp,
    },
}

/// What is known of withdrawals.
#[derive(Debug)]
pub(in crate::guard) struct State {
    on_loss: OnLoss,
    silence: Lifetime,
    most: usize,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    withdrawn: Withdrawn,
    /// A snapshot that is still coming.
    coming: Option<Withdrawn>,
    /// When it was last said that all is told, by the clock here.
    heard: Timestamp,
    /// It was said at least once.
    complete: bool,
    /// The issuer's: for how long it tells of a withdrawal.
    window: Option<Lifetime>,
    /// From where to go on.
    cursor: Option<String>,
}

/// What a token is by what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::guard) enum Verdict {
    Lives,
    Dead,
    Unknowable,
}

impl State {
    pub(in crate::guard) fn new(on_loss: OnLoss, silence: Lifetime, most: usize, now: Timestamp) -> Self {
        let known = Known {
            withdrawn: Withdrawn::default(),
            coming: None,
            heard: now,
            complete: false,
            window: None,
            cursor: None,
        };
        Self { on_loss, silence, most, known: Mutex::new(known) }
    }

    /// Whether what was revoked is known at `now`.
    pub(in crate::guard) fn knowledge(&self, now: Timestamp) -> Knowledge {
        self.lock().knowledge(self.silence, now)
    }

    /// Judges a token that lives by this, for so long in all.
    pub(in crate::guard) fn judge(&self, by: &LivesBy, life: Lifetime, now: Timestamp) -> Verdict {
        let known = self.lock();
        if known.withdrawn.ends(by) {
            return Verdict::Dead;
        }
        // Of tokens that live longer than withdrawals are told, or say nothing, nobody can know.
        if by.is_empty() || known.window.is_some_and(|window| life > window) {
            return Verdict::Unknowable;
        }
        match (known.knowledge(self.silence, now), self.on_loss) {
            (Knowledge::CannotKnow { since }, OnLoss::ClosedAfter(most)) if now >= since.plus(most) => {
                Verdict::Unknowable
            }
            _ => Verdict::Lives,
        }
    }

    /// Whether this died, as far as that was told.
    pub(in crate::guard) fn is_dead(&self, key: Key) -> bool {
        self.lock().withdrawn.is_dead(key)
    }

    /// Takes a piece of a snapshot, which takes the place of what was known once it is whole.
    pub(super) fn snapshot(&self, told: &Told, now: Timestamp) {
        let mut known = self.lock();
        let mut coming = known.coming.take().unwrap_or_default();
        coming.note(told, now);
        if told.more {
            known.coming = Some(coming);
        } else {
            known.withdrawn = coming;
        }
    }

    /// Takes a withdrawal.
    pub(super) fn withdrawn(&self, told: &Told, now: Timestamp) {
        self.lock().withdrawn.note(told, now);
    }

    /// All is told that came before this id.
    pub(super) fn alive(&self, cursor: Option<String>, window: Option<Lifetime>, now: Timestamp) {
        let mut known = self.lock();
        known.withdrawn.forget(now);
        // More than fits: what is left out could be anybody's.
        if known.withdrawn.len() > self.most {
            known.withdrawn = Withdrawn::default();
            known.complete = false;
            known.cursor = None;
            return;
        }
        known.heard = now;
        known.complete = true;
        known.cursor = cursor.or(known.cursor.take());
        known.window = window.or(known.window);
    }

    /// The connection is gone; where the next goes on.
    pub(super) fn again(&self) -> Option<String> {
        let mut known = self.lock();
        known.coming = None;
        known.cursor.clone().filter(|_| known.complete)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn knowledge(&self, silence: Lifetime, now: Timestamp) -> Knowledge {
        if self.complete && now < self.heard.plus(silence) {
            return Knowledge::Known;
        }
        Knowledge::CannotKnow { since: self.heard }
    }
}
