//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2) and the pages behind it.
//!
//! Nothing is written before somebody has signed in: the verified request travels sealed through the pages, bound to the
//! browser it came from.

mod browser;
mod consent;
mod interaction;
mod login;
mod step;

pub use browser::{Browser, SessionCookie};
pub use consent::{Decision, consent};
pub use interaction::{ClientView, Interaction};
pub use login::{LoggedIn, SignIn, login};

use std::fmt;
use std::sync::Arc;

use firman_proto::authorize::{AuthorizationRequest, RequestRules, code_response, error_response};
use firman_proto::client::GrantType;
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::form::Form;
use firman_proto::issuer::Issuer;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::seal::{Code, Reference};
use firman_proto::time::Timestamp;
use firman_store::record::{Approval, Client, Consent, EventKind, Flow, FlowRequest, FlowState, Rest};
use firman_store::{Change, Commit, SignedIn};

use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::policy::Policy;
use crate::random;
use step::Step;

/// Where the browser goes next. Its Debug shows neither code nor request.
#[derive(PartialEq, Eq)]
pub enum Next {
    /// To the client, with a code or an error.
    Client(String),
    /// To the login page, with the sealed request.
    Login(String),
    /// To the consent page, with the sealed request.
    Consent(String),
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "Client(..)",
            Self::Login(_) => "Login(..)",
            Self::Consent(_) => "Consent(..)",
        })
    }
}

/// A client and a redirect URI that belong together: only now may an error redirect.
#[derive(Debug)]
pub struct Redirectable {
    client: Arc<Client>,
    redirect_uri: RedirectUri,
    state: Option<String>,
    issuer: Issuer,
}

impl Redirectable {
    /// Sends an error to the client (RFC 6749 §4.1.2.1).
    pub fn refuse(self, denied: &Denied) -> Next {
        tracing::info!(client = %self.client.client_id, %denied, "refused an authorization request");
        Next::Client(error_response(&self.issuer, &self.redirect_uri, self.state.as_deref(), denied))
    }
}

/// Answers an authorization request. `Failure::Denied` is for a page of ours, never for a redirect.
pub async fn authorize(engine: &Engine, browser: &Browser, form: &Form<'_>, now: Timestamp) -> Result<Next, Failure> {
    let redirectable = verify_client(engine, form).await?;
    let client = Arc::clone(&redirectable.client);
    let rules =
        RequestRules { pkce_required: Policy::requires_pkce(&client), pkce_plain: client.policy.allow_plain_pkce };
    // RFC 6749 §5.2 unauthorized_client: asking for codes is something a client is registered for.
    if !client.metadata.may_use(GrantType::AuthorizationCode) {
        let denied = Denied::new(ErrorCode::UnauthorizedClient, "this client is not registered for authorization_code");
        return Ok(redirectable.refuse(&denied));
    }
    let request = match AuthorizationRequest::parse(form, redirectable.redirect_uri.clone(), &client.metadata, rules) {
        Ok(request) => request,
        Err(denied) => return Ok(redirectable.refuse(&denied)),
    };
    let interaction = Interaction { client: client.id, request, started_at: now };
    let signed_in = browser::signed_in(engine, browser, Some(client.id), now).await?;
    proceed(engine, browser, interaction, &client, signed_in, now).await
}

/// RFC 6749 §3.1.2.4, §4.1.2.1: without a client that is known and a redirect URI that is its own, nobody is redirected.
async fn verify_client(engine: &Engine, form: &Form<'_>) -> Result<Redirectable, Failure> {
    let client_id = form.required("client_id")?;
    let unknown = || invalid_request("client_id: no such client");
    if client_id.len() > Client::LONGEST_ID {
        return Err(unknown().into());
    }
    let client = engine.store.client(Client::key(engine.number, client_id)).await?;
    let client = client.filter(|client| client.enabled).ok_or_else(unknown)?;
    let registered = &client.metadata.redirect_uris;
    let redirect_uri = match (form.get("redirect_uri"), registered.as_slice()) {
        (Some(text), registered) => {
            let presented = RedirectUri::parse(text).map_err(|error| invalid_request(error.to_string()))?;
            if !registered.iter().any(|uri| uri.admits(&presented)) {
                return Err(invalid_request("redirect_uri: not registered for this client").into());
            }
            presented
        }
        // RFC 6749 §3.1.2.3: it may be left out if exactly one is registered.
        // OpenID Connect Core §3.1.2.1: redirect_uri is required where OpenID is spoken.
        (None, [only]) if !speaks_openid(form) => only.clone(),
        (None, _) => return Err(invalid_request("redirect_uri: missing").into()),
    };
    let state = form.get("state").filter(|state| state.len() <= 1024).map(str::to_owned);
    Ok(Redirectable { client, redirect_uri, state, issuer: engine.issuer.clone() })
}

