//! How any answer travels to the client, and which a client may ask for.

use firman_proto::client::GrantType;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::jws::Algorithm;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::response::{Delivery, ResponseMode, ResponseType};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::Client;
use serde_json::{Map, Value};

use super::Next;
use crate::Engine;
use crate::encrypt::{self, Registered};
use crate::failure::{Failure, Fault};
use crate::issue::signer;

/// How long a signed response is good (JARM §2.1 asks for a short life, at most ten minutes).
const SIGNED_RESPONSE: Lifetime = Lifetime::from_seconds(600);

/// Where an answer goes, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address<'a> {
    pub(super) client: &'a Client,
    pub(super) redirect_uri: &'a RedirectUri,
    pub(super) mode: ResponseMode,
    pub(super) state: Option<&'a str>,
    /// The languages of the page of a form, where one brings it.
    pub(super) ui_locales: &'a [String],
}

impl Address<'_> {
    /// Sends these members there.
    pub(super) async fn send(
        self,
        engine: &Engine,
        mut members: Vec<(&'static str, String)>,
        now: Timestamp,
    ) -> Result<Next, Failure> {
        members.extend(self.state.map(|state| ("state", state.to_owned())));
        if self.mode.signed {
            let signed = self.signed(engine, members, now)?;
            // JARM §3: and encrypted, where that is registered.
            let registered = Registered::authorization(&self.client.metadata);
            let response = match encrypt::to(engine, self.client, registered, now).await? {
                None => signed,
                Some(encryption) => encryption.nested(engine, &signed)?,
            };
            members = vec![("response", response)];
        } else {
            // RFC 9207 §2: the issuer is in every response, errors included.
            members.push(("iss", engine.issuer.to_string()));
        }
        Ok(match Delivery::new(self.redirect_uri, self.mode.carrier, members) {
            Delivery::Redirect(url) => Next::Client(url),
            Delivery::Form { action, members } => Next::Post { action, members, ui_locales: self.ui_locales.to_vec() },
        })
    }

    /// JARM §2.1: the members as claims of a JWT, beside who made it, for whom, and until when.
    fn signed(self, engine: &Engine, members: Vec<(&'static str, String)>, now: Timestamp) -> Result<String, Fault> {
        let mut claims: Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        claims.insert("iss".to_owned(), engine.issuer.to_string().into());
        claims.insert("aud".to_owned(), self.client.client_id.clone().into());
        claims.insert("exp".to_owned(), now.plus(SIGNED_RESPONSE).seconds().into());
        let keys = engine.keys.current();
        // JARM §3: as the client registered it.
        let registered = self.client.metadata.jose.authorization_signed_response_alg.as_deref();
        let key = signer(engine, &keys, registered.and_then(Algorithm::parse), now)?;
        key.sign(&claims).map_err(|error| Fault::lasting("sign a response", error.to_string()))
    }
}

/// Refuses what a client is not registered to be answered with.
pub(super) fn must_be_allowed(engine: &Engine, client: &Client, of: ResponseType) -> Result<(), Denied> {
    // RFC 9700 §2.1.2: tokens in the front channel are off unless the operator says otherwise.
    if of.is_front_channel() && !engine.policy.front_channel_tokens {
        let text = "response_type: this server sends tokens through no browser; use code";
        return Err(Denied::new(ErrorCode::UnsupportedResponseType, text));
    }
    // RFC 8705 §3.4, RFC 9449 §5.2: who has asked for bound tokens never gets others, and a browser proves nothing.
    if of.token && client.metadata.has_bound_tokens() {
        let text = "response_type: this client's access tokens are bound to a key; use code";
        return Err(Denied::new(ErrorCode::UnauthorizedClient, text));
    }
    // RFC 6749 §4.1.2.1 unauthorized_client: asking for codes is something a client is registered for.
    if of.code && !client.metadata.may_use(GrantType::AuthorizationCode) {
        let text = "this client is not registered for authorization_code";
        return Err(Denied::new(ErrorCode::UnauthorizedClient, text));
    }
    // RFC 7591 §2.1: what comes through the browser is the grant type implicit.
    if of.is_front_channel() && !client.metadata.may_use(GrantType::Implicit) {
        let text = "this client is not registered for implicit";
        return Err(Denied::new(ErrorCode::UnauthorizedClient, text));
    }
    // RFC 7591 §2 response_types: none said is code alone.
    if !client.metadata.may_be_answered_with(of) {
        let text = format!("response_type: this client is not registered for {}", of.as_str());
        return Err(Denied::new(ErrorCode::UnauthorizedClient, text));
    }
    Ok(())
}
