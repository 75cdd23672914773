//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2) and the pages behind it.
//!
//! Nothing is written before somebody has signed in: the verified request travels sealed through the pages, bound to the
//! browser it came from.

mod approve;
mod browser;
mod consent;
mod device;
mod front_channel;
mod interaction;
mod login;
pub mod own;
mod pushed;
mod respond;
mod select;
mod session_state;
mod step;

pub use browser::{Browser, SessionCookie};
pub use consent::{Decision, consent};
pub use interaction::{ClientView, Interaction, Waiting};
pub use login::{LoggedIn, SignIn, login};
pub use select::{Account, select};
pub use session_state::browser_state;

pub(crate) use browser::{cookie as cookie_of, signed_in, touch};
pub(crate) use consent::decided;
pub(crate) use login::{begin_session, welcome, welcome_told};

use std::fmt;
use std::sync::Arc;

use firman_proto::authorize::{AuthorizationRequest, RequestRules, error_members, mode_of, ui_locales};
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::form::Form;
use firman_proto::par;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::response::ResponseMode;
use firman_proto::time::Timestamp;
use firman_store::SignedIn;
use firman_store::record::Client;

use crate::Engine;
use crate::client_document;
use crate::details;
use crate::failure::{Failure, Fault};
use crate::hooks::{self, Endpoint};
use crate::id_token_hint;
use crate::policy::Policy;
use crate::request_object;
use crate::sign_in;
use crate::subject::subject_for;
use crate::target;
use crate::upstream;
pub(crate) use approve::acr_of;
use approve::{approve, remember};
use respond::Address;
use step::Step;

/// Where the browser goes next. Its Debug shows neither code nor request.
#[derive(PartialEq, Eq)]
pub enum Next {
    /// To the client, with a code or an error.
    Client(String),
    /// To the client, by a form that the browser posts (Form Post Response Mode).
    Post {
        /// Where to.
        action: String,
        /// Names and values.
        members: Vec<(&'static str, String)>,
        /// The languages that the page of the form should speak, the best first.
        ui_locales: Vec<String>,
    },
    /// To the login page, with the sealed request.
    Login(String),
    /// To the page that asks with which account to go on, with the sealed request.
    Select(String),
    /// To the page on which people make an account, with the sealed request.
    SignUp(String),
    /// To the page of the second step, with half a sign-in, sealed.
    Second(String),
    /// To the consent page, with the sealed request.
    Consent(String),
    /// To the page for devices, with nothing left to do.
    Device(DeviceEnd),
    /// To a page of ours, below the issuer, which somebody signed in to.
    Page(String),
}

/// How the answer to a device ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEnd {
    /// It was allowed.
    Allowed,
    /// It was refused.
    Denied,
    /// Neither: the device goes on waiting.
    Left,
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "Client(..)",
            Self::Post { .. } => "Post(..)",
            Self::Login(_) => "Login(..)",
            Self::Select(_) => "Select(..)",
            Self::SignUp(_) => "SignUp(..)",
            Self::Second(_) => "Second(..)",
            Self::Consent(_) => "Consent(..)",
            Self::Device(_) => "Device(..)",
            Self::Page(_) => "Page(..)",
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
    ui_locales: Vec<String>,
}

impl Redirectable {
    /// Sends an error to the client (RFC 6749 §4.1.2.1).
    pub async fn refuse(self, engine: &Engine, denied: &Denied, now: Timestamp) -> Result<Next, Failure> {
        tracing::info!(client = %self.client.client_id, %denied, "refused an authorization request");
        let Self { client, redirect_uri, mode, state, ui_locales } = &self;
        let to = Address { client, redirect_uri, mode: *mode, state: state.as_deref(), ui_locales };
        to.send(engine, error_members(denied), now).await
    }
}

