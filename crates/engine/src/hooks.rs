//! What an embedder has to say before something is issued, and the claims that are added to what is told.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use async_trait::async_trait;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::extra_claims::{self, ExtraClaim, is_reserved};
use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_store::record::{Client, Subject};
use serde_json::{Map, Value};

use crate::Engine;
use crate::failure::{Failure, Fault};

/// Asked by the engine, of whoever embeds it. What a hook does not want to decide it leaves to the default, which does nothing.
///
/// A hook that panics breaks its own request and no other: the client gets a server error, and nothing is issued.
#[async_trait]
pub trait Hooks: Send + Sync + 'static {
    /// Before an endpoint does what a client asks it to, as soon as it is known which client that is. `Err` denies it.
    async fn before(&self, _endpoint: Endpoint, _client: &Client) -> Result<(), Refusal> {
        Ok(())
    }

    /// Before tokens are issued, and before anything is written for them. `Err` denies them.
    async fn before_issue(&self, _occasion: &Occasion<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    /// Claims to add. One that only this server gives ([`is_reserved`]) is refused: the request breaks, and the log says why.
    async fn claims(&self, _place: Place, _occasion: &Occasion<'_>) -> Result<Map<String, Value>, Refusal> {
        Ok(Map::new())
    }
}

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The authorization endpoint (RFC 6749 §3.1), or the pages for devices and for who is asked elsewhere; a refusal goes to the client
    /// by redirect, and what waits there goes on waiting.
    Authorization,
    /// The pushed authorization request endpoint (RFC 9126 §2).
    PushedRequest,
    /// The device authorization endpoint (RFC 8628 §3.1).
    DeviceAuthorization,
    /// The backchannel authentication endpoint (OpenID Connect CIBA Core §7).
    BackchannelAuthentication,
    /// The token endpoint (RFC 6749 §3.2).
    Token,
    /// The introspection endpoint (RFC 7662 §2).
    Introspection,
    /// The revocation endpoint (RFC 7009 §2).
    Revocation,
}

/// Where claims go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into an ID token.
    IdToken,
    /// Into a JWT access token.
    AccessToken,
    /// Into an introspection answer about an access token.
    Introspection,
    /// Into a userinfo answer.
    Userinfo,
}

/// What is about to be issued or told.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// Whose token it is.
    pub client: &'a Client,
    /// Whom it is about; nobody for client credentials.
    pub subject: Option<&'a Subject>,
    /// What the access token allows.
    pub scope: &'a Scope,
    /// Whom the access token is for.
    pub audience: &'a [String],
    /// What it rests on; nothing where an ID token comes alone.
    pub grant: Option<RecordId>,
}

/// A hook's no, with a reason that the client may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Cow<'static, str>);

/// The claims that settings add.
#[derive(Clone, Debug, Default)]
pub struct ClaimPolicy {
    /// To ID tokens.
    pub id_token: Vec<ExtraClaim>,
    /// To JWT access tokens.
    pub access_token: Vec<ExtraClaim>,
    /// To introspection answers about access tokens.
    pub introspection: Vec<ExtraClaim>,
    /// To userinfo answers.
    pub userinfo: Vec<ExtraClaim>,
}

impl ClaimPolicy {
    fn at(&self, place: Place) -> &[ExtraClaim] {
        match place {
            Place::IdToken => &self.id_token,
            Place::AccessToken => &self.access_token,
            Place::Introspection => &self.introspection,
            Place::Userinfo => &self.userinfo,
        }
    }
}

/// Asks whether an endpoint may do what this client asks.
pub(crate) async fn before(engine: &Engine, endpoint: Endpoint, client: &Client) -> Result<(), Failure> {
    let Some(hooks) = &engine.hooks else { return Ok(()) };
    Ok(guarded(hooks.before(endpoint, client)).await?.map_err(denied)?)
}

/// Asks whether this may be issued.
pub(crate) async fn before_issue(engine: &Engine, occasion: &Occasion<'_>) -> Result<(), Failure> {
    let Some(hooks) = &engine.hooks else { return Ok(()) };
    Ok(guarded(hooks.before_issue(occasion)).await?.map_err(denied)?)
}

/// Whether anything may be added at a place.
pub(crate) fn adds(engine: &Engine, place: Place) -> bool {
    engine.hooks.is_some() || !engine.policy.claims.at(place).is_empty()
}

/// The claims to add at a place: what settings say, and then the hook.
pub(crate) async fn claims(
    engine: &Engine,
    place: Place,
    occasion: &Occasion<'_>,
) -> Result<Map<String, Value>, Failure> {
    let configured = engine.policy.claims.at(place);
    let account = match occasion.subject {
        Some(subject) if extra_claims::need_account(configured, occasion.scope) => {
            engine.accounts.claims(subject).await?
        }
        _ => None,
    };
    let mut all = extra_claims::extra(configured, occasion.scope, account.as_ref());
    let Some(hooks) = &engine.hooks else { return Ok(all) };
    let added = guarded(hooks.claims(place, occasion)).await?.map_err(denied)?;
    if let Some(name) = added.keys().find(|name| is_reserved(name)) {
        return Err(Fault::lasting("add claims", format!("a hook adds {name}, which only this server gives")).into());
    }
    all.extend(added);
    Ok(all)
}

/// RFC 6749 §4.1.2.1 access_denied: a policy said no.
fn denied(refusal: Refusal) -> Denied {
    Denied::new(ErrorCode::AccessDenied, refusal.0)
}

/// Runs a hook so that its panic is a fault of this request.
async fn guarded<T>(hook: impl Future<Output = T>) -> Result<T, Fault> {
    let mut hook = pin!(hook);
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| hook.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Fault::lasting("ask a hook", "it panicked"))),
    })
    .await
}
