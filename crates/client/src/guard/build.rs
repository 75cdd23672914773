//! How a guard is set up.

use std::sync::Arc;

use firman_proto::jose::Alg;
use firman_proto::resource;
use firman_proto::time::Lifetime;
use firman_proto::upstream::MOST_SKEW;
use firman_store::{Clock, Introspect};
use serde_json::{Map, Value};
use url::Url;
use zeroize::Zeroizing;

use super::decide::Rules;
use super::endpoints::Endpoints;
use super::feed::{self, Follow, State};
use super::introspector::{Ask, Here, Remote};
use super::keys::{Bounds, Keys};
use super::marks::Marks;
use super::metadata;
use super::nonce::Nonces;
use super::opaque::{Answers, Memory};
use super::refusal::Door;
use super::replay::Replays;
use super::trouble::Patience;
use super::verified::Verified;
use super::{Asked, Guard, Inner, Local};
use crate::exchange::Transport;
use crate::flow::address;
use crate::world::{Entropy as _, System};

/// How old a proof may be, beside the skew (RFC 9449 §11.1).
const PROOF_WINDOW: Lifetime = Lifetime::from_seconds(60);
/// By how much a proof may come from the future: see [`firman_proto::dpop::Proof::check`].
const PROOF_AHEAD: Lifetime = Lifetime::from_seconds(30);
/// How many verified JWTs, and how many proofs, are remembered in each of two generations.
const MOST: usize = 100_000;

/// What is wrong with the settings of a guard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The resource is not called as RFC 8707 §2 says.
    #[error("resource: {0}")]
    Resource(resource::IndicatorError),
    /// The issuer is no issuer (RFC 8414 §2).
    #[error("issuer: {0}")]
    Issuer(String),
    /// Where clients reach the resource is not known.
    #[error("origin: give scheme and host, such as https://api.example, because the resource's identifier has none")]
    Origin,
    /// More skew would be no check.
    #[error("skew: at most 300 s")]
    Skew,
    /// Nobody says what tokens are.
    #[error("say how tokens are checked: verifies(..), asks(..) or asks_here(..)")]
    Blind,
    /// Only what is verified here can be held against a feed.
    #[error("follows: a feed is of use where tokens are verified here; say verifies(..) too")]
    Deaf,
    /// A secret that could be guessed.
    #[error("nonces: a secret of at least 32 random bytes")]
    Nonces,
    /// Tokens are remembered by what nobody can foresee.
    #[error("the system gave no randomness")]
    Random,
}

/// The settings of a guard.
pub struct Builder {
    resource: String,
    issuer: String,
    origin: Option<String>,
    skew: Lifetime,
    clock: Arc<dyn Clock>,
    transport: Option<Arc<dyn Transport>>,
    verifies: bool,
    asker: Asker,
    signed: bool,
    algorithms: Vec<Alg>,
    bounds: Bounds,
    memory: Memory,
    remembered: usize,
    unaddressed: bool,
    nonces: Option<Zeroizing<Vec<u8>>>,
    scopes: Vec<String>,
    said: Map<String, Value>,
    follow: Option<Follow>,
}

enum Asker {
    Nobody,
    Remote { id: String, secret: Zeroizing<String> },
    Here(Arc<dyn Introspect>),
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder({} by {})", self.resource, self.issuer)
    }
}

impl Builder {
    pub(super) fn new(resource: String, issuer: String) -> Self {
        Self {
            resource,
            issuer,
            origin: None,
            skew: Lifetime::from_seconds(30),
            clock: Arc::new(System),
            transport: None,
            verifies: false,
            asker: Asker::Nobody,
            signed: false,
            algorithms: Alg::PUBLIC.to_vec(),
            bounds: Bounds::default(),
            memory: Memory::default(),
            remembered: MOST,
            unaddressed: false,
            nonces: None,
            scopes: Vec::new(),
            said: Map::new(),
            follow: None,
        }
    }