/// Answers an authorization request. `Failure::Denied` is for a page of ours, never for a redirect.
pub async fn authorize(engine: &Engine, browser: &Browser, form: &Form<'_>, now: Timestamp) -> Result<Next, Failure> {
    if let Some(reference) = form.get("request_uri").and_then(par::reference) {
        // RFC 9101 §5: not both.
        if form.get("request").is_some() {
            return Err(invalid_request("request: not beside request_uri").into());
        }
        let (interaction, client) = pushed::interaction(engine, form, reference, now).await?;
        return go_on(engine, browser, interaction, &client, now).await;
    }
    let client = client_of(engine, form.required("client_id")?, now).await?;
    let signed = match request_object::read(engine, &client, form, now).await {
        Ok(signed) => signed,
        // Told to the client where the unsigned parameters say which of its redirect URIs it would have used.
        Err(Failure::Denied(denied)) => match redirectable(&client, form) {
            Ok(told) if form.get("redirect_uri").is_some() => return told.refuse(engine, &denied, now).await,
            _ => return Err(denied.into()),
        },
        Err(fault) => return Err(fault),
    };
    // RFC 9101 §6.3: no parameter beside a request object counts.
    let form = signed.as_ref().unwrap_or(form);
    let redirectable = redirectable(&client, form)?;
    let read = match read(engine, &redirectable, form) {
        Ok(request) => targeted(engine, &client, request, form, now).await,
        Err(denied) => Err(denied.into()),
    };
    let request = match read {
        Ok(request) => request,
        Err(Failure::Denied(denied)) => return redirectable.refuse(engine, &denied, now).await,
        Err(fault) => return Err(fault),
    };
    let interaction =
        Interaction { client: client.id, request, started_at: now, waiting: None, account: None, asked: None };
    go_on(engine, browser, interaction, &client, now).await
}

/// Takes the next step of an interaction that has just begun.
pub(crate) async fn go_on(
    engine: &Engine,
    browser: &Browser,
    interaction: Interaction,
    client: &Arc<Client>,
    now: Timestamp,
) -> Result<Next, Failure> {
    match hooks::before(engine, Endpoint::Authorization, client).await {
        Err(Failure::Denied(denied)) => {
            return interaction.give_up(engine, Arc::clone(client), &denied, now).await;
        }
        asked => asked?,
    }
    let signed_in = browser::signed_in(engine, browser, Some(client.id), now).await?;
    proceed(engine, browser, interaction, client, signed_in, now).await
}

/// Reads the request of a client and a redirect URI that belong together.
fn read(engine: &Engine, redirectable: &Redirectable, form: &Form<'_>) -> Result<AuthorizationRequest, Denied> {
    let client = &redirectable.client;
    // RFC 9126 §5, §6: where requests must be pushed, no other is taken.
    if engine.policy.requires_pushed(client) {
        return Err(invalid_request("request_uri: missing; this request must be pushed (RFC 9126)"));
    }
    request_of(engine, client, redirectable.redirect_uri.clone(), form)
}

/// Reads everything that is not about where to answer, as far as this client may ask for it.
pub(crate) fn request_of(
    engine: &Engine,
    client: &Client,
    redirect_uri: RedirectUri,
    form: &Form<'_>,
) -> Result<AuthorizationRequest, Denied> {
    let rules =
        RequestRules { pkce_required: Policy::requires_pkce(client), pkce_plain: client.policy.allow_plain_pkce };
    let mut request = AuthorizationRequest::parse(form, redirect_uri, &client.metadata, rules)?;
    respond::must_be_allowed(engine, client, request.response_type)?;
    // Initiating User Registration §4.1.1: where nobody signs up by themselves, create is no prompt.
    if request.prompt.create && !engine.policy.sign_up {
        return Err(invalid_request("prompt: known are none, login, consent and select_account"));
    }
    request.authorization_details = details::asked(engine, client, form)?;
    Ok(request)
}

/// The same request with the resources by their registered names, what they know of the scope (RFC 8707 §2.1), and whom an ID token
/// means that came with it.
pub(crate) async fn targeted(
    engine: &Engine,
    client: &Client,
    mut request: AuthorizationRequest,
    form: &Form<'_>,
    now: Timestamp,
) -> Result<AuthorizationRequest, Failure> {
    if let Some(token) = form.get("id_token_hint") {
        let hinted = id_token_hint::read(engine, client, token, now).await?.sub;
        // OpenID Connect Core §3.1.2.1: nobody else; so where claims name somebody else, nobody at all.
        let contradicted = !request.hints.subjects.is_empty() && !request.hints.subjects.contains(&hinted);
        if contradicted {
            return Err(invalid_request("id_token_hint: of somebody else than claims ask for").into());
        }
        request.hints.subjects = vec![hinted];
    }
    let (resource, scope) = target::requested(engine, client, &request.resource, &request.scope).await?;
    Ok(AuthorizationRequest { resource, scope, ..request })
}

/// RFC 6749 §3.1.2.4, §4.1.2.1: without a client that is known and a redirect URI that is its own, nobody is redirected.
fn redirectable(client: &Arc<Client>, form: &Form<'_>) -> Result<Redirectable, Denied> {
    let redirect_uri = redirect_uri_of(client, form)?;
    let state = form.get("state").filter(|state| state.len() <= 1024).map(str::to_owned);
    let (client, mode, ui_locales) = (Arc::clone(client), mode_of(form), ui_locales(form));
    Ok(Redirectable { client, redirect_uri, mode, state, ui_locales })
}

