//! The keys that the issuer publishes, as far as they are known here.
//!
//! - A set is fresh for as long as HTTP says (RFC 9111), between ten seconds and a day. After that it is still used while a newer one
//!   is fetched behind the requests' backs, and for as long as the issuer cannot be reached: until [`Bounds::outage`] after it was fetched.
//!   It is asked for by its version, so that one that has not changed does not travel again, and what was verified by it still counts.
//! - A token of a key that is not in the set has it fetched again, at most once in [`Bounds::refetch`], by one for all.
//! - What is fetched takes the place of what was: a key that is not in it is gone at once. Only a set that cannot be one (no JSON, private
//!   or doubled keys, none that can be used, too large, a redirect) is an outage, and the one before stays in its bound.

use std::sync::{Arc, Mutex, PoisonError};

use firman_proto::feed::Key;
use firman_proto::jose::{Header, Jwks, Refused};
use firman_proto::time::{Lifetime, Timestamp};

use super::endpoints::Endpoints;
use super::trouble::Patience;
use crate::error::{Breach, Error};
use crate::flow::document::Document;
use crate::flow::{freshness, id_token};

/// How long keys are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// While the issuer cannot be reached, keys are used for so long after they were fetched.
    pub outage: Lifetime,
    /// The set is fetched for the sake of an unknown key at most once in this time.
    pub refetch: Lifetime,
}

impl Default for Bounds {
    /// A day; ten seconds.
    fn default() -> Self {
        Self { outage: Lifetime::from_days(1), refetch: Lifetime::from_seconds(10) }
    }
}

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct Keys {
    endpoints: Arc<Endpoints>,
    bounds: Bounds,
    patience: Patience,
    known: Mutex<Known>,
    /// Who fetches does it for all.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    held: Option<Document<Jwks>>,
    /// When somebody last tried to fetch.
    tried: Option<Timestamp>,
    /// Why that failed, if it did.
    trouble: Option<String>,
}

/// What to do about a token of this header.
enum Plan {
    Use(Arc<Jwks>),
    UseAndRenew(Arc<Jwks>),
    Renew,
    /// It cannot be known whether the issuer has signed the token.
    Unknowable(String),
}

impl Keys {
    pub(super) fn new(endpoints: Arc<Endpoints>, bounds: Bounds) -> Self {
        let flight = tokio::sync::Mutex::default();
        Self { endpoints, bounds, patience: Patience::default(), known: Mutex::default(), flight }
    }

    /// Where the issuer is asked.
    pub(super) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The keys to verify a token of this header with; what cannot be known is told in words.
    pub(super) async fn of(self: &Arc<Self>, header: &Header, now: Timestamp) -> Result<Arc<Jwks>, String> {
        match self.plan(header, now) {
            Plan::Use(keys) => Ok(keys),
            Plan::UseAndRenew(keys) => {
                let this = Arc::clone(self);
                tokio::spawn(async move { this.renew(now).await });
                Ok(keys)
            }
            Plan::Unknowable(why) => Err(why),
            Plan::Renew => {
                self.renew(now).await;
                match self.plan(header, now) {
                    Plan::Use(keys) | Plan::UseAndRenew(keys) => Ok(keys),
                    Plan::Unknowable(why) => Err(why),
                    Plan::Renew => Err("the keys of the issuer were never fetched".to_owned()),
                }
            }
        }
    }

    /// None of these is used any more, whatever the issuer's answer in a cache on the way says.
    pub(super) fn drop_dead(&self, dead: &[Key]) {
        let is_dead = |kid: &str| dead.contains(&Key::signer(kid));
        let mut known = self.lock();
        if let Some(held) = &mut known.held
            && held.value().keys().iter().any(|key| key.kid().is_some_and(is_dead))
        {
            *held = held.map(|keys| keys.without(is_dead));
        }
    }

    /// Whether these are still the keys to use; looks for newer ones behind the requests' backs where it is time.
    pub(super) fn are_still(self: &Arc<Self>, keys: &Arc<Jwks>, now: Timestamp) -> bool {
        let renew = {
            let known = self.lock();
            let Some(held) = &known.held else { return false };
            if !Arc::ptr_eq(held.value(), keys) || !held.is_younger_than(self.bounds.outage, now) {
                return false;
            }
            !held.is_fresh(now) && known.tried.is_none_or(|at| now >= at.plus(freshness::SHORTEST))
        };
        if renew {
            let this = Arc::clone(self);
            tokio::spawn(async move { this.renew(now).await });
        }
        true
    }

    fn plan(&self, header: &Header, now: Timestamp) -> Plan {
        let known = self.lock();
        let may_try = |pause: Lifetime| known.tried.is_none_or(|at| now >= at.plus(pause));
        let trouble = || known.trouble.clone().unwrap_or_default();
        let held = known.held.as_ref().filter(|held| held.is_younger_than(self.bounds.outage, now));
        let Some(held) = held else {
            return if may_try(freshness::SHORTEST) || known.trouble.is_none() {
                Plan::Renew
            } else {
                Plan::Unknowable(trouble())
            };
        };
        let keys = Arc::clone(held.value());
        if matches!(keys.choose(header), Err(Refused::UnknownKey)) {
            return match (may_try(self.bounds.refetch), &known.trouble) {
                (true, _) => Plan::Renew,
                (false, Some(trouble)) => Plan::Unknowable(trouble.clone()),
                (false, None) => Plan::Use(keys),
            };
        }
        if !held.is_fresh(now) && may_try(freshness::SHORTEST) { Plan::UseAndRenew(keys) } else { Plan::Use(keys) }
    }

    /// Fetches, unless somebody has done so since `now`.
    async fn renew(&self, now: Timestamp) {
        let _flight = self.flight.lock().await;
        if self.lock().tried.is_some_and(|at| at >= now) {
            return;
        }
        let fetched = self.fetch(now).await;
        let mut known = self.lock();
        known.tried = Some(now);
        match fetched {
            Ok(held) => {
                known.held = Some(held);
                known.trouble = None;
            }
            Err(error) => known.trouble = Some(error.to_string()),
        }
    }

    async fn fetch(&self, now: Timestamp) -> Result<Document<Jwks>, Error> {
        let server = self.endpoints.now(now).await?;
        let known = self.lock().held.clone();
        let request = id_token::keys_request(&server, known.as_ref())?;
        let url = request.url.clone();
        let response = self.patience.ask(self.endpoints.transport(), request, now).await?;
        // What was dropped of it meanwhile stays away.
        let same = self.lock().held.as_ref().and_then(|held| held.unchanged(&url, &response, now));
        if let Some(same) = same {
            return Ok(same);
        }
        Ok(id_token::read_keys(&server, &response, None, now)?.map(|set| (**set).clone()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn missing(endpoints: &Endpoints, name: &'static str) -> Error {
    Error::breach(endpoints.issuer(), Breach::Missing(name))
}
