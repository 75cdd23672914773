//! People who are asked elsewhere than where they use something (OpenID Connect Client-Initiated Backchannel Authentication),
//! in poll mode.

mod pending;
mod request;

pub use pending::{Answered, Pending, Shown, answer, pending};

use async_trait::async_trait;
use firman_proto::backchannel::{BackchannelRequest, BackchannelResponse, Hint};
use firman_proto::client::GrantType;
use firman_proto::digest::Digest16;
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::form::Form;
use firman_proto::scope::Scope;
use firman_proto::seal::{AuthRequest, Reference};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Client, Flow, FlowRequest, FlowState, Name, Namespace, Once, PolledRequest, Rest, Subject};
use firman_store::{Change, Commit};

use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::{Failure, Fault};
use crate::hooks::{self, Endpoint};
use crate::{details, id_token_hint, random, target, trust};

/// How many requests may wait for one person at a time: nobody is flooded.
const PLACES: usize = 5;

/// The rules of the flow.
#[derive(Clone, Copy, Debug)]
pub struct BackchannelPolicy {
    /// Whether there is such a thing here.
    pub enabled: bool,
    /// For how long a request waits, at most.
    pub life: Lifetime,
    /// How long a client waits between two questions.
    pub interval: Lifetime,
}

impl Default for BackchannelPolicy {
    fn default() -> Self {
        Self { enabled: false, life: Lifetime::from_seconds(300), interval: Lifetime::from_seconds(5) }
    }
}

/// A request that waits for somebody's answer.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whom it waits for.
    pub subject: Subject,
    /// The name of the client, for people.
    pub client_name: String,
    /// What it asks for.
    pub scope: Scope,
    /// The identifiers of the resources that the tokens will be for, if the client says.
    pub resources: Vec<String>,
    /// What the client shows, too.
    pub binding_message: Option<String>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Tells people that somebody waits for them, by whatever reaches them. They answer on the page for it.
#[async_trait]
pub trait Notify: Send + Sync + 'static {
    /// Tells them. That it could not be done ends nothing: the page shows the request all the same.
    async fn tell(&self, asked: &Asked, now: Timestamp) -> Result<(), Fault>;
}

/// Tells nobody: people look at the page.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNotify;

#[async_trait]
impl Notify for NoNotify {
    async fn tell(&self, _: &Asked, _: Timestamp) -> Result<(), Fault> {
        Ok(())
    }
}

/// Begins a flow (OpenID Connect CIBA Core §7.1, §7.3).
pub async fn authenticate(
    engine: &Engine,
    client: &AuthenticatedClient,
    form: &Form<'_>,
    now: Timestamp,
) -> Result<BackchannelResponse, Failure> {
    hooks::before(engine, Endpoint::BackchannelAuthentication, client.record()).await?;
    client.must_be_allowed(GrantType::Backchannel)?;
    // OpenID Connect CIBA Core §7.1: the client authenticates.
    client.must_be_confidential()?;
    let (signed, once) = request::signed(engine, client.record(), form, now).await?.unzip();
    let request = BackchannelRequest::parse(signed.as_ref().unwrap_or(form), &client.record().metadata)?;
    let details = details::asked(engine, client.record(), signed.as_ref().unwrap_or(form))?;
    let (resource, scope) = target::requested(engine, client.record(), &request.resource, &request.scope).await?;
    let request = BackchannelRequest { scope, resource, ..request };
    let subject = person(engine, client, &request.hint, now).await?;
    let policy = engine.policy.backchannel;
    let flow = Flow {
        id: random::record_id(&*engine.entropy, now)?,
        issuer: engine.number,
        client: client.record().id,
        request: FlowRequest::Backchannel(PolledRequest {
            scope: request.scope.clone(),
            resource: request.resource.clone(),
            authorization_details: details,
            dpop_jkt: None,
            acr_values: request.acr_values,
            login_hint: Some(subject.to_string()),
            binding_message: request.binding_message.clone(),
            interval: policy.interval,
            polled_at: None,
        }),
        approval: None,
        state: FlowState::Pending,
        misses: 0,
        salt: random::salt(&*engine.entropy)?,
        expires_at: now.plus(request.requested_expiry.map_or(policy.life, |asked| asked.min(policy.life))),
        certificate_thumbprint: None,
        upstream: None,
        rest: Rest::new(),
    };
    let reference =
        Reference { record: flow.id, serial: 0, issued_at: now, expires_at: Some(flow.expires_at), salt: &flow.salt };
    let response = BackchannelResponse {
        auth_req_id: engine.keys.current().keyring.seal::<AuthRequest>(&reference).reveal().to_owned(),
        expires_in: flow.expires_at.since(now).seconds(),
        interval: policy.interval.seconds(),
    };
    let asked = Asked {
        client_name: shown_name(client.record()).to_owned(),
        scope: request.scope,
        resources: request.resource,
        binding_message: request.binding_message,
        expires_at: flow.expires_at,
        subject,
    };
    begin(engine, flow, &asked.subject, once, now).await?;
    if let Err(fault) = engine.notify.tell(&asked, now).await {
        tracing::warn!(%fault, "somebody could not be told that a client waits for them");
    }
    Ok(response)
}