fn speaks_openid(form: &Form<'_>) -> bool {
    form.get("scope").is_some_and(|scope| scope.split(' ').any(|token| token == "openid"))
}

/// Takes the next step of an interaction, as far as it goes without a person.
async fn proceed(
    engine: &Engine,
    browser: &Browser,
    interaction: Interaction,
    client: &Arc<Client>,
    signed_in: Option<SignedIn>,
    now: Timestamp,
) -> Result<Next, Failure> {
    match step::decide(&interaction, client, signed_in.as_ref(), now) {
        Step::Login => Ok(Next::Login(interaction.seal(engine, browser)?)),
        Step::Consent => Ok(Next::Consent(interaction.seal(engine, browser)?)),
        Step::Refuse(denied) => Ok(interaction.redirectable(engine, Arc::clone(client)).refuse(&denied)),
        Step::Approve(signed_in) => {
            let next = approve(engine, interaction, signed_in, None, now).await?;
            Ok(next.ok_or_else(|| Fault::temporary("approve", "a flow of this id is there already"))?)
        }
    }
}

/// Inserts the flow of an approved request, with whatever consent goes with it, and sends its code to the client.
///
/// `None` if the consent was edited meanwhile.
async fn approve(
    engine: &Engine,
    interaction: Interaction,
    signed_in: &SignedIn,
    consent: Option<Change>,
    now: Timestamp,
) -> Result<Option<Next>, Failure> {
    let session = &signed_in.session;
    let flow = Flow {
        id: random::record_id(&*engine.entropy, now)?,
        issuer: engine.number,
        client: interaction.client,
        approval: Some(Approval {
            subject: session.subject.clone(),
            session: Some(session.id),
            auth_time: session.auth_time,
            acr: session.details.acr.clone(),
            amr: session.details.amr.clone(),
            scope: interaction.request.scope.clone(),
            epochs: signed_in.epochs,
        }),
        request: FlowRequest::Code(interaction.request.clone()),
        state: FlowState::Ready,
        misses: 0,
        salt: random::salt(&*engine.entropy)?,
        expires_at: now.plus(engine.policy.code),
        certificate_thumbprint: None,
        rest: Rest::new(),
    };
    let reference =
        Reference { record: flow.id, serial: 0, issued_at: now, expires_at: Some(flow.expires_at), salt: &flow.salt };
    let code = engine.keys.current().keyring.seal::<Code>(&reference);
    let next = Next::Client(code_response(&engine.issuer, &interaction.request, code.reveal()));
    let mut event = engine.event(EventKind::Approved, flow.id, now)?;
    event.client = Some(flow.client);
    event.subject = Some(session.subject.to_string());
    let mut changes: Vec<Change> = consent.into_iter().collect();
    changes.extend([Change::InsertFlow(Box::new(flow)), Change::Append(Box::new(event))]);
    changes.extend(browser::touch(session, now));
    Ok((engine.commit(changes).await? == Commit::Done).then_some(next))
}

/// A consent as a change that creates it or adds to it.
fn remember(engine: &Engine, interaction: &Interaction, signed_in: &SignedIn, now: Timestamp) -> Change {
    use firman_store::Editable;
    match &signed_in.consent {
        Some(known) => {
            let scope = known.scope.union(&interaction.request.scope);
            let record = Consent { scope, updated_at: now, ..known.clone() };
            Change::Replace { if_revision: known.revision, record: Editable::Consent(Box::new(record)) }
        }
        None => Change::Insert(Editable::Consent(Box::new(Consent {
            issuer: engine.number,
            subject: signed_in.session.subject.clone(),
            client: interaction.client,
            scope: interaction.request.scope.clone(),
            updated_at: now,
            revision: 0,
            rest: Rest::new(),
        }))),
    }
}
