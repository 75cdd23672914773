//! What clients are told by the server itself when a session ends (OpenID Connect Back-Channel Logout).
//!
//! That they are to be told is written in the commit that ends the session; the token is signed anew at each attempt, so that none is old
//! when it arrives.

use async_trait::async_trait;
use firman_proto::form;
use firman_proto::id::RecordId;
use firman_proto::logout::{LOGOUT_TOKEN, LogoutToken};
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::{Client, DeliveryKind, Session, Subject};
use serde::{Deserialize, Serialize};

use crate::Engine;
use crate::failure::Fault;
use crate::fetch::Call;
use crate::issue::signer;
use crate::outbox::{Deliver, Letter, Outcome, Outgoing};
use crate::subject::subject_for;

/// For how long a logout token is good: as short as clocks and slow networks let it be (two minutes at most).
const LIFE: Lifetime = Lifetime::from_seconds(120);

/// What a letter says: the rest is known when it is sent.
#[derive(Serialize, Deserialize)]
struct Farewell {
    session: RecordId,
    subject: Subject,
}

/// Letters to the clients of a session that want to be told: they belong in the commit that ends it.
pub(crate) async fn farewells(engine: &Engine, session: &Session, now: Timestamp) -> Result<Vec<Change>, Fault> {
    let mut letters = Vec::new();
    for id in engine.store.session_clients(session.id, session.expires_at).await? {
        let client = engine.store.client_by_id(id).await?.filter(|client| client.enabled);
        let uri = client.as_ref().and_then(|client| client.metadata.logout.backchannel_logout_uri.as_deref());
        let Some(uri) = uri else { continue };
        let said = Farewell { session: session.id, subject: session.subject.clone() };
        let body = serde_json::to_vec(&said).map_err(|error| Fault::lasting("tell a client", error.to_string()))?;
        let to = host_of(uri);
        let kind = DeliveryKind::BackchannelLogout;
        letters.push(engine.send_later(Outgoing { kind, client: Some(id), to, body: body.into(), life: None }, now)?);
    }
    Ok(letters)
}

fn host_of(uri: &str) -> String {
    RedirectUri::parse(uri).map_or_else(|_| uri.split('?').next().unwrap_or_default().to_owned(), |uri| uri.host())
}

/// How a client is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct BackchannelLogout;

#[async_trait]
impl Deliver for BackchannelLogout {
    fn kind(&self) -> DeliveryKind {
        DeliveryKind::BackchannelLogout
    }

    async fn deliver(&self, engine: &Engine, letter: &Letter, now: Timestamp) -> Outcome {
        let client = match letter.client {
            Some(id) => engine.store.client_by_id(id).await,
            None => Ok(None),
        };
        let client = match client {
            Ok(client) => client.filter(|client| client.enabled),
            Err(error) => return Fault::from(error).into(),
        };
        let told = client.and_then(|client| Some((client.metadata.logout.backchannel_logout_uri.clone()?, client)));
        let Some((uri, client)) = told else {
            return Outcome::GiveUp("the client is gone, or does not want to be told any more".into());
        };
        let Ok(farewell) = serde_json::from_slice::<Farewell>(&letter.body) else {
            return Outcome::GiveUp("it says nothing that this version understands".into());
        };
        let token = match logout_token(engine, &client, letter.id, &farewell, now) {
            Ok(token) => token,
            Err(fault) => return fault.into(),
        };
        // OpenID Connect Back-Channel Logout §2.5: a form with this one member.
        let mut body = String::new();
        form::append(&mut body, "logout_token", &token);
        let body = Some(("application/x-www-form-urlencoded", body.as_bytes()));
        // OpenID Connect Back-Channel Logout §2.8: 200, or what says the same; what else it says is not for us.
        Outcome::of(engine.fetch.send(&Call { url: &uri, headers: &[], body, wants_body: false }).await)
    }
}

/// OpenID Connect Back-Channel Logout §2.4: who it was, which session, and no nonce.
fn logout_token(
    engine: &Engine,
    client: &Client,
    id: RecordId,
    farewell: &Farewell,
    now: Timestamp,
) -> Result<String, Fault> {
    let token = LogoutToken {
        iss: engine.issuer.to_string(),
        sub: subject_for(engine, client, &farewell.subject),
        aud: client.client_id.clone(),
        iat: now.seconds(),
        exp: now.plus(LIFE).seconds(),
        // The same at each attempt: whoever got it before knows that.
        jti: id.to_string(),
        events: LogoutToken::events(),
        sid: engine.sid(farewell.session, client.id)?,
    };
    let keys = engine.keys.current();
    // OpenID Connect Back-Channel Logout §2.6: signed as its ID tokens are.
    let key = signer(engine, &keys, client.metadata.id_token_signed_response_alg, now)?;
    key.sign_as(LOGOUT_TOKEN, &token).map_err(|error| Fault::lasting("sign a logout token", error.to_string()))
}
