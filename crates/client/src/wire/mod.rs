//! The flows carried out: requests sent, proofs repeated with the server's nonce, servers in trouble left alone, documents kept.

mod cache;
mod shelf;
mod signed;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use firman_proto::jose::Jwks;
use firman_proto::time::{Lifetime, Timestamp};
use firman_proto::upstream::{MOST_SKEW, SKEW};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};
use url::Url;

use crate::backoff::{Backoff, Breaker};
use crate::error::{Advice, Error};
use crate::exchange::{Request, Response, Transport};
use crate::flow::code::{Errand, Wish};
use crate::flow::discovery::{First, discover};
use crate::flow::dpop::{DpopKey, Nonces};
use crate::flow::introspection::{self, Hint, TokenFacts};
use crate::flow::key_set::KeySet;
use crate::flow::metadata::ServerMetadata;
use crate::flow::party::{Client, Party};
use crate::flow::token::{Presented, Target, TokenType, Tokens};
use crate::flow::{answer, ask, device, registration, token, userinfo};
use crate::secret::Secret;
use crate::world::{Clock, Entropy, number};
use cache::Cache;
pub use shelf::Shelf;
pub use signed::Asked;

/// What carries requests, with time and randomness: one for a process.
pub struct Wire {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    backoff: Backoff,
    nonces: Mutex<Nonces>,
    breakers: Mutex<HashMap<String, Breaker>>,
    servers: Cache<ServerMetadata>,
    keys: Cache<KeySet>,
    skew: Lifetime,
}

/// A client at a server.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The server.
    pub server: Arc<ServerMetadata>,
    /// Who asks.
    pub client: Client,
    /// The key that its tokens are bound to, if they are.
    pub dpop: Option<Arc<DpopKey>>,
}

