//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2) and the pages behind it.
//!
//! Nothing is written before somebody has signed in: the verified request travels sealed through the pages, bound to the
//! browser it came from.

mod browser;
mod consent;
mod interaction;
mod login;
mod respond;
mod step;

pub use browser::{Browser, SessionCookie};
pub use consent::{Decision, consent};
pub use interaction::{ClientView, Interaction};
pub use login::{LoggedIn, SignIn, login};

use std::fmt;
use std::sync::Arc;

use firman_proto::authorize::{AuthorizationRequest, RequestRules, error_members, mode_of};
use firman_proto::error::{Denied, invalid_request};
use firman_proto::form::Form;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::response::ResponseMode;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, Consent, EventKind, Rest};
use firman_store::{Change, Commit, SignedIn};

use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::policy::Policy;
use respond::{Address, Brought};
use step::Step;

/// Where the browser goes next. Its Debug shows neither code nor request.
#[derive(PartialEq, Eq)]
pub enum Next {
    /// To the client, with a code or an error.
    Client(String),
    /// To the client, by a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    Post {
        /// Where to.
        action: String,
        /// Names and values.
        members: Vec<(&'static str, String)>,
    },
    /// To the login page, with the sealed request.
    Login(String),
    /// To the consent page, with the sealed request.
    Consent(String),
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "Client(..)",
            Self::Post { .. } => "Post(..)",
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
    mode: ResponseMode,
    state: Option<String>,
}

impl Redirectable {
    /// Sends an error to the client (RFC 6749 §4.1.2.1).
    pub fn refuse(self, engine: &Engine, denied: &Denied, now: Timestamp) -> Result<Next, Fault> {
        tracing::info!(client = %self.client.client_id, %denied, "refused an authorization request");
        let Self { client, redirect_uri, mode, state } = self;
        let to = Address { client: &client, redirect_uri: &redirect_uri, mode, state: state.as_deref() };
        to.send(engine, error_members(denied), now)
    }
}

/// Answers an authorization request. `Failure::Denied` is for a page of ours, never for a redirect.
pub async fn authorize(engine: &Engine, browser: &Browser, form: &Form<'_>, now: Timestamp) -> Result<Next, Failure> {
    let redirectable = verify_client(engine, form).await?;
    let client = Arc::clone(&redirectable.client);
    let rules =
        RequestRules { pkce_required: Policy::requires_pkce(&client), pkce_plain: client.policy.allow_plain_pkce };
    let request = AuthorizationRequest::parse(form, redirectable.redirect_uri.clone(), &client.metadata, rules);
    let allowed = |request: AuthorizationRequest| {
        respond::must_be_allowed(engine, &client, request.response_type).map(|()| request)
    };
    let request = match request.and_then(allowed) {
        Ok(request) => request,
        Err(denied) => return Ok(redirectable.refuse(engine, &denied, now)?),
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
    Ok(Redirectable { client, redirect_uri, mode: mode_of(form), state })
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
        Step::Refuse(denied) => Ok(interaction.redirectable(Arc::clone(client)).refuse(engine, &denied, now)?),
        Step::Approve(signed_in) => {
            let next = approve(engine, client, interaction, signed_in, None, now).await?;
            Ok(next.ok_or_else(|| Fault::temporary("approve", "a flow of this id is there already"))?)
        }
    }
}

/// Writes what an approved request brings, with whatever consent goes with it, and sends it to the client.
///
/// `None` if the consent was edited meanwhile.
async fn approve(
    engine: &Engine,
    client: &Client,
    interaction: Interaction,
    signed_in: &SignedIn,
    consent: Option<Change>,
    now: Timestamp,
) -> Result<Option<Next>, Failure> {
    let session = &signed_in.session;
    let Brought { record, changes: brought, members } =
        respond::bring(engine, client, &interaction, signed_in, now).await?;
    let AuthorizationRequest { redirect_uri, response_mode: mode, state, .. } = &interaction.request;
    let next = Address { client, redirect_uri, mode: *mode, state: state.as_deref() }.send(engine, members, now)?;
    let mut event = engine.event(EventKind::Approved, record.unwrap_or(session.id), now)?;
    event.client = Some(client.id);
    event.subject = Some(session.subject.to_string());
    let mut changes: Vec<Change> = consent.into_iter().collect();
    changes.extend(brought);
    changes.push(Change::Append(Box::new(event)));
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
