//! The guard of a resource server: lets requests through whose access token is enough, and tells the others what is missing.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # async fn run(transport: Arc<dyn firman_client::exchange::Transport>) -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//! use firman_client::guard::{Access, Guard};
//!
//! let guard = Guard::of("https://api.example", "https://login.example").verifies(transport).build()?;
//! async fn books(access: Access) -> String {
//!     format!("the books of {}", access.subject().unwrap_or("nobody"))
//! }
//! let app: Router = Router::new()
//!     .route("/books", get(books).layer(guard.require("books.read")?))
//!     .merge(guard.metadata_route());
//! # Ok(()) }
//! ```

mod access;
mod build;
mod decide;
mod endpoints;
mod facts;
pub mod feed;
mod introspector;
mod jwt;
mod keys;
mod layer;
mod marks;
mod metadata;
mod nonce;
mod opaque;
mod refusal;
mod replay;
mod requirement;
mod shown;
mod trouble;
mod verified;

use std::sync::Arc;

use firman_proto::digest::Digest16;
use firman_proto::dpop::{Expected, Proof};
use firman_proto::feed::Key;
use firman_proto::jose::Alg;
use firman_proto::scope::ScopeError;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Clock;

pub use access::Access;
pub use build::{Builder, Unfit};
pub use decide::Rules;
pub use facts::Facts;
pub use keys::Bounds;
pub use layer::{ClientCertificate, Guarded, Require};
pub use metadata::path as metadata_path;
pub use opaque::Memory;
pub use refusal::{Door, NONCE, Refusal};
pub use requirement::Requirement;
pub use shown::{Scheme, Shown};

use introspector::Ask;
use jwt::Unverified;
use keys::Keys;
use marks::Marks;
use nonce::Nonces;
use opaque::Answers;
use replay::{Replays, Use};
use shown::{NO_TOKEN, Presented};
use verified::Verified;

/// Guards one resource. A clone is the same guard.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    rules: Rules,
    door: Door,
    /// Where clients reach the resource: scheme and host, without a slash at the end.
    origin: String,
    clock: Arc<dyn Clock>,
    marks: Marks,
    local: Option<Local>,
    asked: Option<Asked>,
    feed: Option<Arc<feed::State>>,
    proof_window: Lifetime,
    replays: Replays,
    nonces: Option<Nonces>,
    metadata: serde_json::Value,
}

/// JWTs are verified here.
struct Local {
    keys: Arc<Keys>,
    algorithms: Vec<Alg>,
    verified: Verified,
}

/// The issuer is asked about tokens.
struct Asked {
    issuer: Box<dyn Ask>,
    answers: Answers,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guard({} by {})", self.0.rules.resource, self.0.rules.issuer)
    }
}

impl Guard {
    /// A guard for the resource of this identifier, whose tokens this issuer makes.
    pub fn of(resource: impl Into<String>, issuer: impl Into<String>) -> Builder {
        Builder::new(resource.into(), issuer.into())
    }

    /// A layer that lets requests through whose token has all scopes of this text.
    ///
    /// # Errors
    ///
    /// The text is no scope (RFC 6749 §3.3).
    pub fn require(&self, scope: &str) -> Result<Require, ScopeError> {
        Ok(self.requires(Requirement::all_of(scope)?))
    }

    /// A layer that lets requests through whose token meets this.
    pub fn requires(&self, needed: Requirement) -> Require {
        Require::new(self.clone(), needed)
    }

    /// Decides about a request.
    ///
    /// # Errors
    ///
    /// It has no token, or one that is not enough, or it cannot be known whether it is.
    pub async fn check(&self, shown: &Shown<'_>, needed: &Requirement) -> Result<Access, Refusal> {
        if let Some(decided) = self.check_known(shown, needed) {
            return decided;
        }
        let now = self.0.clock.now();
        let Some(presented) = shown.token()? else { return Err(Refusal::no_token(needed)) };
        let learnt = self.learn(presented.token, now).await;
        learnt
            .and_then(|facts| self.admit(shown, &presented, facts, needed, now))
            .map_err(|refusal| refusal.presented(presented.scheme))
    }