/// Writes the flow in a place of its person that is free; a signed request begins one flow and no more.
async fn begin(
    engine: &Engine,
    flow: Flow,
    subject: &Subject,
    once: Option<Once>,
    now: Timestamp,
) -> Result<(), Failure> {
    for place in 0..PLACES {
        let name = Name {
            namespace: Namespace::Pending,
            digest: place_of(engine, subject, place),
            id: flow.id,
            expires_at: flow.expires_at,
        };
        let mut changes: Vec<Change> = once.map(Change::InsertOnce).into_iter().collect();
        changes.extend([Change::TakeName { name, now }, Change::InsertFlow(Box::new(flow.clone()))]);
        match engine.commit(changes).await? {
            Commit::Done => return Ok(()),
            // OpenID Connect CIBA Core §7.1.1: jti. Presented again, it is a replay.
            Commit::Conflict(0) if once.is_some() => {
                return Err(invalid_request("request: its jti was presented before").into());
            }
            Commit::Conflict(_) => {}
        }
    }
    let text = "login_hint: too many requests wait for this person; try again later";
    Err(Denied::new(ErrorCode::TemporarilyUnavailable, text).into())
}

/// One of a person's places.
fn place_of(engine: &Engine, subject: &Subject, place: usize) -> Digest16 {
    Name::digest(engine.number, Namespace::Pending, &format!("{subject}\n{place}"))
}

/// What a client is called before people.
fn shown_name(client: &Client) -> &str {
    if client.metadata.client_name.is_empty() { &client.client_id } else { &client.metadata.client_name }
}

/// Whom a client means. OpenID Connect CIBA Core §13: unknown_user_id.
async fn person(
    engine: &Engine,
    client: &AuthenticatedClient,
    hint: &Hint,
    now: Timestamp,
) -> Result<Subject, Failure> {
    let unknown = || Denied::new(ErrorCode::UnknownUserId, "nobody here is whom the hint means");
    let user = match hint {
        Hint::Login(name) => engine.accounts.find(name, now).await?.map(|user| user.subject),
        Hint::Token(token) => {
            let client_id = &client.record().client_id;
            let vouched = trust::verify(engine, client_id, token, ErrorCode::InvalidRequest, now).await?;
            trust::person(engine, &vouched, now).await?.map(|user| user.subject)
        }
        Hint::IdToken(token) => {
            // OpenID Connect CIBA Core §7.1: one that this client once got; it may have expired.
            let claims = id_token_hint::read(engine, client.record(), token, now).await?;
            let Some(subject) = id_token_hint::person(engine, client.record(), &claims).await? else {
                return Err(unknown().into());
            };
            engine.accounts.claims(&subject).await?.map(|_| subject)
        }
    };
    Ok(user.ok_or_else(unknown)?)
}