impl Wire {
    /// A wire over a transport.
    pub fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            transport,
            clock,
            entropy,
            backoff: Backoff::default(),
            nonces: Mutex::default(),
            breakers: Mutex::default(),
            servers: Cache::of("metadata"),
            keys: Cache::of("keys"),
            skew: SKEW,
        }
    }

    /// The same, with a shelf for the documents of servers: what another run or process has found is good here too, by the same rules.
    #[must_use]
    pub fn with_shelf(mut self, shelf: Arc<dyn Shelf>) -> Self {
        self.servers.shelf = Some(Arc::clone(&shelf));
        self.keys.shelf = Some(shelf);
        self
    }

    /// The same, where clocks of servers may be so far from ours, for the times in ID tokens: 60 s unless it is said.
    ///
    /// # Errors
    ///
    /// It is more than 300 s, which would be no check.
    pub fn with_skew(self, skew: Lifetime) -> Result<Self, Error> {
        if skew > MOST_SKEW {
            return Err(Error::Local(format!("clocks may differ by at most {} s", MOST_SKEW.seconds())));
        }
        Ok(Self { skew, ..self })
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// What a server says of itself, kept for as long as it says.
    ///
    /// # Errors
    ///
    /// As [`discover`].
    pub async fn server(&self, issuer: &str, first: First) -> Result<Arc<ServerMetadata>, Error> {
        let now = self.now();
        self.servers
            .get((issuer, None), None, now, async |known| {
                self.permit(issuer, now)?;
                let found = discover(&*self.transport, issuer, (first, known), now).await;
                self.heard(issuer, &found)?;
                found
            })
            .await
    }

    /// Sends a request, unless its server is left alone for a while.
    ///
    /// # Errors
    ///
    /// There is no answer, or none was asked for.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let (url, now) = (request.url.clone(), self.now());
        self.permit(&url, now)?;
        let answer = self.transport.send(request).await.map_err(Error::from);
        // A status that tells of trouble counts like no answer.
        let health = answer.as_ref().map_err(Clone::clone).and_then(|response| {
            let outcome = answer::success(&url, response, now);
            if outcome.as_ref().is_err_and(Error::is_outage) { outcome } else { Ok(()) }
        });
        self.heard(&url, &health)?;
        answer
    }

    fn permit(&self, url: &str, now: Timestamp) -> Result<(), Error> {
        let mut breakers = lock(&self.breakers);
        breakers.get_mut(&origin(url)).map_or(Ok(()), |breaker| breaker.permit(url, now))
    }

    fn heard<T>(&self, url: &str, outcome: &Result<T, Error>) -> Result<(), Error> {
        let (random, now) = (number(&*self.entropy)?, self.now());
        let mut breakers = lock(&self.breakers);
        if outcome.as_ref().is_err_and(Error::is_outage) {
            breakers.entry(origin(url)).or_default().heard(outcome, &self.backoff, now, random);
        } else {
            breakers.remove(&origin(url));
        }
        Ok(())
    }

    fn party<'a>(&'a self, desk: &'a Desk) -> Party<'a> {
        Party { client: &desk.client, server: &desk.server, entropy: &*self.entropy, now: self.now() }
    }

    /// Sends what `build` makes, with a proof of the key; once more where the server wants its nonce in it. What is built anew has
    /// new identifiers too.
    async fn prove(
        &self,
        dpop: Option<&DpopKey>,
        token: Option<&Secret>,
        build: impl Fn() -> Result<Request, Error>,
    ) -> Result<(String, Response), Error> {
        let mut again = true;
        loop {
            let mut request = build()?;
            let url = request.url.clone();
            if let Some(key) = dpop {
                let nonce = lock(&self.nonces).of(&url).map(str::to_owned);
                key.bind(&mut request, token, nonce.as_deref(), (&*self.entropy, self.now()))?;
            }
            let response = self.send(request).await?;
            let wanted = lock(&self.nonces).heard(&url, &response);
            if !(wanted && again && dpop.is_some()) {
                return Ok((url, response));
            }
            again = false;
        }
    }

    /// Presents something for tokens.
    ///
    /// # Errors
    ///
    /// The server refused, is in trouble, or answered something else.
    pub async fn tokens(&self, desk: &Desk, presented: &Presented<'_>, target: &Target) -> Result<Tokens, Error> {
        let build = || token::request(&self.party(desk), presented, target);
        let (url, response) = self.prove(desk.dpop.as_deref(), None, build).await?;
        token::read(&url, &response, target, desk.dpop.is_some(), self.now())
    }

    /// Presents something for tokens as often as `attempts`, with waits between, while only time can help.
    ///
    /// # Errors
    ///
    /// That of the last attempt.
    pub async fn tokens_patiently(
        &self,
        desk: &Desk,
        presented: &Presented<'_>,
        target: &Target,
        attempts: u32,
    ) -> Result<Tokens, Error> {
        let mut failures = 0;
        loop {
            let error = match self.tokens(desk, presented, target).await {
                Ok(tokens) => return Ok(tokens),
                Err(error) => error,
            };
            failures += 1;
            let Advice::AskAgain(least) = error.advice() else { return Err(error) };
            if failures >= attempts || least > self.backoff.most {
                return Err(error);
            }
            let wait = self.backoff.wait(failures, number(&*self.entropy)?).max(least);
            tokio::time::sleep(std::time::Duration::from_millis(wait.millis().unsigned_abs())).await;
        }
    }

    /// Begins a sign-in: what its answer must fit, and where the browser goes. It is pushed where the server insists or the wish says
    /// so.
    ///
    /// # Errors
    ///
    /// The server refused, or has no pages.
    pub async fn begin(&self, desk: &Desk, wish: &Wish) -> Result<(Errand, String), Error> {
        let mut wish = wish.clone();
        // RFC 9449 §10: the code is bound to the key too.
        wish.more.extend(desk.dpop.iter().map(|key| ("dpop_jkt".to_owned(), key.thumbprint().to_owned())));
        let errand = Errand::begin(&self.party(desk), &wish)?;
        if !(wish.push || desk.server.require_pushed_authorization_requests) {
            let address = errand.address(&self.party(desk))?;
            return Ok((errand, address));
        }
        let build = || errand.push(&self.party(desk));
        let (_, response) = self.prove(desk.dpop.as_deref(), None, build).await?;
        let address = errand.pushed(&self.party(desk), &response)?;
        Ok((errand, address))
    }

    /// Asks for the codes of the device flow.
    ///
    /// # Errors
    ///
    /// The server refused, or has no such flow.
    pub async fn device(&self, desk: &Desk, target: &Target) -> Result<device::Waiting, Error> {
        let response = self.send(device::request(&self.party(desk), target)?).await?;
        device::read(&self.party(desk), &response)
    }

    /// Asks what is known of a token.
    ///
    /// # Errors
    ///
    /// The server refused, or has no such endpoint.
    pub async fn introspect(&self, desk: &Desk, token: &Secret, hint: Hint) -> Result<TokenFacts, Error> {
        let response = self.send(introspection::request(&self.party(desk), token, hint)?).await?;
        introspection::read(&self.party(desk), &response)
    }

    /// Makes a token dead.
    ///
    /// # Errors
    ///
    /// The server refused, or has no such endpoint.
    pub async fn revoke(&self, desk: &Desk, token: &Secret, hint: Hint) -> Result<(), Error> {
        let response = self.send(introspection::revocation(&self.party(desk), token, hint)?).await?;
        introspection::revoked(&self.party(desk), &response)
    }

    /// Asks for claims about a subject.
    ///
    /// # Errors
    ///
    /// The server refused, or answered about somebody else.
    pub async fn userinfo(
        &self,
        desk: &Desk,
        (token, kind): (&Secret, TokenType),
        subject: &str,
    ) -> Result<Map<String, Value>, Error> {
        let key = desk.dpop.as_deref().filter(|_| kind == TokenType::Dpop);
        let build = || userinfo::request(&desk.server, token);
        let (_, response) = self.prove(key, Some(token), build).await?;
        let read = |keys: &Jwks| userinfo::read(&desk.server, &response, (&desk.client, subject), keys, self.now());
        if userinfo::is_jwt(&response) { self.read_signed(desk, read).await } else { read(&Jwks::default()) }
    }

    /// The headers of a request to a resource server that presents a token (RFC 6750 §2.1): with a proof, where it is bound to our key
    /// (RFC 9449 §7.1), and in it the nonce that the resource server wants, if it wants one.
    ///
    /// # Errors
    ///
    /// No proof can be signed.
    pub fn present(
        &self,
        desk: &Desk,
        (token, kind): (&Secret, TokenType),
        (method, url): (Method, &str),
        nonce: Option<&str>,
    ) -> Result<HeaderMap, Error> {
        let mut request = Request { method, url: url.to_owned(), headers: HeaderMap::new(), body: Bytes::new() };
        match desk.dpop.as_ref().filter(|_| kind == TokenType::Dpop) {
            Some(key) => key.bind(&mut request, Some(token), nonce, (&*self.entropy, self.now()))?,
            None => drop(request.headers.insert(AUTHORIZATION, ask::bearer(token)?)),
        }
        Ok(request.headers)
    }

    /// Registers a client.
    ///
    /// # Errors
    ///
    /// The server refused, or registers nobody.
    pub async fn register(
        &self,
        server: &ServerMetadata,
        metadata: &Value,
        initial: Option<&Secret>,
    ) -> Result<registration::Registered, Error> {
        let response = self.send(registration::request(server, metadata, initial)?).await?;
        registration::read(server, &response, self.now())
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn origin(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

#[cfg(test)]
pub(crate) mod tests;
