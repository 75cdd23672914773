//! A verified authorization request on its way through the pages.

use std::sync::Arc;

use firman_proto::authorize::{AuthorizationRequest, Hints};
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, Subject};
use serde::{Deserialize, Serialize};

use super::{Browser, DeviceEnd, Next, Redirectable, device, own, pushed};
use crate::failure::{Failure, Fault};
use crate::{Engine, envelope, target};

const PURPOSE: &str = "interaction";

/// What the login and consent pages carry, sealed for the browser that began it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    /// The client that asks.
    pub client: RecordId,
    /// What it asks for.
    pub request: AuthorizationRequest,
    /// When: a sign-in before this is no answer to `prompt=login`.
    pub started_at: Timestamp,
    /// The flow that waits for the answer, if one does already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// With which account to go on, if that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Chosen>,
    /// Who is asked whether a client may: the consent page is for them, and for nobody who signs in after them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Subject>,
}

/// What somebody answered who was asked with which account to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// With the one of this session.
    Session(RecordId),
    /// With another one: then somebody has to sign in.
    Another,
}

/// A flow that waits for somebody's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// The request was pushed (RFC 9126).
    Pushed(RecordId),
    /// A device waits (RFC 8628).
    Device {
        /// Its flow.
        flow: RecordId,
        /// The code as it shows it.
        user_code: String,
    },
    /// No client waits, but a page of ours, below the issuer.
    Page(String),
}

impl Waiting {
    /// The code that the device shows, if one waits.
    pub fn user_code(&self) -> Option<&str> {
        match self {
            Self::Pushed(_) | Self::Page(_) => None,
            Self::Device { user_code, .. } => Some(user_code),
        }
    }
}

/// What a page shows of an interaction.
#[derive(Clone, Debug)]
pub struct ClientView {
    /// The client.
    pub client: Arc<Client>,
    /// What it asks for.
    pub interaction: Interaction,
    /// Who is signed in, if somebody is.
    pub username: Option<String>,
    /// The names of the resources that the tokens will be for.
    pub resources: Vec<String>,
    /// What of the scope they have allowed before, and the client would get without asking.
    pub known: Scope,
}

impl Interaction {
    /// Seals it for a browser.
    pub(crate) fn seal(&self, engine: &Engine, browser: &Browser) -> Result<String, Fault> {
        envelope::seal(engine, (PURPOSE, &browser.binding()), self)
    }

    /// Opens what a form of this browser carries.
    async fn open(engine: &Engine, browser: &Browser, sealed: &str, now: Timestamp) -> Result<Self, Failure> {
        let expired = || {
            invalid_request(
                "request: this page has expired, or was opened in another browser; go back to the application and start again",
            )
        };
        let interaction = envelope::open(engine, (PURPOSE, &browser.binding()), sealed, now).await?;
        let interaction: Self = interaction.ok_or_else(expired)?;
        Ok(interaction.is_alive(engine, now).then_some(interaction).ok_or_else(expired)?)
    }

    /// How its pages should be.
    pub async fn hints(engine: &Engine, browser: &Browser, sealed: &str, now: Timestamp) -> Result<Hints, Failure> {
        Ok(Self::open(engine, browser, sealed, now).await?.request.hints)
    }

    /// Opens it and finds its client, for a page.
    pub async fn view(engine: &Engine, browser: &Browser, sealed: &str, now: Timestamp) -> Result<ClientView, Failure> {
        let (interaction, client) = Self::resume(engine, browser, sealed, now).await?;
        let signed_in = super::browser::signed_in(engine, browser, Some(client.id), now).await?;
        if let Some(signed_in) = &signed_in {
            interaction.must_ask(&signed_in.session.subject)?;
        }
        let request = &interaction.request;
        let consent = signed_in.as_ref().and_then(|signed_in| signed_in.consent.as_ref());
        let known = consent.map(|consent| consent.known(&request.scope, &request.resource)).unwrap_or_default();
        let username = signed_in.map(|signed_in| signed_in.session.details.username);
        let resources = target::names_of(engine, &request.resource).await?;
        Ok(ClientView { client, interaction, username, resources, known })
    }

    /// Refuses whoever was not asked: another person signed in while the page was open.
    pub(super) fn must_ask(&self, subject: &Subject) -> Result<(), Denied> {
        if self.asked.as_ref().is_none_or(|asked| asked == subject) {
            return Ok(());
        }
        Err(invalid_request(
            "request: somebody else has signed in since this page was opened; go back to the application and start again",
        ))
    }

    pub(crate) async fn resume(
        engine: &Engine,
        browser: &Browser,
        sealed: &str,
        now: Timestamp,
    ) -> Result<(Self, Arc<Client>), Failure> {
        let interaction = Self::open(engine, browser, sealed, now).await?;
        let client = interaction.client(engine, now).await?;
        Ok((interaction, client))
    }

    /// The client that asks, unless it was disabled meanwhile.
    pub(crate) async fn client(&self, engine: &Engine, now: Timestamp) -> Result<Arc<Client>, Failure> {
        if let Some(Waiting::Page(_)) = self.waiting {
            return Ok(Arc::new(own::client(engine, now)));
        }
        let client = engine.store.client_by_id(self.client).await?.filter(|client| client.enabled);
        let gone = || Denied::new(ErrorCode::UnauthorizedClient, "the application was disabled");
        Ok(client.ok_or_else(gone)?)
    }

    /// Whether a device waits.
    pub(crate) fn is_of_a_device(&self) -> bool {
        matches!(self.waiting, Some(Waiting::Device { .. }))
    }

    /// Refuses to ask somebody what another browser has answered meanwhile, or what has expired.
    pub(super) async fn must_still_wait(
        &self,
        engine: &Engine,
        client: &Client,
        now: Timestamp,
    ) -> Result<(), Failure> {
        match self.waiting {
            Some(Waiting::Device { flow, .. }) => device::waiting(engine, flow, client, now).await.map(drop),
            Some(Waiting::Pushed(flow)) => pushed::waiting(engine, flow, client, now).await.map(drop),
            Some(Waiting::Page(_)) | None => Ok(()),
        }
    }

    /// Whether there is time left to answer.
    pub(crate) fn is_alive(&self, engine: &Engine, now: Timestamp) -> bool {
        now < self.started_at.plus(engine.policy.interaction)
    }

    /// Tells the client that the person said no, or rather did not say anything: a device goes on waiting.
    pub(crate) async fn give_up(
        self,
        engine: &Engine,
        client: Arc<Client>,
        denied: &Denied,
        now: Timestamp,
    ) -> Result<Next, Failure> {
        match self.waiting {
            Some(Waiting::Device { .. }) => return Ok(Next::Device(DeviceEnd::Left)),
            // There is nobody to tell, and the page would only ask again.
            Some(Waiting::Page(_)) => return Ok(Next::Page("/".to_owned())),
            Some(Waiting::Pushed(_)) | None => {}
        }
        self.redirectable(client).refuse(engine, denied, now).await
    }

    /// The request is verified, so its errors may be sent to the client.
    pub(super) fn redirectable(self, client: Arc<Client>) -> Redirectable {
        Redirectable {
            client,
            redirect_uri: self.request.redirect_uri,
            mode: self.request.response_mode,
            state: self.request.state,
            ui_locales: self.request.hints.ui_locales,
        }
    }
}
