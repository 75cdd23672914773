//! A verified authorization request on its way through the pages.

use std::sync::Arc;

use firman_proto::authorize::AuthorizationRequest;
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::record::Client;
use serde::{Deserialize, Serialize};

use super::{Browser, DeviceEnd, Next, Redirectable};
use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::random;
use crate::target;

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
}

impl Waiting {
    /// The code that the device shows, if one waits.
    pub fn user_code(&self) -> Option<&str> {
        match self {
            Self::Pushed(_) => None,
            Self::Device { user_code, .. } => Some(user_code),
        }
    }

    /// Which flow.
    pub const fn flow(&self) -> RecordId {
        match self {
            Self::Pushed(flow) | Self::Device { flow, .. } => *flow,
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
}

impl Interaction {
    /// Seals it for a browser.
    pub(crate) fn seal(&self, engine: &Engine, browser: &Browser) -> Result<String, Fault> {
        let plain = serde_json::to_vec(self).map_err(|error| Fault::lasting("seal a request", error.to_string()))?;
        let nonce = random::bytes(&*engine.entropy)?;
        let sealed = engine.keys.current().keyring.seal_envelope(PURPOSE, &browser.binding(), nonce, &plain);
        sealed.map_err(|error| Fault::lasting("seal a request", error.to_string()))
    }

    /// Opens what a form of this browser carries.
    async fn open(engine: &Engine, browser: &Browser, sealed: &str, now: Timestamp) -> Result<Self, Failure> {
        let expired = || {
            invalid_request(
                "request: this page has expired, or was opened in another browser; go back to the application and start again",
            )
        };
        let place: (_, &[u8]) = (PURPOSE, &browser.binding());
        let plain = engine.keys.open_envelope(&*engine.store, place, sealed, now).await?;
        let interaction: Self = plain.ok().and_then(|plain| serde_json::from_slice(&plain).ok()).ok_or_else(expired)?;
        Ok(interaction.is_alive(engine, now).then_some(interaction).ok_or_else(expired)?)
    }

    /// Opens it and finds its client, for a page.
    pub async fn view(engine: &Engine, browser: &Browser, sealed: &str, now: Timestamp) -> Result<ClientView, Failure> {
        let (interaction, client) = Self::resume(engine, browser, sealed, now).await?;
        let signed_in = super::browser::signed_in(engine, browser, None, now).await?;
        let username = signed_in.map(|signed_in| signed_in.session.details.username);
        let resources = target::names_of(engine, &interaction.request.resource).await?;
        Ok(ClientView { client, interaction, username, resources })
    }

    pub(crate) async fn resume(
        engine: &Engine,
        browser: &Browser,
        sealed: &str,
        now: Timestamp,
    ) -> Result<(Self, Arc<Client>), Failure> {
        let interaction = Self::open(engine, browser, sealed, now).await?;
        let client = interaction.client(engine).await?;
        Ok((interaction, client))
    }

    /// The client, if it may still ask.
    pub(crate) async fn client(&self, engine: &Engine) -> Result<Arc<Client>, Failure> {
        let client = engine.store.client_by_id(self.client).await?.filter(|client| client.enabled);
        Ok(client.ok_or_else(|| Denied::new(ErrorCode::UnauthorizedClient, "the application was disabled"))?)
    }

    /// Whether there is time left to answer.
    pub(crate) fn is_alive(&self, engine: &Engine, now: Timestamp) -> bool {
        now < self.started_at.plus(engine.policy.interaction)
    }

    /// Tells the client that the person said no, or rather did not say anything: a device goes on waiting.
    pub(crate) fn give_up(
        self,
        engine: &Engine,
        client: Arc<Client>,
        denied: &Denied,
        now: Timestamp,
    ) -> Result<Next, Fault> {
        if let Some(Waiting::Device { .. }) = &self.waiting {
            return Ok(Next::Device(DeviceEnd::Left));
        }
        self.redirectable(client).refuse(engine, denied, now)
    }

    /// The request is verified, so its errors may be sent to the client.
    pub(super) fn redirectable(self, client: Arc<Client>) -> Redirectable {
        Redirectable {
            client,
            redirect_uri: self.request.redirect_uri,
            mode: self.request.response_mode,
            state: self.request.state,
        }
    }
}
