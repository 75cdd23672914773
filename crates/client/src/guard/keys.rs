//! The keys that the issuer publishes, as far as they are known here.
//!
//! - A set is fresh for as long as HTTP says (RFC 9111), between ten seconds and a day. After that it is still used while a newer one
//!   is fetched behind the requests' backs, and for as long as the issuer cannot be reached: until [`Bounds::outage`] after it was fetched.
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
use crate::exchange::{Response, Transport};
use crate::flow::{answer, ask, freshness};

/// RFC 7517 §8.5, and what most publish.
const TYPES: &str = "application/jwk-set+json, application/json";

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
    held: Option<Held>,
    /// When somebody last tried to fetch.
    tried: Option<Timestamp>,
    /// Why that failed, if it did.
    trouble: Option<String>,
}

#[derive(Clone, Debug)]
struct Held {
    keys: Arc<Jwks>,
    fetched_at: Timestamp,
    fresh_until: Timestamp,
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
            && held.keys.keys().iter().any(|key| key.kid().is_some_and(is_dead))
        {
            held.keys = Arc::new(held.keys.without(is_dead));
        }
    }

    /// Whether these are still the keys to use; looks for newer ones behind the requests' backs where it is time.
    pub(super) fn are_still(self: &Arc<Self>, keys: &Arc<Jwks>, now: Timestamp) -> bool {
        let renew = {
            let known = self.lock();
            let Some(held) = &known.held else { return false };
            if !Arc::ptr_eq(&held.keys, keys) || now >= held.fetched_at.plus(self.bounds.outage) {
                return false;
            }
            now >= held.fresh_until && known.tried.is_none_or(|at| now >= at.plus(freshness::SHORTEST))
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
        let held = known.held.as_ref().filter(|held| now < held.fetched_at.plus(self.bounds.outage));
        let Some(held) = held else {
            return if may_try(freshness::SHORTEST) || known.trouble.is_none() {
                Plan::Renew
            } else {
                Plan::Unknowable(trouble())
            };
        };
        let keys = Arc::clone(&held.keys);
        if matches!(keys.choose(header), Err(Refused::UnknownKey)) {
            return match (may_try(self.bounds.refetch), &known.trouble) {
                (true, _) => Plan::Renew,
                (false, Some(trouble)) => Plan::Unknowable(trouble.clone()),
                (false, None) => Plan::Use(keys),
            };
        }
        if now >= held.fresh_until && may_try(freshness::SHORTEST) { Plan::UseAndRenew(keys) } else { Plan::Use(keys) }
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
            Ok((keys, good_for)) => {
                known.held = Some(Held { keys: Arc::new(keys), fetched_at: now, fresh_until: now.plus(good_for) });
                known.trouble = None;
            }
            Err(error) => known.trouble = Some(error.to_string()),
        }
    }

    async fn fetch(&self, now: Timestamp) -> Result<(Jwks, Lifetime), Error> {
        let endpoints = self.endpoints.now(now).await?;
        let url = endpoints.jwks_uri.as_deref().ok_or_else(|| missing(&self.endpoints, "jwks_uri"))?;
        let transport: &dyn Transport = self.endpoints.transport();
        let response = self.patience.ask(transport, ask::get(url, TYPES), now).await?;
        let keys = read(url, &response, now)?;
        Ok((keys, freshness::lifetime(&response.headers, now)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn missing(endpoints: &Endpoints, name: &'static str) -> Error {
    Error::breach(endpoints.issuer(), Breach::Missing(name))
}

fn read(url: &str, response: &Response, now: Timestamp) -> Result<Jwks, Error> {
    let lie = |refused| Error::breach(url, Breach::Signed(refused));
    let members = answer::members(url, response, now)?;
    if response.body.len() > Jwks::LONGEST {
        return Err(lie(Refused::TooLong));
    }
    let keys = Jwks::from_object(&members).map_err(lie)?;
    // An issuer that signs with nothing does not exist: it is broken, or somebody else answers.
    if keys.keys().is_empty() { Err(lie(Refused::Key("none of the set can be used"))) } else { Ok(keys) }
}
