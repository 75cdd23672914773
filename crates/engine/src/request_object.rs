//! Authorization requests that are signed by the client (RFC 9101), brought along or fetched from where the client says.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::sha256;
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::form::Form;
use firman_proto::jose::{Alg, Claims, Jwks, Jwt, Refused, Typ};
use firman_proto::request_object::{LONGEST_URI, MEDIA_TYPES, Rules, TYPES, parameters, refused};
use firman_proto::time::Timestamp;
use firman_store::record::Client;

use crate::Engine;
use crate::encrypt;
use crate::failure::Failure;
use crate::fetch::{Document, FetchError, Wanted};
use crate::key_sets::Whose;

/// The parameters of the request object that came with a request; `None` if none came, and none had to.
pub(crate) async fn read(
    engine: &Engine,
    client: &Client,
    form: &Form<'_>,
    now: Timestamp,
) -> Result<Option<Form<'static>>, Failure> {
    let came = (form.get("request"), form.get("request_uri"));
    if came != (None, None) {
        // RFC 6749 §3.1: not even beside it.
        form.must_not_repeat()?;
    }
    match came {
        // RFC 9101 §5: not both.
        (Some(_), Some(_)) => Err(invalid_request("request: not beside request_uri").into()),
        (Some(text), None) => verified(engine, client, text, now).await.map(Some),
        (None, Some(uri)) => {
            let document = fetched(engine, client, uri, now).await?;
            let text = std::str::from_utf8(&document.body).map_err(|_| refused(Refused::Shape))?;
            verified(engine, client, text.trim_ascii(), now).await.map(Some)
        }
        // RFC 9101 §10.5: where requests must be signed, no other is taken.
        (None, None) if engine.policy.requires_signed_request(client) => {
            Err(invalid_request("request: missing; this client must sign its requests (RFC 9101)").into())
        }
        (None, None) => Ok(None),
    }
}

/// The algorithms of this client's request objects.
fn algorithms(client: &Client) -> Vec<Alg> {
    match &client.metadata.jose.request_object_signing_alg {
        None => Alg::PUBLIC.to_vec(),
        // RFC 9101 §6.2, OpenID Connect Registration §2: the registered one and no other.
        Some(name) => Alg::PUBLIC.iter().copied().filter(|alg| Alg::parse(name) == Some(*alg)).collect(),
    }
}

/// RFC 9101 §6.2, §6.3: signed with a key of the client, and as a request object must be.
async fn verified(engine: &Engine, client: &Client, text: &str, now: Timestamp) -> Result<Form<'static>, Failure> {
    let claims = signed(engine, client, text, now).await?;
    let rules = Rules {
        client_id: &client.client_id,
        issuer: engine.issuer.as_str(),
        timed: engine.policy.requires_signed_request(client),
    };
    Ok(parameters(claims, &rules, now)?)
}

async fn signed(engine: &Engine, client: &Client, text: &str, now: Timestamp) -> Result<Claims, Failure> {
    // RFC 9101 §6.1: decrypted first, where it is encrypted.
    let inner = encrypt::opened(engine, text).map_err(refused)?;
    let text = inner.as_deref().unwrap_or(text);
    let algorithms = algorithms(client);
    let verify =
        |keys: &Jwks| Jwt::parse(text).and_then(|jwt| jwt.verify_signature(keys, &algorithms, Typ::Optional(TYPES)));
    let verified = engine.key_sets.verify(engine, Whose::Client(client), now, verify).await.map_err(about_keys)?;
    Ok(verified.map_err(refused)?)
}

/// Nobody authenticates here: what is wrong with the keys is wrong with the object.
fn about_keys(failure: Failure) -> Failure {
    match failure {
        Failure::Denied(denied) if denied.code == ErrorCode::InvalidClient => {
            refused("the client has no keys that can be used").because(denied.why).into()
        }
        other => other,
    }
}

/// RFC 9101 §5.2, §10.4: only from an address that the client has registered, so that nobody sends us elsewhere.
async fn fetched(engine: &Engine, client: &Client, uri: &str, now: Timestamp) -> Result<Arc<Document>, Failure> {
    let (address, fragment) = uri.split_once('#').unwrap_or((uri, ""));
    let is_registered = |known: &String| known.split('#').next() == Some(address);
    if uri.len() > LONGEST_URI || !client.metadata.request_uris.iter().any(is_registered) {
        return Err(unusable("it is none that this client has registered").into());
    }
    let get = async |fetched_since| {
        let wanted = Wanted { url: address, types: MEDIA_TYPES, fetched_since };
        engine.fetch.get(&wanted, now).await.map_err(|error: FetchError| unusable(error.to_string()))
    };
    let document = get(None).await?;
    // OpenID Connect Core §6.2: the fragment may be the hash of what stands there; if it is another now, what we hold is old.
    let hash = URL_SAFE_NO_PAD.encode(sha256(&document.body));
    if !fragment.is_empty() && fragment != hash {
        return Ok(get(Some(now)).await?);
    }
    Ok(document)
}

/// RFC 9101 §7: invalid_request_uri.
fn unusable(why: impl Into<std::borrow::Cow<'static, str>>) -> Denied {
    let text = "request_uri: no request object that this client may use can be had from there";
    Denied::new(ErrorCode::InvalidRequestUri, text).because(why)
}