    /// JWT access tokens (RFC 9068) are verified here, with the keys that the issuer publishes.
    #[must_use]
    pub fn verifies(self, transport: Arc<dyn Transport>) -> Self {
        Self { verifies: true, transport: Some(transport), ..self }
    }

    /// The issuer is asked about tokens that are not verified here (RFC 7662), as this resource server (or client) with this secret.
    #[must_use]
    pub fn asks(self, transport: Arc<dyn Transport>, id: impl Into<String>, secret: impl Into<String>) -> Self {
        let asker = Asker::Remote { id: id.into(), secret: Zeroizing::new(secret.into()) };
        Self { asker, transport: Some(transport), ..self }
    }

    /// A server in this process is asked about tokens that are not verified here.
    #[must_use]
    pub fn asks_here(self, server: Arc<dyn Introspect>) -> Self {
        Self { asker: Asker::Here(server), ..self }
    }

    /// Only signed answers are taken (RFC 9701).
    #[must_use]
    pub fn signed_answers(self) -> Self {
        Self { signed: true, ..self }
    }

    /// The algorithms of signatures that are taken; usually every one that has public keys.
    #[must_use]
    pub fn algorithms(self, algorithms: &[Alg]) -> Self {
        Self { algorithms: algorithms.to_vec(), ..self }
    }

    /// By how much clocks may differ: 30 s unless said otherwise, at most 300 s.
    #[must_use]
    pub fn skew(self, skew: Lifetime) -> Self {
        Self { skew, ..self }
    }