    /// The same at once, where nobody needs to be asked: of a token that was seen before, and where there is none.
    fn check_known(&self, shown: &Shown<'_>, needed: &Requirement) -> Option<Result<Access, Refusal>> {
        let now = self.0.clock.now();
        let presented = match shown.token() {
            Ok(Some(presented)) => presented,
            Ok(None) => return Some(Err(Refusal::no_token(needed))),
            Err(refusal) => return Some(Err(refusal)),
        };
        let known = self.known(&self.0.marks.of(presented.token), now)?;
        let admitted = known.and_then(|facts| self.admit(shown, &presented, facts, needed, now));
        Some(admitted.map_err(|refusal| refusal.presented(presented.scheme)))
    }

    /// Whether a request that was let through may do what needs more: what is asked for in a body is known only once that was read.
    ///
    /// # Errors
    ///
    /// Its token is not enough; [`Self::answer`] says so.
    pub fn check_more(&self, access: &Access, needed: &Requirement) -> Result<(), Refusal> {
        let facts = access.facts();
        let scheme = if facts.jkt.is_some() { Scheme::Dpop } else { Scheme::Bearer };
        let decided = decide::must_be_enough(facts, needed, &self.0.rules, self.0.clock.now());
        decided.map_err(|refusal| refusal.presented(scheme))
    }

    /// The answer to a request that is not let through.
    pub fn answer<R: From<bytes::Bytes>>(&self, refusal: &Refusal) -> http::Response<R> {
        let mut response = http::Response::new(R::from(bytes::Bytes::from(refusal.body())));
        *response.status_mut() = http::StatusCode::from_u16(refusal.status()).unwrap_or(http::StatusCode::UNAUTHORIZED);
        *response.headers_mut() = refusal.headers(self.door());
        response
    }

    /// What challenges of this guard say of the resource.
    pub fn door(&self) -> &Door {
        &self.0.door
    }

    /// Where clients reach the resource: scheme and host, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// The nonce that proofs must repeat from now on, where they must.
    pub fn nonce(&self) -> Option<String> {
        self.0.nonces.as_ref().map(|nonces| nonces.at(self.0.clock.now()))
    }

    /// Whether what was revoked is known now; `None` where no feed is followed.
    pub fn knowledge(&self) -> Option<feed::Knowledge> {
        Some(self.0.feed.as_ref()?.knowledge(self.0.clock.now()))
    }

    fn admit(
        &self,
        shown: &Shown<'_>,
        presented: &Presented<'_>,
        facts: Arc<Facts>,
        needed: &Requirement,
        now: Timestamp,
    ) -> Result<Access, Refusal> {
        let scheme = presented.scheme;
        let proof = if scheme == Scheme::Dpop { Some(self.proof(shown, presented.token, now)?) } else { None };
        decide::decide(&facts, needed, (shown, scheme, proof.as_ref().map(|proof| proof.jkt)), &self.0.rules, now)?;
        // Single use comes last, so that a proof is not used up by a request that is refused.
        if let Some(proof) = proof {
            self.must_be_new(&proof, now)?;
        }
        Ok(Access::new(facts))
    }

    /// What a token says, if that is remembered: only of tokens that were read before, so that nothing is read again.
    fn known(&self, key: &Digest16, now: Timestamp) -> Option<Result<Arc<Facts>, Refusal>> {
        if let Some(facts) = self.0.local.as_ref().and_then(|local| local.known(key, now)) {
            return Some(self.living(facts, now));
        }
        let asked = self.0.asked.as_ref()?;
        asked.answers.held(key, now).map(|told| told.ok_or_else(not_active))
    }