async fn client_of(engine: &Engine, client_id: &str, now: Timestamp) -> Result<Arc<Client>, Failure> {
    let unknown = || invalid_request("client_id: no such client");
    if client_id.len() > Client::LONGEST_ID {
        return Err(unknown().into());
    }
    let client = client_document::current(engine, client_id, now).await?;
    Ok(client.filter(|client| client.enabled).ok_or_else(unknown)?)
}

/// The redirect URI of a request: one of the client's own.
pub(crate) fn redirect_uri_of(client: &Client, form: &Form<'_>) -> Result<RedirectUri, Denied> {
    match (form.get("redirect_uri"), client.metadata.redirect_uris.as_slice()) {
        (Some(text), registered) => {
            let presented = RedirectUri::parse(text).map_err(|error| invalid_request(error.to_string()))?;
            if !registered.iter().any(|uri| uri.admits(&presented)) {
                return Err(invalid_request("redirect_uri: not registered for this client"));
            }
            Ok(presented)
        }
        // RFC 6749 §3.1.2.3: it may be left out if exactly one is registered.
        // OpenID Connect Core §3.1.2.1: redirect_uri is required where OpenID is spoken.
        (None, [only]) if !speaks_openid(form) => Ok(only.clone()),
        (None, _) => Err(invalid_request("redirect_uri: missing")),
    }
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
    let cut = match &signed_in {
        Some(signed_in) => upstream::may_allow(engine, signed_in, &interaction.request.scope).await?,
        None => interaction.request.scope.clone(),
    };
    let has_nothing = cut.is_empty() && !interaction.request.scope.is_empty();
    let asked = Interaction {
        request: AuthorizationRequest { scope: cut, ..interaction.request.clone() },
        ..interaction.clone()
    };
    match next_step(engine, &asked, client, signed_in.as_ref(), now) {
        // Whoever comes then may be another, who can allow more.
        Step::Login => ask_again(engine, browser, &interaction, signed_in.as_ref(), now).await,
        Step::SignUp => Ok(Next::SignUp(interaction.seal(engine, browser)?)),
        Step::Select => Ok(Next::Select(interaction.seal(engine, browser)?)),
        Step::Refuse(denied) => interaction.redirectable(Arc::clone(client)).refuse(engine, &denied, now).await,
        // RFC 6749 §4.1.2.1: access_denied.
        Step::Consent | Step::Approve(_) if has_nothing => {
            let denied = Denied::new(ErrorCode::AccessDenied, "scope: this is for others to allow");
            interaction.give_up(engine, Arc::clone(client), &denied, now).await
        }
        Step::Consent => {
            asked.must_still_wait(engine, client, now).await?;
            let person = signed_in.map(|signed_in| signed_in.session.subject);
            Ok(Next::Consent(Interaction { asked: person, ..asked }.seal(engine, browser)?))
        }
        Step::Approve(signed_in) => {
            let next = approve(engine, asked, client, signed_in, None, now).await?;
            Ok(next.ok_or_else(|| Fault::temporary("approve", "the flow was changed meanwhile"))?)
        }
    }
}

/// What an interaction needs next, for whoever is signed in.
fn next_step<'s>(
    engine: &Engine,
    interaction: &Interaction,
    client: &Client,
    signed_in: Option<&'s SignedIn>,
    now: Timestamp,
) -> Step<'s> {
    let known_as = signed_in.map(|signed_in| subject_for(engine, client, &signed_in.session.subject));
    let visitor = signed_in.zip(known_as.as_deref());
    step::decide(interaction, client, visitor, &engine.policy.acr, now)
}

/// To the login page; or, where nothing but a second factor is missing, to that alone (RFC 9470 §4).
async fn ask_again(
    engine: &Engine,
    browser: &Browser,
    interaction: &Interaction,
    signed_in: Option<&SignedIn>,
    now: Timestamp,
) -> Result<Next, Failure> {
    let request = interaction.seal(engine, browser)?;
    let reached = |signed_in: &&SignedIn| {
        let mut amr = signed_in.session.details.amr.clone();
        amr.extend(["otp", "mfa"].map(str::to_owned));
        let fresh = step::is_fresh_enough(interaction, signed_in, now);
        fresh && engine.policy.acr.satisfy(&amr, &interaction.request.acr_values)
    };
    if let Some(signed_in) = signed_in.filter(reached)
        && let Some(half) = sign_in::step_up(engine, browser, signed_in, request.clone(), now).await?
    {
        return Ok(Next::Second(half));
    }
    Ok(Next::Login(request))
}