    /// How long published keys are used.
    #[must_use]
    pub fn bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// For how long the issuer's answers are remembered.
    #[must_use]
    pub fn memory(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// How many verified JWTs are remembered, so that their signature is not verified again: 100,000 unless said otherwise, in each of
    /// two generations.
    #[must_use]
    pub fn remembers(self, most: usize) -> Self {
        Self { remembered: most, ..self }
    }

    /// Where clients reach the resource, if not at the scheme and host of its identifier.
    #[must_use]
    pub fn origin(self, origin: impl Into<String>) -> Self {
        Self { origin: Some(origin.into()), ..self }
    }

    /// Also take what the issuer, when asked, does not say an audience of.
    #[must_use]
    pub fn takes_unaddressed(self) -> Self {
        Self { unaddressed: true, ..self }
    }

    /// DPoP proofs must repeat a nonce of ours (RFC 9449 §9). All guards of one resource share the secret: at least 32 random bytes.
    #[must_use]
    pub fn nonces(self, secret: Vec<u8>) -> Self {
        Self { nonces: Some(Zeroizing::new(secret)), ..self }
    }

    /// The scopes that the metadata names (RFC 9728 §2 `scopes_supported`).
    #[must_use]
    pub fn scopes(self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { scopes: scopes.into_iter().map(Into::into).collect(), ..self }
    }

    /// Another member of the metadata (RFC 9728 §2), such as `resource_name`.
    #[must_use]
    pub fn says(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.said.insert(member.to_owned(), value.into());
        self
    }

    /// Tokens that are verified here die when the issuer's revocation feed says so. It is followed from [`Self::build`] on, which then
    /// belongs inside a runtime, until the last clone of the guard is gone.
    #[must_use]
    pub fn follows(self, follow: Follow) -> Self {
        Self { follow: Some(follow), ..self }
    }

    /// Where time comes from.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The guard. Nothing is fetched before the first token comes.
    ///
    /// # Errors
    ///
    /// The settings cannot be meant.
    pub fn build(self) -> Result<Guard, Unfit> {
        resource::check(&self.resource).map_err(Unfit::Resource)?;
        address::issuer(&self.issuer).map_err(|error| Unfit::Issuer(error.to_string()))?;
        if self.skew > MOST_SKEW {
            return Err(Unfit::Skew);
        }
        if self.nonces.as_ref().is_some_and(|secret| secret.len() < 32) {
            return Err(Unfit::Nonces);
        }
        let origin = origin(self.origin.as_deref().unwrap_or(&self.resource)).ok_or(Unfit::Origin)?;
        let proof_window = PROOF_WINDOW.plus(self.skew);
        let resource_metadata = metadata::path(&self.resource).map(|path| format!("{origin}{path}"));
        let door = Door { resource_metadata, dpop_algs: metadata::proof_algorithms().join(" ") };
        let document = metadata::document(&self.resource, &self.issuer, &self.scopes, self.said.clone());
        let replays = Replays::new(proof_window.plus(PROOF_AHEAD), MOST);
        let nonces = self.nonces.as_ref().map(|secret| Nonces::new(secret));
        let rules = Rules {
            resource: self.resource.clone(),
            issuer: self.issuer.clone(),
            skew: self.skew,
            unaddressed: self.unaddressed,
        };
        let mut secret = Zeroizing::new([0; 32]);
        System.fill(&mut *secret).map_err(|_| Unfit::Random)?;
        let marks = Marks::new(&secret);
        let clock = Arc::clone(&self.clock);
        let follow = self.follow.clone();
        let (local, asked) = self.sources()?;
        let feed = match (follow, &local) {
            (Some(follow), Some(local)) => Some(followed(follow, Arc::clone(&local.keys), &clock)),
            (Some(_), None) => return Err(Unfit::Deaf),
            (None, _) => None,
        };
        Ok(Guard(Arc::new(Inner {
            rules,
            door,
            origin,
            clock,
            marks,
            local,
            asked,
            feed,
            proof_window,
            replays,
            nonces,
            metadata: document,
        })))
    }

    fn sources(self) -> Result<Sources, Unfit> {
        let endpoints = self.transport.map(|transport| Arc::new(Endpoints::of(self.issuer, transport)));
        let keys = endpoints.as_ref().map(|endpoints| Arc::new(Keys::new(Arc::clone(endpoints), self.bounds)));
        let local = keys.as_ref().filter(|_| self.verifies).map(|keys| Local {
            keys: Arc::clone(keys),
            algorithms: self.algorithms.clone(),
            verified: Verified::new(self.remembered),
        });
        // Who has all at hand is asked each time: nothing that was revoked is ever let through.
        let memory = match self.asker {
            Asker::Here(_) => Memory { active: Lifetime::ZERO, inactive: Lifetime::ZERO, ..self.memory },
            _ => self.memory,
        };
        let issuer: Option<Box<dyn Ask>> = match (self.asker, endpoints, keys) {
            (Asker::Here(server), _, _) => Some(Box::new(Here { server, resource: self.resource })),
            (Asker::Remote { id, secret }, Some(endpoints), Some(keys)) => Some(Box::new(Remote {
                endpoints,
                keys,
                id,
                secret,
                signed: self.signed,
                algorithms: self.algorithms,
                skew: self.skew,
                patience: Patience::default(),
            })),
            _ => None,
        };
        let asked = issuer.map(|issuer| Asked { issuer, answers: Answers::new(memory) });
        if local.is_none() && asked.is_none() { Err(Unfit::Blind) } else { Ok((local, asked)) }
    }
}

type Sources = (Option<Local>, Option<Asked>);

/// What the feed tells, from now on.
fn followed(follow: Follow, keys: Arc<Keys>, clock: &Arc<dyn Clock>) -> Arc<State> {
    let state = Arc::new(State::new(follow.on_loss, follow.silence, follow.most, clock.now()));
    tokio::spawn(feed::run(follow, keys, Arc::downgrade(&state), Arc::clone(clock)));
    state
}

/// Scheme and host of an address.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(Url::has_host)?;
    let web = matches!(url.scheme(), "https" | "http");
    web.then(|| url.origin().ascii_serialization())
}