    /// The same, found out.
    async fn learn(&self, token: &str, now: Timestamp) -> Result<Arc<Facts>, Refusal> {
        if !shown::is_legal(token) {
            return Err(Refusal::malformed(NO_TOKEN));
        }
        let key = self.0.marks.of(token);
        if let Some(local) = self.local(token) {
            let facts = local.verified(token, key, (self.0.feed.as_deref(), now)).await?;
            return self.living(facts, now);
        }
        let asked =
            self.0.asked.as_ref().ok_or_else(|| Refusal::token("it is no JWT, and nobody is asked about others"))?;
        let told = asked.answers.of(key, now, || asked.issuer.ask(token, now)).await;
        told.map_err(Refusal::unknowable)?.ok_or_else(not_active)
    }

    /// Who verifies this token, if it is one that is verified here.
    fn local(&self, token: &str) -> Option<&Local> {
        self.0.local.as_ref().filter(|_| jwt::is_jwt(token))
    }

    /// What a token says that was verified here, unless it was revoked, as far as a feed tells.
    fn living(&self, facts: Arc<Facts>, now: Timestamp) -> Result<Arc<Facts>, Refusal> {
        let Some(feed) = &self.0.feed else { return Ok(facts) };
        let ends = facts.expires_at.unwrap_or(Timestamp::NEVER);
        let life = ends.since(facts.not_before.unwrap_or_default());
        match feed.judge(&facts.lives_by, life, now) {
            feed::Verdict::Lives => Ok(facts),
            feed::Verdict::Dead => Err(Refusal::token("it was revoked")),
            feed::Verdict::Unknowable => Err(Refusal::unknowable("the feed does not tell whether it was revoked")),
        }
    }

    /// RFC 9449 §4.3: a proof for this request and this token.
    fn proof(&self, shown: &Shown<'_>, token: &str, now: Timestamp) -> Result<Proof, Refusal> {
        let uri = format!("{}{}", self.origin(), shown.path);
        let window = self.0.proof_window;
        let expected = Expected { method: shown.method, uri: &uri, access_token: Some(token), window };
        let proof = Proof::check(shown.proof()?, &expected, now).map_err(|why| Refusal::proof(why.to_string()))?;
        match &self.0.nonces {
            // RFC 9449 §9.
            Some(nonces) if !nonces.is_good(proof.nonce.as_deref(), now) => Err(Refusal::nonce(nonces.at(now))),
            _ => Ok(proof),
        }
    }

    /// RFC 9449 §11.1.
    fn must_be_new(&self, proof: &Proof, now: Timestamp) -> Result<(), Refusal> {
        match self.0.replays.note(proof.jkt.as_bytes(), &proof.jti, now) {
            Use::First => Ok(()),
            Use::Again => Err(Refusal::proof("it was used before")),
            Use::Full => Err(Refusal::unknowable("more proofs came than can be remembered")),
        }
    }
}

fn not_active() -> Refusal {
    Refusal::token("it is not active, or not for this resource")
}

impl Local {
    /// What a token says whose signature was verified before, with keys that are still those to use.
    fn known(&self, key: &Digest16, now: Timestamp) -> Option<Arc<Facts>> {
        let (facts, keys) = self.verified.get(key, now)?;
        self.keys.are_still(&keys, now).then_some(facts)
    }

    async fn verified(
        &self,
        token: &str,
        key: Digest16,
        (feed, now): (Option<&feed::State>, Timestamp),
    ) -> Result<Arc<Facts>, Refusal> {
        let refused = |why: firman_proto::jose::Refused| Refusal::token(why.to_string());
        let unverified = Unverified::parse(token, &self.algorithms).map_err(refused)?;
        // A key that was revoked is not looked for among the published ones: that has its bound, and others may need it.
        if let (Some(feed), Some(kid)) = (feed, &unverified.header().kid)
            && feed.is_dead(Key::signer(kid))
        {
            return Err(Refusal::token("the key that signed it was revoked"));
        }
        let keys = self.keys.of(unverified.header(), now).await.map_err(Refusal::unknowable)?;
        let facts = Arc::new(unverified.verify(&keys, &self.algorithms).map_err(refused)?);
        self.verified.keep(key, Arc::clone(&facts), keys, now);
        Ok(facts)
    }
}
