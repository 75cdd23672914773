//! What a client may ask of the logout endpoint, verified (OpenID Connect RP-Initiated Logout §2, §3).

use std::sync::Arc;

use firman_proto::error::invalid_request;
use firman_proto::form;
use firman_proto::id::RecordId;
use firman_proto::id_token::IdToken;
use firman_proto::logout::LogoutRequest;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::time::Timestamp;
use firman_store::SignedIn;
use firman_store::record::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::{Engine, envelope, id_token_hint};

const PURPOSE: &str = "logout";

/// A verified request on its way through the pages.
#[derive(Debug, Serialize, Deserialize)]
pub struct Exit {
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<RecordId>,
    /// Where to go afterwards, with the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<String>,
    /// The session of the hint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<RecordId>,
    /// The person of the hint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Whom the client means in other words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    logout_hint: Option<String>,
    /// What cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
    /// In which languages to speak.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ui_locales: Vec<String>,
    started_at: Timestamp,
}

/// Verifies a request, and seals what may be used of it. What is wrong with it does not keep a person from signing out: they are
/// asked, told, and not sent on.
pub async fn request(engine: &Engine, asked: &LogoutRequest, now: Timestamp) -> Result<String, Failure> {
    let (logout_hint, ui_locales) = (asked.logout_hint.clone(), asked.ui_locales.clone());
    let mut exit = Exit { logout_hint, ui_locales, ..Exit::nowhere(now) };
    match exit.verify(engine, asked, now).await {
        Ok(()) => {}
        // OpenID Connect RP-Initiated Logout §4: what fails to validate is not used, nor is what depends on it.
        Err(Failure::Denied(denied)) => {
            tracing::info!(%denied, "refused a part of a logout request");
            exit = Exit { to: None, session: None, subject: None, problem: Some(denied.text.into_owned()), ..exit };
        }
        Err(fault) => return Err(fault),
    }
    exit.seal(engine)
}

/// In which languages the pages of a sealed request should speak, the dearest first.
pub async fn locales(engine: &Engine, sealed: &str, now: Timestamp) -> Result<Vec<String>, Failure> {
    Ok(Exit::open(engine, sealed, now).await?.ui_locales)
}

impl Exit {
    /// Of nobody, to nowhere.
    pub(super) const fn nowhere(now: Timestamp) -> Self {
        Self {
            client: None,
            to: None,
            session: None,
            subject: None,
            logout_hint: None,
            problem: None,
            ui_locales: Vec::new(),
            started_at: now,
        }
    }

    async fn verify(&mut self, engine: &Engine, asked: &LogoutRequest, now: Timestamp) -> Result<(), Failure> {
        let hint = match &asked.id_token_hint {
            Some(hint) => Some(id_token(engine, hint, now).await?),
            None => None,
        };
        let client = client_of(engine, asked.client_id.as_deref(), hint.as_ref()).await?;
        self.client = client.as_ref().map(|client| client.id);
        if let (Some(hint), Some(client)) = (hint, &client) {
            self.session = hint.sid.as_deref().and_then(|sid| engine.keys.sid().open(sid, client.id));
            self.subject = id_token_hint::person(engine, client, &hint).await?.map(|subject| subject.to_string());
        }
        let Some(uri) = &asked.post_logout_redirect_uri else { return Ok(()) };
        let client = client.ok_or_else(|| {
            invalid_request("post_logout_redirect_uri: nobody knows whose it is without id_token_hint or client_id")
        })?;
        // OpenID Connect RP-Initiated Logout §3: one of those the client has registered, to the letter.
        let registered = client.metadata.logout.post_logout_redirect_uris.contains(uri);
        let uri = RedirectUri::parse(uri).ok().filter(|_| registered);
        let uri = uri.ok_or_else(|| invalid_request("post_logout_redirect_uri: not registered for this client"))?;
        self.to = Some(with_state(&uri, asked.state.as_deref()));
        Ok(())
    }

    /// Whether it is about the session of this browser, or another of the same person.
    pub(super) fn is_about(&self, signed_in: &SignedIn) -> bool {
        self.session == Some(signed_in.session.id)
            || self.subject.as_deref() == Some(signed_in.session.subject.as_str())
    }

    /// Whether it is about somebody else, as far as we understand it.
    pub(super) fn means_another(&self, signed_in: &SignedIn) -> bool {
        let session = &signed_in.session;
        let hinted = self.logout_hint.as_deref();
        self.subject.is_some()
            || hinted.is_some_and(|hint| hint != session.details.username && hint != session.subject.as_str())
    }

    /// What a login app is told of it.
    pub(crate) fn told(&self) -> Map<String, Value> {
        let members = [("logout_hint", &self.logout_hint), ("problem", &self.problem)];
        let told = members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?.into())));
        let locales = (!self.ui_locales.is_empty()).then(|| ("ui_locales".to_owned(), json!(self.ui_locales)));
        told.chain(locales).collect()
    }

    fn seal(&self, engine: &Engine) -> Result<String, Failure> {
        Ok(envelope::seal(engine, (PURPOSE, &[]), self)?)
    }

    pub(crate) async fn open(engine: &Engine, sealed: &str, now: Timestamp) -> Result<Self, Failure> {
        let expired =
            || invalid_request("request: this page has expired; go back to the application and sign out there again");
        let exit: Self = envelope::open(engine, (PURPOSE, &[]), sealed, now).await?.ok_or_else(expired)?;
        let alive = now < exit.started_at.plus(engine.policy.interaction);
        Ok(alive.then_some(exit).ok_or_else(expired)?)
    }
}

/// OpenID Connect RP-Initiated Logout §4: an ID token that this issuer has signed. It may have expired.
async fn id_token(engine: &Engine, hint: &str, now: Timestamp) -> Result<IdToken, Failure> {
    let own = id_token_hint::of_ours(engine, hint, now).await?;
    Ok(own.ok_or_else(|| invalid_request("id_token_hint: not an ID token of this server"))?)
}

/// The client that a request names, by its id or as the audience of the hint; if by both, it is the same.
async fn client_of(
    engine: &Engine,
    client_id: Option<&str>,
    hint: Option<&IdToken>,
) -> Result<Option<Arc<Client>>, Failure> {
    let audience = hint.map(|hint| hint.aud.as_str());
    // OpenID Connect RP-Initiated Logout §2: when both are present, the client must be the one the ID token was issued to.
    if let (Some(client_id), Some(audience)) = (client_id, audience)
        && client_id != audience
    {
        return Err(invalid_request("id_token_hint: issued to another client").into());
    }
    let Some(client_id) = client_id.or(audience) else { return Ok(None) };
    let unknown = || invalid_request("client_id: no such client");
    if client_id.len() > Client::LONGEST_ID {
        return Err(unknown().into());
    }
    let client = engine.store.client(Client::key(engine.number, client_id)).await?;
    Ok(Some(client.filter(|client| client.enabled).ok_or_else(unknown)?))
}

/// OpenID Connect RP-Initiated Logout §3: state goes back unchanged, and none is made up.
fn with_state(uri: &RedirectUri, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.as_str().to_owned() };
    let mut query = String::new();
    form::append(&mut query, "state", state);
    uri.with_query(&query)
}
