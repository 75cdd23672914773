//! Off to a provider to sign out there, too, and back (OpenID Connect RP-Initiated Logout §2, §3).

use firman_proto::form;
use firman_proto::time::Timestamp;
use firman_store::record::{Account, Session};
use serde::{Deserialize, Serialize};

use super::SIGNED_OUT;
use super::errand::{binding, word};
use super::go::Departure;
use super::kept::Kept;
use super::provider::Provider;
use crate::authorize::Browser;
use crate::failure::Fault;
use crate::{Engine, envelope};

const PURPOSE: &str = "upstream logout";

/// What becomes of the sign-in at a provider when its person signs out here.
pub enum There {
    /// There was none, or it is not for us to end.
    Nothing,
    /// The browser goes there, and comes back.
    Off(Departure),
    /// It goes on, for all that is known: at whom people know as this.
    Stays(String),
}

/// What the browser carries meanwhile.
#[derive(Serialize, Deserialize)]
struct Errand {
    /// Where it goes on, as a client wants it.
    to: Option<String>,
    begun_at: Timestamp,
}

/// Sends a browser on whose session has just ended: first to the provider, then to where the client wants it.
pub(crate) async fn sign_out(
    engine: &Engine,
    browser: &Browser,
    session: &Session,
    to: Option<&str>,
    now: Timestamp,
) -> Result<There, Fault> {
    let Some(there) = &session.details.upstream else { return Ok(There::Nothing) };
    let provider = engine.policy.upstream.providers.find(&there.provider);
    let Some(provider) = provider.filter(|provider| provider.logout) else { return Ok(There::Nothing) };
    let endpoint = match engine.upstreams.alive(engine, provider, now).await {
        Ok(metadata) => metadata.end_session_endpoint.clone().ok_or_else(|| "it has no end_session_endpoint".into()),
        Err(broken) => Err(broken.why().to_owned()),
    };
    let endpoint = match endpoint {
        Ok(endpoint) => endpoint,
        Err(why) => {
            tracing::warn!(upstream = %provider.name, %why, "nobody can be signed out at an identity provider");
            return Ok(There::Stays(provider.label().to_owned()));
        }
    };
    let hint = there.id_token.as_deref();
    let hint =
        hint.and_then(|sealed| Kept::IdToken.open(engine, Account::id_of(&session.subject, engine.number), sealed));
    let state = word(engine)?;
    let address = address(engine, provider, (endpoint, hint.as_deref().map(String::as_str)), &state);
    let errand = Errand { to: to.map(str::to_owned), begun_at: now };
    let errand = envelope::seal(engine, (PURPOSE, &binding(browser, &state)), &errand)?;
    Ok(There::Off(Departure { to: address, state, errand, lifetime: engine.policy.upstream.life }))
}

/// The logout request. With a hint nobody has to be asked there; without, it still says who sends them.
fn address(engine: &Engine, provider: &Provider, (mut url, hint): (String, Option<&str>), state: &str) -> String {
    let back = engine.issuer.endpoint(SIGNED_OUT);
    let parameters = [("client_id", &*provider.client_id), ("post_logout_redirect_uri", &back), ("state", state)];
    url.push(if url.contains('?') { '&' } else { '?' });
    for (name, value) in hint.map(|hint| ("id_token_hint", hint)).into_iter().chain(parameters) {
        form::append(&mut url, name, value);
    }
    url
}

/// Where a browser goes on that is back. Whoever was not sent off by us, or long ago, goes nowhere: there is nothing to refuse, since
/// nobody is signed in any more.
pub async fn signed_out(
    engine: &Engine,
    browser: &Browser,
    (state, errand): (&str, Option<&str>),
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    let Some(errand) = errand else { return Ok(None) };
    let errand: Option<Errand> = envelope::open(engine, (PURPOSE, &binding(browser, state)), errand, now).await?;
    let in_time = |errand: &Errand| now < errand.begun_at.plus(engine.policy.upstream.life);
    Ok(errand.filter(in_time).and_then(|errand| errand.to))
}
